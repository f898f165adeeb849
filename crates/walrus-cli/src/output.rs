//! Everything that reaches stdout.

pub(crate) mod info;
pub(crate) mod store;
pub(crate) mod time;

pub(crate) use walrus_terminal::{
    format,
    output::{
        path_json, path_text, print_bytes, print_json, print_json_to, print_text, print_text_to,
    },
    table,
};
