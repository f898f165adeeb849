use sui_crypto::bls12381::Bls12381PrivateKey;
use sui_sdk_types::{
    Address, Bitmap, CheckpointTransactionInfo, EndOfEpochData, ExecutionStatus, GasCostSummary,
    Identifier, StructTag, TransactionEffectsV2, ValidatorCommittee, ValidatorCommitteeMember,
};

use super::{known::Known, *};

const NUMBER: u64 = 7;
const EPOCH: u64 = 3;
const TIMESTAMP_MS: u64 = 5_000;

/// What an honest full node has of one checkpoint, before it is told.
#[derive(Clone)]
struct Honest {
    summary: CheckpointSummary,
    contents: CheckpointContents,
    transactions: Vec<(TransactionEffects, Option<TransactionEvents>)>,
}

fn key(byte: u8) -> Bls12381PrivateKey {
    Bls12381PrivateKey::new([byte; 32]).unwrap()
}

fn members(keys: &[u8]) -> Vec<ValidatorCommitteeMember> {
    let member = |byte: &u8| ValidatorCommitteeMember {
        public_key: key(*byte).public_key(),
        stake: 10,
    };
    keys.iter().map(member).collect()
}

fn committee(epoch: u64, keys: &[u8]) -> ValidatorCommitteeSignatureVerifier {
    let members = members(keys);
    ValidatorCommitteeSignatureVerifier::new(ValidatorCommittee { epoch, members }).unwrap()
}

fn event(byte: u8) -> Event {
    Event {
        package_id: Address::new([1; 32]),
        module: Identifier::new("events").unwrap(),
        sender: Address::new([2; 32]),
        type_: "0xabc::events::EpochChangeDone"
            .parse::<StructTag>()
            .unwrap(),
        contents: vec![byte; 4],
    }
}

fn effects(byte: u8, events: Option<&TransactionEvents>) -> TransactionEffects {
    TransactionEffects::V2(Box::new(TransactionEffectsV2 {
        status: ExecutionStatus::Success,
        epoch: EPOCH,
        gas_used: GasCostSummary::new(1, 2, 3, 4),
        transaction_digest: Digest::new([byte; 32]),
        gas_object_index: None,
        events_digest: events.map(TransactionEvents::digest),
        dependencies: Vec::new(),
        lamport_version: 1,
        changed_objects: Vec::new(),
        unchanged_consensus_objects: Vec::new(),
        auxiliary_data_digest: None,
    }))
}

fn honest() -> Honest {
    let events = [
        Some(TransactionEvents(vec![event(1), event(2)])),
        None,
        Some(TransactionEvents(vec![event(3)])),
    ];
    let transactions: Vec<_> = events
        .into_iter()
        .zip(1u8..)
        .map(|(events, byte)| (effects(byte, events.as_ref()), events))
        .collect();
    let infos = transactions.iter().map(|(effects, _)| {
        let transaction = *effects.transaction_digest();
        CheckpointTransactionInfo::new(transaction, effects.digest(), Vec::new())
    });
    let contents = CheckpointContents::new_v1(infos.collect());
    let summary = CheckpointSummary {
        epoch: EPOCH,
        sequence_number: NUMBER,
        network_total_transactions: 100,
        content_digest: contents.digest(),
        previous_digest: Some(Digest::new([9; 32])),
        epoch_rolling_gas_cost_summary: GasCostSummary::new(1, 2, 3, 4),
        timestamp_ms: TIMESTAMP_MS,
        checkpoint_commitments: Vec::new(),
        end_of_epoch_data: None,
        version_specific_data: Vec::new(),
    };
    Honest {
        summary,
        contents,
        transactions,
    }
}

fn bcs<T: serde::Serialize>(value: &T) -> proto::Bcs {
    proto::Bcs::from(bcs::to_bytes(value).unwrap())
}

fn signature(summary: &CheckpointSummary, signer: u8) -> ValidatorAggregatedSignature {
    let mut bitmap = Bitmap::new();
    bitmap.insert(0);
    ValidatorAggregatedSignature {
        epoch: summary.epoch,
        signature: key(signer).sign_checkpoint_summary(summary).signature,
        bitmap,
    }
}

impl Honest {
    fn tell(&self) -> proto::Checkpoint {
        self.tell_signed(signature(&self.summary, 1))
    }

    fn tell_signed(&self, signature: ValidatorAggregatedSignature) -> proto::Checkpoint {
        let transactions = self.transactions.iter().map(|(effects, events)| {
            let told = proto::ExecutedTransaction::default()
                .with_effects(proto::TransactionEffects::default().with_bcs(bcs(effects)));
            match events {
                Some(events) => {
                    told.with_events(proto::TransactionEvents::default().with_bcs(bcs(events)))
                }
                None => told,
            }
        });
        proto::Checkpoint::default()
            .with_sequence_number(self.summary.sequence_number)
            .with_summary(proto::CheckpointSummary::default().with_bcs(bcs(&self.summary)))
            .with_signature(proto::ValidatorAggregatedSignature::from(signature))
            .with_contents(proto::CheckpointContents::default().with_bcs(bcs(&self.contents)))
            .with_transactions(transactions.collect::<Vec<_>>())
    }
}

