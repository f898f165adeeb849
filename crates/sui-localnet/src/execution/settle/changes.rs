//! What a finished execution changes, object by object.

use std::collections::{BTreeMap, BTreeSet};

use move_vm::TypeTag;
use stdx::SaturatingFrom as _;
use sui_sdk_types::{
    Address, ExecutionError, MovePackage, MoveStruct, Object, ObjectData, Owner, StructTag, Version,
};

use super::super::{
    convert::from_move_struct,
    failure::Failure,
    inputs::Inputs,
    limits::{OBJECT_BYTES_MAX, WRITTEN_BYTES_MAX},
    ptb::{Interpreter, Returned},
    runtime::{Child, ChildState, NewOwner, ObjectRuntime, ObjectValue},
};

/// An object to write, before it gets its version.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) type_: StructTag,
    pub(crate) public_transfer: bool,
    pub(crate) contents: Vec<u8>,
    pub(crate) owner: Owner,
}

impl Write {
    /// The object as it was, to be written again.
    pub(crate) fn unchanged(object: &Object) -> Option<Self> {
        let move_struct = object.as_struct()?;
        Some(Self {
            type_: move_struct.object_type().clone(),
            public_transfer: move_struct.has_public_transfer(),
            contents: move_struct.contents().to_vec(),
            owner: *object.owner(),
        })
    }

    /// The object's data at a version.
    pub(crate) fn data(&self, version: Version) -> Option<ObjectData> {
        let contents = self.contents.clone();
        MoveStruct::new(self.type_.clone(), self.public_transfer, version, contents)
            .map(ObjectData::Struct)
    }
}

/// The changes of an execution.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Objects to write. Those in `created` are new; those in `before` changed; the others come out
    /// of a wrapper.
    pub(crate) writes: BTreeMap<Address, Write>,
    pub(crate) created: BTreeSet<Address>,
    /// Ids that were deleted.
    pub(crate) deleted: BTreeSet<Address>,
    /// Objects that went into another object.
    pub(crate) wrapped: BTreeSet<Address>,
    pub(crate) packages: Vec<MovePackage>,
    /// Versions before of every object that was loaded: inputs, gas, children.
    pub(crate) before: BTreeMap<Address, Object>,
    /// Loaded children, whose transactions the execution depends on.
    pub(crate) children: BTreeSet<Address>,
}

/// Versions before the transaction of inputs and gas coins.
pub(crate) fn loaded(inputs: &Inputs) -> BTreeMap<Address, Object> {
    inputs
        .objects()
        .map(|object| (object.object_id(), object.clone()))
        .collect()
}

/// Collects the changes of a successful execution.
pub(crate) fn collect(
    mut interpreter: Interpreter<'_>,
    inputs: &Inputs,
    lamport: Version,
) -> Result<Changes, Failure> {
    let returned = interpreter.finish()?;
    let mut runtime = interpreter.runtime;
    let mut changes = Changes {
        packages: std::mem::take(&mut interpreter.new_packages),
        before: loaded(inputs),
        created: std::mem::take(&mut runtime.new_ids),
        ..Changes::default()
    };
    let taken = return_inputs(&mut changes, returned)?;
    apply_transfers(&mut changes, &runtime, lamport)?;
    let in_use = apply_children(&mut changes, &mut runtime)?;
    changes.deleted.clone_from(&runtime.deleted_ids);
    // Merged gas coins.
    changes
        .deleted
        .extend(inputs.gas.iter().skip(1).map(Object::object_id));
    let received = runtime.tickets.iter().filter(|(_, ticket)| ticket.received);
    let gone = taken
        .into_iter()
        .chain(received.map(|(id, _)| *id))
        .chain(in_use);
    for id in gone {
        let is_accounted = changes.writes.contains_key(&id) || changes.deleted.contains(&id);
        if !is_accounted && !changes.created.contains(&id) {
            changes.wrapped.insert(id);
        }
    }
    check_shared(&changes, inputs)?;
    check_cycles(&changes)?;
    check_sizes(&changes)?;
    Ok(changes)
}

/// Writes input objects back to their owners; returns those that commands took.
fn return_inputs(changes: &mut Changes, returned: Vec<Returned>) -> Result<Vec<Address>, Failure> {
    let mut taken = Vec::new();
    for input in returned {
        let id = input.object.object_id();
        let Some(contents) = input.contents else {
            taken.push(id);
            continue;
        };
        if input.access.is_mutable() {
            let unchanged = Write::unchanged(&input.object)
                .ok_or_else(|| Failure::invariant("a package is an input object"))?;
            changes.writes.insert(
                id,
                Write {
                    contents,
                    ..unchanged
                },
            );
        }
    }
    Ok(taken)
}

