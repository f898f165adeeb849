//! Whole-system tests of Walrus; see the `tests` folder beside this crate's sources.
