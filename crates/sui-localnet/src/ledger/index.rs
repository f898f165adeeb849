//! Keeps the indexes in step with the objects: what a checkpoint removes from and adds to each of
//! them.

use std::collections::BTreeMap;

use sui_sdk_types::{
    Address, Input, Object, ObjectData, Owner, Transaction, TransactionKind, Version,
};

use super::{
    AppliedTransaction, Ledger, keys,
    store::{Batch, StoreError, Table},
    write,
};

/// Adds to `batch` the object versions written by `transactions` and the index changes between the
/// state before and after them.
pub(super) fn state_changes(
    ledger: &Ledger,
    transactions: &[AppliedTransaction],
    batch: &mut Batch,
) -> Result<(), StoreError> {
    let mut state_after: BTreeMap<Address, Option<&Object>> = BTreeMap::new();
    for transaction in transactions {
        for object in &transaction.written {
            let key = keys::versioned(&object.object_id(), object.version());
            write(batch, Table::Objects, key, object)?;
            state_after.insert(object.object_id(), Some(object));
        }
        for id in &transaction.removed {
            state_after.insert(*id, None);
        }
        // A ticket that was not used leaves its object as it is.
        for (id, version) in receiving(&transaction.record.transaction) {
            if state_after.contains_key(&id) {
                batch.put(Table::Received, keys::versioned(&id, version), Vec::new());
            }
        }
    }
    for (id, after) in state_after {
        if let Some(before) = ledger.object(&id)? {
            remove_entries(&before, batch);
        }
        match after {
            Some(object) => {
                write(batch, Table::Live, id.as_bytes(), &object.version())?;
                add_entries(object, batch)?;
            }
            None => batch.remove(Table::Live, id.as_bytes()),
        }
    }
    Ok(())
}

/// The object versions that a transaction may receive.
fn receiving(transaction: &Transaction) -> impl Iterator<Item = (Address, Version)> + '_ {
    let inputs = match &transaction.kind {
        TransactionKind::ProgrammableTransaction(programmable) => programmable.inputs.as_slice(),
        _ => &[],
    };
    inputs.iter().filter_map(|input| match input {
        Input::Receiving(reference) => Some((*reference.object_id(), reference.version())),
        _ => None,
    })
}

fn remove_entries(object: &Object, batch: &mut Batch) {
    for (table, key) in entries(object) {
        batch.remove(table, key);
    }
}

fn add_entries(object: &Object, batch: &mut Batch) -> Result<(), StoreError> {
    for (table, key) in entries(object) {
        write(batch, table, key, &object.object_id())?;
    }
    Ok(())
}

/// The index entries a live object has.
fn entries(object: &Object) -> Vec<(Table, Vec<u8>)> {
    let mut entries = Vec::new();
    match object.data() {
        ObjectData::Package(package) => {
            let original = original_id(package);
            entries.push((Table::Packages, keys::versioned(&original, package.version)));
        }
        ObjectData::Struct(object_struct) => {
            let tag = object_struct.object_type();
            match object.owner() {
                Owner::Address(owner) | Owner::ConsensusAddress { owner, .. } => {
                    entries.push((Table::Owned, keys::owned(owner, object)));
                }
                Owner::Object(parent) if keys::is_dynamic_field(tag) => {
                    entries.push((Table::Fields, keys::field(parent, &object.object_id())));
                }
                _ => {}
            }
            if keys::is_coin_record(tag) {
                entries.push((Table::CoinRecords, tag.to_string().into_bytes()));
            }
        }
    }
    entries
}

/// The id under which a package was first published: the self-address its modules carry. Every
/// package whose version is 1 is its own original.
pub(crate) fn original_id(package: &sui_sdk_types::MovePackage) -> Address {
    package
        .modules
        .values()
        .next()
        .and_then(|module| move_vm::format::CompiledModule::deserialize(module).ok())
        .map_or(package.id, |module| {
            Address::new(module.self_id().address.0)
        })
}
