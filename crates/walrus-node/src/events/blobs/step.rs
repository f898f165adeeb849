//! What to do about event blobs next: a pure function of the log and of what the chain says.

use crate::{
    chain::{CertifiedEventBlob, EventBlobsOnChain},
    event_log::{LogState, Section},
};

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing until something happens.
    Wait,
    /// The next event blob is complete: store this node's part of it, and attest that.
    Attest(Section),
    /// The chain has certified event blobs up to the end of this section, or beyond: see whether
    /// this is one of them.
    Compare(Section),
    /// The log does not lead to what is certified: begin it anew after this event blob.
    BeginAfter(CertifiedEventBlob),
}

/// The next step of a node with this log.
pub(super) fn next_step(log: &LogState, chain: &EventBlobsOnChain) -> Step {
    let Some(anchor) = log.anchor() else {
        return match chain.latest {
            Some(latest) if log.continues(latest.last_checkpoint) => Step::BeginAfter(latest),
            _ => Step::Wait,
        };
    };
    let certified = chain.latest.map(|latest| latest.last_checkpoint);
    match (log.oldest(), chain.latest) {
        (Some(section), Some(latest))
            if certified > anchor.last_checkpoint
                && section.last_checkpoint <= latest.last_checkpoint =>
        {
            Step::Compare(section)
        }
        // It ends where none of ours does.
        (_, Some(latest))
            if certified > anchor.last_checkpoint && log.continues(latest.last_checkpoint) =>
        {
            Step::BeginAfter(latest)
        }
        (Some(section), _) if certified <= anchor.last_checkpoint && may_attest(chain, section) => {
            Step::Attest(section)
        }
        _ => Step::Wait,
    }
}

/// Whether the contract takes an attestation: a node has one outstanding at a time, and repeats it
/// in every epoch.
fn may_attest(chain: &EventBlobsOnChain, section: Section) -> bool {
    let certified = chain.latest.map(|latest| latest.last_checkpoint);
    let is_free = chain.attested.is_none_or(|(checkpoint, epoch)| {
        epoch < chain.epoch
            || (Some(checkpoint) <= certified && checkpoint < section.last_checkpoint)
    });
    chain.is_member && is_free
}

#[cfg(test)]
mod tests {
    use walrus_contracts::event_blob::{CutRule, StreamElement};
    use walrus_core::BlobId;

    use super::*;
    use crate::event_log::{Anchor, LogEntry};

    const RULE: CutRule = CutRule {
        bytes_max: u64::MAX,
        checkpoints_max: 10,
    };

    /// A log of checkpoints 100 to `last`, of ten to a section.
    fn log(last: u64) -> LogState {
        let mut log = LogState::default();
        for (index, checkpoint) in (0..).zip(100..=last) {
            let boundary = StreamElement::CheckpointBoundary;
            let entry = LogEntry::new(&boundary, checkpoint, 0, index).unwrap();
            log.offer(&entry, &RULE);
        }
        log
    }

    fn latest(last_checkpoint: u64) -> CertifiedEventBlob {
        CertifiedEventBlob {
            blob_id: BlobId([7; 32]),
            last_checkpoint,
        }
    }

    fn chain(certified: Option<u64>, attested: Option<(u64, u32)>) -> EventBlobsOnChain {
        EventBlobsOnChain {
            epoch: 5,
            latest: certified.map(latest),
            is_member: true,
            attested,
            checkpoint: 1_000,
        }
    }

    #[test]
    fn the_oldest_is_attested_once_in_an_epoch() {
        let section = log(125).oldest().unwrap();
        assert_eq!(section.last_checkpoint, 109);
        let step = |attested| next_step(&log(125), &chain(None, attested));
        assert_eq!(step(None), Step::Attest(section));
        assert_eq!(step(Some((109, 4))), Step::Attest(section));
        assert_eq!(step(Some((109, 5))), Step::Wait);
        // Another is outstanding.
        assert_eq!(step(Some((50, 5))), Step::Wait);
        assert_eq!(next_step(&log(108), &chain(None, None)), Step::Wait);
        let stranger = EventBlobsOnChain {
            is_member: false,
            ..chain(None, None)
        };
        assert_eq!(next_step(&log(125), &stranger), Step::Wait);
    }

    #[test]
    fn the_next_follows_when_the_one_before_is_certified() {
        let mut log = log(125);
        let certified = chain(Some(109), Some((109, 5)));
        assert_eq!(
            next_step(&log, &certified),
            Step::Compare(log.oldest().unwrap())
        );
        log.certify_oldest(BlobId([7; 32]));
        let section = log.oldest().unwrap();
        assert_eq!(section.last_checkpoint, 119);
        assert_eq!(next_step(&log, &certified), Step::Attest(section));
    }

    #[test]
    fn others_that_are_further_are_followed() {
        // Two more are certified: ours are compared one by one.
        let step = next_step(&log(125), &chain(Some(119), None));
        assert_eq!(step, Step::Compare(log(125).oldest().unwrap()));
        // Theirs end where ours do not.
        let step = next_step(&log(125), &chain(Some(105), None));
        assert_eq!(step, Step::BeginAfter(latest(105)));
        // We have not seen its end yet.
        assert_eq!(next_step(&log(104), &chain(Some(105), None)), Step::Wait);
    }

    #[test]
    fn a_log_that_joins_nothing_waits_for_an_event_blob_that_ends_in_it() {
        let mut log = LogState::default();
        for (index, checkpoint) in (40..).zip(140..150) {
            let boundary = StreamElement::CheckpointBoundary;
            log.offer(
                &LogEntry::new(&boundary, checkpoint, 0, index).unwrap(),
                &RULE,
            );
        }
        assert_eq!(log.anchor(), None);
        assert_eq!(next_step(&log, &chain(None, None)), Step::Wait);
        assert_eq!(next_step(&log, &chain(Some(138), None)), Step::Wait);
        let expected = Step::BeginAfter(latest(139));
        assert_eq!(next_step(&log, &chain(Some(139), None)), expected);
        assert_eq!(next_step(&log, &chain(Some(150), None)), Step::Wait);
        let known = Anchor {
            blob_id: BlobId([7; 32]),
            last_checkpoint: Some(139),
            next_index: 40,
            epoch: 2,
        };
        let begun = LogState::after(known);
        assert_eq!(next_step(&begun, &chain(Some(139), None)), Step::Wait);
    }
}
