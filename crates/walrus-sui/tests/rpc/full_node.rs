//! How transactions are built, sent and repeated, against a full node that answers by script.

use std::{collections::VecDeque, sync::Arc};

use futures::stream;
use stdx::Mutex;
use sui_rpc::proto::sui::rpc::v2::{
    self as proto,
    ledger_service_server::{LedgerService, LedgerServiceServer},
    state_service_server::{StateService, StateServiceServer},
    subscription_service_server::{SubscriptionService, SubscriptionServiceServer},
    transaction_execution_service_server::{
        TransactionExecutionService, TransactionExecutionServiceServer,
    },
};
use sui_sdk_types::{Address, Owner, Transaction, TransactionKind};
use tonic::{Request, Response, Status};
use walrus_sui::{Executed, Executor, Program, Signer, SuiError, SuiRpc};

/// A complete transaction in BCS, which the scripted simulation returns.
const TRANSACTION: &str = concat!(
    "0000020008e80300000000000000200000000000000000000000000000000000000000000000000000000000000b0b",
    "020200010100000101030000000001010029dfbf688abce7ab43bb8e70cae158ae961196e721440f515482f8ba1684",
    "390f0100000000000000000000000000000000000000000000000000000000000000c1070000000000000020090909",
    "090909090909090909090909090909090909090909090909090909090929dfbf688abce7ab43bb8e70cae158ae9611",
    "96e721440f515482f8ba1684390fe803000000000000404b4c000000000000"
);
const STALE: &str = "Transaction execution failed due to issues with transaction inputs, please review the \
                     errors and try again: Transaction needs to be rebuilt because object 0xc1 version 0x7 is \
                     unavailable for consumption, current version: 0x8.";

type Simulated = Result<proto::SimulateTransactionResponse, Status>;
type Sent = Result<proto::ExecuteTransactionResponse, Status>;

/// Answers from the front of each script, and its last entry for ever.
#[derive(Default)]
struct Script {
    simulate: VecDeque<Simulated>,
    execute: VecDeque<Sent>,
    simulations: usize,
    executions: usize,
    /// What the ledger knows.
    committed: Option<proto::ExecutedTransaction>,
}

#[derive(Clone, Default)]
struct FullNode(Arc<Mutex<Script>>);

fn next<T: Clone>(script: &mut VecDeque<T>) -> T {
    let first = script.front().cloned().expect("the script has an answer");
    if script.len() > 1 {
        script.pop_front();
    }
    first
}

#[tonic::async_trait]
impl TransactionExecutionService for FullNode {
    async fn simulate_transaction(
        &self,
        _: Request<proto::SimulateTransactionRequest>,
    ) -> Result<Response<proto::SimulateTransactionResponse>, Status> {
        let mut script = self.0.lock();
        script.simulations += 1;
        next(&mut script.simulate).map(Response::new)
    }

    async fn execute_transaction(
        &self,
        _: Request<proto::ExecuteTransactionRequest>,
    ) -> Result<Response<proto::ExecuteTransactionResponse>, Status> {
        let mut script = self.0.lock();
        script.executions += 1;
        let response = next(&mut script.execute)?;
        script.committed = Some(response.transaction().clone().with_checkpoint(5u64));
        Ok(Response::new(response))
    }
}

/// Knows the transaction as soon as it was executed.
#[tonic::async_trait]
impl LedgerService for FullNode {
    async fn get_transaction(
        &self,
        _: Request<proto::GetTransactionRequest>,
    ) -> Result<Response<proto::GetTransactionResponse>, Status> {
        let script = self.0.lock();
        let transaction = script
            .committed
            .clone()
            .ok_or_else(|| Status::not_found("Transaction not found"))?;
        let response = proto::GetTransactionResponse::default().with_transaction(transaction);
        Ok(Response::new(response))
    }
}

#[tonic::async_trait]
impl SubscriptionService for FullNode {
    async fn subscribe_checkpoints(
        &self,
        _: Request<proto::SubscribeCheckpointsRequest>,
    ) -> Result<Response<tonic::codegen::BoxStream<proto::SubscribeCheckpointsResponse>>, Status>
    {
        Ok(Response::new(Box::pin(stream::pending())))
    }
}

