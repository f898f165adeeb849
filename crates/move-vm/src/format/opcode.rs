//! Opcode numbers.
