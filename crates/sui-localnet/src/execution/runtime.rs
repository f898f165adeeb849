//! The object runtime: what the natives of one transaction share.
//!
//! It records which ids were made and deleted, where objects went, which dynamic-field children
//! were touched and which events were emitted. Nothing of it outlives a failed transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use move_vm::{Address as MoveAddress, Layout, Slot, StatusCode, TypeTag, VmError};
use sui_sdk_types::{Address, Digest, Event, Identifier, Object, Owner, Version};

use super::{
    ObjectSource,
    convert::{from_move, from_move_tag},
    limits::{CHILDREN_MAX, EVENT_BYTES_MAX, EVENTS_BYTES_MAX, EVENTS_MAX, OBJECT_IDS_MAX},
};

/// What the transaction context tells Move code.
#[derive(Clone, Debug)]
pub(crate) struct TxInfo {
    pub(crate) digest: Digest,
    pub(crate) sender: Address,
    pub(crate) sponsor: Option<Address>,
    pub(crate) epoch: u64,
    pub(crate) epoch_start_ms: u64,
    pub(crate) reference_gas_price: u64,
    pub(crate) gas_price: u64,
    pub(crate) gas_budget: u64,
}

/// A value that is an object, with what is needed to write it.
#[derive(Clone, Debug)]
pub(crate) struct ObjectValue {
    /// Its type, with defining ids.
    pub(crate) tag: TypeTag,
    pub(crate) layout: Arc<Layout>,
    /// Whether the type has `store`.
    pub(crate) public_transfer: bool,
    pub(crate) value: Slot,
}

impl ObjectValue {
    pub(crate) fn contents(&self) -> Result<Vec<u8>, VmError> {
        self.value.with(|value| value.to_bcs(&self.layout))
    }
}

/// Where a transferred object goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewOwner {
    Address(Address),
    Shared,
    Immutable,
}

/// State of a dynamic-field child.
#[derive(Debug)]
pub(crate) enum ChildState {
    /// Does not exist, or was taken out.
    Absent,
    /// Exists on chain and is not decoded.
    Stored,
    /// Exists and is in use.
    Loaded(ObjectValue),
}

/// A dynamic-field child that was looked at.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) parent: Address,
    /// The object on chain before the transaction.
    pub(crate) original: Option<Object>,
    pub(crate) state: ChildState,
}

/// An object that may be received: its version, and what is on chain.
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) version: Version,
    pub(crate) object: Object,
    pub(crate) received: bool,
}

/// State shared by the natives of one transaction.
pub(crate) struct ObjectRuntime<'a> {
    store: &'a dyn ObjectSource,
    pub(crate) tx: TxInfo,
    ids_created: u64,
    pub(crate) new_ids: BTreeSet<Address>,
    pub(crate) deleted_ids: BTreeSet<Address>,
    pub(crate) transfers: BTreeMap<Address, (NewOwner, ObjectValue)>,
    pub(crate) children: BTreeMap<Address, Child>,
    pub(crate) tickets: BTreeMap<Address, Ticket>,
    /// Owners of input objects at the start.
    pub(crate) input_owners: BTreeMap<Address, Owner>,
    pub(crate) events: Vec<Event>,
    event_bytes: usize,
    /// Package and module that the running command called.
    event_source: Option<(Address, Identifier)>,
}

impl<'a> ObjectRuntime<'a> {
    pub(crate) fn new(store: &'a dyn ObjectSource, tx: TxInfo) -> Self {
        Self {
            store,
            tx,
            ids_created: 0,
            new_ids: BTreeSet::new(),
            deleted_ids: BTreeSet::new(),
            transfers: BTreeMap::new(),
            children: BTreeMap::new(),
            tickets: BTreeMap::new(),
            input_owners: BTreeMap::new(),
            events: Vec::new(),
            event_bytes: 0,
            event_source: None,
        }
    }

    /// Number of ids derived so far.
    pub(crate) fn ids_created(&self) -> u64 {
        self.ids_created
    }

    /// The next id, without recording it as that of an object.
    pub(crate) fn next_id(&mut self) -> Address {
        let id = Address::derive_id(self.tx.digest, self.ids_created);
        self.ids_created += 1;
        id
    }

    /// The next id, for a new object.
    pub(crate) fn fresh_id(&mut self) -> Result<Address, VmError> {
        let id = self.next_id();
        self.record_new(id)?;
        Ok(id)
    }

