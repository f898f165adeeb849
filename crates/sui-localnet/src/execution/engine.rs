//! The door to execution.

use std::sync::{Arc, atomic::AtomicBool};

use move_vm::{DatatypeDescription, FunctionSignature, Layout, Linkage, Vm};
use sui_sdk_types::{
    Address, Digest, Event, ExecutionError, Object, ProgrammableTransaction, Transaction, TypeTag,
};

use super::{
    ChainEnv, CommandOutput, Executed, InputError, Mode, ObjectSource,
    convert::{to_move, to_move_tag},
    failure::Failure,
    gas::{GasMeter, read_size},
    inputs::{self, Inputs, coin_balance},
    limits::INPUT_READ_UNITS_PER_BYTE,
    natives,
    packages::{PackageCache, Packages},
    ptb::{Interpreter, Settings},
    runtime::{ObjectRuntime, TxInfo},
    settle::{Changes, ExecutionEnding, collect},
    validity,
};

/// Executes the transactions of one chain. Keeps loaded packages from one transaction to the next;
/// share one between threads.
#[derive(Debug)]
pub struct Engine {
    vm: Vm,
    packages: PackageCache,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            vm: Vm::with_natives(natives::names()),
            packages: PackageCache::default(),
        }
    }
}

impl Engine {
    /// An engine without loaded packages.
    pub fn new() -> Self {
        Self::default()
    }

    /// The framework packages as they are at genesis.
    pub fn framework_genesis() -> Vec<Object> {
        super::system::framework_objects(Digest::ZERO)
    }

    /// Executes a transaction against `store`, changing nothing there.
    ///
    /// # Errors
    /// An [`InputError`] when the transaction is refused and has no effects. A failed execution is
    /// not an error: it has effects.
    pub fn execute(
        &self,
        store: &dyn ObjectSource,
        env: &ChainEnv,
        transaction: &Transaction,
        mode: Mode,
    ) -> Result<Executed, InputError> {
        self.execute_until(store, env, transaction, mode, None)
    }

    /// [`Self::execute`], which runs out of gas soon after `stop` is set. Whoever sets it knows
    /// that the outcome says nothing.
    ///
    /// # Errors
    /// As [`Self::execute`].
    pub fn execute_until(
        &self,
        store: &dyn ObjectSource,
        env: &ChainEnv,
        transaction: &Transaction,
        mode: Mode,
        stop: Option<Arc<AtomicBool>>,
    ) -> Result<Executed, InputError> {
        let packages = Packages::new(store, &self.packages);
        let programmable = validity::check(transaction, env, mode)?;
        let inputs = inputs::load(store, &packages, transaction, programmable, mode)?;
        let enforced = !matches!(mode, Mode::Simulate { checks: false, .. });
        let execution = Execution {
            engine: self,
            store,
            env,
            transaction,
            mode,
            enforced,
            stop,
        };
        let (result, outputs, units, gas_balance) = execution.run(&packages, programmable, &inputs);
        let payment = &transaction.gas_payment;
        let ending = ExecutionEnding {
            inputs: &inputs,
            transaction: transaction.digest(),
            genesis: packages
                .get(&move_vm::Address::FRAMEWORK)
                .map(|package| package.previous_transaction),
            epoch: env.epoch,
            lamport: inputs.lamport_version(),
            price: payment.price,
            budget: payment.budget,
            enforced,
            units,
            gas_balance,
        };
        let executed = ending.executed(result, outputs);
        if let Some(detail) = &executed.failure_detail {
            tracing::debug!(transaction = %transaction.digest(), "execution failed: {detail}");
        }
        Ok(executed)
    }

    /// A function of the package with this storage id. Type tags of its types have defining ids.
    pub fn function(
        &self,
        store: &dyn ObjectSource,
        package: &Address,
        module: &str,
        function: &str,
    ) -> Option<Arc<FunctionSignature>> {
        let packages = Packages::new(store, &self.packages);
        let linkage = packages.linkage_of(&*packages.find(*package)?);
        let session = self.vm.session(&packages, linkage);
        session
            .function_signature(&to_move(*package), module, function)
            .ok()
    }