fn apply_transfers(
    changes: &mut Changes,
    runtime: &ObjectRuntime<'_>,
    lamport: Version,
) -> Result<(), Failure> {
    for (id, (owner, object)) in &runtime.transfers {
        let owner = match owner {
            NewOwner::Address(address) => Owner::Address(*address),
            NewOwner::Immutable => Owner::Immutable,
            NewOwner::Shared => match runtime.input_owners.get(id) {
                Some(Owner::Shared(version)) => Owner::Shared(*version),
                _ => Owner::Shared(lamport),
            },
        };
        changes.writes.insert(*id, write_of(object, owner)?);
    }
    Ok(())
}

fn write_of(object: &ObjectValue, owner: Owner) -> Result<Write, Failure> {
    let TypeTag::Struct(tag) = &object.tag else {
        return Err(Failure::invariant("an object is not a struct"));
    };
    let contents = object.contents()?;
    Ok(Write {
        type_: from_move_struct(tag),
        public_transfer: object.public_transfer,
        contents,
        owner,
    })
}

/// Writes dynamic fields that are new or changed; returns those that were taken out.
fn apply_children(
    changes: &mut Changes,
    runtime: &mut ObjectRuntime<'_>,
) -> Result<Vec<Address>, Failure> {
    let mut removed = Vec::new();
    for (id, child) in std::mem::take(&mut runtime.children) {
        let Child {
            parent,
            original,
            state,
        } = child;
        match state {
            ChildState::Absent if original.is_some() => removed.push(id),
            ChildState::Absent | ChildState::Stored => {}
            ChildState::Loaded(object) => {
                let write = write_of(&object, Owner::Object(parent))?;
                if !original
                    .as_ref()
                    .is_some_and(|original| is_same(original, &write))
                {
                    changes.writes.insert(id, write);
                }
            }
        }
        if let Some(original) = original {
            changes.children.insert(id);
            changes.before.entry(id).or_insert(original);
        }
    }
    Ok(removed)
}

fn is_same(object: &Object, write: &Write) -> bool {
    *object.owner() == write.owner
        && object.as_struct().is_some_and(|object| {
            object.contents() == write.contents && *object.object_type() == write.type_
        })
}

/// A shared object stays shared or is deleted.
fn check_shared(changes: &Changes, inputs: &Inputs) -> Result<(), Failure> {
    for object in inputs
        .objects()
        .filter(|object| matches!(object.owner(), Owner::Shared(_)))
    {
        let id = object.object_id();
        let moved = changes
            .writes
            .get(&id)
            .is_some_and(|write| write.owner != *object.owner());
        if moved || changes.wrapped.contains(&id) {
            return Err(
                Failure::from(ExecutionError::ConsensusObjectOperationNotAllowed)
                    .with_detail(format!("shared object {id} must stay shared or be deleted")),
            );
        }
    }
    Ok(())
}

/// No object owns itself, directly or through others.
fn check_cycles(changes: &Changes) -> Result<(), Failure> {
    for start in changes.writes.keys() {
        let mut at = *start;
        for _ in 0..=changes.writes.len() {
            match changes.writes.get(&at).map(|write| &write.owner) {
                Some(Owner::Object(parent)) if parent == start => {
                    return Err(ExecutionError::CircularObjectOwnership { object: *start }.into());
                }
                Some(Owner::Object(parent)) => at = *parent,
                _ => break,
            }
        }
    }
    Ok(())
}

fn check_sizes(changes: &Changes) -> Result<(), Failure> {
    let mut total = 0u64;
    for write in changes.writes.values() {
        let object_size = u64::saturating_from(write.contents.len());
        if object_size > OBJECT_BYTES_MAX {
            let max_object_size = OBJECT_BYTES_MAX;
            return Err(ExecutionError::ObjectTooBig {
                object_size,
                max_object_size,
            }
            .into());
        }
        total = total.saturating_add(object_size);
    }
    if total > WRITTEN_BYTES_MAX {
        return Err(ExecutionError::WrittenObjectsTooLarge {
            object_size: total,
            max_object_size: WRITTEN_BYTES_MAX,
        }
        .into());
    }
    Ok(())
}
