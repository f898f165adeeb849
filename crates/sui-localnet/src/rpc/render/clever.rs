//! Abort codes that carry the line and the error constant of the aborting source.

use super::Renderer;
use crate::ledger::StoreError;
use move_vm::format::CompiledModule;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::execution_error::ErrorDetails;
use sui_sdk_types::{Address, Identifier};

/// Tags in the top four bits of a code that carries source information.
const TAG_WITHOUT_CODE: u64 = 0b1000;
const TAG_WITH_CODE: u64 = 0b1100;
/// Values of the parts that mean "absent".
const NO_CODE: u64 = 0xff;
const NO_INDEX: u64 = 0xffff;

/// The parts of such a code.
#[derive(Debug, PartialEq, Eq)]
struct CleverCode {
    error_code: Option<u64>,
    line: u64,
    name_index: Option<u64>,
    constant_index: Option<u64>,
}

/// Takes an abort code apart; `None` for plain codes.
fn parse(code: u64) -> Option<CleverCode> {
    let tag = code >> 60;
    if tag != TAG_WITHOUT_CODE && tag != TAG_WITH_CODE {
        return None;
    }
    let error_code = (code >> 48) & 0xff;
    let present = |index: u64| (index != NO_INDEX).then_some(index);
    Some(CleverCode {
        error_code: (tag == TAG_WITH_CODE && error_code != NO_CODE).then_some(error_code),
        line: (code >> 32) & 0xffff,
        name_index: present((code >> 16) & 0xffff),
        constant_index: present(code & 0xffff),
    })
}

impl Renderer<'_> {
    /// Adds the decoded form to an abort whose code has one.
    pub(super) fn explain_abort(
        &self,
        error: &mut proto::ExecutionError,
    ) -> Result<(), StoreError> {
        let Some(ErrorDetails::Abort(abort)) = &mut error.error_details else {
            return Ok(());
        };
        let (Some(code), Some(location)) = (abort.abort_code.and_then(parse), &abort.location)
        else {
            return Ok(());
        };
        let mut message = proto::CleverError::default();
        message.error_code = code.error_code;
        message.line_number = Some(code.line);
        if let Some(module) = self.module(location)? {
            explain(&code, &module, &mut message);
        }
        abort.clever_error = Some(message);
        Ok(())
    }

    fn module(&self, location: &proto::MoveLocation) -> Result<Option<CompiledModule>, StoreError> {
        let (Ok(package), Ok(name)) = (
            location.package().parse::<Address>(),
            Identifier::new(location.module()),
        ) else {
            return Ok(None);
        };
        let object = self.ledger.object(&package)?;
        Ok(object.and_then(|object| match object.data() {
            sui_sdk_types::ObjectData::Package(package) => {
                CompiledModule::deserialize(package.modules.get(&name)?).ok()
            }
            sui_sdk_types::ObjectData::Struct(_) => None,
        }))
    }
}

/// Looks up name and value of the error constant in the aborting module.
fn explain(code: &CleverCode, module: &CompiledModule, message: &mut proto::CleverError) {
    use sui_rpc::proto::sui::rpc::v2::clever_error::Value;
    let identifiers = &module.identifiers;
    message.constant_name = code
        .name_index
        .and_then(|index| identifiers.get(usize::try_from(index).ok()?))
        .map(ToString::to_string);
    let constant = code
        .constant_index
        .and_then(|index| module.constants.get(usize::try_from(index).ok()?));
    if let Some(constant) = constant {
        // The usual constant is a byte vector that holds a message: a length and UTF-8 bytes.
        let text = bcs::from_bytes::<Vec<u8>>(&constant.data)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        message.value = Some(match text {
            Some(text) => {
                message.constant_type = Some("vector<u8>".to_owned());
                Value::Rendered(text)
            }
            None => Value::Raw(constant.data.clone().into()),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_codes_are_left_alone() {
        for code in [0, 7, u64::from(u32::MAX), 0x0fff_ffff_ffff_ffff] {
            assert_eq!(parse(code), None);
        }
    }

    #[test]
    fn parts_are_found_by_position() {
        let code = (0b1000 << 60) | (0xff << 48) | (42 << 32) | (3 << 16) | 0xffff;
        let expected = CleverCode {
            error_code: None,
            line: 42,
            name_index: Some(3),
            constant_index: None,
        };
        assert_eq!(parse(code), Some(expected));
        let with_code = (0b1100 << 60) | (9 << 48) | (1 << 32) | (0xffff << 16) | 5;
        let parsed = parse(with_code).expect("clever");
        assert_eq!(
            (parsed.error_code, parsed.constant_index),
            (Some(9), Some(5))
        );
    }
}
