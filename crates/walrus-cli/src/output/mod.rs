//! Everything that reaches stdout.

pub(crate) mod info;

pub(crate) use walrus_terminal::{
    format,
    output::{print_bytes, print_json, print_text},
};
