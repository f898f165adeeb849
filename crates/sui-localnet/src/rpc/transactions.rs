//! TransactionExecutionService: execute for real, or simulate with everything the client left open
//! filled in.

use sui_rpc::{
    field::FieldMaskTree,
    proto::sui::rpc::{
        v2 as proto,
        v2::{
            simulate_transaction_request::TransactionChecks,
            transaction_execution_service_server::TransactionExecutionService,
        },
    },
};
use sui_sdk_types::{Transaction, TransactionKind, TypeTag, UserSignature};
use tonic::{Request, Response, Status};

use super::{
    Rpc, errors, masks, peers,
    render::Renderer,
    resolve::{BudgetEstimate, resolve, select_payment},
    signatures,
};
use crate::{
    chain::{RunError, Simulated, Simulator, SubmitError},
    execution::{CommandOutput, InputError, Mode, limits},
};

const EXECUTE_MASK: &str = "effects,checkpoint";
const SIMULATE_MASK: &str = "*";
/// How often a request is completed and simulated when the chain changes meanwhile.
const SIMULATION_ATTEMPTS_MAX: usize = 3;
/// A transaction has at most a sender and a sponsor.
const SIGNATURES_MAX: usize = 2;

#[tonic::async_trait]
impl TransactionExecutionService for Rpc {
    async fn execute_transaction(
        &self,
        request: Request<proto::ExecuteTransactionRequest>,
    ) -> Result<Response<proto::ExecuteTransactionResponse>, Status> {
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::ExecutedTransaction>(request.read_mask, EXECUTE_MASK)?;
        let message = request
            .transaction
            .as_ref()
            .ok_or_else(|| errors::missing_field("transaction"))?;
        let transaction = Transaction::try_from(message)
            .map_err(|error| errors::conversion("transaction", error))?;
        let signatures = parse_signatures(&request.signatures)?;
        check_submittable(&transaction)?;
        signatures::check_transaction(&transaction, &signatures)?;
        let record = self
            .chain()
            .run(move |worker| worker.execute(transaction, signatures))
            .await
            .map_err(no_result)?
            .map_err(|error| refused(error, refused_execution))?;
        self.answer(move |rpc| {
            let mut response = proto::ExecuteTransactionResponse::default();
            response.transaction = Some(rpc.renderer().transaction(&record, &mask)?);
            Ok(response)
        })
        .await
    }

    async fn simulate_transaction(
        &self,
        request: Request<proto::SimulateTransactionRequest>,
    ) -> Result<Response<proto::SimulateTransactionResponse>, Status> {
        let _lease = self.simulations.admit(peers::of(&request))?;
        let request = request.into_inner();
        let mask = masks::read_mask::<proto::SimulateTransactionResponse>(
            request.read_mask.clone(),
            SIMULATE_MASK,
        )?;
        let simulated = self
            .chain()
            .simulate(move |simulator| simulate(simulator, &request))
            .await
            .map_err(no_result)??;
        self.answer(move |rpc| rpc.render_simulation(simulated, &mask))
            .await
    }
}

impl Rpc {
    fn render_simulation(
        &self,
        simulated: Simulated,
        mask: &FieldMaskTree,
    ) -> Result<proto::SimulateTransactionResponse, Status> {
        use proto::SimulateTransactionResponse as Field;
        let renderer = self.renderer().with_objects(simulated.objects);
        let mut response = proto::SimulateTransactionResponse::default();
        if let Some(mask) = mask.subtree(Field::TRANSACTION_FIELD) {
            response.transaction = Some(renderer.outcome(&simulated.record, &mask)?);
        }
        if mask.contains(Field::COMMAND_OUTPUTS_FIELD) {
            response.command_outputs = simulated
                .outputs
                .into_iter()
                .map(|output| command_result(&renderer, output))
                .collect();
        }
        if mask.contains(Field::SUGGESTED_GAS_PRICE_FIELD) {
            response.suggested_gas_price = Some(limits::REFERENCE_GAS_PRICE);
        }
        Ok(response)
    }
}

fn parse_signatures(messages: &[proto::UserSignature]) -> Result<Vec<UserSignature>, Status> {
    if messages.is_empty() {
        return Err(errors::missing_field("signatures"));
    }
    if messages.len() > SIGNATURES_MAX {
        return Err(errors::invalid_field(
            "signatures",
            format!("a transaction has at most {SIGNATURES_MAX} signatures"),
        ));
    }
    messages
        .iter()
        .enumerate()
        .map(|(index, message)| {
            UserSignature::try_from(message)
                .map_err(|error| errors::conversion(&format!("signatures[{index}]"), error))
        })
        .collect()
}

fn check_submittable(transaction: &Transaction) -> Result<(), Status> {
    if matches!(
        transaction.kind,
        TransactionKind::ProgrammableTransaction(_)
    ) {
        Ok(())
    } else {
        Err(errors::invalid_field(
            "transaction.kind",
            "only programmable transactions can be submitted",
        ))
    }
}

