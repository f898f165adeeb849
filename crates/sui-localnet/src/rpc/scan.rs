//! The walk behind the List streams: over checkpoints in either direction, within bounds, up to a
//! limit, reporting how far it came with every frame.

use std::collections::VecDeque;

use sui_rpc::proto::sui::rpc::{
    v2 as proto,
    v2::{Ordering, QueryEndReason},
};
use tonic::Status;

use super::{errors, position::LedgerPosition};

/// Checkpoints one request looks through before it hands back a cursor to go on from.
pub(crate) const SCAN_CHECKPOINTS_MAX: u64 = 10_000;

/// Checkpoints that a step of a walk looks through at most: in between, the walk ends if the client
/// is gone.
const STEP_CHECKPOINTS_MAX: usize = 256;

/// What one List request asks for, resolved against the tip.
#[derive(Debug)]
pub(crate) struct Query {
    start: u64,
    end: Option<u64>,
    after: Option<LedgerPosition>,
    before: Option<LedgerPosition>,
    descending: bool,
    limit: usize,
    tip: u64,
}

/// Default and largest number of items of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) default: u32,
    pub(crate) max: u32,
}

/// One frame of a List stream without its item's payload.
#[derive(Debug)]
pub(crate) struct Frame<T> {
    pub(crate) item: Option<T>,
    pub(crate) watermark: proto::Watermark,
    pub(crate) end: Option<proto::QueryEnd>,
}

/// Items of one checkpoint in ledger order.
pub(crate) type Items<T> = Vec<(LedgerPosition, T)>;

impl Query {
    /// Understands the range and options of a request.
    pub(crate) fn new(
        start: Option<u64>,
        end: Option<u64>,
        options: Option<proto::QueryOptions>,
        limits: Limits,
        tip: u64,
    ) -> Result<Self, Status> {
        let options = options.unwrap_or_default();
        let descending = match options.ordering.map(Ordering::try_from) {
            None | Some(Ok(Ordering::Ascending)) => false,
            Some(Ok(Ordering::Descending)) => true,
            Some(_) => {
                return Err(errors::invalid_field(
                    "options.ordering",
                    "unknown ordering",
                ));
            }
        };
        Ok(Self {
            start: start.unwrap_or(0),
            end,
            after: LedgerPosition::decode("options.after", options.after.as_deref())?,
            before: LedgerPosition::decode("options.before", options.before.as_deref())?,
            descending,
            limit: super::paging::size(options.limit, limits.default, limits.max),
            tip,
        })
    }

    /// The lowest checkpoint that can hold items of the interval.
    pub(crate) fn lowest(&self) -> u64 {
        let after = self.after.map_or(0, |after| after.checkpoint);
        self.start.max(after)
    }

    /// One past the highest checkpoint that can hold items of the interval.
    fn highest_exclusive(&self) -> u64 {
        let before = self
            .before
            .map_or(u64::MAX, |before| before.checkpoint.saturating_add(1));
        let end = self.end.unwrap_or(u64::MAX);
        end.min(before).min(self.tip.saturating_add(1))
    }

    fn contains(&self, position: LedgerPosition) -> bool {
        self.after.is_none_or(|after| position > after)
            && self.before.is_none_or(|before| position < before)
    }

    /// Why a walk that found everything stops where it does.
    fn bound(&self) -> QueryEndReason {
        if self.descending {
            match self.after {
                Some(after) if after.checkpoint >= self.start => QueryEndReason::CursorBound,
                _ => QueryEndReason::CheckpointBound,
            }
        } else {
            let end = self.end.unwrap_or(u64::MAX);
            let before = self.before.map_or(u64::MAX, |before| before.checkpoint);
            if before < end && before <= self.tip {
                QueryEndReason::CursorBound
            } else if end <= self.tip.saturating_add(1) {
                QueryEndReason::CheckpointBound
            } else {
                QueryEndReason::LedgerTip
            }
        }
    }
}

/// How far a walk came.
struct Progress {
    cursor: prost::bytes::Bytes,
    covered: Option<u64>,
}

impl Progress {
    fn watermark(&self) -> proto::Watermark {
        let mut watermark = proto::Watermark::default();
        watermark.cursor = Some(self.cursor.clone());
        watermark.checkpoint = self.covered;
        watermark
    }
}

/// What a step of a walk comes to.
#[derive(Debug)]
pub(crate) enum Step<T> {
    /// A frame for the client.
    Frame(Frame<T>),
    /// Nothing yet: checkpoints without items were looked through, and there are more.
    More,
    /// The walk is over.
    End,
}

