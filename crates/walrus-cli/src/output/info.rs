//! What `walrus info` shows: facts of the network, computed from the state of the contracts.

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};
use walrus_core::{Epoch, Frost, NShards, ObjectId, bft, params};
use walrus_sui::{Committee, EpochInfo, EpochState, Prices};

/// Blob sizes priced as examples, in bytes: 16 MiB, 512 MiB, 13 GiB.
const EXAMPLE_SIZES: [u64; 3] = [16 << 20, 512 << 20, 13 << 30];
/// Step of size for which a marginal price is given, in bytes.
const MARGINAL_SIZE: u64 = 1 << 20;
/// Bytes of one storage unit.
const STORAGE_UNIT: u64 = 1 << 20;
/// Largest blob inside a quilt, in bytes.
const QUILT_BLOB_SIZE_MAX: u64 = u32::MAX as u64;
/// Name of the erasure code in JSON.
const RS2: &str = "RS2";

/// Everything that was asked for; parts that were not are absent.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_field_names, reason = "the names of the JSON interface")]
pub(crate) struct Info {
    /// Times.
    pub epoch_info: EpochPart,
    /// Numbers of shards and nodes.
    pub storage_info: StoragePart,
    /// Size limits.
    pub size_info: SizePart,
    /// Prices.
    pub price_info: PricePart,
    /// The nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub committee_info: Option<CommitteePart>,
    /// What the network tolerates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bft_info: Option<BftPart>,
}

/// `info epoch`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EpochPart {
    /// The current epoch.
    pub current_epoch: Epoch,
    /// Its start.
    pub start_of_current_epoch: EpochStart,
    /// Length of an epoch.
    pub epoch_duration: std::time::Duration,
    /// Epochs that can be bought.
    pub max_epochs_ahead: u32,
}

/// When the current epoch began.
#[derive(Debug, Serialize)]
pub(crate) enum EpochStart {
    /// At this time.
    DateTime(jiff::Timestamp),
    /// It is beginning.
    Message(String),
}

/// `info storage`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoragePart {
    /// Shards.
    pub n_shards: u16,
    /// Storage nodes of the current committee.
    pub n_nodes: usize,
}

/// `info size`, in bytes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SizePart {
    /// The unit storage is sold in.
    pub storage_unit_size: u64,
    /// The largest blob.
    pub max_blob_size: u64,
    /// The largest blob inside a quilt.
    pub max_blob_size_in_quilt: u64,
}

/// `info price`; prices in FROST per epoch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PricePart {
    /// Storing one unit of encoded data for one epoch.
    pub storage_price_per_unit_size: Frost,
    /// Writing one unit of encoded data.
    pub write_price_per_unit_size: Frost,
    /// Prices of unencoded data.
    pub encoding_dependent_price_info: Vec<EncodingPrices>,
}

/// Prices of unencoded data with one erasure code.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EncodingPrices {
    /// The step of the marginal price, in bytes.
    pub marginal_size: u64,
    /// Storing the metadata of any blob for one epoch.
    pub metadata_price: Frost,
    /// Storing one step more of unencoded data for one epoch.
    pub marginal_price: Frost,
    /// Whole blobs.
    pub example_blobs: Vec<ExampleBlob>,
    /// The erasure code.
    pub encoding_type: &'static str,
}

/// Storage price of one blob for one epoch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExampleBlob {
    /// In bytes.
    pub unencoded_size: u64,
    /// In bytes.
    pub encoded_size: u64,
    /// Storage for one epoch; the write comes on top, once.
    pub price: Frost,
    /// The erasure code.
    pub encoding_type: &'static str,
}

/// `info bft`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BftPart {
    /// Shards that may fail.
    pub max_faulty_shards: u16,
    /// Shards that must be correct.
    pub min_correct_shards: u16,
    /// Shards that make a quorum.
    pub quorum_threshold: u16,
    /// The fewest nodes that have a quorum together.
    pub min_nodes_above: usize,
    /// The shards those nodes have.
    pub shards_above: usize,
}

