//! What all our crates miss in the standard library, and nothing else.
//!
//! ```
//! use stdx::{Mutex, SaturatingFrom as _};
//!
//! let lengths = Mutex::new(vec![1]);
//! lengths.lock().push(u64::saturating_from("abc".len()));
//! assert_eq!(lengths.into_inner(), [1, 3]);
//! assert_eq!(u8::saturating_from(1_000_u32), u8::MAX);
//! ```

mod errors;
mod locks;
mod numbers;

pub use errors::root_cause;
pub use locks::{Mutex, RwLock};
pub use numbers::SaturatingFrom;
