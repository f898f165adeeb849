//! `GET /v1/health`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Epoch, ShardIndex};

/// Health of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct HealthInfo {
    /// Time since the process started serving, `{"secs":…,"nanos":…}`.
    #[cfg_attr(feature = "openapi", schema(value_type = DurationJson))]
    pub uptime: Duration,
    /// Current committee epoch known to the node.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub epoch: Epoch,
    /// BLS public key of the node, standard base64.
    pub public_key: String,
    /// `Standby`, `Active`, `RecoverMetadata`, `RecoveryCatchUp`, `RecoveryInProgress (N)`, …
    pub node_status: String,
    /// How far chain events have been processed.
    pub event_progress: EventProgress,
    /// Shards by status.
    pub shard_summary: ShardSummary,
    /// Every shard; only when `detailed=true` was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_detail: Option<ShardDetail>,
    /// Last checkpoint of the chain the node has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_checkpoint_sequence_number: Option<u64>,
    /// Since when and why the chain does not answer; absent while it does. Other implementations do
    /// not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain_unavailable: Option<String>,
    /// How far events are published in event blobs. Other implementations do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_blobs: Option<EventBlobProgress>,
    /// The bucket with slivers of this node, if it has one. Other implementations do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketHealth>,
    /// Why the storage can no longer be written; the node is about to end then. Other
    /// implementations do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_failure: Option<String>,
    /// What was found damaged since the start; absent while nothing was. Other implementations do
    /// not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<DamageFound>,
    /// How far the work on shards that lack slivers is; absent while none is going on. Other
    /// implementations do not send it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<RecoveryProgress>,
}

/// Event blobs in [`HealthInfo`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventBlobProgress {
    /// Last checkpoint of the last certified event blob this node knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_certified_checkpoint: Option<u64>,
    /// Event blobs that are complete on this node and not certified yet.
    pub uncertified: u64,
    /// While the node replays event blobs: the checkpoint they end with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catching_up_to: Option<u64>,
}

/// The bucket in [`HealthInfo`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct BucketHealth {
    /// Slivers that are durable on this node and wait to be uploaded.
    pub pending_uploads: u64,
    /// Bytes of them.
    pub pending_upload_bytes: u64,
    /// Since when and why the bucket does not answer; absent while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unavailable: Option<String>,
}

/// Stored data that was found damaged. It counts as missing, and is recovered from other nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DamageFound {
    /// Slivers.
    pub slivers: u64,
    /// Metadata of blobs.
    pub metadata: u64,
    /// Reads of the index that failed.
    pub index_reads: u64,
}

/// Progress of [`HealthInfo::recovery`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecoveryProgress {
    /// Shards that lack slivers.
    pub shards: u32,
    /// Blobs healed so far.
    pub blobs: u64,
    /// Part of all blobs that has been looked at in the present pass, in percent.
    pub percent: u8,
    /// Time the rest of the pass takes at the present speed; absent before that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
}

/// A duration as JSON has it.
#[cfg(feature = "openapi")]
#[derive(utoipa::ToSchema)]
#[schema(as = Duration)]
#[allow(dead_code, reason = "only the shape of a `Duration`")]
struct DurationJson {
    secs: u64,
    nanos: u32,
}

/// Event counters of [`HealthInfo`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventProgress {
    /// Events whose effects are durable, counted from the start of the event stream.
    pub persisted: u64,
    /// Events being processed.
    pub pending: u64,
    /// Greatest index of a finished event.
    #[serde(default)]
    pub highest_finished_event_index: Option<u64>,
}

/// Shards of a node by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShardSummary {
    /// Shards the current committee assigns to the node.
    pub owned: u32,
    /// Their statuses.
    pub owned_shard_status: ShardStatusCounts,
    /// Shards no longer owned but still served.
    pub read_only: u32,
}

/// Counters of [`ShardSummary`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ShardStatusCounts {
    /// Created, nothing known about their contents.
    pub unknown: u32,
    /// Complete.
    pub ready: u32,
    /// Being copied from the previous owner.
    pub in_transfer: u32,
    /// Being recovered from other nodes.
    pub in_recovery: u32,
}

/// Every shard of a node, sorted by shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardDetail {
    /// Shards the current committee assigns to the node.
    pub owned: Vec<ShardHealth>,
    /// Others still on disk.
    pub other: Vec<ShardHealth>,
}

/// One shard in [`ShardDetail`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShardHealth {
    /// The shard.
    #[cfg_attr(feature = "openapi", schema(value_type = u16))]
    pub shard: ShardIndex,
    /// `unknown`, `ready`, `inTransfer`, `inRecovery` or `readOnly`.
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_is_exact() {
        let health = HealthInfo {
            uptime: Duration::new(5, 7),
            epoch: 2,
            public_key: "AAAA".into(),
            node_status: "Active".into(),
            event_progress: EventProgress {
                persisted: 10,
                pending: 0,
                highest_finished_event_index: Some(9),
            },
            shard_summary: ShardSummary {
                owned: 1,
                owned_shard_status: ShardStatusCounts {
                    ready: 1,
                    ..Default::default()
                },
                read_only: 0,
            },
            shard_detail: None,
            latest_checkpoint_sequence_number: Some(33),
            chain_unavailable: None,
            event_blobs: None,
            bucket: None,
            storage_failure: None,
            damage: None,
            recovery: None,
        };
        let text = serde_json::to_string(&health).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"uptime":{"secs":5,"nanos":7},"epoch":2,"publicKey":"AAAA","nodeStatus":"Active","#,
                r#""eventProgress":{"persisted":10,"pending":0,"highestFinishedEventIndex":9},"#,
                r#""shardSummary":{"owned":1,"ownedShardStatus":{"unknown":0,"ready":1,"inTransfer":0,"#,
                r#""inRecovery":0},"readOnly":0},"latestCheckpointSequenceNumber":33}"#
            )
        );
        assert_eq!(serde_json::from_str::<HealthInfo>(&text).unwrap(), health);
    }

    #[test]
    fn what_is_wrong_comes_last_and_only_then() {
        let damage = DamageFound {
            slivers: 2,
            metadata: 1,
            index_reads: 3,
        };
        let recovery = RecoveryProgress {
            shards: 4,
            blobs: 10,
            percent: 50,
            seconds_left: Some(9),
        };
        let text = serde_json::to_string(&(damage, recovery)).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"[{"slivers":2,"metadata":1,"indexReads":3},"#,
                r#"{"shards":4,"blobs":10,"percent":50,"secondsLeft":9}]"#
            )
        );
    }
}
