//! Completes the transactions clients leave unfinished: object versions, mutability of shared
//! inputs, gas price, budget and payment.

mod gas;
mod inputs;
mod uses;

use stdx::SaturatingFrom as _;
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{
    Address, Command, GasPayment, ObjectReference, ProgrammableTransaction, Transaction,
    TransactionExpiration, TransactionKind,
};
use tonic::Status;

use super::{errors, parse};
use crate::{
    execution::{Engine, limits},
    ledger::{Ledger, View},
};

pub(crate) use gas::{BudgetEstimate, select_payment};

/// A transaction of a request with everything found that the client left out.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// The transaction; its budget is the largest possible while `budget_open`.
    pub(crate) transaction: Transaction,
    /// Whether the client left the budget to the server.
    pub(crate) budget_open: bool,
}

/// Completes `message` against the live state.
///
/// BCS bytes and complete structures are taken as they are; everything else is resolved.
pub(crate) fn resolve(
    ledger: &Ledger,
    engine: &Engine,
    message: &proto::Transaction,
) -> Result<Resolved, Status> {
    if message.bcs.is_some() || is_complete(message) {
        let transaction = Transaction::try_from(message)
            .map_err(|error| errors::conversion("transaction", error))?;
        return Ok(Resolved {
            transaction,
            budget_open: false,
        });
    }
    Resolver {
        ledger,
        engine,
        view: View::new(ledger),
    }
    .resolve(message)
}

/// Whether a structured transaction leaves nothing open.
fn is_complete(message: &proto::Transaction) -> bool {
    message.version.is_some() && Transaction::try_from(message).is_ok()
}

struct Resolver<'a> {
    ledger: &'a Ledger,
    engine: &'a Engine,
    view: View<'a>,
}

impl Resolver<'_> {
    fn resolve(&self, message: &proto::Transaction) -> Result<Resolved, Status> {
        let sender: Address = parse::required("transaction.sender", message.sender.as_deref())?;
        let payment = self.payment(message.gas_payment.as_ref(), sender)?;
        let programmable = match &message.kind {
            Some(kind) if kind.programmable_transaction_opt().is_some() => {
                kind.programmable_transaction()
            }
            Some(_) => {
                return Err(errors::invalid_field(
                    "transaction.kind",
                    "only programmable transactions can be submitted",
                ));
            }
            None => return Err(errors::missing_field("transaction.kind")),
        };
        let expiration = match &message.expiration {
            Some(expiration) => TransactionExpiration::try_from(expiration)
                .map_err(|error| errors::conversion("transaction.expiration", error))?,
            None => TransactionExpiration::None,
        };
        let commands = commands(&programmable.commands)?;
        let inputs = self.inputs(&programmable.inputs, &commands)?;
        Ok(Resolved {
            budget_open: message
                .gas_payment
                .as_ref()
                .is_none_or(|payment| payment.budget.is_none()),
            transaction: Transaction {
                kind: TransactionKind::ProgrammableTransaction(ProgrammableTransaction {
                    inputs,
                    commands,
                }),
                sender,
                gas_payment: payment,
                expiration,
            },
        })
    }

    fn payment(
        &self,
        message: Option<&proto::GasPayment>,
        sender: Address,
    ) -> Result<GasPayment, Status> {
        let Some(message) = message else {
            return Ok(GasPayment {
                objects: Vec::new(),
                owner: sender,
                price: limits::REFERENCE_GAS_PRICE,
                budget: limits::GAS_BUDGET_MAX,
            });
        };
        let objects = message
            .objects
            .iter()
            .map(|reference| self.gas_reference(reference))
            .collect::<Result<Vec<_>, _>>()?;
        let owner = parse::optional("transaction.gas_payment.owner", message.owner.as_deref())?;
        let budget = match message.budget {
            Some(budget) => budget,
            None => self.budget_default(&objects)?,
        };
        Ok(GasPayment {
            objects,
            owner: owner.unwrap_or(sender),
            price: message.price.unwrap_or(limits::REFERENCE_GAS_PRICE),
            budget,
        })
    }

    /// The most a transaction may spend: the chosen coins' balance, within the protocol's limit.
    fn budget_default(&self, coins: &[ObjectReference]) -> Result<u64, Status> {
        if coins.is_empty() {
            return Ok(limits::GAS_BUDGET_MAX);
        }
        let mut balance: u64 = 0;
        for coin in coins {
            let object = self.live(coin.object_id())?;
            let value = crate::ledger::keys::coin_balance(&object).unwrap_or(0);
            balance = balance.saturating_add(value);
        }
        Ok(balance.min(limits::GAS_BUDGET_MAX))
    }

    fn gas_reference(&self, message: &proto::ObjectReference) -> Result<ObjectReference, Status> {
        let field = "transaction.gas_payment.objects.object_id";
        let id: Address = parse::required(field, message.object_id.as_deref())?;
        let object = self.live(&id)?;
        inputs::reference(&object, message.version, message.digest.as_deref())
    }

    fn live(&self, id: &Address) -> Result<sui_sdk_types::Object, Status> {
        self.ledger
            .object(id)?
            .ok_or_else(|| errors::not_found(format!("Object {id} not found")))
    }
}

fn commands(messages: &[proto::Command]) -> Result<Vec<Command>, Status> {
    let limit = usize::saturating_from(limits::COMMANDS_MAX);
    if messages.len() > limit {
        return Err(errors::invalid_field(
            "transaction.kind.programmable_transaction.commands",
            format!("a transaction has at most {limit} commands"),
        ));
    }
    messages
        .iter()
        .map(|message| {
            Command::try_from(message).map_err(|error| {
                errors::conversion("transaction.kind.programmable_transaction.commands", error)
            })
        })
        .collect()
}
