//! Taking over a shard: the answer is read sliver by sliver, so that its length does not matter.

use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use reqwest::Method;
use stdx::SaturatingFrom as _;
use walrus_core::{
    BlobId, ProtocolPublicKey, SliverType,
    messages::{SignedMessage, SyncShardRequest},
    node_api::{OCTET_STREAM, paths},
};

use super::{NodeClient, NodeError, http::Incoming};

/// Time for one answer, which the network's other nodes may make as long as they like.
const SYNC_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// BCS enum tag of version 1 of the answer.
const VERSION_1: u8 = 0;

/// Bytes of a sliver's BCS after its symbols: their size, and the index.
const SLIVER_TAIL_BYTES: usize = 4;

/// Longest ULEB128 number that BCS knows, in bytes.
const ULEB_BYTES_MAX: usize = 5;

/// A sliver of a shard that is being taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncedSliver {
    /// The blob.
    pub blob_id: BlobId,
    /// BCS of the [`SliverData`](walrus_core::sliver::SliverData), as nodes store it. Neither
    /// decoded nor verified.
    pub bytes: Bytes,
}

/// Slivers on their way.
#[derive(Debug)]
pub struct SyncStream {
    incoming: Incoming,
    buffer: BytesMut,
    axis: SliverType,
    left: usize,
    sliver_bytes_max: usize,
}

impl NodeClient {
    /// Asks for a part of a shard in the name of the node with this key, which has signed the
    /// request.
    ///
    /// Slivers of more than `sliver_bytes_max` bytes end the answer with an error.
    pub async fn sync_shard(
        &self,
        caller: &ProtocolPublicKey,
        request: &SignedMessage<SyncShardRequest>,
        sliver_bytes_max: usize,
    ) -> Result<SyncStream, NodeError> {
        let invalid = |error: String| NodeError::InvalidAnswer(error);
        let SyncShardRequest::V1 {
            sliver_type,
            sliver_count,
            ..
        } = request
            .message()
            .map_err(|error| invalid(error.to_string()))?
            .body;
        let body = bcs::to_bytes(request).expect("a signed message is plain data");
        let http = self
            .http
            .request(Method::POST, paths::SYNC_SHARD)
            .header(reqwest::header::AUTHORIZATION, caller.to_string())
            .header(reqwest::header::CONTENT_TYPE, OCTET_STREAM)
            .timeout(SYNC_TIMEOUT)
            .body(body);
        let mut stream = SyncStream {
            incoming: self.http.open(http).await?,
            buffer: BytesMut::new(),
            axis: sliver_type,
            left: 0,
            sliver_bytes_max,
        };
        if stream.byte(0).await? != VERSION_1 {
            return Err(invalid("an answer of an unknown version".to_owned()));
        }
        stream.buffer.advance(1);
        let (count, length) = stream.uleb(0).await?;
        stream.buffer.advance(length);
        if u64::saturating_from(count) > sliver_count {
            return Err(invalid("more slivers than were asked for".to_owned()));
        }
        stream.left = count;
        Ok(stream)
    }
}

impl SyncStream {
    /// Slivers still to come.
    pub fn remaining(&self) -> usize {
        self.left
    }

    /// The next sliver; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<SyncedSliver>, NodeError> {
        if self.left == 0 {
            return if self.is_at_end().await? {
                Ok(None)
            } else {
                Err(NodeError::InvalidAnswer("bytes after the end".to_owned()))
            };
        }
        let head = BlobId::default().0.len() + 1;
        self.fill(head).await?;
        let tag = self.buffer[head - 1];
        let expected = match self.axis {
            SliverType::Primary => 0,
            SliverType::Secondary => 1,
        };
        if tag != expected {
            let text = "a sliver of another type than was asked for".to_owned();
            return Err(NodeError::InvalidAnswer(text));
        }
        let (symbols, length) = self.uleb(head).await?;
        if symbols > self.sliver_bytes_max {
            let text = format!("a sliver of {symbols} bytes, too large for this network");
            return Err(NodeError::InvalidAnswer(text));
        }
        let sliver = length + symbols + SLIVER_TAIL_BYTES;
        self.fill(head + sliver).await?;
        let mut id = BlobId::default();
        id.0.copy_from_slice(&self.buffer[..head - 1]);
        self.buffer.advance(head);
        self.left -= 1;
        Ok(Some(SyncedSliver {
            blob_id: id,
            bytes: self.buffer.split_to(sliver).freeze(),
        }))
    }

    async fn is_at_end(&mut self) -> Result<bool, NodeError> {
        while self.buffer.is_empty() {
            let Some(chunk) = self.incoming.chunk().await? else {
                return Ok(true);
            };
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(false)
    }

    /// Waits until `length` bytes are there.
    async fn fill(&mut self, length: usize) -> Result<(), NodeError> {
        while self.buffer.len() < length {
            let Some(chunk) = self.incoming.chunk().await? else {
                return Err(NodeError::InvalidAnswer(
                    "the answer ends in the middle".to_owned(),
                ));
            };
            self.buffer.extend_from_slice(&chunk);
        }
        Ok(())
    }

    async fn byte(&mut self, at: usize) -> Result<u8, NodeError> {
        self.fill(at + 1).await?;
        Ok(self.buffer[at])
    }

    /// The number that starts at `at`, and how many bytes it takes.
    async fn uleb(&mut self, at: usize) -> Result<(usize, usize), NodeError> {
        let mut value = 0_u64;
        for position in 0..ULEB_BYTES_MAX {
            let byte = self.byte(at + position).await?;
            value |= u64::from(byte & 0x7f) << (7 * position);
            if byte & 0x80 == 0 {
                let value = usize::saturating_from(value);
                return Ok((value, position + 1));
            }
        }
        Err(NodeError::InvalidAnswer("a length that is none".to_owned()))
    }
}