/// Completes the transaction of a request and executes it without committing. The chain goes on
/// meanwhile, so that what was completed may be out of date when it is executed: then it is tried
/// again.
fn simulate(
    simulator: &Simulator,
    request: &proto::SimulateTransactionRequest,
) -> Result<Simulated, Status> {
    let number = |simulator: &Simulator| Ok::<_, Status>(simulator.tip()?.digest);
    let mut tip = number(simulator)?;
    let mut outcome = simulate_once(simulator, request);
    for _ in 1..SIMULATION_ATTEMPTS_MAX {
        let now = number(simulator)?;
        if outcome.is_ok() || now == tip || simulator.is_stopped() {
            break;
        }
        tip = now;
        outcome = simulate_once(simulator, request);
    }
    outcome
}

fn simulate_once(
    simulator: &Simulator,
    request: &proto::SimulateTransactionRequest,
) -> Result<Simulated, Status> {
    let message = request
        .transaction
        .as_ref()
        .ok_or_else(|| errors::missing_field("transaction"))?;
    let checks = request.checks() == TransactionChecks::Enabled;
    let resolved = resolve(simulator.ledger(), simulator.engine(), message)?;
    let mut transaction = resolved.transaction;
    check_submittable(&transaction)?;
    if request.do_gas_selection() {
        let estimate = resolved
            .budget_open
            .then(|| estimate(simulator, &transaction, checks))
            .transpose()?;
        choose_gas(simulator, &mut transaction, estimate.as_ref())?;
    }
    let mock_gas = transaction.gas_payment.objects.is_empty();
    simulator
        .simulate(&transaction, Mode::Simulate { checks, mock_gas })
        .map_err(|error| refused(error, refused_simulation))
}

/// Measures a transaction with a coin that never runs dry.
fn estimate(
    simulator: &Simulator,
    transaction: &Transaction,
    checks: bool,
) -> Result<BudgetEstimate, Status> {
    let mut dry = transaction.clone();
    dry.gas_payment.objects.clear();
    dry.gas_payment.budget = limits::GAS_BUDGET_MAX;
    let mode = Mode::Simulate {
        checks,
        mock_gas: true,
    };
    let simulated = simulator
        .simulate(&dry, mode)
        .map_err(|error| refused(error, refused_simulation))?;
    let used = simulated.record.effects.gas_summary().clone();
    Ok(BudgetEstimate::new(used, transaction.gas_payment.price))
}

/// Fills in budget and payment.
fn choose_gas(
    simulator: &Simulator,
    transaction: &mut Transaction,
    estimate: Option<&BudgetEstimate>,
) -> Result<(), Status> {
    let given = transaction.gas_payment.budget;
    if transaction.gas_payment.objects.is_empty() {
        let budget = |coins| estimate.map_or(given, |estimate| estimate.budget(coins));
        let (coins, budget) = select_payment(simulator.ledger(), transaction, budget)?;
        transaction.gas_payment.objects = coins;
        transaction.gas_payment.budget = budget;
    } else if let Some(estimate) = estimate {
        // The budget so far is all the chosen coins hold.
        let needed = estimate.budget(transaction.gas_payment.objects.len());
        if given < needed {
            return Err(errors::invalid(format!(
                "Insufficient gas balance to cover estimated transaction cost. \
                 Available gas balance: {given} MIST. Estimated gas budget required: {needed} MIST"
            )));
        }
        transaction.gas_payment.budget = needed;
    }
    Ok(())
}

fn command_result(renderer: &Renderer<'_>, output: CommandOutput) -> proto::CommandResult {
    let value = |argument: Option<sui_sdk_types::Argument>, tag: TypeTag, bytes: Vec<u8>| {
        let mut message = proto::CommandOutput::default();
        message.argument = argument.map(Into::into);
        message.json = renderer.json(&tag, &bytes).map(Box::new);
        let mut bcs = proto::Bcs::from(bytes);
        bcs.name = Some(tag.to_string());
        message.value = Some(bcs);
        message
    };
    let mut result = proto::CommandResult::default();
    result.return_values = output
        .returned
        .into_iter()
        .map(|(tag, bytes)| value(None, tag, bytes))
        .collect();
    result.mutated_by_ref = output
        .mutated
        .into_iter()
        .map(|(argument, tag, bytes)| value(Some(argument), tag, bytes))
        .collect();
    result
}

fn no_result(error: RunError) -> Status {
    let code = match error {
        RunError::Stopped => tonic::Code::Unavailable,
        RunError::Defect => tonic::Code::Internal,
        RunError::TooLong => tonic::Code::DeadlineExceeded,
    };
    errors::plain(code, error.to_string())
}

fn refused(error: SubmitError, words: impl Fn(&InputError) -> String) -> Status {
    match error {
        SubmitError::Input(error) => errors::plain(error.code(), words(&error)),
        SubmitError::Store(error) => error.into(),
    }
}

fn refused_execution(error: &InputError) -> String {
    format!(
        "Transaction execution failed due to issues with transaction inputs, \
         please review the errors and try again: {error}."
    )
}

fn refused_simulation(error: &InputError) -> String {
    format!("Error checking transaction input objects: {error}")
}
