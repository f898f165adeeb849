//! Abort codes that carry the line and the error constant of the aborting source.

use move_vm::{
    Address as MoveAddress, U256,
    format::{CompiledModule, Constant, SignatureToken},
};
use sui_rpc::proto::sui::rpc::{v2 as proto, v2::execution_error::ErrorDetails};
use sui_sdk_types::{Address, Identifier};

use super::Renderer;
use crate::ledger::StoreError;

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
        let module = self.module(location)?;
        abort.clever_error = module.and_then(|module| explain(&code, &module));
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

/// Looks up name and value of the error constant in the constant pool of the aborting module.
/// Without a name that is one, the code is a number like any other.
fn explain(code: &CleverCode, module: &CompiledModule) -> Option<proto::CleverError> {
    let constant = |index: u64| module.constants.get(usize::try_from(index).ok()?);
    let mut message = proto::CleverError::default();
    message.error_code = code.error_code;
    message.line_number = Some(code.line);
    if let Some(index) = code.name_index {
        message.constant_name = Some(text(constant(index)?)?);
    }
    if let Some(found) = code.constant_index.and_then(constant) {
        use sui_rpc::proto::sui::rpc::v2::clever_error::Value;
        message.constant_type = type_name(&found.type_);
        message.value = Some(match rendered(found) {
            Some(text) => Value::Rendered(text),
            None => Value::Raw(found.data.clone().into()),
        });
    }
    Some(message)
}

/// A byte vector that is text.
fn text(constant: &Constant) -> Option<String> {
    if constant.type_ != SignatureToken::Vector(Box::new(SignatureToken::U8)) {
        return None;
    }
    String::from_utf8(bcs::from_bytes(&constant.data).ok()?).ok()
}

/// A constant as people read it: texts and everything that is no vector.
fn rendered(constant: &Constant) -> Option<String> {
    let data = &constant.data;
    match &constant.type_ {
        SignatureToken::Bool => bcs::from_bytes::<bool>(data).ok().map(|it| it.to_string()),
        SignatureToken::U8 => bcs::from_bytes::<u8>(data).ok().map(|it| it.to_string()),
        SignatureToken::U16 => bcs::from_bytes::<u16>(data).ok().map(|it| it.to_string()),
        SignatureToken::U32 => bcs::from_bytes::<u32>(data).ok().map(|it| it.to_string()),
        SignatureToken::U64 => bcs::from_bytes::<u64>(data).ok().map(|it| it.to_string()),
        SignatureToken::U128 => bcs::from_bytes::<u128>(data).ok().map(|it| it.to_string()),
        SignatureToken::U256 => {
            let bytes = data.as_slice().try_into().ok()?;
            Some(U256::from_le_bytes(bytes).to_string())
        }
        SignatureToken::Address => {
            let bytes = data.as_slice().try_into().ok()?;
            Some(MoveAddress(bytes).to_string())
        }
        _ => text(constant),
    }
}

fn type_name(token: &SignatureToken) -> Option<String> {
    Some(match token {
        SignatureToken::Bool => "bool".to_owned(),
        SignatureToken::U8 => "u8".to_owned(),
        SignatureToken::U16 => "u16".to_owned(),
        SignatureToken::U32 => "u32".to_owned(),
        SignatureToken::U64 => "u64".to_owned(),
        SignatureToken::U128 => "u128".to_owned(),
        SignatureToken::U256 => "u256".to_owned(),
        SignatureToken::Address => "address".to_owned(),
        SignatureToken::Vector(element) => format!("vector<{}>", type_name(element)?),
        _ => return None,
    })
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

    #[test]
    fn both_indexes_point_into_the_constant_pool() {
        let bytes = |text: &str| Constant {
            type_: SignatureToken::Vector(Box::new(SignatureToken::U8)),
            data: bcs::to_bytes(text).expect("text has an encoding"),
        };
        let number = Constant {
            type_: SignatureToken::U64,
            data: 41u64.to_le_bytes().to_vec(),
        };
        let module = CompiledModule {
            constants: vec![number, bytes("ETooLate"), bytes("the last train has left")],
            ..CompiledModule::default()
        };
        let code = |name, constant| CleverCode {
            error_code: None,
            line: 7,
            name_index: Some(name),
            constant_index: Some(constant),
        };
        let message = explain(&code(1, 2), &module).expect("has a name");
        assert_eq!(message.constant_name(), "ETooLate");
        assert_eq!(message.rendered(), "the last train has left");
        assert_eq!(message.constant_type(), "vector<u8>");
        let message = explain(&code(1, 0), &module).expect("has a name");
        assert_eq!((message.rendered(), message.constant_type()), ("41", "u64"));
        assert_eq!(explain(&code(0, 2), &module), None, "no name");
        assert_eq!(explain(&code(9, 2), &module), None, "no such constant");
    }
}
