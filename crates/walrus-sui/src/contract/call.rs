//! Calls of the contracts as values: composed first, then executed, simulated, or written down for
//! others to sign.

use std::fmt;

use walrus_contracts::types::Authorized;
use walrus_core::{Frost, ObjectId, SuiAddress};

use crate::{
    StructTag,
    error::SuiError,
    executor::{Composer, Draft, Priced},
    ptb::Ptb,
    reader::{ContractState, SuiReader},
    transaction::Argument,
};

type Commands =
    dyn Fn(&mut Ptb<'_>, &ContractState, SuiAddress) -> Result<Frost, SuiError> + Send + Sync;

/// One or several calls of the contracts, in one transaction.
///
/// The constructors are in the modules of this folder, by subject.
pub struct Call(Box<Commands>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

impl Call {
    /// `commands` adds the calls for a sender and returns the WAL they pay.
    pub(crate) fn new(
        commands: impl Fn(&mut Ptb<'_>, &ContractState, SuiAddress) -> Result<Frost, SuiError>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Box::new(commands))
    }

    /// Calls that pay nothing.
    pub(crate) fn free(commands: impl Fn(&mut Ptb<'_>) + Send + Sync + 'static) -> Self {
        Self::new(move |ptb, _, _| {
            commands(ptb);
            Ok(Frost(0))
        })
    }

    /// Nothing: the beginning of a transaction that is put together step by step.
    pub fn empty() -> Self {
        Self::free(|_| {})
    }

    /// This and then `next`, in the same transaction.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self::new(move |ptb, state, sender| {
            let first = self.add(ptb, state, sender)?;
            let second = next.add(ptb, state, sender)?;
            first
                .0
                .checked_add(second.0)
                .map(Frost)
                .ok_or_else(too_much_wal)
        })
    }

    pub(super) fn add(
        &self,
        ptb: &mut Ptb<'_>,
        state: &ContractState,
        sender: SuiAddress,
    ) -> Result<Frost, SuiError> {
        (self.0)(ptb, state, sender)
    }

    /// The commands for `sender` and the WAL they pay, by the contracts as they were read last.
    pub(crate) async fn price(
        &self,
        reader: &SuiReader,
        sender: SuiAddress,
    ) -> Result<Priced, SuiError> {
        let state = reader.contract_state().await?;
        let refs = reader.refs().await?;
        let mut ptb = Ptb::new(&refs);
        let cost = self.add(&mut ptb, &state, sender)?;
        let program = ptb.finish();
        Ok(Priced { program, cost })
    }

    /// Builds the transaction of `composer`'s account and simulates it. Nothing is sent, and no key
    /// is needed.
    pub async fn draft(&self, reader: &SuiReader, composer: &Composer) -> Result<Draft, SuiError> {
        let priced = self.price(reader, composer.sender()).await?;
        composer.draft(&priced.program).await
    }
}

/// How an account proves to the contracts that it may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// By being the sender.
    Sender,
    /// By using an object it owns.
    Object {
        /// The object.
        id: ObjectId,
        /// Its type.
        type_: StructTag,
    },
}

impl Proof {
    /// What `sender` has to show to act as `authorized`; an error if it cannot. `what` names the
    /// right, as in "the commission of node 0x…".
    pub async fn find(
        reader: &SuiReader,
        authorized: &Authorized,
        sender: SuiAddress,
        what: &str,
    ) -> Result<Self, SuiError> {
        if let Some(proof) = Self::try_find(reader, authorized, sender).await? {
            return Ok(proof);
        }
        Err(SuiError::InvalidInput(match authorized {
            Authorized::Address(address) => {
                format!("{what} is in the hands of account {address}, not of {sender}")
            }
            Authorized::ObjectId(id) => format!(
                "{what} is in the hands of whoever owns object {id}, which {sender} does not"
            ),
        }))
    }

    /// What `sender` has to show to act as `authorized`; `None` if it cannot.
    pub async fn try_find(
        reader: &SuiReader,
        authorized: &Authorized,
        sender: SuiAddress,
    ) -> Result<Option<Self>, SuiError> {
        let id = match authorized {
            Authorized::Address(address) => {
                return Ok((*address == sender).then_some(Self::Sender));
            }
            Authorized::ObjectId(id) => *id,
        };
        // The object may be inside another one, where only that one's package reaches it.
        let Some(object) = reader.rpc().try_objects(&[id]).await?.pop().flatten() else {
            return Ok(None);
        };
        if !object.owner.is_account(sender) {
            return Ok(None);
        }
        Ok(object.type_.map(|type_| Self::Object { id, type_ }))
    }

    /// Adds the proof as `auth::Authenticated`.
    pub(crate) fn add(&self, ptb: &mut Ptb<'_>) -> Argument {
        match self {
            Self::Sender => ptb.call("auth", "authenticate_sender", vec![]),
            Self::Object { id, type_ } => {
                let object = ptb.owned(*id);
                let (package, types) = (ptb.package(), vec![type_.clone().into()]);
                ptb.call_package(
                    package,
                    "auth",
                    "authenticate_with_object",
                    types,
                    vec![object],
                )
            }
        }
    }
}

/// Adds `auth::Authorized`.
pub(super) fn authorized(ptb: &mut Ptb<'_>, authorized: Authorized) -> Argument {
    match authorized {
        Authorized::Address(address) => {
            let address = ptb.raw32(address.0);
            ptb.call("auth", "authorized_address", vec![address])
        }
        Authorized::ObjectId(id) => {
            let id = ptb.raw32(id.0);
            ptb.call("auth", "authorized_object", vec![id])
        }
    }
}

/// The sum of amounts.
pub(super) fn total(amounts: impl IntoIterator<Item = Frost>) -> Result<Frost, SuiError> {
    amounts
        .into_iter()
        .try_fold(0u64, |total, amount| total.checked_add(amount.0))
        .map(Frost)
        .ok_or_else(too_much_wal)
}

fn too_much_wal() -> SuiError {
    SuiError::InvalidInput("the amounts exceed all WAL there is".to_owned())
}
