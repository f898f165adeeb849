//! Move bytecode: load, verify, execute.
