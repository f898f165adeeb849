//! Gas is charged, objects get their versions, effects are assembled.

use std::collections::{BTreeMap, BTreeSet};

use stdx::SaturatingFrom as _;
use sui_sdk_types::{
    Address, Digest, Event, ExecutionError, ExecutionStatus, GasCostSummary, Object, ObjectData,
    Owner, TransactionEvents, Version,
};

use super::{
    super::{
        CommandOutput, Executed,
        failure::Failure,
        gas::{paid_back, storage_cost},
        inputs::{Access, CheckedInput, Inputs, coin_contents},
        limits::{EFFECTS_BYTES_MAX, REFERENCE_GAS_PRICE},
    },
    changes::{Changes, Write, loaded},
    effects::{Summary, assemble},
};

/// An aborted transaction pays at most this many times the reference gas price per unit.
const ABORT_PRICE_FACTOR_MAX: u64 = 100;

/// What is known when the last command is done.
pub(crate) struct ExecutionEnding<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) transaction: Digest,
    pub(crate) genesis: Option<Digest>,
    pub(crate) epoch: u64,
    pub(crate) lamport: Version,
    pub(crate) price: u64,
    pub(crate) budget: u64,
    /// Whether the budget bounds the cost.
    pub(crate) enforced: bool,
    /// Computation units used, rounded.
    pub(crate) units: u64,
    /// Balance of all gas coins together, before the charge.
    pub(crate) gas_balance: u64,
}

/// Objects to write with their storage cost, before the gas coin is charged.
struct Costs {
    computation: u64,
    storage: u64,
    /// Storage rebates of the objects' versions before, in full.
    rebates: u64,
}

impl Costs {
    fn summary(&self) -> GasCostSummary {
        let rebate = paid_back(self.rebates);
        GasCostSummary::new(
            self.computation,
            self.storage,
            rebate,
            self.rebates - rebate,
        )
    }

    /// What the storage costs beyond what is paid back for it.
    fn net_storage(&self) -> u64 {
        self.storage.saturating_sub(paid_back(self.rebates))
    }
}

