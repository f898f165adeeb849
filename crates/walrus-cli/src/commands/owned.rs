//! Choosing among the blobs of the wallet.

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use glob::Pattern;
use serde::Serialize;
use walrus_client::{EpochOutlook, WalrusClient, results::BlobObject};
use walrus_contracts::types::Blob;
use walrus_core::{EpochCount, SuiAddress};

use super::context::Context;
use crate::args::{RpcArgs, parse};

/// Which blobs of the wallet.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which blobs")]
pub(crate) struct SelectionArgs {
    /// Those with this attribute; with a value, those whose value matches it: * stands for
    /// anything. May be repeated
    #[arg(long = "attribute", value_name = "KEY[=VALUE]", value_parser = condition)]
    pub attributes: Vec<Condition>,
    /// Those that expire within this many epochs
    #[arg(long, value_name = "N")]
    pub expires_within: Option<EpochCount>,
    /// Those of at least this size before encoding, such as 10MiB
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    pub min_size: Option<u64>,
    /// Those of at most this size before encoding
    #[arg(long, value_name = "SIZE", value_parser = parse::size)]
    pub max_size: Option<u64>,
    /// Those in this state; without it all but the expired ones
    #[arg(long, value_name = "STATE")]
    pub state: Option<BlobState>,
    /// Also blobs whose storage has run out
    #[arg(long)]
    pub include_expired: bool,
    /// Owner, instead of the active address of the wallet
    #[arg(long, value_name = "ADDRESS")]
    pub owner: Option<SuiAddress>,
    /// Full node to use.
    #[command(flatten)]
    pub rpc: RpcArgs,
}

/// What becomes of a blob object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BlobState {
    /// Paid for, not uploaded
    Registered,
    /// Available
    Certified,
    /// Its storage has run out
    Expired,
}

impl BlobState {
    /// The state of a blob.
    pub(crate) fn of(blob: &Blob, outlook: &EpochOutlook) -> Self {
        match blob.certified_epoch {
            _ if blob.storage.end_epoch <= outlook.epoch() => Self::Expired,
            Some(_) => Self::Certified,
            None => Self::Registered,
        }
    }

    /// The state in one word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Certified => "certified",
            Self::Expired => "expired",
        }
    }
}

/// An attribute that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    key: String,
    value: Option<Pattern>,
}

fn condition(text: &str) -> Result<Condition, String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (text, None),
    };
    if key.is_empty() {
        return Err(format!("`{text}` is not KEY or KEY=VALUE"));
    }
    let pattern = |value: &str| {
        Pattern::new(value).map_err(|error| format!("`{value}` is no pattern: {}", error.msg))
    };
    Ok(Condition {
        key: key.to_owned(),
        value: value.map(pattern).transpose()?,
    })
}

impl Condition {
    fn holds(&self, attributes: &BTreeMap<String, String>) -> bool {
        attributes.get(&self.key).is_some_and(|found| {
            let pattern = self.value.as_ref();
            pattern.is_none_or(|pattern| pattern.matches(found))
        })
    }
}

/// A blob object and its attributes.
#[derive(Debug, Clone)]
pub(crate) struct OwnedBlob {
    /// The object.
    pub(crate) blob: Blob,
    /// Its attributes.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl OwnedBlob {
    /// The attributes on one line.
    pub(crate) fn labels(&self) -> String {
        let pairs = self.attributes.iter();
        let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
        pairs.join(" ")
    }
}

/// The same in JSON.
#[derive(Serialize)]
pub(crate) struct LabelledBlob {
    #[serde(flatten)]
    object: BlobObject,
    attributes: BTreeMap<String, String>,
}

impl From<&OwnedBlob> for LabelledBlob {
    fn from(owned: &OwnedBlob) -> Self {
        Self {
            object: BlobObject::from(&owned.blob),
            attributes: owned.attributes.clone(),
        }
    }
}

impl SelectionArgs {
    /// The blobs that are meant, those that expire first before others.
    pub(crate) async fn find(
        &self,
        context: &Context,
    ) -> anyhow::Result<(Vec<OwnedBlob>, EpochOutlook)> {
        let owner = match self.owner {
            Some(owner) => owner,
            None => context.active_address()?,
        };
        let client = context.reading(&self.rpc)?.client;
        let outlook = client.epoch_outlook().await?;
        let mut blobs = client.reader().owned_blobs(owner).await?;
        blobs.retain(|blob| self.fits(blob, &outlook));
        let mut owned = with_attributes(&client, blobs).await?;
        owned.retain(|owned| {
            let mut conditions = self.attributes.iter();
            conditions.all(|condition| condition.holds(&owned.attributes))
        });
        owned.sort_by_key(|owned| {
            let blob = &owned.blob;
            (blob.storage.end_epoch, blob.blob_id, blob.id)
        });
        Ok((owned, outlook))
    }

    fn fits(&self, blob: &Blob, outlook: &EpochOutlook) -> bool {
        let state = BlobState::of(blob, outlook);
        let state_fits = match self.state {
            Some(wanted) => state == wanted,
            None => self.include_expired || state != BlobState::Expired,
        };
        let soon = |within| blob.storage.end_epoch <= outlook.epoch().saturating_add(within);
        state_fits
            && self.expires_within.is_none_or(soon)
            && self.min_size.is_none_or(|min| blob.size >= min)
            && self.max_size.is_none_or(|max| blob.size <= max)
    }
}

async fn with_attributes(
    client: &WalrusClient,
    blobs: Vec<Blob>,
) -> anyhow::Result<Vec<OwnedBlob>> {
    let ids: Vec<_> = blobs.iter().map(|blob| blob.id).collect();
    let attributes = client.reader().attributes_of_blobs(&ids).await?;
    let owned = blobs
        .into_iter()
        .zip(attributes)
        .map(|(blob, attributes)| OwnedBlob {
            blob,
            attributes: attributes.unwrap_or_default().into_iter().collect(),
        });
    Ok(owned.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_names_or_patterns_of_values() {
        let attributes = BTreeMap::from([("name".to_owned(), "notes/today.log".to_owned())]);
        for (text, holds) in [
            ("name", true),
            ("name=notes/today.log", true),
            ("name=*.log", true),
            ("name=*.txt", false),
            ("name=", false),
            ("other", false),
        ] {
            assert_eq!(condition(text).unwrap().holds(&attributes), holds, "{text}");
        }
        assert!(condition("=x").is_err());
        assert!(condition("a=[").is_err());
    }
}
