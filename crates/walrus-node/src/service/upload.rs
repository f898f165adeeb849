//! What uploads have in common.

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// Durable now.
    Stored,
    /// Accepted before the registration was seen.
    Buffered,
    /// Was there before.
    AlreadyStored,
}