    /// Records that an object with this id is new. Deleting and making again nets out.
    pub(crate) fn record_new(&mut self, id: Address) -> Result<(), VmError> {
        if !self.deleted_ids.remove(&id) {
            self.new_ids.insert(id);
        }
        limit(self.new_ids.len(), OBJECT_IDS_MAX, "new object ids")
    }

    /// Records that the object with this id is gone. Making and deleting nets out.
    pub(crate) fn record_deleted(&mut self, id: Address) -> Result<(), VmError> {
        if !self.new_ids.remove(&id) {
            self.deleted_ids.insert(id);
        }
        limit(self.deleted_ids.len(), OBJECT_IDS_MAX, "deleted object ids")
    }

    /// Gives an object to a new owner.
    pub(crate) fn transfer(&mut self, object: ObjectValue, owner: NewOwner) -> Result<(), VmError> {
        let id = from_move(object.value.with(move_vm::Value::object_id)?);
        self.transfers.insert(id, (owner, object));
        limit(self.transfers.len(), OBJECT_IDS_MAX, "transferred objects")
    }

    /// Whether an object may be shared: it is new, or was shared before.
    pub(crate) fn may_share(&self, id: &Address) -> bool {
        self.new_ids.contains(id) || matches!(self.input_owners.get(id), Some(Owner::Shared(_)))
    }

    /// The entry for a child of `parent`, looked up on chain at the first touch. `None` if the
    /// object is at present the child of another parent.
    pub(crate) fn child(
        &mut self,
        parent: Address,
        id: Address,
    ) -> Result<Option<&mut Child>, VmError> {
        if !self.children.contains_key(&id) {
            limit(
                self.children.len() + 1,
                CHILDREN_MAX,
                "dynamic fields touched",
            )?;
            let original = self
                .store
                .object(&id)
                .filter(|object| *object.owner() == Owner::Object(parent));
            let state = if original.is_some() {
                ChildState::Stored
            } else {
                ChildState::Absent
            };
            self.children.insert(
                id,
                Child {
                    parent,
                    original,
                    state,
                },
            );
        }
        let child = self
            .children
            .get_mut(&id)
            .ok_or_else(|| VmError::invariant("child vanished"))?;
        Ok((child.parent == parent || matches!(child.state, ChildState::Absent)).then_some(child))
    }

    /// Puts an object under a parent.
    pub(crate) fn add_child(
        &mut self,
        parent: Address,
        object: ObjectValue,
    ) -> Result<(), VmError> {
        let id = from_move(object.value.with(move_vm::Value::object_id)?);
        // An object that was taken over from elsewhere (an input, another parent) keeps its
        // original.
        let child = self
            .child(parent, id)?
            .filter(|child| matches!(child.state, ChildState::Absent))
            .ok_or_else(|| VmError::invariant("an object is the child of two parents"))?;
        child.parent = parent;
        child.state = ChildState::Loaded(object);
        Ok(())
    }

    /// Says whose events follow: the package and module that the transaction called.
    pub(crate) fn set_event_source(&mut self, package: MoveAddress, module: Identifier) {
        self.event_source = Some((from_move(package), module));
    }

    /// Appends an event.
    pub(crate) fn emit(&mut self, tag: &TypeTag, contents: Vec<u8>) -> Result<(), VmError> {
        limit(self.events.len() + 1, EVENTS_MAX, "events")?;
        limit(contents.len(), EVENT_BYTES_MAX, "bytes of an event")?;
        self.event_bytes += contents.len();
        limit(self.event_bytes, EVENTS_BYTES_MAX, "bytes of all events")?;
        let sui_sdk_types::TypeTag::Struct(type_) = from_move_tag(tag) else {
            return Err(VmError::invariant("an event is not a struct"));
        };
        let (package_id, module) = self
            .event_source
            .clone()
            .ok_or_else(|| VmError::invariant("an event outside of a call"))?;
        self.events.push(Event {
            package_id,
            module,
            sender: self.tx.sender,
            type_: *type_,
            contents,
        });
        Ok(())
    }
}

fn limit(count: usize, max: usize, what: &str) -> Result<(), VmError> {
    if count <= max {
        return Ok(());
    }
    let message = format!("more than {max} {what} in one transaction");
    Err(VmError::new(StatusCode::MemoryLimitExceeded).with_message(message))
}
