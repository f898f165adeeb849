//! Asking a policy, as key servers do: by a simulation in the reader's name.

use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2::{self as proto, execution_error::ExecutionErrorKind},
};
use sui_sdk_types::{
    Argument, Command, Identifier, Input, MoveCall, Mutability, ProgrammableTransaction,
    SharedInput,
};
use walrus_core::{ObjectId, SuiAddress};

use crate::{
    error::SuiError,
    ids::{CLOCK, account_address, object_address},
    rpc::SuiRpc,
};

/// What a policy may cost at most, in MIST.
const BUDGET_MIST: u64 = 500_000_000;
/// `seal::time::check_staleness` aborts with this if the full node is behind.
const STALE_ABORT: u64 = 93_492;
const TIME_MODULE: &str = "time";
const SIMULATE_MASK: &str = "transaction.effects.status,transaction.effects.gas_used";

/// How old what the full node knows may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    /// The version of package `seal` whose `time` is called.
    pub seal_package: ObjectId,
    /// What time it is, in ms since 1970.
    pub now_ms: u64,
    /// By how much the chain may be behind.
    pub allowed_ms: u64,
}

/// Why a policy did not approve.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// The full node is behind.
    #[error("the full node is behind the time")]
    Stale,
    /// There is no such function.
    #[error("there is no such function")]
    FunctionNotFound,
    /// The policy says no, or failed.
    #[error("{0}")]
    Denied(String),
    /// The full node does not accept the inputs: an object is not there, or not the reader's.
    #[error("{0}")]
    InvalidParameter(String),
    /// The full node cannot be asked.
    #[error(transparent)]
    Node(#[from] SuiError),
}

impl SuiRpc {
    /// The present price of gas, in MIST per unit.
    pub async fn reference_gas_price(&self) -> Result<u64, SuiError> {
        let request = proto::GetEpochRequest::default()
            .with_read_mask(FieldMask::from_str("reference_gas_price"));
        let response = self
            .call("GetEpoch", |mut client| {
                let request = request.clone();
                async move { client.ledger_client().get_epoch(request).await }
            })
            .await?;
        let price = response.get_ref().epoch().reference_gas_price_opt();
        price.ok_or_else(|| SuiError::decode("an epoch", "it has no reference gas price"))
    }

    /// Asks a policy in the name of `reader` whether it approves. All checks of the chain are on:
    /// objects of others are refused.
    pub async fn simulate_approval(
        &self,
        program: &ProgrammableTransaction,
        reader: SuiAddress,
        freshness: Freshness,
        gas_price: u64,
    ) -> Result<(), ApprovalError> {
        let transaction = request(program, reader, freshness, gas_price)?;
        let request = proto::SimulateTransactionRequest::new(transaction)
            .with_read_mask(FieldMask::from_str(SIMULATE_MASK));
        let response = self
            .call("SimulateTransaction", |mut client| {
                let request = request.clone();
                async move {
                    client
                        .execution_client()
                        .simulate_transaction(request)
                        .await
                }
            })
            .await
            .map_err(refused)?;
        judge(
            response.get_ref().transaction().effects().status(),
            freshness.seal_package,
        )
    }
}

fn refused(error: SuiError) -> ApprovalError {
    match &error {
        SuiError::Rpc { status, .. }
            if matches!(
                status.code(),
                tonic::Code::InvalidArgument | tonic::Code::NotFound
            ) =>
        {
            ApprovalError::InvalidParameter(status.message().to_owned())
        }
        _ => ApprovalError::Node(error),
    }
}

fn judge(status: &proto::ExecutionStatus, seal_package: ObjectId) -> Result<(), ApprovalError> {
    if status.success() {
        return Ok(());
    }
    let error = status.error();
    if error.kind() == ExecutionErrorKind::FunctionNotFound {
        return Err(ApprovalError::FunctionNotFound);
    }
    let abort = error.abort_opt();
    let is_stale = abort.is_some_and(|abort| {
        let location = abort.location();
        // The node may name the first version of the package.
        abort.abort_code() == STALE_ABORT
            && location.module() == TIME_MODULE
            && (error.command() == 0 || location.package() == seal_package.to_string())
    });
    if is_stale {
        return Err(ApprovalError::Stale);
    }
    let text = match error.description() {
        "" => error.kind().as_str_name().to_owned(),
        description => description.to_owned(),
    };
    Err(ApprovalError::Denied(text))
}

/// The program after a look at the clock, as a transaction whose objects are taken at their newest
/// version.
fn request(
    program: &ProgrammableTransaction,
    reader: SuiAddress,
    freshness: Freshness,
    gas_price: u64,
) -> Result<proto::Transaction, SuiError> {
    let program = with_freshness(program, freshness)?;
    let sender = account_address(reader);
    let mut message = proto::Transaction::default().with_sender(sender);
    let programmable = message.kind_mut().programmable_transaction_mut();
    let inputs = program.inputs.into_iter().map(|input| {
        let mut input = proto::Input::from(input);
        input.version = None;
        input.digest = None;
        input
    });
    programmable.set_inputs(inputs.collect());
    programmable.set_commands(program.commands.into_iter().map(Into::into).collect());
    let payment = message.gas_payment_mut();
    payment.set_owner(sender);
    payment.set_budget(BUDGET_MIST);
    payment.set_price(gas_price);
    Ok(message)
}

/// Puts the look at the clock before everything else. No command uses the result of another, so
/// none changes.
fn with_freshness(
    program: &ProgrammableTransaction,
    freshness: Freshness,
) -> Result<ProgrammableTransaction, SuiError> {
    let ProgrammableTransaction {
        mut inputs,
        mut commands,
    } = program.clone();
    let known = inputs
        .iter()
        .position(|input| matches!(input, Input::Shared(shared) if shared.object_id() == CLOCK));
    let clock = known.unwrap_or_else(|| {
        let clock = SharedInput::new(CLOCK, 1, Mutability::Immutable);
        inputs.push(Input::Shared(clock));
        inputs.len() - 1
    });
    let times = inputs.len();
    for time in [freshness.now_ms, freshness.allowed_ms] {
        inputs.push(Input::Pure(time.to_le_bytes().to_vec()));
    }
    let argument = |place: usize| {
        let too_many = |_| SuiError::InvalidInput("the program has too many inputs".to_owned());
        u16::try_from(place).map(Argument::Input).map_err(too_many)
    };
    let look = MoveCall {
        package: object_address(freshness.seal_package),
        module: Identifier::from_static(TIME_MODULE),
        function: Identifier::from_static("check_staleness"),
        type_arguments: Vec::new(),
        arguments: vec![argument(times)?, argument(times + 1)?, argument(clock)?],
    };
    commands.insert(0, Command::MoveCall(look));
    Ok(ProgrammableTransaction { inputs, commands })
}
