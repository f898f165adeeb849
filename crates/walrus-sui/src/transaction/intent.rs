//! What is asked of a full node, and what comes back from it.

use std::collections::BTreeMap;

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, Command, Digest, ObjectReference, StructTag, Transaction};
use walrus_core::SuiAddress;

use super::{
    lower::{Body, Funds},
    program::{Input, Program},
};
use crate::{error::SuiError, ids::account_address};

/// Everything about a transaction that is ours to decide. A full node adds versions of objects, the
/// price of gas and, unless it is given, the budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Intent {
    pub(super) sender: Address,
    pub(super) payer: Address,
    pub(super) inputs: Vec<Input>,
    pub(super) commands: Vec<Command>,
    /// Coins that pay for gas. None: it is paid from the balance outside of coins.
    pub(super) gas: Vec<ObjectReference>,
    /// In MIST; what a full node estimates if it is not given.
    pub(super) budget: Option<u64>,
}

/// A transaction that does what was asked for, and nothing else. Only comparing it with that makes
/// one: bytes from outside never become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedTransaction(pub(super) Transaction);

impl CheckedTransaction {
    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        &self.0
    }

    /// The digest by which the chain will know it.
    pub fn digest(&self) -> Digest {
        self.0.digest()
    }

    #[cfg(test)]
    pub(crate) fn for_test(transaction: Transaction) -> Self {
        Self(transaction)
    }
}

impl Intent {
    /// What `program` means for `account`, which sends it and pays for it.
    pub(crate) fn new(
        account: SuiAddress,
        program: &Program,
        funds: &BTreeMap<StructTag, Funds>,
        gas: Vec<ObjectReference>,
        budget: Option<u64>,
    ) -> Result<Self, SuiError> {
        let Body { inputs, commands } = program.lower(funds)?;
        let account = account_address(account);
        Ok(Self {
            sender: account,
            payer: account,
            inputs,
            commands,
            gas,
            budget,
        })
    }

    /// The unfinished transaction, as SimulateTransaction takes it.
    pub(crate) fn request(&self) -> proto::Transaction {
        let mut message = proto::Transaction::default().with_sender(self.sender);
        let programmable = message.kind_mut().programmable_transaction_mut();
        programmable.set_inputs(self.inputs.iter().map(input_message).collect());
        programmable.set_commands(self.commands.iter().cloned().map(Into::into).collect());
        let payment = message.gas_payment_mut();
        payment.set_owner(self.payer);
        if let Some(budget) = self.budget {
            payment.set_budget(budget);
        }
        payment.set_objects(self.gas.iter().map(reference_message).collect());
        message
    }
}

fn input_message(input: &Input) -> proto::Input {
    use proto::input::InputKind;
    match input {
        Input::Pure(bytes) => proto::Input::default()
            .with_kind(InputKind::Pure)
            .with_pure(bytes.clone()),
        // Which kind it is, full nodes find out; whether it is what we mean, is compared
        // afterwards.
        Input::Owned(id) | Input::Shared { id, .. } => proto::Input::default().with_object_id(*id),
        Input::Coin(reference) => proto::Input::default()
            .with_kind(InputKind::ImmutableOrOwned)
            .with_object_id(*reference.object_id())
            .with_version(reference.version())
            .with_digest(*reference.digest()),
        Input::Withdrawal(withdrawal) => {
            sui_sdk_types::Input::FundsWithdrawal(withdrawal.clone()).into()
        }
    }
}

fn reference_message(reference: &ObjectReference) -> proto::ObjectReference {
    proto::ObjectReference::default()
        .with_object_id(*reference.object_id())
        .with_version(reference.version())
        .with_digest(*reference.digest())
}