/// Every account has one coin: the one that the scripted transaction is paid with.
#[tonic::async_trait]
impl StateService for FullNode {
    async fn list_owned_objects(
        &self,
        request: Request<proto::ListOwnedObjectsRequest>,
    ) -> Result<Response<proto::ListOwnedObjectsResponse>, Status> {
        let owner: Address = request.get_ref().owner().parse().unwrap();
        let coin = &transaction().gas_payment.objects[0];
        let coin = proto::Object::default()
            .with_object_id(*coin.object_id())
            .with_version(coin.version())
            .with_digest(*coin.digest())
            .with_owner(Owner::Address(owner))
            .with_object_type("0x2::coin::Coin<0x2::sui::SUI>")
            .with_balance(1_000_000_000u64);
        let response = proto::ListOwnedObjectsResponse::default().with_objects(vec![coin]);
        Ok(Response::new(response))
    }
}

impl FullNode {
    fn new(simulate: Vec<Simulated>, execute: Vec<Sent>) -> Self {
        Self(Arc::new(Mutex::new(Script {
            simulate: simulate.into(),
            execute: execute.into(),
            ..Script::default()
        })))
    }

    /// Serves on a free port; returns the URL.
    async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = tonic::transport::Server::builder()
            .add_service(TransactionExecutionServiceServer::new(self.clone()))
            .add_service(LedgerServiceServer::new(self.clone()))
            .add_service(StateServiceServer::new(self.clone()))
            .add_service(SubscriptionServiceServer::new(self.clone()));
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        tokio::spawn(routes.serve_with_incoming(incoming));
        url
    }

    async fn run(&self) -> Result<Executed, SuiError> {
        run(&[&self.serve().await]).await
    }

    /// How often it simulated and executed.
    fn calls(&self) -> (usize, usize) {
        let script = self.0.lock();
        (script.simulations, script.executions)
    }
}

async fn run(urls: &[&str]) -> Result<Executed, SuiError> {
    let rpc = SuiRpc::new(urls).unwrap();
    let executor = Executor::new(rpc, Signer::from_seed([1; 32]));
    executor.run(&program()).await
}

const RECIPIENT: Address = Address::from_static("0xb0b");

/// What [`TRANSACTION`] does: 1000 MIST for an account.
fn program() -> Program {
    let mut program = Program::new();
    let amount = program.pure(&1000u64);
    let gas = program.gas(1000);
    let coins = program.split_coins(gas, vec![amount]);
    let recipient = program.pure(&RECIPIENT);
    program.transfer_objects(coins, recipient);
    program
}

fn transaction() -> Transaction {
    bcs::from_bytes(&hex::decode(TRANSACTION).unwrap()).unwrap()
}

fn effects(error: Option<proto::ExecutionError>) -> proto::TransactionEffects {
    let mut status = proto::ExecutionStatus::default().with_success(error.is_none());
    status.error = error;
    proto::TransactionEffects::default().with_status(status)
}

fn executed_transaction(error: Option<proto::ExecutionError>) -> proto::ExecutedTransaction {
    proto::ExecutedTransaction::default()
        .with_digest(transaction().digest().to_string())
        .with_transaction(proto::Transaction::from(transaction()))
        .with_effects(effects(error))
}

fn simulated(error: Option<proto::ExecutionError>) -> proto::SimulateTransactionResponse {
    proto::SimulateTransactionResponse::default().with_transaction(executed_transaction(error))
}

fn sent(error: Option<proto::ExecutionError>) -> proto::ExecuteTransactionResponse {
    proto::ExecuteTransactionResponse::default().with_transaction(executed_transaction(error))
}

fn abort() -> proto::ExecutionError {
    let location = proto::MoveLocation::default()
        .with_package("0xabc")
        .with_module("blob")
        .with_function_name("certify");
    proto::ExecutionError::default()
        .with_command(0u64)
        .with_abort(
            proto::MoveAbort::default()
                .with_abort_code(6u64)
                .with_location(location),
        )
}

#[tokio::test]
async fn a_transaction_is_simulated_executed_and_found_in_its_checkpoint() {
    let node = FullNode::new(vec![Ok(simulated(None))], vec![Ok(sent(None))]);
    let executed = node.run().await.unwrap();
    assert_eq!(executed.digest, transaction().digest());
    assert_eq!(executed.checkpoint, Some(5));
    assert_eq!(node.calls(), (1, 1));
}

