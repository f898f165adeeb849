//! What a node knows about a blob: `GET …/status` and the two storage statuses.

use std::cmp::{Ordering, Reverse};

use serde::{Deserialize, Serialize};

use crate::{Epoch, EventId};

/// Whether a node holds a piece of data: `"stored"`, `"buffered"` or `"nonexistent"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum StoredStatus {
    /// Durable on the node.
    Stored,
    /// In memory until the registration of the blob is seen.
    Buffered,
    /// Not there.
    Nonexistent,
}

/// Live deletable blob objects of a blob ID.
///
/// Unlike everything around them these two fields are snake case on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeletableCounts {
    /// Registered objects.
    pub count_deletable_total: u32,
    /// Certified objects among them.
    pub count_deletable_certified: u32,
}

/// The state of a blob as one node sees it. Field order is part of the interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum BlobStatus {
    /// No live registration.
    Nonexistent,
    /// Marked invalid on chain, for ever.
    Invalid {
        /// The event that marked it.
        event: EventId,
    },
    /// At least one live permanent registration.
    #[serde(rename_all = "camelCase")]
    Permanent {
        /// First epoch in which the blob is no longer stored.
        #[cfg_attr(feature = "openapi", schema(value_type = u32))]
        end_epoch: Epoch,
        /// Whether a permanent object is certified.
        is_certified: bool,
        /// The first event that led to `end_epoch`.
        status_event: EventId,
        /// Deletable objects beside the permanent ones.
        deletable_counts: DeletableCounts,
        /// Epoch of the certification that made the blob certified; `null` while it is not.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
        initial_certified_epoch: Option<Epoch>,
    },
    /// Only deletable registrations.
    #[serde(rename_all = "camelCase")]
    Deletable {
        /// As in `Permanent`.
        #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
        initial_certified_epoch: Option<Epoch>,
        /// The deletable objects.
        deletable_counts: DeletableCounts,
    },
}

impl BlobStatus {
    /// Compares how far two statuses have advanced; the greater one is the later.
    ///
    /// Nonexistent < Deletable < Permanent < Invalid; inside one kind by certification, end epoch
    /// and counts, and an earlier first certification counts as later. Events are not compared, so
    /// `Equal` does not imply `==`.
    pub fn cmp_progress(&self, other: &Self) -> Ordering {
        self.progress().cmp(&other.progress())
    }

    fn progress(&self) -> impl Ord {
        match self {
            Self::Nonexistent => (0_u8, false, 0, (0, 0), Reverse(u64::MAX)),
            Self::Deletable {
                initial_certified_epoch,
                deletable_counts,
            } => (
                1,
                false,
                0,
                count_rank(*deletable_counts),
                Reverse(epoch_rank(*initial_certified_epoch)),
            ),
            Self::Permanent {
                end_epoch,
                is_certified,
                deletable_counts,
                initial_certified_epoch,
                ..
            } => (
                2,
                *is_certified,
                *end_epoch,
                count_rank(*deletable_counts),
                Reverse(epoch_rank(*initial_certified_epoch)),
            ),
            Self::Invalid { .. } => (3, false, 0, (0, 0), Reverse(u64::MAX)),
        }
    }

    /// Epoch since which the blob is certified without interruption, if it is.
    pub fn initial_certified_epoch(&self) -> Option<Epoch> {
        match self {
            Self::Permanent {
                initial_certified_epoch,
                ..
            }
            | Self::Deletable {
                initial_certified_epoch,
                ..
            } => *initial_certified_epoch,
            Self::Nonexistent | Self::Invalid { .. } => None,
        }
    }
}

fn count_rank(counts: DeletableCounts) -> (u32, u32) {
    (
        counts.count_deletable_certified,
        counts.count_deletable_total,
    )
}

/// "Never certified" ranks behind every epoch.
fn epoch_rank(epoch: Option<Epoch>) -> u64 {
    epoch.map_or(u64::MAX, u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> EventId {
        EventId {
            tx_digest: [0; 32],
            event_seq: 3,
        }
    }

    fn permanent(end_epoch: Epoch, is_certified: bool) -> BlobStatus {
        BlobStatus::Permanent {
            end_epoch,
            is_certified,
            status_event: event(),
            deletable_counts: DeletableCounts {
                count_deletable_total: 1,
                count_deletable_certified: 0,
            },
            initial_certified_epoch: is_certified.then_some(4),
        }
    }

    const EVENT_JSON: &str = r#"{"txDigest":"11111111111111111111111111111111","eventSeq":"3"}"#;

    #[test]
    fn json_text_is_exact() {
        let json = |status: &BlobStatus| serde_json::to_string(status).unwrap();
        assert_eq!(json(&BlobStatus::Nonexistent), r#""nonexistent""#);
        assert_eq!(
            json(&BlobStatus::Invalid { event: event() }),
            format!(r#"{{"invalid":{{"event":{EVENT_JSON}}}}}"#)
        );
        assert_eq!(
            json(&permanent(9, true)),
            format!(
                concat!(
                    r#"{{"permanent":{{"endEpoch":9,"isCertified":true,"statusEvent":{},"#,
                    r#""deletableCounts":{{"count_deletable_total":1,"count_deletable_certified":0}},"#,
                    r#""initialCertifiedEpoch":4}}}}"#
                ),
                EVENT_JSON
            )
        );
        let deletable = BlobStatus::Deletable {
            initial_certified_epoch: None,
            deletable_counts: DeletableCounts::default(),
        };
        assert_eq!(
            json(&deletable),
            concat!(
                r#"{"deletable":{"initialCertifiedEpoch":null,"#,
                r#""deletableCounts":{"count_deletable_total":0,"count_deletable_certified":0}}}"#
            )
        );
        for status in [BlobStatus::Nonexistent, permanent(1, false), deletable] {
            assert_eq!(
                serde_json::from_str::<BlobStatus>(&json(&status)).unwrap(),
                status
            );
        }
    }

    #[test]
    fn progress_order() {
        let deletable = |initial_certified_epoch| BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts: DeletableCounts::default(),
        };
        let ascending = [
            BlobStatus::Nonexistent,
            deletable(None),
            deletable(Some(5)),
            deletable(Some(2)),
            permanent(100, false),
            permanent(3, true),
            permanent(4, true),
            BlobStatus::Invalid { event: event() },
        ];
        for pair in ascending.windows(2) {
            assert_eq!(pair[0].cmp_progress(&pair[1]), Ordering::Less, "{pair:?}");
        }
    }

    #[test]
    fn stored_status_is_lower_case() {
        assert_eq!(
            serde_json::to_string(&StoredStatus::Buffered).unwrap(),
            r#""buffered""#
        );
    }
}
