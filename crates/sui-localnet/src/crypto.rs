//! Cryptography behind the framework's native functions: bytes in, bytes or a verdict out.
//!
//! Functions that verify return `false` for malformed input. Functions that compute return the
//! abort code that the framework's native raises. Everything rests on the library that real
//! validators use, so accepted inputs and encodings agree.

pub(crate) mod bls;
pub(crate) mod group_ops;
pub(crate) mod hashes;
pub(crate) mod signatures;

/// Code with which the calling native aborts.
pub(crate) type AbortCode = u64;
