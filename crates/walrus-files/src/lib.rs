//! Paths and files as people name them, for every binary.
//!
//! * [`path`]: `~`, paths that count from the folder of a configuration, paths in environment
//!   variables.
//! * [`input`]: reading a file or a pipe once, with a bound.
//! * [`durable`]: files that programs keep for themselves, with locks.
//! * [`output`]: writing what a path names, whatever it is, and destroying nothing else.
//!
//! ```
//! use std::path::Path;
//!
//! // In a configuration, a path counts from the folder of the file it stands in.
//! let config = Path::new("/etc/walrus/node.yaml");
//! let storage = walrus_files::path::of_config(Path::new("db"), config)?;
//! assert_eq!(storage, Path::new("/etc/walrus/db"));
//! # Ok::<(), walrus_files::path::PathError>(())
//! ```

pub mod durable;
pub mod input;
pub mod output;
pub mod path;
