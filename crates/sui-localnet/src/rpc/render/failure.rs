//! Execution failures in words.

use sui_rpc::proto::sui::rpc::{v2 as proto, v2::execution_error::ErrorDetails};

/// A sentence that starts with the kind's name, because some clients print only this text; `detail`
/// is what the executor has to add.
pub(super) fn description(error: &proto::ExecutionError, detail: Option<&str>) -> String {
    let kind = error.kind().as_str_name();
    let place = match error.command {
        Some(command) => format!(" in command {command}"),
        None => String::new(),
    };
    let mut text = format!("{kind}{place}");
    let structured = error.error_details.as_ref().and_then(details);
    for part in structured.as_deref().into_iter().chain(detail) {
        text.push_str(": ");
        text.push_str(part);
    }
    text
}

fn details(details: &ErrorDetails) -> Option<String> {
    Some(match details {
        ErrorDetails::Abort(abort) => {
            let location = abort.location.as_ref().map_or_else(String::new, location);
            match abort.abort_code {
                Some(code) => format!("abort code {code}{location}"),
                None => location.trim_start().to_owned(),
            }
        }
        ErrorDetails::SizeError(error) => {
            format!("size {} exceeds {}", error.size(), error.max_size())
        }
        ErrorDetails::CommandArgumentError(error) => {
            let index = error.index_error.as_ref().map_or_else(String::new, index);
            format!(
                "argument {}: {}{index}",
                error.argument(),
                error.kind().as_str_name()
            )
        }
        ErrorDetails::TypeArgumentError(error) => format!(
            "type argument {}: {}",
            error.type_argument(),
            error.kind().as_str_name()
        ),
        ErrorDetails::PackageUpgradeError(error) => error.kind().as_str_name().to_owned(),
        ErrorDetails::IndexError(error) => index(error).trim_start().to_owned(),
        ErrorDetails::ObjectId(id) => format!("object {id}"),
        ErrorDetails::CoinDenyListError(error) => format!("coin type {}", error.coin_type()),
        ErrorDetails::CongestedObjects(error) => error.objects.join(", "),
        _ => return None,
    })
}

fn location(location: &proto::MoveLocation) -> String {
    let function = match location.function_name_opt() {
        Some(name) => name.to_owned(),
        None => format!("function #{}", location.function()),
    };
    format!(
        " in {}::{}::{function} (instruction {})",
        location.package(),
        location.module(),
        location.instruction()
    )
}

fn index(error: &proto::IndexError) -> String {
    match error.subresult {
        Some(subresult) => format!(" (index {}, {subresult})", error.index()),
        None => format!(" (index {})", error.index()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sui_sdk_types::{CommandArgumentError, ExecutionError, ExecutionStatus};

    fn describe(error: ExecutionError) -> String {
        let status = proto::ExecutionStatus::from(ExecutionStatus::Failure {
            error,
            command: Some(2),
        });
        description(status.error(), None)
    }

    #[test]
    fn descriptions_start_with_the_kind() {
        assert_eq!(
            describe(ExecutionError::InsufficientGas),
            "INSUFFICIENT_GAS in command 2"
        );
        let argument = ExecutionError::CommandArgumentError {
            argument: 1,
            kind: CommandArgumentError::IndexOutOfBounds { index: 7 },
        };
        assert_eq!(
            describe(argument),
            "COMMAND_ARGUMENT_ERROR in command 2: argument 1: INDEX_OUT_OF_BOUNDS (index 7)"
        );
    }
}