/// A walk over the ledger, which goes on only when it is asked to.
pub(crate) struct Walk<T> {
    query: Query,
    /// Whether an item covers its whole checkpoint.
    covers: bool,
    progress: Progress,
    /// Checkpoints begun so far.
    begun: u64,
    /// The checkpoint whose items are handed out.
    checkpoint: Option<u64>,
    found: VecDeque<(LedgerPosition, T)>,
    /// Items that may still be handed out.
    left: usize,
    over: bool,
}

impl<T> Walk<T> {
    /// A walk that has not begun. `covers` says that an item covers its whole checkpoint.
    pub(crate) fn new(query: Query, covers: bool) -> Self {
        Self {
            progress: Progress {
                cursor: initial_cursor(&query),
                covered: None,
            },
            left: query.limit,
            query,
            covers,
            begun: 0,
            checkpoint: None,
            found: VecDeque::new(),
            over: false,
        }
    }

    /// Goes on to the next frame, or through a few checkpoints without items. `items` gives the
    /// matching items of a checkpoint.
    pub(crate) fn step(
        &mut self,
        mut items: impl FnMut(u64) -> Result<Items<T>, Status>,
    ) -> Result<Step<T>, Status> {
        for _ in 0..STEP_CHECKPOINTS_MAX {
            if self.over {
                return Ok(Step::End);
            }
            if let Some((position, item)) = self.found.pop_front() {
                return Ok(Step::Frame(self.item_frame(position, item)));
            }
            if let Some(checkpoint) = self.checkpoint.take() {
                cover(&self.query, checkpoint, &mut self.progress);
            }
            let (lowest, highest) = (self.query.lowest(), self.query.highest_exclusive());
            if self.begun == highest.saturating_sub(lowest) {
                return Ok(Step::Frame(self.bound_frame()));
            }
            if self.begun == SCAN_CHECKPOINTS_MAX {
                return Ok(Step::Frame(self.end_frame(QueryEndReason::ScanLimit)));
            }
            let checkpoint = if self.query.descending {
                highest - 1 - self.begun
            } else {
                lowest + self.begun
            };
            self.begun += 1;
            let mut found = items(checkpoint)?;
            found.retain(|(position, _)| self.query.contains(*position));
            if self.query.descending {
                found.reverse();
            }
            self.found = found.into();
            self.checkpoint = Some(checkpoint);
        }
        Ok(Step::More)
    }

    fn item_frame(&mut self, position: LedgerPosition, item: T) -> Frame<T> {
        self.progress.cursor = position.encode();
        if self.covers {
            self.progress.covered = self.checkpoint;
        }
        self.left -= 1;
        self.over = self.left == 0;
        Frame {
            item: Some(item),
            watermark: self.progress.watermark(),
            end: self.over.then(|| query_end(QueryEndReason::ItemLimit)),
        }
    }

    /// The last frame of a walk that found everything.
    fn bound_frame(&mut self) -> Frame<T> {
        let reason = self.query.bound();
        if reason == QueryEndReason::CursorBound {
            let bound = if self.query.descending {
                self.query.after
            } else {
                self.query.before
            };
            if let Some(bound) = bound {
                self.progress.cursor = bound.encode();
            }
        }
        self.end_frame(reason)
    }

    fn end_frame(&mut self, reason: QueryEndReason) -> Frame<T> {
        self.over = true;
        Frame {
            item: None,
            watermark: self.progress.watermark(),
            end: Some(query_end(reason)),
        }
    }
}

/// Notes that all of `checkpoint` has been walked, unless a cursor bound cuts it short on the far
/// side.
fn cover(query: &Query, checkpoint: u64, progress: &mut Progress) {
    let cut = if query.descending {
        query
            .after
            .is_some_and(|after| after.checkpoint == checkpoint)
    } else {
        query
            .before
            .is_some_and(|before| before.checkpoint == checkpoint)
    };
    if !cut {
        progress.covered = Some(checkpoint);
        progress.cursor = if query.descending {
            LedgerPosition::start_of(checkpoint).encode()
        } else {
            LedgerPosition::end_of(checkpoint).encode()
        };
    }
}

/// A cursor to resume from before anything was walked; empty means from the very beginning.
fn initial_cursor(query: &Query) -> prost::bytes::Bytes {
    let position = if query.descending {
        let end = query.end.map(LedgerPosition::start_of);
        match (query.before, end) {
            (Some(before), Some(end)) => Some(before.min(end)),
            (before, end) => before.or(end),
        }
        .or(Some(LedgerPosition::end_of(query.tip)))
    } else {
        query
            .after
            .max(query.start.checked_sub(1).map(LedgerPosition::end_of))
    };
    position.map(LedgerPosition::encode).unwrap_or_default()
}

fn query_end(reason: QueryEndReason) -> proto::QueryEnd {
    let mut end = proto::QueryEnd::default();
    end.reason = Some(reason.into());
    end
}

#[cfg(test)]
mod tests;
