//! Giving a shard to its new owner.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream};
use stdx::SaturatingFrom as _;
use tokio::sync::OwnedSemaphorePermit;
use walrus_core::{
    BlobId, SliverType,
    keys::ProtocolPublicKey,
    messages::{SignedMessage, SyncShardRequest},
};
use walrus_http::budget::{Holder, Lease};

use super::{Service, ServiceError};
use crate::{
    chain::{Committee, CommitteeMember},
    epoch::EpochView,
    storage::{ShardRange, SliverKey, SliverRead, Storage, StorageError},
};

/// Slivers a request may ask for.
pub const SYNC_SLIVERS_MAX: u64 = 100_000;

/// Bytes of slivers in one answer, unless a single sliver is larger: fewer slivers than asked for
/// are legal, and the requester goes on after the last one.
pub const SYNC_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Answers being sent at a time; more requests are refused with 503.
pub const SYNC_STREAMS_MAX: usize = 16;

/// Slivers of an answer read ahead of the one being sent.
const READ_AHEAD: usize = 4;

/// Longest wait for the peer to take what it has been sent before there is memory for the next
/// sliver. Peers that are too slow are closed before that.
const MEMORY_WAIT_MAX: Duration = Duration::from_secs(600);

/// BCS of the enum tag of version 1 of the answer.
const VERSION_1: u8 = 0;

/// A part of a shard, ready to be sent.
pub struct ShardPart {
    storage: Storage,
    slivers: Vec<(SliverKey, u64)>,
    holder: Holder,
    permit: OwnedSemaphorePermit,
}

impl Service {
    /// `POST /v1/migrate/sync_shard`: the part of a shard that `caller` asks for, read in the name
    /// of `holder`.
    pub async fn sync_shard(
        &self,
        caller: &ProtocolPublicKey,
        request: &SignedMessage<SyncShardRequest>,
        holder: Holder,
    ) -> Result<ShardPart, ServiceError> {
        let range = allowed_range(&self.state().view(), caller, request)?;
        let permit = self.sync_streams.clone().try_acquire_owned();
        let permit = permit.map_err(|_| ServiceError::Busy)?;
        let storage = self.state().storage();
        let slivers = storage
            .with_index(move |index| index.certified_slivers(&range))
            .await?;
        Ok(ShardPart {
            storage: storage.clone(),
            slivers,
            holder,
            permit,
        })
    }
}

/// What a request asks for, if its sender may have it.
fn allowed_range(
    view: &EpochView,
    caller: &ProtocolPublicKey,
    request: &SignedMessage<SyncShardRequest>,
) -> Result<ShardRange, ServiceError> {
    let is_member = [&view.current, &view.previous]
        .into_iter()
        .flatten()
        .any(|committee| member_with_key(committee, caller).is_some());
    if !is_member {
        return Err(ServiceError::Unauthorized("a member of a recent committee"));
    }
    let message = request.verify_signature(caller)?;
    let SyncShardRequest::V1 {
        shard_index,
        sliver_type,
        starting_blob_id,
        sliver_count,
        epoch,
    } = message.body;
    if message.epoch != epoch {
        return Err(ServiceError::MessageVerification(
            walrus_core::messages::MessageVerificationError::EpochMismatch {
                actual: message.epoch,
                expected: epoch,
            },
        ));
    }
    if epoch != view.epoch() {
        return Err(ServiceError::InvalidEpoch {
            request: epoch,
            server: view.epoch(),
        });
    }
    let owns = view
        .current
        .as_deref()
        .and_then(|committee| member_with_key(committee, caller))
        .is_some_and(|member| member.shards.contains(&shard_index));
    if !owns {
        return Err(ServiceError::Unauthorized("the owner of the shard"));
    }
    if sliver_count > SYNC_SLIVERS_MAX {
        return Err(ServiceError::SliverCountExceedsLimit {
            count: sliver_count,
            max: SYNC_SLIVERS_MAX,
        });
    }
    if !view.shards.contains_key(&shard_index) {
        return Err(ServiceError::ShardNotAssigned {
            shard: shard_index,
            epoch: view.epoch(),
        });
    }
    Ok(ShardRange {
        shard: shard_index,
        axis: sliver_type,
        from: starting_blob_id,
        certified_before: epoch,
        slivers_max: usize::saturating_from(sliver_count),
        bytes_max: SYNC_BYTES_MAX,
    })
}

