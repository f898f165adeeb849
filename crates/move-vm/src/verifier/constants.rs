//! Constants have types that constants may have, and decode.

use super::{Check, broken, view::View};
use crate::{
    loader::module::constant_layout,
    value::{Contents, Value, Vector},
};

const PASS: &str = "constants";
/// Most elements of a vector constant.
const CONSTANT_ELEMENTS_MAX: usize = 1_048_576;

pub(super) fn check(view: View<'_>) -> Check {
    for (index, constant) in view.module.constants.iter().enumerate() {
        let layout = constant_layout(&constant.type_)
            .ok_or_else(|| broken(PASS, format_args!("constant {index} has no constant type")))?;
        let value = Value::from_bcs(&constant.data, &layout)
            .map_err(|error| broken(PASS, format_args!("constant {index}: {error}")))?;
        let elements = match value.into_contents() {
            Ok(Contents::Vector(vector)) => Vector::len(&vector),
            _ => 0,
        };
        if elements > CONSTANT_ELEMENTS_MAX {
            return Err(broken(
                PASS,
                format_args!("constant {index} has {elements} elements"),
            ));
        }
    }
    Ok(())
}