#[tokio::test]
async fn another_transaction_than_was_asked_for_is_never_signed() {
    let mut other = transaction();
    let TransactionKind::ProgrammableTransaction(programmable) = &mut other.kind else {
        panic!("{other:?}");
    };
    programmable.inputs[1] = sui_sdk_types::Input::Pure(vec![0xbd; 32]);
    let answer = executed_transaction(None).with_transaction(proto::Transaction::from(other));
    let answer = proto::SimulateTransactionResponse::default().with_transaction(answer);
    let node = FullNode::new(vec![Ok(answer)], vec![Ok(sent(None))]);
    let error = node.run().await.unwrap_err();
    let SuiError::NotWhatWasAsked { url, difference } = &error else {
        panic!("{error}");
    };
    assert!(url.starts_with("http://127.0.0.1"), "{url}");
    assert_eq!(difference, "input 1 has another value");
    assert!(!error.is_transient() && !error.leaves_outcome_open());
    assert_eq!(node.calls(), (1, 0));
}

#[tokio::test]
async fn effects_of_another_transaction_are_not_believed() {
    let answer = executed_transaction(None).with_digest(sui_sdk_types::Digest::ZERO.to_string());
    let answer = proto::ExecuteTransactionResponse::default().with_transaction(answer);
    let node = FullNode::new(vec![Ok(simulated(None))], vec![Ok(answer)]);
    let error = node.run().await.unwrap_err();
    assert!(matches!(error, SuiError::Decode { .. }), "{error}");
    assert!(error.leaves_outcome_open());
}

#[tokio::test]
async fn stale_objects_mean_building_anew() {
    let stale = || Status::invalid_argument(STALE);
    let node = FullNode::new(
        vec![Err(stale()), Ok(simulated(None))],
        vec![Err(stale()), Ok(sent(None))],
    );
    node.run().await.unwrap();
    assert_eq!(node.calls(), (3, 2));
}

#[tokio::test]
async fn objects_that_stay_in_use_end_in_an_error() {
    let node = FullNode::new(
        vec![Ok(simulated(None))],
        vec![Err(Status::invalid_argument(STALE))],
    );
    let error = node.run().await.unwrap_err();
    assert!(matches!(error, SuiError::ObjectsInUse(_)), "{error}");
    assert!(error.is_transient());
    assert!(!error.to_string().contains('\n'));
}

#[tokio::test]
async fn an_overloaded_node_is_asked_again() {
    let busy = || Status::unavailable("The service is currently unavailable");
    let node = FullNode::new(
        vec![Err(busy()), Ok(simulated(None))],
        vec![Err(busy()), Ok(sent(None))],
    );
    node.run().await.unwrap();
    assert_eq!(node.calls(), (2, 2));
}

#[tokio::test]
async fn a_dead_node_is_passed_over() {
    // Nobody listens on a port that was just closed.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let node = FullNode::new(vec![Ok(simulated(None))], vec![Ok(sent(None))]);
    run(&[&dead, &node.serve().await]).await.unwrap();

    let error = run(&[&dead]).await.unwrap_err();
    assert!(error.is_transient());
    let text = error.to_string();
    assert!(
        text.contains(&dead) && text.to_lowercase().contains("connect"),
        "{text}"
    );
    assert!(!text.contains('\n'));
}

#[tokio::test]
async fn aborts_are_reported_from_simulation_and_from_execution() {
    let node = FullNode::new(vec![Ok(simulated(Some(abort())))], vec![Ok(sent(None))]);
    let error = node.run().await.unwrap_err();
    assert!(error.is_abort("blob", 6), "{error}");
    assert_eq!(node.calls(), (1, 0));

    let node = FullNode::new(vec![Ok(simulated(None))], vec![Ok(sent(Some(abort())))]);
    let error = node.run().await.unwrap_err();
    assert!(error.is_abort("blob", 6), "{error}");
    // Our contracts explain their codes.
    assert!(error.to_string().contains("EInvalidBlobId"), "{error}");
}

#[tokio::test]
async fn lack_of_gas_is_told_apart() {
    let text = "Unable to perform gas selection due to insufficient SUI balance (in address balance or coins) for \
                account 0x1 to satisfy required budget 5.";
    let node = FullNode::new(
        vec![Err(Status::invalid_argument(text))],
        vec![Ok(sent(None))],
    );
    let error = node.run().await.unwrap_err();
    let SuiError::NotEnoughSui { detail, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(detail, text);
}

#[tokio::test]
async fn refusals_are_not_repeated() {
    let node = FullNode::new(
        vec![Ok(simulated(None))],
        vec![Err(Status::invalid_argument("Invalid user signature: no"))],
    );
    let error = node.run().await.unwrap_err();
    assert!(
        error.to_string().contains("Invalid user signature"),
        "{error}"
    );
    assert_eq!(node.calls(), (1, 1));
}
