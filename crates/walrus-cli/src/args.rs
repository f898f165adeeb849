//! Options that several commands have.

mod one_of;
mod private;
mod store;

use std::time::Duration;

pub(crate) use one_of::{Choice, OneOf};
pub(crate) use private::{
    ApprovalArgs, DecryptArgs, EncryptArgs, EncryptionArgs, InspectEncryptedArgs, NewPolicy,
    PolicyArgs, PolicyCommand, Recipient,
};
pub(crate) use store::{EncodingArgs, HowToStoreArgs, StoreArgs};
pub(crate) use walrus_terminal::{RpcArgs, parse, table::TableArgs};

/// A length of time as people write it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected = || format!("`{text}` is no duration; write it like 500ms, 5s or 1min");
    let signed: jiff::SignedDuration = text.parse().map_err(|_| expected())?;
    Duration::try_from(signed).map_err(|_| expected())
}
