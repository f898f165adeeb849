//! The ledger's promises, kept by both stores.

use super::*;
use crate::chain::seal::seal_block;
use std::path::Path;
use sui_sdk_types::{
    Argument, ExecutionStatus, GasCostSummary, GasPayment, Identifier, MoveStruct, ObjectData,
    Owner, ProgrammableTransaction, SplitCoins, StructTag, Transaction, TransactionEffectsV2,
    TransactionExpiration, TransactionKind, TypeTag,
};

const ALICE: Address = Address::new([0xa1; 32]);
const BOB: Address = Address::new([0xb0; 32]);

fn object(id: u8, version: u64, owner: Owner, tag: StructTag, tail: &[u8]) -> Object {
    let mut contents = vec![id; Address::LENGTH];
    contents.extend(tail);
    let value = MoveStruct::new(tag, true, version, contents).expect("has an id");
    Object::new(ObjectData::Struct(value), owner, Digest::ZERO, 0)
}

fn coin(id: u8, version: u64, owner: Address, balance: u64) -> Object {
    object(
        id,
        version,
        Owner::Address(owner),
        StructTag::gas_coin(),
        &balance.to_le_bytes(),
    )
}

/// A transaction that differs from others by `nonce`.
fn applied(nonce: u16, written: Vec<Object>, removed: Vec<Address>) -> AppliedTransaction {
    let split = SplitCoins {
        coin: Argument::Gas,
        amounts: vec![Argument::Input(nonce)],
    };
    let transaction = Transaction {
        kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
            inputs: Vec::new(),
            commands: vec![sui_sdk_types::Command::SplitCoins(split)],
        }),
        sender: ALICE,
        gas_payment: GasPayment {
            objects: Vec::new(),
            owner: ALICE,
            price: 1,
            budget: 1,
        },
        expiration: TransactionExpiration::None,
    };
    let effects = TransactionEffectsV2 {
        status: ExecutionStatus::Success,
        epoch: 0,
        gas_used: GasCostSummary::new(1, 2, 3, 4),
        transaction_digest: transaction.digest(),
        gas_object_index: None,
        events_digest: None,
        dependencies: Vec::new(),
        lamport_version: 1,
        changed_objects: Vec::new(),
        unchanged_consensus_objects: Vec::new(),
        auxiliary_data_digest: None,
    };
    AppliedTransaction {
        record: TransactionRecord {
            transaction,
            signatures: Vec::new(),
            effects: sui_sdk_types::TransactionEffects::V2(Box::new(effects)),
            events: None,
            checkpoint: 0,
            index: 0,
            timestamp_ms: 0,
            balance_changes: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            failure_detail: None,
        },
        written,
        removed,
    }
}

fn append(ledger: &Ledger, transactions: Vec<AppliedTransaction>) {
    let tip = ledger.tip();
    let previous = tip
        .as_ref()
        .map(|tip| (&tip.checkpoint.summary, tip.digest));
    let block = seal_block(previous, 1_000, 5, transactions);
    ledger.append(block).expect("appends");
}

/// Runs a test on a ledger in memory and on one on disk.
fn on_both_stores(test: impl Fn(&Ledger)) {
    test(&Ledger::open(Box::<MemoryStore>::default()).expect("memory"));
    let directory = tempfile::tempdir().expect("temporary directory");
    test(&open_disk(directory.path()));
}

fn open_disk(path: &Path) -> Ledger {
    Ledger::open(Box::new(DiskStore::open(path).expect("opens"))).expect("reads")
}

fn ids(ledger: &Ledger, owner: &Address, filter: &str) -> Vec<u8> {
    let filter = filter.parse().expect("filter");
    let page = ledger
        .owned_objects(owner, &filter, None, 100)
        .expect("lists");
    page.entries
        .iter()
        .map(|entry| entry.id.as_bytes()[0])
        .collect()
}

#[test]
fn owned_objects_follow_transfers_and_sort_coins_by_balance() {
    on_both_stores(|ledger| {
        let coins = vec![
            coin(1, 1, ALICE, 10),
            coin(2, 1, ALICE, 30),
            coin(3, 1, ALICE, 20),
        ];
        append(ledger, vec![applied(0, coins, Vec::new())]);
        assert_eq!(
            ids(ledger, &ALICE, "0x2::coin::Coin<0x2::sui::SUI>"),
            [2, 3, 1]
        );

        append(
            ledger,
            vec![applied(
                1,
                vec![coin(2, 2, BOB, 30), coin(1, 2, ALICE, 99)],
                vec![Address::new([3; 32])],
            )],
        );
        assert_eq!(ids(ledger, &ALICE, "0x2::coin"), [1]);
        assert_eq!(ids(ledger, &BOB, "0x2::coin::Coin"), [2]);
        assert!(
            ledger
                .object(&Address::new([3; 32]))
                .expect("reads")
                .is_none()
        );
        assert!(
            ledger
                .object_version(&Address::new([3; 32]), 1)
                .expect("reads")
                .is_some()
        );
        let sui = TypeTag::from(StructTag::sui());
        assert_eq!(
            ledger.balances(&ALICE, Some(&sui)).expect("sums")[&sui.to_string()],
            99
        );
    });
}

#[test]
fn pages_continue_where_they_ended() {
    on_both_stores(|ledger| {
        let coins = (1..=5)
            .map(|id| coin(id, 1, ALICE, u64::from(id)))
            .collect();
        append(ledger, vec![applied(0, coins, Vec::new())]);
        let mut seen = Vec::new();
        let mut cursor: Option<Vec<u8>> = None;
        loop {
            let page = ledger
                .owned_objects(&ALICE, &TypeFilter::Any, cursor.as_deref(), 2)
                .expect("lists");
            seen.extend(page.entries.iter().map(|entry| entry.id.as_bytes()[0]));
            if !page.more {
                break;
            }
            cursor = page.entries.last().map(|entry| entry.cursor.clone());
        }
        assert_eq!(seen, [5, 4, 3, 2, 1]);
    });
}

