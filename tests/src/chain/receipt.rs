//! What a transaction did, or why it failed.

use std::fmt;

use sui_localnet::execution::{Executed, InputError};
use sui_sdk_types::{
    ExecutionError, ExecutionStatus, IdOperation, ObjectOut, StructTag, TransactionEffects,
};
use walrus_contracts::{abort, events::WalrusEvent};
use walrus_core::ObjectId;
use walrus_sui::ids::object_id;

/// What a transaction cost, in MIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gas {
    /// For the work.
    pub computation: u64,
    /// For the bytes of objects it wrote.
    pub storage: u64,
    /// Given back for the bytes of objects before.
    pub rebate: u64,
}

/// A successful transaction.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// New objects, by id.
    pub created: Vec<(ObjectId, StructTag)>,
    /// The package it published or upgraded to.
    pub package: Option<ObjectId>,
    /// Events of package `walrus`, in order.
    pub events: Vec<WalrusEvent>,
    /// Events of other packages: type and content, in order.
    pub foreign_events: Vec<(StructTag, Vec<u8>)>,
    /// What it cost.
    pub gas: Gas,
}

/// A failed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Module and code, if the transaction was aborted by Move code.
    pub abort: Option<(String, u64)>,
    /// For people.
    pub text: String,
}

impl Receipt {
    pub(super) fn new(executed: &Executed) -> Result<Self, Failure> {
        let TransactionEffects::V2(effects) = &executed.effects else {
            panic!("effects are of version 2");
        };
        if let ExecutionStatus::Failure { error, .. } = &effects.status {
            return Err(Failure::executed(error, executed.failure_detail.as_deref()));
        }
        let mut receipt = Self {
            created: Vec::new(),
            package: None,
            events: Vec::new(),
            foreign_events: Vec::new(),
            gas: Gas {
                computation: effects.gas_used.computation_cost,
                storage: effects.gas_used.storage_cost,
                rebate: effects.gas_used.storage_rebate,
            },
        };
        for change in &effects.changed_objects {
            if matches!(change.output_state, ObjectOut::PackageWrite { .. }) {
                receipt.package = Some(object_id(change.object_id));
            } else if change.id_operation == IdOperation::Created {
                let written = executed.written.iter();
                let object = written
                    .filter_map(|object| object.as_struct())
                    .find(|object| object.object_id() == change.object_id);
                if let Some(object) = object {
                    let tag = object.object_type().clone();
                    receipt.created.push((object_id(change.object_id), tag));
                }
            }
        }
        for event in executed.events.iter().flat_map(|events| &events.0) {
            let tag = &event.type_;
            let (module, name) = (tag.module().as_str(), tag.name().as_str());
            match WalrusEvent::from_bcs(module, name, &event.contents) {
                Ok(event) => receipt.events.push(event),
                Err(_) => receipt
                    .foreign_events
                    .push((tag.clone(), event.contents.clone())),
            }
        }
        Ok(receipt)
    }

    /// New objects of type `module::name`, of whatever package.
    pub fn all(&self, module: &str, name: &str) -> Vec<ObjectId> {
        let created = self.created.iter();
        let found = created
            .filter(|(_, tag)| tag.module().as_str() == module && tag.name().as_str() == name);
        found.map(|(id, _)| *id).collect()
    }

    /// The only new object of type `module::name`.
    ///
    /// # Panics
    ///
    /// When there is not exactly one.
    pub fn only(&self, module: &str, name: &str) -> ObjectId {
        let found = self.all(module, name);
        assert_eq!(found.len(), 1, "new objects {module}::{name}");
        found[0]
    }

    /// Names of the events of package `walrus`.
    pub fn event_names(&self) -> Vec<&'static str> {
        self.events.iter().map(WalrusEvent::name).collect()
    }
}

impl Failure {
    pub(super) fn refused(error: &InputError) -> Self {
        Self {
            abort: None,
            text: error.to_string(),
        }
    }

    fn executed(error: &ExecutionError, detail: Option<&str>) -> Self {
        let abort = match error {
            ExecutionError::MoveAbort { location, code } => {
                let module = location.module.as_str().to_owned();
                Some((module, *code))
            }
            _ => None,
        };
        let sentence = abort
            .as_ref()
            .and_then(|(module, code)| abort::describe(module, *code))
            .map_or_else(|| format!("{error:?}"), ToString::to_string);
        Self {
            abort,
            text: detail.map_or(sentence.clone(), |detail| format!("{sentence}: {detail}")),
        }
    }

    /// Whether Move code of `module` aborted with `code`.
    pub fn is_abort(&self, module: &str, code: u64) -> bool {
        self.abort
            .as_ref()
            .is_some_and(|abort| *abort == (module.to_owned(), code))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.abort {
            Some((module, code)) => write!(f, "{module} {code}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