fn flaw(told: &proto::Checkpoint) -> Flaw {
    prove(told, NUMBER, &committee(EPOCH, &[1])).unwrap_err()
}

#[test]
fn what_the_validators_signed_is_proven() {
    let proven = prove(&honest().tell(), NUMBER, &committee(EPOCH, &[1])).unwrap();
    assert_eq!(proven.summary.timestamp_ms, TIMESTAMP_MS);
    let digest = |byte| Digest::new([byte; 32]);
    let expected = [
        (digest(1), vec![event(1), event(2)]),
        (digest(2), vec![]),
        (digest(3), vec![event(3)]),
    ];
    assert_eq!(proven.transactions, expected);
}

#[test]
fn every_field_of_the_summary_is_signed() {
    let changes: [fn(&mut CheckpointSummary); 9] = [
        |summary| summary.network_total_transactions += 1,
        |summary| summary.content_digest = Digest::ZERO,
        |summary| summary.previous_digest = None,
        |summary| summary.epoch_rolling_gas_cost_summary = GasCostSummary::new(0, 0, 0, 0),
        |summary| summary.timestamp_ms += 1,
        |summary| {
            let commitment = sui_sdk_types::CheckpointCommitment::EcmhLiveObjectSet {
                digest: Digest::ZERO,
            };
            summary.checkpoint_commitments.push(commitment);
        },
        |summary| summary.end_of_epoch_data = Some(end(&[2])),
        |summary| summary.version_specific_data.push(1),
        |summary| summary.content_digest = Digest::new([1; 32]),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let mut changed = honest();
        let signed = signature(&changed.summary, 1);
        change(&mut changed.summary);
        let flaw = flaw(&changed.tell_signed(signed));
        assert!(matches!(flaw, Flaw::Signature(_)), "{index}: {flaw}");
    }
}

#[test]
fn another_checkpoint_or_epoch_is_refused_whoever_signed_it() {
    let mut other = honest();
    other.summary.sequence_number += 1;
    let expected = Flaw::OtherNumber {
        expected: NUMBER,
        got: NUMBER + 1,
    };
    assert_eq!(flaw(&other.tell()), expected);
    let mut other = honest();
    other.summary.epoch -= 1;
    let expected = Flaw::OtherEpoch {
        expected: EPOCH,
        got: EPOCH - 1,
    };
    assert_eq!(flaw(&other.tell()), expected);
}

#[test]
fn signatures_of_others_or_of_too_few_are_none() {
    let told = honest();
    let by_stranger = told.tell_signed(signature(&told.summary, 2));
    assert!(matches!(flaw(&by_stranger), Flaw::Signature(_)));
    let mut old = signature(&told.summary, 1);
    old.epoch -= 1;
    assert!(matches!(flaw(&told.tell_signed(old)), Flaw::Signature(_)));
    let mut nobody = signature(&told.summary, 1);
    nobody.bitmap = Bitmap::new();
    assert!(matches!(
        flaw(&told.tell_signed(nobody)),
        Flaw::Signature(_)
    ));
    let mut outside = signature(&told.summary, 1);
    outside.bitmap.insert(77);
    assert!(matches!(
        flaw(&told.tell_signed(outside)),
        Flaw::Signature(_)
    ));
    // One of four members has signed.
    let four = committee(EPOCH, &[1, 2, 3, 4]);
    let flaw = prove(&told.tell(), NUMBER, &four).unwrap_err();
    assert!(matches!(flaw, Flaw::Signature(_)), "{flaw}");
}

#[test]
fn transactions_are_all_there_in_order() {
    let mut short = honest();
    short.transactions.pop();
    let expected = Flaw::Count {
        expected: 3,
        got: 2,
    };
    assert_eq!(flaw(&short.tell()), expected);
    let mut long = honest();
    long.transactions.push(long.transactions[0].clone());
    assert!(matches!(flaw(&long.tell()), Flaw::Count { .. }));
    let mut exchanged = honest();
    exchanged.transactions.swap(1, 2);
    assert_eq!(flaw(&exchanged.tell()), Flaw::Effects(1));

    let mut contents = honest();
    let infos = contents.contents.transactions()[..2].to_vec();
    contents.contents = CheckpointContents::new_v1(infos);
    contents.transactions.pop();
    assert_eq!(flaw(&contents.tell()), Flaw::Contents);
}

