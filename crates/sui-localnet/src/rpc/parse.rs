//! Request fields into typed values, with the field named in the error.

use std::{fmt::Display, str::FromStr};

use tonic::Status;

use super::errors;

/// Parses a required text field.
pub(crate) fn required<T>(field: &str, value: Option<&str>) -> Result<T, Status>
where
    T: FromStr,
    T::Err: Display,
{
    match value {
        Some(text) if !text.is_empty() => parse(field, text),
        _ => Err(errors::missing_field(field)),
    }
}

/// Parses an optional text field; an empty text counts as absent.
pub(crate) fn optional<T>(field: &str, value: Option<&str>) -> Result<Option<T>, Status>
where
    T: FromStr,
    T::Err: Display,
{
    match value {
        Some(text) if !text.is_empty() => parse(field, text).map(Some),
        _ => Ok(None),
    }
}

fn parse<T>(field: &str, text: &str) -> Result<T, Status>
where
    T: FromStr,
    T::Err: Display,
{
    text.parse()
        .map_err(|error| errors::invalid_field(field, format!("invalid {field}: {error}")))
}
