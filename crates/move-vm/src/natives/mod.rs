//! Natives of the standard library that need nothing but values.
