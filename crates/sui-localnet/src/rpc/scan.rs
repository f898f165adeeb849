//! The walk behind the List streams: over checkpoints in either direction, within bounds, up to a limit, reporting
//! how far it came with every frame.

use super::errors;
use super::position::Position;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::{Ordering, QueryEndReason};
use tonic::Status;

/// Checkpoints one request looks through before it hands back a cursor to go on from.
pub(crate) const SCAN_CHECKPOINTS_MAX: u64 = 10_000;

/// What one List request asks for, resolved against the tip.
#[derive(Debug)]
pub(crate) struct Query {
    start: u64,
    end: Option<u64>,
    after: Option<Position>,
    before: Option<Position>,
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
pub(crate) type Items<T> = Vec<(Position, T)>;

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
            after: Position::decode("options.after", options.after.as_deref())?,
            before: Position::decode("options.before", options.before.as_deref())?,
            descending,
            limit: super::paging::size(options.limit, limits.default, limits.max),
            tip,
        })
    }

    /// The lowest checkpoint that can hold items of the interval.
    fn lowest(&self) -> u64 {
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

    fn contains(&self, position: Position) -> bool {
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

/// Walks the ledger. `items` gives the matching items of a checkpoint; `covers` says that an item covers its whole
/// checkpoint; `emit` takes frames and returns `false` to stop the walk.
pub(crate) fn run<T>(
    query: &Query,
    covers: bool,
    mut items: impl FnMut(u64) -> Result<Items<T>, Status>,
    mut emit: impl FnMut(Frame<T>) -> bool,
) -> Result<(), Status> {
    let mut progress = Progress {
        cursor: initial_cursor(query),
        covered: None,
    };
    let (lowest, highest) = (query.lowest(), query.highest_exclusive());
    let mut left = query.limit;
    for step in 0..highest.saturating_sub(lowest) {
        if step == SCAN_CHECKPOINTS_MAX {
            finish(&progress, QueryEndReason::ScanLimit, &mut emit);
            return Ok(());
        }
        let checkpoint = if query.descending {
            highest - 1 - step
        } else {
            lowest + step
        };
        let mut found = items(checkpoint)?;
        found.retain(|(position, _)| query.contains(*position));
        if query.descending {
            found.reverse();
        }
        for (position, item) in found {
            progress.cursor = position.encode();
            if covers {
                progress.covered = Some(checkpoint);
            }
            left -= 1;
            let end = (left == 0).then(|| query_end(QueryEndReason::ItemLimit));
            let frame = Frame {
                item: Some(item),
                watermark: progress.watermark(),
                end,
            };
            if !emit(frame) || left == 0 {
                return Ok(());
            }
        }
        cover(query, checkpoint, &mut progress);
    }
    let reason = query.bound();
    if reason == QueryEndReason::CursorBound {
        let bound = if query.descending {
            query.after
        } else {
            query.before
        };
        if let Some(bound) = bound {
            progress.cursor = bound.encode();
        }
    }
    finish(&progress, reason, &mut emit);
    Ok(())
}

/// Notes that all of `checkpoint` has been walked, unless a cursor bound cuts it short on the far side.
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
            Position::start_of(checkpoint).encode()
        } else {
            Position::end_of(checkpoint).encode()
        };
    }
}

/// A cursor to resume from before anything was walked; empty means from the very beginning.
fn initial_cursor(query: &Query) -> prost::bytes::Bytes {
    let position = if query.descending {
        let end = query.end.map(Position::start_of);
        match (query.before, end) {
            (Some(before), Some(end)) => Some(before.min(end)),
            (before, end) => before.or(end),
        }
        .or(Some(Position::end_of(query.tip)))
    } else {
        query
            .after
            .max(query.start.checked_sub(1).map(Position::end_of))
    };
    position.map(Position::encode).unwrap_or_default()
}

fn finish<T>(progress: &Progress, reason: QueryEndReason, emit: &mut impl FnMut(Frame<T>) -> bool) {
    emit(Frame {
        item: None,
        watermark: progress.watermark(),
        end: Some(query_end(reason)),
    });
}

fn query_end(reason: QueryEndReason) -> proto::QueryEnd {
    let mut end = proto::QueryEnd::default();
    end.reason = Some(reason.into());
    end
}

#[cfg(test)]
mod tests;