/// `info committee`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitteePart {
    /// Shards.
    pub n_shards: u16,
    /// Slivers that suffice to decode by rows.
    pub n_primary_source_symbols: u16,
    /// Slivers that suffice to decode by columns.
    pub n_secondary_source_symbols: u16,
    /// Largest sliver, in bytes.
    pub max_sliver_size: u64,
    /// Metadata of one blob on all nodes, in bytes.
    pub metadata_storage_size: u64,
    /// Largest encoded blob, in bytes.
    pub max_encoded_blob_size: u64,
    /// The committee of this epoch.
    pub current_storage_nodes: Vec<NodePart>,
    /// The committee of the next epoch, once it is known.
    pub next_storage_nodes: Vec<NodePart>,
}

/// One storage node.
#[serde_as]
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NodePart {
    /// Name chosen by the operator.
    pub name: String,
    /// `host:port`.
    pub network_address: String,
    /// BLS key.
    pub public_key: String,
    /// BLS key from the next epoch on, if it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_epoch_public_key: Option<String>,
    /// TLS key.
    pub network_public_key: String,
    /// Number of shards.
    pub n_shards: usize,
    /// The shards.
    pub shard_ids: Vec<u16>,
    /// The node.
    #[serde_as(as = "DisplayFromStr")]
    pub node_id: ObjectId,
    /// Stake in FROST.
    pub stake: Frost,
    /// What the node votes for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voting_params: Option<VotingPart>,
}

/// Votes of a node; field names as on chain.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct VotingPart {
    /// FROST per unit and epoch.
    pub storage_price: u64,
    /// FROST per unit.
    pub write_price: u64,
    /// Bytes.
    pub node_capacity: u64,
}

impl EpochPart {
    /// The facts of the current epoch.
    pub(crate) fn new(info: &EpochInfo) -> Self {
        let start = match info.state {
            EpochState::ChangeDone { since_ms } | EpochState::NextParamsSelected { since_ms } => {
                i64::try_from(since_ms)
                    .ok()
                    .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
            }
            EpochState::ChangeSync { .. } => None,
        };
        Self {
            current_epoch: info.epoch,
            start_of_current_epoch: start.map_or_else(
                || EpochStart::Message("the epoch change is in progress".to_owned()),
                EpochStart::DateTime,
            ),
            epoch_duration: std::time::Duration::from_millis(info.epoch_duration_ms),
            max_epochs_ahead: info.max_epochs_ahead,
        }
    }
}

impl SizePart {
    /// The limits with `n` shards.
    pub(crate) fn new(n: NShards) -> Self {
        Self {
            storage_unit_size: STORAGE_UNIT,
            max_blob_size: params::max_blob_size(n),
            max_blob_size_in_quilt: QUILT_BLOB_SIZE_MAX.min(params::max_blob_size(n)),
        }
    }
}

impl PricePart {
    /// The prices with `n` shards.
    pub(crate) fn new(n: NShards, prices: &Prices) -> Self {
        let max = params::max_blob_size(n);
        let example = |size: u64| {
            let encoded_size = params::encoded_length(n, size)?;
            Some(ExampleBlob {
                unencoded_size: size,
                encoded_size,
                price: for_one_epoch(prices, encoded_size),
                encoding_type: RS2,
            })
        };
        Self {
            storage_price_per_unit_size: prices.storage_per_unit,
            write_price_per_unit_size: prices.write_per_unit,
            encoding_dependent_price_info: vec![EncodingPrices {
                marginal_size: MARGINAL_SIZE,
                metadata_price: for_one_epoch(prices, metadata_size(n)),
                marginal_price: for_one_epoch(prices, marginal_encoded(n)),
                example_blobs: EXAMPLE_SIZES
                    .into_iter()
                    .filter(|size| *size <= max)
                    .filter_map(example)
                    .collect(),
                encoding_type: RS2,
            }],
        }
    }
}

fn for_one_epoch(prices: &Prices, bytes: u64) -> Frost {
    prices.storage_cost(bytes, 1).unwrap_or(Frost(u64::MAX))
}

/// Metadata of one blob on all nodes, in bytes.
fn metadata_size(n: NShards) -> u64 {
    params::metadata_length(n) * u64::from(n.get())
}