#[test]
fn events_are_those_that_the_effects_name() {
    let changes: [fn(&mut Vec<Event>); 8] = [
        |events| drop(events.pop()),
        |events| events.push(event(9)),
        |events| events.swap(0, 1),
        |events| events[0].contents[0] ^= 1,
        |events| events[0].type_ = "0xabd::events::EpochChangeDone".parse().unwrap(),
        |events| events[0].package_id = Address::new([3; 32]),
        |events| events[0].module = Identifier::new("other").unwrap(),
        |events| events[0].sender = Address::new([3; 32]),
    ];
    for change in changes {
        let mut told = honest();
        change(&mut told.transactions[0].1.as_mut().unwrap().0);
        assert_eq!(flaw(&told.tell()), Flaw::Events(0));
    }
    let mut left_out = honest();
    left_out.transactions[2].1 = None;
    assert_eq!(flaw(&left_out.tell()), Flaw::Missing("events"));

    // Effects that know of no events, in place of those that do.
    let mut without = honest();
    without.transactions[2] = (effects(3, None), None);
    assert_eq!(flaw(&without.tell()), Flaw::Effects(2));
    // Effects that name none: what is invented has no effect.
    let mut invented = honest();
    invented.transactions[1].1 = Some(TransactionEvents(vec![event(8)]));
    let proven = prove(&invented.tell(), NUMBER, &committee(EPOCH, &[1])).unwrap();
    assert_eq!(proven.transactions[1].1, []);
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let whole = honest().tell();
    let bytes = || proto::Bcs::from(vec![0xff; 3]);
    let malformed = |told: &proto::Checkpoint| match flaw(told) {
        Flaw::Malformed { what, .. } => what,
        other => panic!("{other}"),
    };
    let mut told = whole.clone();
    told.summary = None;
    assert_eq!(flaw(&told), Flaw::Missing("the summary"));
    told.summary = Some(proto::CheckpointSummary::default().with_bcs(bytes()));
    assert_eq!(malformed(&told), "the summary");
    let mut told = whole.clone();
    told.signature = None;
    assert_eq!(flaw(&told), Flaw::Missing("the signature"));
    told.signature = Some(proto::ValidatorAggregatedSignature::default());
    assert_eq!(malformed(&told), "the signature");
    let mut told = whole.clone();
    told.contents = None;
    assert_eq!(flaw(&told), Flaw::Missing("the contents"));
    told.contents = Some(proto::CheckpointContents::default().with_bcs(bytes()));
    assert_eq!(malformed(&told), "the contents");
    let mut told = whole;
    told.transactions[0].effects = None;
    assert_eq!(flaw(&told), Flaw::Missing("effects"));
}

fn end(keys: &[u8]) -> EndOfEpochData {
    EndOfEpochData {
        next_epoch_committee: members(keys),
        next_epoch_protocol_version: 1,
        epoch_commitments: Vec::new(),
    }
}

fn first(keys: &[u8]) -> ValidatorCommittee {
    let members = members(keys);
    ValidatorCommittee {
        epoch: EPOCH,
        members,
    }
}

#[test]
fn committees_follow_one_another_and_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("validators.json");
    assert!(Known::read(&path, None).unwrap().is_none());
    let mut known = Known::new(first(&[1])).unwrap();
    assert!(!known.follow(EPOCH - 1, &end(&[5])).unwrap());
    assert!(!known.follow(EPOCH + 1, &end(&[5])).unwrap());
    assert!(known.follow(EPOCH, &end(&[2])).unwrap());
    assert!(known.follow(EPOCH + 1, &end(&[3])).unwrap());
    let anchor = Some(Digest::new([4; 32]));
    known.write(&path, anchor).unwrap();

    for trusted in [None, anchor] {
        let read = Known::read(&path, trusted).unwrap().unwrap();
        assert!(read.of_epoch(EPOCH).is_none());
        assert_eq!(read.first_epoch(), EPOCH + 1);
        let last = read.last().committee();
        assert_eq!((last.epoch, &last.members), (EPOCH + 2, &members(&[3])));
    }
    // Another trusted checkpoint: what was believed before does not count.
    assert!(Known::read(&path, Some(Digest::ZERO)).unwrap().is_none());
    std::fs::write(&path, "{").unwrap();
    assert!(Known::read(&path, None).is_err());
    std::fs::write(&path, r#"{"trusted_checkpoint":null,"committees":[]}"#).unwrap();
    assert!(Known::read(&path, None).is_err());
}

#[test]
fn committees_that_no_chain_has_are_refused() {
    assert!(Known::new(first(&[])).is_err());
    let mut huge = first(&[1, 2]);
    huge.members[0].stake = u64::MAX;
    assert!(Known::new(huge).is_err());
    let mut known = Known::new(first(&[1])).unwrap();
    assert!(known.follow(EPOCH, &end(&[])).is_err());
    assert_eq!(known.last().committee().epoch, EPOCH);
}