impl ExecutionEnding<'_> {
    /// The outcome of the transaction: `result` holds changes and events of a successful execution.
    pub(crate) fn executed(
        &self,
        result: Result<(Changes, Vec<Event>), Failure>,
        command_outputs: Vec<CommandOutput>,
    ) -> Executed {
        let failure = match result {
            Ok((changes, events)) => {
                let costs = self.costs(&changes, self.price);
                match self.check_budget(&costs) {
                    Ok(()) => {
                        match self.seal(&changes, &costs, events, None, command_outputs.clone()) {
                            Ok(executed) => return executed,
                            Err(failure) => failure,
                        }
                    }
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        self.failed(failure, command_outputs)
    }

    /// Computation must cost less than the budget, and storage no more than what is left of it.
    fn check_budget(&self, costs: &Costs) -> Result<(), Failure> {
        if !self.enforced {
            return Ok(());
        }
        let needed = costs.computation.saturating_add(costs.net_storage());
        if needed > self.budget || costs.computation >= self.budget {
            return Err(
                Failure::from(ExecutionError::InsufficientGas).with_detail(format!(
                    "{} MIST for computation and {} for storage exceed the budget of {}",
                    costs.computation,
                    costs.net_storage(),
                    self.budget
                )),
            );
        }
        Ok(())
    }

    fn failed(&self, failure: Failure, command_outputs: Vec<CommandOutput>) -> Executed {
        let changes = self.changes_of_failure();
        let price = match *failure.error {
            ExecutionError::MoveAbort { .. } => self
                .price
                .min(REFERENCE_GAS_PRICE.saturating_mul(ABORT_PRICE_FACTOR_MAX)),
            _ => self.price,
        };
        let mut costs = self.costs(&changes, price);
        if self.enforced {
            costs.computation = costs.computation.min(self.budget);
            if costs.net_storage() > self.budget - costs.computation {
                // Not even the objects that are written anyway can be paid for: the budget goes,
                // they keep their rebates, and only those of merged gas coins come back.
                costs = Costs {
                    computation: self.budget,
                    storage: 0,
                    rebates: rebates(&changes.before, &changes.deleted),
                };
            }
        }
        self.seal(&changes, &costs, Vec::new(), Some(failure), command_outputs)
            .expect("effects of a failure are within the limits of its inputs")
    }

    /// All that remains of a failed execution: gas coins are merged, mutable inputs get a new
    /// version.
    fn changes_of_failure(&self) -> Changes {
        let mut changes = Changes {
            before: loaded(self.inputs),
            ..Changes::default()
        };
        let arguments = self
            .inputs
            .arguments
            .iter()
            .filter_map(|input| match input {
                CheckedInput::Object(object, access) if access.is_mutable() => Some(object),
                _ => None,
            });
        for object in arguments.chain(self.inputs.gas.first()) {
            if let Some(write) = Write::unchanged(object) {
                changes.writes.insert(object.object_id(), write);
            }
        }
        if let Some(gas) = self.inputs.gas.first() {
            let id = gas.object_id();
            if let Some(write) = changes.writes.get_mut(&id) {
                write.contents = coin_contents(id, self.gas_balance);
            }
        }
        changes
            .deleted
            .extend(self.inputs.gas.iter().skip(1).map(Object::object_id));
        changes
    }

    fn costs(&self, changes: &Changes, price: u64) -> Costs {
        let structs = changes
            .writes
            .values()
            .filter_map(|write| write.data(self.lamport));
        let packages = changes.packages.iter().cloned().map(ObjectData::Package);
        let storage = structs
            .chain(packages)
            .map(|data| storage_cost(&data))
            .sum();
        let replaced = changes
            .writes
            .keys()
            .chain(&changes.deleted)
            .chain(&changes.wrapped);
        let rebates = rebates(&changes.before, replaced);
        Costs {
            computation: self.units.saturating_mul(price),
            storage,
            rebates,
        }
    }

    /// Charges the gas coin, versions the objects and assembles the effects.
    fn seal(
        &self,
        changes: &Changes,
        costs: &Costs,
        events: Vec<Event>,
        failure: Option<Failure>,
        command_outputs: Vec<CommandOutput>,
    ) -> Result<Executed, Failure> {
        let gas_used = costs.summary();
        let keeps_rebates = costs.storage == 0;
        let written = self.written(changes, &gas_used, keeps_rebates);
        let events = (!events.is_empty()).then_some(TransactionEvents(events));
        let (status, failure_detail) = status_of(failure);
        let summary = Summary {
            status,
            epoch: self.epoch,
            gas_used,
            transaction: self.transaction,
            gas_object: self.inputs.gas.first().map(Object::object_id),
            events_digest: events.as_ref().map(TransactionEvents::digest),
            dependencies: self.dependencies(changes),
            lamport_version: self.lamport,
            read_only: self.read_only(),
        };
        let effects = assemble(summary, changes, &written);
        let current_size = bcs::serialized_size(&effects).unwrap_or(usize::MAX);
        let current_size = u64::saturating_from(current_size);
        if current_size > EFFECTS_BYTES_MAX && failure_detail.is_none() {
            let max_size = EFFECTS_BYTES_MAX;
            return Err(ExecutionError::EffectsTooLarge {
                current_size,
                max_size,
            }
            .into());
        }
        Ok(Executed {
            effects,
            events,
            written: written.into_values().collect(),
            removed: changes.deleted.union(&changes.wrapped).copied().collect(),
            inputs: changes.before.values().cloned().collect(),
            command_outputs,
            failure_detail,
        })
    }

    fn written(
        &self,
        changes: &Changes,
        gas_used: &GasCostSummary,
        keeps_rebates: bool,
    ) -> BTreeMap<Address, Object> {
        let gas = self.inputs.gas.first().map(Object::object_id);
        let mut written = BTreeMap::new();
        for (id, write) in &changes.writes {
            let mut write = write.clone();
            if Some(*id) == gas {
                charge(&mut write, gas_used);
            }
            let Some(data) = write.data(self.lamport) else {
                continue;
            };
            let rebate = if keeps_rebates {
                changes.before.get(id).map_or(0, Object::storage_rebate)
            } else {
                storage_cost(&data)
            };
            written.insert(
                *id,
                Object::new(data, write.owner, self.transaction, rebate),
            );
        }
        for package in &changes.packages {
            let data = ObjectData::Package(package.clone());
            let rebate = storage_cost(&data);
            let object = Object::new(data, Owner::Immutable, self.transaction, rebate);
            written.insert(package.id, object);
        }
        written
    }

    /// Transactions that made what this one loaded; genesis does not count.
    fn dependencies(&self, changes: &Changes) -> BTreeSet<Digest> {
        let objects = changes.before.values().map(Object::previous_transaction);
        let packages = self
            .inputs
            .packages
            .values()
            .map(|package| package.previous_transaction);
        objects
            .chain(packages)
            .filter(|digest| Some(*digest) != self.genesis && *digest != Digest::ZERO)
            .collect()
    }

    fn read_only(&self) -> BTreeMap<Address, (Version, Digest)> {
        let reads = self
            .inputs
            .arguments
            .iter()
            .filter_map(|input| match input {
                CheckedInput::Object(object, Access::SharedReadOnly) => {
                    Some((object.object_id(), (object.version(), object.digest())))
                }
                _ => None,
            });
        reads.collect()
    }
}

/// Storage rebates of those of `ids` that existed before.
fn rebates<'a>(
    before: &BTreeMap<Address, Object>,
    ids: impl IntoIterator<Item = &'a Address>,
) -> u64 {
    ids.into_iter()
        .filter_map(|id| before.get(id))
        .map(Object::storage_rebate)
        .sum()
}

fn status_of(failure: Option<Failure>) -> (ExecutionStatus, Option<String>) {
    match failure {
        None => (ExecutionStatus::Success, None),
        Some(failure) => {
            let detail = failure
                .detail
                .unwrap_or_else(|| format!("{:?}", failure.error));
            (
                ExecutionStatus::Failure {
                    error: *failure.error,
                    command: failure.command,
                },
                Some(detail),
            )
        }
    }
}

/// Takes the cost from the gas coin, or adds what is paid back.
fn charge(gas: &mut Write, gas_used: &GasCostSummary) {
    let Some((id, balance)) = gas.contents.split_first_chunk::<{ Address::LENGTH }>() else {
        return;
    };
    let Ok(balance) = balance.try_into().map(u64::from_le_bytes) else {
        return;
    };
    let cost = gas_used
        .computation_cost
        .saturating_add(gas_used.storage_cost);
    let charged = balance
        .saturating_add(gas_used.storage_rebate)
        .saturating_sub(cost);
    gas.contents = coin_contents(Address::new(*id), charged);
}
