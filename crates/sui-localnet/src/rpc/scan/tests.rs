//! Bounds, limits and cursors of walks.

use proptest::{
    option,
    prelude::{prop_assert_eq, proptest},
};

use super::*;

const LIMITS: Limits = Limits {
    default: 3,
    max: 100,
};

type Place = (u64, u64);

/// Two items per checkpoint, checkpoints 0 to 4.
fn walk(
    start: Option<u64>,
    end: Option<u64>,
    options: proto::QueryOptions,
) -> (Vec<Place>, Frame<Place>) {
    let query = Query::new(start, end, Some(options), LIMITS, 4).expect("valid");
    let mut frames = Vec::new();
    let mut walk = Walk::new(query, false);
    let mut step = || {
        walk.step(|checkpoint| {
            Ok((0..2)
                .map(|transaction| {
                    let position = LedgerPosition {
                        checkpoint,
                        transaction,
                        event: 0,
                    };
                    (position, (checkpoint, transaction))
                })
                .collect())
        })
        .expect("no failure")
    };
    loop {
        match step() {
            Step::Frame(frame) => frames.push(frame),
            Step::More => {}
            Step::End => break,
        }
    }
    let items = frames.iter().filter_map(|frame| frame.item).collect();
    (items, frames.pop().expect("an end frame"))
}

fn options(limit: u32) -> proto::QueryOptions {
    let mut options = proto::QueryOptions::default();
    options.limit = Some(limit);
    options
}

fn reason(frame: &Frame<(u64, u64)>) -> QueryEndReason {
    frame.end.as_ref().expect("end").reason()
}

#[test]
fn the_item_limit_ends_on_an_item_and_its_cursor_continues() {
    let (items, last) = walk(None, None, proto::QueryOptions::default());
    assert_eq!(items, [(0, 0), (0, 1), (1, 0)]);
    assert_eq!(reason(&last), QueryEndReason::ItemLimit);
    assert_eq!(last.watermark.checkpoint, Some(0));
    let mut next = options(100);
    next.after = last.watermark.cursor;
    let (items, last) = walk(None, None, next);
    assert_eq!(items[0], (1, 1));
    assert_eq!(items.len(), 7);
    assert_eq!(reason(&last), QueryEndReason::LedgerTip);
    assert_eq!(last.watermark.checkpoint, Some(4));
}

#[test]
fn checkpoint_bounds_are_half_open_and_reported() {
    let (items, last) = walk(Some(1), Some(3), options(100));
    assert_eq!(items, [(1, 0), (1, 1), (2, 0), (2, 1)]);
    assert_eq!(reason(&last), QueryEndReason::CheckpointBound);
    assert_eq!(last.watermark.checkpoint, Some(2));
    let (items, last) = walk(Some(9), None, options(100));
    assert!(items.is_empty());
    assert_eq!(reason(&last), QueryEndReason::LedgerTip);
    assert_eq!(last.watermark.checkpoint, None);
}

#[test]
fn cursor_bounds_cut_inside_a_checkpoint() {
    let mut bounded = options(100);
    bounded.after = Some(
        LedgerPosition {
            checkpoint: 1,
            transaction: 0,
            event: 0,
        }
        .encode(),
    );
    bounded.before = Some(
        LedgerPosition {
            checkpoint: 3,
            transaction: 1,
            event: 0,
        }
        .encode(),
    );
    let (items, last) = walk(None, None, bounded);
    assert_eq!(items, [(1, 1), (2, 0), (2, 1), (3, 0)]);
    assert_eq!(reason(&last), QueryEndReason::CursorBound);
    assert_eq!(last.watermark.checkpoint, Some(2));
}

#[test]
fn descending_walks_end_at_the_start() {
    let mut descending = options(100);
    descending.ordering = Some(Ordering::Descending.into());
    let (items, last) = walk(Some(3), None, descending.clone());
    assert_eq!(items, [(4, 1), (4, 0), (3, 1), (3, 0)]);
    assert_eq!(reason(&last), QueryEndReason::CheckpointBound);
    assert_eq!(last.watermark.checkpoint, Some(3));
    descending.limit = Some(1);
    let (items, last) = walk(None, None, descending.clone());
    assert_eq!(items, [(4, 1)]);
    descending.before = last.watermark.cursor;
    assert_eq!(walk(None, None, descending).0, [(4, 0)]);
}

proptest! {
    /// Whatever the bounds, direction and page size: following the cursors finds every item of the
    /// interval once, in order.
    #[test]
    fn pages_partition_the_interval(
        start in option::of(0u64..7),
        end in option::of(0u64..7),
        after in option::of((0u64..6, 0u64..2)),
        before in option::of((0u64..6, 0u64..2)),
        descending: bool,
        limit in 1u32..4,
    ) {
        let place = |(checkpoint, transaction)| LedgerPosition {
            checkpoint,
            transaction,
            event: 0,
        };
        let mut options = options(limit);
        options.after = after.map(|after| place(after).encode());
        options.before = before.map(|before| place(before).encode());
        if descending {
            options.set_ordering(Ordering::Descending);
        }
        let mut found = Vec::new();
        loop {
            let (items, last) = walk(start, end, options.clone());
            found.extend(items);
            if reason(&last) != QueryEndReason::ItemLimit {
                break;
            }
            let resume = last.watermark.cursor;
            if descending {
                options.before = resume;
            } else {
                options.after = resume;
            }
        }
        let mut expected: Vec<Place> = (0..5)
            .flat_map(|checkpoint| [(checkpoint, 0), (checkpoint, 1)])
            .filter(|(checkpoint, _)| start.is_none_or(|start| *checkpoint >= start))
            .filter(|(checkpoint, _)| end.is_none_or(|end| *checkpoint < end))
            .filter(|item| after.is_none_or(|after| *item > after))
            .filter(|item| before.is_none_or(|before| *item < before))
            .collect();
        if descending {
            expected.reverse();
        }
        prop_assert_eq!(found, expected);
    }
}