/// Slivers of one step of unencoded data, in bytes: `n·(P+S)` symbols are stored for `P·S` source
/// symbols.
fn marginal_encoded(n: NShards) -> u64 {
    let (primary, secondary) = params::source_symbols(n);
    let (primary, secondary) = (u64::from(primary), u64::from(secondary));
    (MARGINAL_SIZE * u64::from(n.get()) * (primary + secondary)).div_ceil(primary * secondary)
}

impl BftPart {
    /// The thresholds of a committee.
    pub(crate) fn new(committee: &Committee) -> Self {
        let n = committee.n_shards;
        let threshold = bft::min_correct(n);
        let mut weights: Vec<usize> = committee
            .members
            .iter()
            .map(|member| member.shards.len())
            .collect();
        weights.sort_unstable_by(|left, right| right.cmp(left));
        let (mut nodes, mut shards) = (0, 0);
        for weight in weights {
            if shards >= usize::from(threshold) {
                break;
            }
            nodes += 1;
            shards += weight;
        }
        Self {
            max_faulty_shards: bft::max_faulty(n),
            min_correct_shards: bft::min_correct(n),
            quorum_threshold: threshold,
            min_nodes_above: nodes,
            shards_above: shards,
        }
    }
}

impl CommitteePart {
    /// The limits with `n` shards, and the nodes.
    pub(crate) fn new(n: NShards, current: Vec<NodePart>, next: Vec<NodePart>) -> Self {
        let (primary, secondary) = params::source_symbols(n);
        Self {
            n_shards: n.get(),
            n_primary_source_symbols: primary,
            n_secondary_source_symbols: secondary,
            max_sliver_size: params::max_sliver_size(n),
            metadata_storage_size: metadata_size(n),
            max_encoded_blob_size: params::encoded_length(n, params::max_blob_size(n))
                .unwrap_or(u64::MAX),
            current_storage_nodes: current,
            next_storage_nodes: next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(n: u16) -> NShards {
        NShards::new(n).unwrap()
    }

    fn prices() -> Prices {
        Prices {
            storage_per_unit: Frost(100),
            write_per_unit: Frost(20),
        }
    }

    #[test]
    fn parts_as_json() {
        let info = EpochInfo {
            epoch: 3,
            state: EpochState::ChangeDone {
                since_ms: 1_700_000_000_000,
            },
            epoch_duration_ms: 3_600_000,
            first_epoch_start_ms: 0,
            n_shards: n(1000),
            max_epochs_ahead: 53,
        };
        let committee = Committee {
            epoch: 3,
            n_shards: n(1000),
            members: Vec::new(),
        };
        let all = Info {
            epoch_info: EpochPart::new(&info),
            storage_info: StoragePart {
                n_shards: 1000,
                n_nodes: 7,
            },
            size_info: SizePart::new(n(1000)),
            price_info: PricePart::new(n(1000), &prices()),
            committee_info: Some(CommitteePart::new(n(1000), vec![], vec![])),
            bft_info: Some(BftPart::new(&committee)),
        };
        insta::assert_snapshot!("info_json", serde_json::to_string_pretty(&all).unwrap());
    }

    #[test]
    fn an_epoch_in_change_has_no_start_yet() {
        let info = EpochInfo {
            epoch: 3,
            state: EpochState::ChangeSync { attested: 1 },
            epoch_duration_ms: 1,
            first_epoch_start_ms: 0,
            n_shards: n(10),
            max_epochs_ahead: 53,
        };
        let json = serde_json::to_string(&EpochPart::new(&info)).unwrap();
        assert!(
            json.contains(r#"{"Message":"the epoch change is in progress"}"#),
            "{json}"
        );
    }

    #[test]
    fn examples_fit_into_the_network() {
        // Ten shards hold at most 28 · 65534 bytes.
        let part = PricePart::new(n(10), &prices());
        assert!(
            part.encoding_dependent_price_info[0]
                .example_blobs
                .is_empty()
        );
        // The slivers of 10 shards are 110/28 times the data: 1 MiB needs 4 units.
        assert_eq!(
            part.encoding_dependent_price_info[0].marginal_price,
            Frost(400)
        );
    }
}