impl ShardPart {
    /// Length in bytes of the BCS of the answer.
    pub fn content_length(&self) -> u64 {
        let head = u64::try_from(head(self.slivers.len()).len()).unwrap_or(0);
        self.slivers
            .iter()
            .fold(head, |sum, (_, len)| sum + ENTRY_OVERHEAD_BYTES + len)
    }

    /// The BCS of a [`SyncShardResponse`](walrus_core::messages::SyncShardResponse), a sliver at a
    /// time. Ends with an error when a sliver that was promised has gone meanwhile.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, StorageError>> + Send {
        let Self {
            storage,
            slivers,
            holder,
            permit,
        } = self;
        let head = stream::iter([Ok(head(slivers.len()))]);
        let memory_of = storage.clone();
        let body = stream::iter(slivers)
            // One after another: memory for a later sliver must not keep an earlier one waiting.
            .then(move |(key, len)| {
                let storage = memory_of.clone();
                async move {
                    let memory = storage.reserve_memory(len, holder, MEMORY_WAIT_MAX).await;
                    (key, len, memory)
                }
            })
            .map(move |(key, len, memory)| {
                let storage = storage.clone();
                async move { entry(&storage, key, len, memory?).await }
            })
            .buffered(READ_AHEAD)
            .flat_map(|entry| match entry {
                Ok([prefix, sliver]) => stream::iter(vec![Ok(prefix), Ok(sliver)]),
                Err(error) => stream::iter(vec![Err(error)]),
            });
        head.chain(body).map(move |part| {
            // Held until the last part is taken.
            let _sending = &permit;
            part
        })
    }
}

/// The member whose protocol key this is.
fn member_with_key<'a>(
    committee: &'a Committee,
    key: &ProtocolPublicKey,
) -> Option<&'a CommitteeMember> {
    committee
        .members
        .iter()
        .find(|member| member.public_key == *key)
}

/// Blob ID and enum tag before every sliver.
const ENTRY_OVERHEAD_BYTES: u64 = 33;

fn head(count: usize) -> Bytes {
    let mut head = BytesMut::new();
    head.put_u8(VERSION_1);
    let mut rest = count;
    while rest >= 0x80 {
        head.put_u8(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    head.put_u8(u8::try_from(rest).unwrap_or(0));
    head.freeze()
}

async fn entry(
    storage: &Storage,
    key: SliverKey,
    len: u64,
    memory: Lease,
) -> Result<[Bytes; 2], StorageError> {
    let SliverRead::Found(sliver) = storage.read_sliver_into(key, memory).await? else {
        return Err(StorageError::Corrupt("sliver"));
    };
    if u64::try_from(sliver.len()).ok() != Some(len) {
        return Err(StorageError::Corrupt("sliver"));
    }
    Ok([prefix(&key.blob_id, key.axis), sliver])
}

fn prefix(blob_id: &BlobId, axis: SliverType) -> Bytes {
    let tag = match axis {
        SliverType::Primary => 0,
        SliverType::Secondary => 1,
    };
    Bytes::from([&blob_id.0[..], &[tag]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_count_as_bcs_does() {
        for count in [0, 1, 127, 128, 300, 16_384] {
            let expected = bcs::to_bytes(&vec![7_u8; count]).unwrap();
            let head = head(count);
            assert_eq!(head[0], VERSION_1);
            assert_eq!(head[1..], expected[..expected.len() - count]);
        }
    }
}
