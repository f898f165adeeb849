//! Options of the commands that store.

use std::{path::PathBuf, str::FromStr};

use clap::{ArgGroup, Args};
use walrus_client::{ObjectReuse, StorageDuration, StoreOptions};
use walrus_core::{EncodingType, Epoch, EpochCount};
use walrus_sui::contract::Attributes;

use super::{Choice, EncryptionArgs, OneOf, parse};

/// Options of `store`.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// Files, folders, patterns such as `photos/*.jpg`, or - for stdin. Small files of a folder are
    /// stored together as quilts where that is cheaper
    #[arg(required = true, value_name = "FILE", value_parser = parse::path())]
    pub files: Vec<PathBuf>,
    /// Store each file of a folder as a blob of its own
    #[arg(long)]
    pub no_quilts: bool,
    /// How to store.
    #[command(flatten)]
    pub how: HowToStoreArgs,
    /// Encrypt each file before it is stored, for the active account unless --for or --policy says
    /// otherwise; a file of a folder is a blob of its own then
    #[arg(long, conflicts_with = "dry_run")]
    pub encrypt: bool,
    /// Encrypt in chunks, with bounded memory, files of any size; other clients of Seal cannot read
    /// this
    #[arg(long, requires = "encrypt", conflicts_with_all = ["dem", "aad"])]
    pub envelope: bool,
    /// For whom.
    #[command(flatten)]
    pub encryption: EncryptionArgs,
}

/// Options of every command that stores.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("end").required(true).args(["epochs", "earliest_expiry_time", "end_epoch"]))]
pub(crate) struct HowToStoreArgs {
    /// How long the blobs are kept.
    #[command(flatten)]
    pub duration: OneOf<DurationOptions>,
    /// Nobody can delete the blob before it expires
    #[arg(long, conflicts_with = "deletable")]
    pub permanent: bool,
    /// The owner may delete the blob (the default)
    #[arg(long)]
    pub deletable: bool,
    /// Put the blob into a shared object, which anybody can extend; deletable blobs cannot be
    /// shared
    #[arg(long, requires = "permanent")]
    pub share: bool,
    /// Label the blob object; may be repeated
    #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = parse::key_value)]
    pub attributes: Vec<(String, String)>,
    /// Media type that aggregators serve the blob with, such as image/png: the attribute
    /// `content-type`
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Print what would be stored and what it would cost; send nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Store anew even if the blob is already certified
    #[arg(long)]
    pub force: bool,
    /// Use neither storage nor registered blobs the wallet already owns
    #[arg(long)]
    pub ignore_resources: bool,
    /// Let the upload relay at this URL encode and distribute the blobs; they are registered and
    /// certified from here
    #[arg(long, value_name = "URL", conflicts_with = "dry_run")]
    pub upload_relay: Option<String>,
    /// Pay the tip of the upload relay without asking
    #[arg(long, requires = "upload_relay")]
    pub skip_tip_confirmation: bool,
    /// What existing scripts say about how uploads run: they run in this process.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub child_process_uploads: Option<bool>,
    /// The erasure code.
    #[command(flatten)]
    pub encoding: EncodingArgs,
}

/// The erasure code, which existing scripts may name: there is one.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EncodingArgs {
    #[arg(long, hide = true, value_name = "TYPE", value_parser = parse_encoding_type)]
    pub encoding_type: Option<EncodingType>,
}

fn parse_encoding_type(text: &str) -> Result<EncodingType, String> {
    match text.to_ascii_lowercase().as_str() {
        "rs2" | "reed-solomon" | "redstuff/reed-solomon" => Ok(EncodingType::Rs2),
        _ => Err(format!("`{text}` is no erasure code; there is RS2")),
    }
}

/// Name of the attribute that holds the media type.
const CONTENT_TYPE: &str = "content-type";

impl HowToStoreArgs {
    /// The same for the client library.
    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions {
            duration: self.duration.0,
            deletable: !self.permanent,
            force: self.force,
            ignore_resources: self.ignore_resources,
            needs_object: self.share,
            reuse: ObjectReuse::Any,
        }
    }

    /// What objects are labelled with.
    pub(crate) fn labels(&self) -> Attributes {
        let mut attributes = self.attributes.clone();
        if let Some(content_type) = &self.content_type {
            attributes.push((CONTENT_TYPE.to_owned(), content_type.clone()));
        }
        attributes
    }
}

/// How long blobs are kept.
#[derive(Debug, Clone, Args)]
pub(crate) struct DurationOptions {
    /// Number of epochs, the current one included, or `max`
    #[arg(long, value_name = "N|max")]
    pub epochs: Option<EpochsArg>,
    /// Earliest time at which the blob may expire: RFC 3339, or `YYYY-MM-DD HH:MM:SS` in UTC
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub earliest_expiry_time: Option<jiff::Timestamp>,
    /// First epoch in which the blob is gone
    #[arg(long, value_name = "EPOCH")]
    pub end_epoch: Option<Epoch>,
}

impl Choice for DurationOptions {
    type Value = StorageDuration;

    fn given(self) -> Option<StorageDuration> {
        let epochs = self.epochs.map(|epochs| match epochs {
            EpochsArg::Count(count) => StorageDuration::Epochs(count),
            EpochsArg::Max => StorageDuration::Max,
        });
        let time = self.earliest_expiry_time;
        let time = time.map(|time| StorageDuration::EarliestExpiry {
            unix_ms: u64::try_from(time.as_millisecond()).unwrap_or(0),
        });
        epochs
            .or(time)
            .or(self.end_epoch.map(StorageDuration::EndEpoch))
    }
}

/// A number of epochs or `max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochsArg {
    /// This many epochs.
    Count(EpochCount),
    /// As many as the network sells.
    Max,
}

impl FromStr for EpochsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        match text.parse() {
            Ok(0) => Err("a blob must be stored for at least one epoch".to_owned()),
            Ok(count) => Ok(Self::Count(count)),
            Err(_) => Err("expected a number of epochs or `max`".to_owned()),
        }
    }
}

fn parse_time(text: &str) -> Result<jiff::Timestamp, String> {
    let expected =
        || format!("`{text}` is neither RFC 3339 (2026-01-31T12:00:00Z) nor `2026-01-31 12:00:00`");
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp);
    }
    let date_time: jiff::civil::DateTime = text.parse().map_err(|_| expected())?;
    let zoned = date_time
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| expected())?;
    Ok(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc() {
        let expected: jiff::Timestamp = "2030-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(parse_time("2030-01-02 03:04:05"), Ok(expected));
        assert_eq!(parse_time("2030-01-02T04:04:05+01:00"), Ok(expected));
    }
}