    /// A struct or enum of the package with this storage id.
    pub fn datatype(
        &self,
        store: &dyn ObjectSource,
        package: &Address,
        module: &str,
        datatype: &str,
    ) -> Option<DatatypeDescription> {
        let packages = Packages::new(store, &self.packages);
        let linkage = packages.linkage_of(&*packages.find(*package)?);
        let session = self.vm.session(&packages, linkage);
        session.datatype(&to_move(*package), module, datatype).ok()
    }

    /// The shape of values of a type, which is named with defining ids.
    pub fn layout_of(&self, store: &dyn ObjectSource, tag: &TypeTag) -> Option<Arc<Layout>> {
        let tag = to_move_tag(tag)?;
        let packages = Packages::new(store, &self.packages);
        let mut linkage = Linkage::new();
        packages.link_system(&mut linkage);
        if !packages.link_type(&mut linkage, &tag) {
            return None;
        }
        let session = self.vm.session(&packages, linkage);
        session.layout(&session.load_type(&tag).ok()?).ok()
    }
}

/// Changes and events, or why there are none.
type Outcome = Result<(Changes, Vec<Event>), Failure>;

struct Execution<'a> {
    engine: &'a Engine,
    store: &'a dyn ObjectSource,
    env: &'a ChainEnv,
    transaction: &'a Transaction,
    mode: Mode,
    enforced: bool,
    stop: Option<Arc<AtomicBool>>,
}

impl Execution<'_> {
    /// Runs the commands: outcome, results of commands, computation units, balance of the gas
    /// coins.
    fn run(
        &self,
        packages: &Packages<'_>,
        programmable: &ProgrammableTransaction,
        inputs: &Inputs,
    ) -> (Outcome, Vec<CommandOutput>, u64, u64) {
        let payment = &self.transaction.gas_payment;
        let meter = GasMeter::new(payment.budget, payment.price).stopped_by(self.stop.clone());
        let mut balances = inputs.gas.iter().filter_map(coin_balance);
        let balance = balances.try_fold(0u64, u64::checked_add);
        let Some(gas_balance) = balance else {
            let overflow = Failure::from(ExecutionError::CoinBalanceOverflow);
            return (Err(overflow), Vec::new(), meter.units(), u64::MAX);
        };
        let settings = Settings {
            enforced: self.enforced,
            collect_outputs: self.mode != Mode::Commit,
            gas_balance,
            budget: payment.budget,
        };
        let runtime = ObjectRuntime::new(self.store, self.tx_info());
        let interpreter =
            Interpreter::new(&self.engine.vm, packages, runtime, meter, inputs, &settings);
        let mut interpreter = match interpreter {
            Ok(interpreter) => interpreter,
            Err(failure) => return (Err(failure), Vec::new(), 0, gas_balance),
        };
        let outcome =
            charge_reads(&mut interpreter, inputs).and_then(|()| interpreter.run(programmable));
        let units = interpreter.gas.units();
        let outputs = std::mem::take(&mut interpreter.outputs);
        let events = std::mem::take(&mut interpreter.runtime.events);
        let outcome = outcome.and_then(|()| {
            let lamport = inputs.lamport_version();
            Ok((collect(interpreter, inputs, lamport)?, events))
        });
        (outcome, outputs, units, gas_balance)
    }

    fn tx_info(&self) -> TxInfo {
        let payment = &self.transaction.gas_payment;
        let sender = self.transaction.sender;
        TxInfo {
            digest: self.transaction.digest(),
            sender,
            sponsor: (payment.owner != sender).then_some(payment.owner),
            epoch: self.env.epoch,
            epoch_start_ms: self.env.epoch_start_ms,
            reference_gas_price: self.env.reference_gas_price,
            gas_price: payment.price,
            gas_budget: payment.budget,
        }
    }
}

fn charge_reads(interpreter: &mut Interpreter<'_>, inputs: &Inputs) -> Result<(), Failure> {
    let bytes = inputs.objects().map(read_size).sum();
    interpreter
        .gas
        .charge_bytes(bytes, INPUT_READ_UNITS_PER_BYTE)
        .map_err(Failure::from)
}