#[test]
fn dynamic_fields_are_listed_under_their_parent_only() {
    let field = |id, parent| {
        let tag: StructTag = "0x2::dynamic_field::Field<u64, u64>".parse().expect("type");
        object(id, 1, Owner::Object(parent), tag, &[0; 16])
    };
    on_both_stores(|ledger| {
        let fields = vec![field(7, ALICE), field(8, ALICE), field(9, BOB)];
        append(ledger, vec![applied(0, fields, Vec::new())]);
        append(
            ledger,
            vec![applied(1, Vec::new(), vec![Address::new([7; 32])])],
        );
        let page = ledger.dynamic_fields(&ALICE, None, 10).expect("lists");
        assert_eq!(page.entries, [Address::new([8; 32])]);
        assert!(ids(ledger, &ALICE, "0x2").is_empty());
    });
}

#[test]
fn coin_records_are_found_by_type() {
    let tag = StructTag::new(
        Address::TWO,
        Identifier::from_static("coin"),
        Identifier::from_static("CoinMetadata"),
        vec![StructTag::sui().into()],
    );
    on_both_stores(|ledger| {
        let metadata = object(4, 1, Owner::Immutable, tag.clone(), &[]);
        append(ledger, vec![applied(0, vec![metadata], Vec::new())]);
        assert_eq!(
            ledger.coin_record(&tag).expect("reads"),
            Some(Address::new([4; 32]))
        );
        assert_eq!(ledger.coin_record(&StructTag::sui()).expect("reads"), None);
    });
}

#[test]
fn checkpoints_chain_and_count() {
    on_both_stores(|ledger| {
        append(ledger, vec![applied(0, Vec::new(), Vec::new())]);
        let genesis = ledger.tip().expect("tip");
        append(
            ledger,
            vec![
                applied(1, Vec::new(), Vec::new()),
                applied(2, Vec::new(), Vec::new()),
            ],
        );
        let tip = ledger.tip().expect("tip");
        assert_eq!(tip.chain_id, genesis.digest);
        let summary = &tip.checkpoint.summary;
        assert_eq!(summary.previous_digest, Some(genesis.digest));
        assert_eq!(summary.network_total_transactions, 3);
        assert_eq!(summary.epoch_rolling_gas_cost_summary.storage_cost, 6);
        let by_digest = ledger.checkpoint_by_digest(&tip.digest).expect("reads");
        assert_eq!(by_digest, Some(tip.checkpoint));
    });
}

#[test]
fn a_checkpoint_that_does_not_follow_the_tip_changes_nothing() {
    on_both_stores(|ledger| {
        append(ledger, vec![applied(0, Vec::new(), Vec::new())]);
        let second_genesis = seal_block(
            None,
            1,
            0,
            vec![applied(1, vec![coin(1, 1, ALICE, 1)], Vec::new())],
        );
        assert!(ledger.append(second_genesis).is_err());
        assert!(
            ledger
                .object(&Address::new([1; 32]))
                .expect("reads")
                .is_none()
        );
        assert_eq!(
            ledger
                .tip()
                .expect("tip")
                .checkpoint
                .summary
                .sequence_number,
            0
        );
    });
}

#[test]
fn a_reopened_ledger_continues_at_its_tip() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let ledger = open_disk(directory.path());
    append(
        &ledger,
        vec![applied(0, vec![coin(1, 1, ALICE, 10)], Vec::new())],
    );
    append(
        &ledger,
        vec![applied(1, vec![coin(1, 2, BOB, 10)], Vec::new())],
    );
    let before = ledger.tip();
    drop(ledger);

    let ledger = open_disk(directory.path());
    assert_eq!(ledger.tip(), before);
    assert_eq!(ledger.tip().expect("tip").clock_offset_ms, 5);
    assert_eq!(ids(&ledger, &BOB, "0x2"), [1]);
    append(&ledger, vec![applied(2, Vec::new(), Vec::new())]);
}

#[test]
fn a_directory_in_use_and_a_file_in_its_place_are_refused() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let _held = open_disk(directory.path());
    assert!(matches!(
        DiskStore::open(directory.path()),
        Err(OpenError::Locked(_))
    ));
    let file = directory.path().join("file");
    std::fs::write(&file, b"not a database").expect("writes");
    assert!(matches!(
        DiskStore::open(&file),
        Err(OpenError::Unusable { .. })
    ));
}

#[test]
fn foreign_layouts_are_refused() {
    let store = MemoryStore::default();
    let mut batch = Batch::default();
    batch.put(Table::Meta, FORMAT_KEY, 99u64.to_le_bytes());
    store.commit(batch).expect("commits");
    let error = Ledger::open(Box::new(store)).err().expect("refused");
    assert!(error.to_string().contains("layout version 99"), "{error}");
}

#[test]
fn type_filters_are_strict_about_their_form() {
    for text in [
        "",
        "x",
        "0x2::",
        "0x2::coin::Coin::more",
        "0x2::coin::Coin<",
        "0x2::1bad",
    ] {
        assert!(text.parse::<TypeFilter>().is_err(), "{text}");
    }
    let filter: TypeFilter = "0x2::coin::Coin".parse().expect("filter");
    assert!(filter.accepts(&StructTag::gas_coin()));
    let other: StructTag = "0x2::coin::CoinMetadata<0x2::sui::SUI>"
        .parse()
        .expect("type");
    assert!(!filter.accepts(&other));
}
