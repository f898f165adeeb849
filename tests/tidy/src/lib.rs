//! Checks of the source tree itself.
//!
//! Each rule is a function from the [`Tree`] to what it found, with file and line. What a rule has
//! to tolerate is listed in one place, `tests/tidy.rs`, and the list only gets shorter.
//!
//! | Rule | Finds |
//! |---|---|
//! | [`width`] | lines over 100 columns |
//! | [`functions`] | functions over 70 lines, tests over 125 |
//! | [`public_items`] | public items that nothing uses |
//! | [`dependencies`] | dependencies that nothing uses |
//! | [`cycles`] | modules that use each other |
//! | [`style`] | modules and imports that are written another way than all others |
//! | [`docs`] | documents that name files and tests that do not exist |
//! | [`words`] | words that the glossary has replaced |

pub mod cycles;
pub mod dependencies;
pub mod docs;
pub mod functions;
pub mod public_items;
mod source;
pub mod style;
mod tree;
pub mod width;
pub mod words;

pub use tree::{Finding, Tree};
