//! What the commands of Walrus have in common, so that they feel like one: where configuration and
//! wallet are found, what goes to which stream, how amounts read, how failures end.
//!
//! * [`surroundings`]: the global options and what they resolve to.
//! * [`output`]: everything that reaches stdout.
//! * [`format`](mod@format): sizes, amounts and durations as people read them; [`parse`] reads what
//!   they write.
//! * [`table`]: tables that fit the terminal.
//! * [`prompt`]: questions before something happens.
//! * [`exit`]: the frame of `main`, and what happens at Ctrl-C; [`log`] and [`signals`].
//! * [`serving`]: the frame of commands that serve until they are told to stop.
//! * [`completion`] and [`man`]: completion scripts and man pages.

pub mod completion;
pub mod exit;
pub mod format;
pub mod log;
pub mod man;
pub mod output;
pub mod parse;
pub mod prompt;
pub mod serving;
pub mod signals;
pub mod surroundings;
pub mod table;

pub use surroundings::{CommandSurroundings, GlobalArgs, RpcArgs};
