//! Building transactions with the help of a full node, which is not trusted: what it makes of a
//! program is compared with the program. No key is needed for that.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sui_rpc::{
    field::{FieldMask, FieldMaskUtil as _},
    proto::sui::rpc::v2 as proto,
};
use sui_sdk_types::{Address, StructTag, Transaction};
use walrus_core::{Frost, SuiAddress};

use super::{
    first_line,
    retries::{Again, Retries},
};
use crate::{
    error::{SuiError, is_stale_object, missing_object},
    rpc::{Executed, SuiRpc, executed},
    transaction::{
        COINS_LISTED_MAX, CheckedTransaction, Choice, Funds, GAS_BUDGET_MIST_MAX, Intent,
        MERGE_BUDGET_MIST, Program, for_gas, for_merging, for_payment, is_scattered,
    },
};

const SIMULATE_MASK: &str = "transaction.digest,transaction.transaction,transaction.effects.status,\
     transaction.effects.gas_used,transaction.effects.changed_objects,\
     transaction.events.events.event_type,transaction.events.events.contents";
/// Full nodes say this when no coin is left to pay for gas.
const NO_GAS_TEXTS: [&str; 4] = [
    "is lower than the needed amount",
    "insufficient SUI balance",
    "Insufficient gas balance",
    "No valid gas coins found",
];

/// Builds and simulates the transactions of one account, whoever holds its key.
#[derive(Debug, Clone)]
pub struct Composer {
    rpc: SuiRpc,
    sender: SuiAddress,
    gas_budget: Option<u64>,
}

/// A complete transaction without signature, and what it would do now.
#[derive(Debug, Clone)]
pub struct Draft {
    transaction: CheckedTransaction,
    /// What simulating it did.
    pub outcome: Executed,
}

impl Draft {
    /// BCS of the transaction in base64: what offline signers and multisig tools take.
    pub fn to_base64(&self) -> String {
        let bytes =
            bcs::to_bytes(self.transaction()).expect("a transaction from the chain is valid BCS");
        BASE64_STANDARD.encode(bytes)
    }

    /// The digest that the transaction will have on chain.
    pub fn digest(&self) -> sui_sdk_types::Digest {
        self.transaction.digest()
    }

    /// Most gas it can cost, in MIST.
    pub fn gas_budget_mist(&self) -> u64 {
        self.transaction().gas_payment.budget
    }

    /// The transaction.
    pub fn transaction(&self) -> &Transaction {
        self.transaction.transaction()
    }

    pub(super) fn checked(&self) -> &CheckedTransaction {
        &self.transaction
    }
}

impl Composer {
    /// A composer for `sender`. The gas budget, in MIST, is estimated if not given.
    pub fn new(rpc: SuiRpc, sender: SuiAddress, gas_budget: Option<u64>) -> Self {
        Self {
            rpc,
            sender,
            gas_budget,
        }
    }

    /// The account.
    pub fn sender(&self) -> SuiAddress {
        self.sender
    }

    /// Where transactions are built.
    pub fn rpc(&self) -> &SuiRpc {
        &self.rpc
    }

    /// Builds the transaction of a program and simulates it. One that would fail is an error, the
    /// same that executing it would be; so is one that is not what was asked for. When objects
    /// change meanwhile, because the account sends other transactions at the same time, it is built
    /// anew on the newest ones.
    pub async fn draft(&self, program: &Program) -> Result<Draft, SuiError> {
        let mut retries = Retries::new();
        loop {
            let error = match self.draft_once(program).await {
                Ok(draft) => return Ok(draft),
                Err(error) => error,
            };
            let Some((Again::Build, delay)) = retries.after(&error, false, false) else {
                return Err(error);
            };
            tokio::time::sleep(delay).await;
        }
    }

    /// The same without trying again, for callers that do so themselves.
    pub(super) async fn draft_once(&self, program: &Program) -> Result<Draft, SuiError> {
        let funds = self.funds(program).await?;
        let in_use = funds.values().flat_map(|funds| &funds.coins);
        let in_use = in_use
            .map(|coin| *coin.object_id())
            .chain(program.objects());
        let payment = self.gas_coins(program, &in_use.collect()).await?;
        let scattered = is_scattered(&payment).then_some((payment.sum, payment.left));
        let intent = Intent::new(self.sender, program, &funds, payment.coins, self.gas_budget)?;
        self.resolve(&intent)
            .await
            .map_err(|error| self.explain(error, scattered))
    }

    /// Chooses the coins for what a program pays.
    async fn funds(&self, program: &Program) -> Result<BTreeMap<StructTag, Funds>, SuiError> {
        let mut funds = BTreeMap::new();
        for (type_, amount) in program.wanted()? {
            let coins = self
                .rpc
                .coins(self.sender, &type_, COINS_LISTED_MAX)
                .await?;
            let Choice { coins, sum, left } = for_payment(coins, amount);
            let from_balance = amount.saturating_sub(sum);
            if from_balance > 0 {
                let outside = self.rpc.balance_outside_coins(self.sender, &type_).await?;
                if outside < from_balance {
                    return Err(self.too_little(&type_, amount, sum.saturating_add(outside), left));
                }
            }
            let chosen = Funds {
                coins,
                from_balance,
            };
            funds.insert(type_, chosen);
        }
        Ok(funds)
    }

    fn too_little(&self, type_: &StructTag, need: u64, have: u64, left: u64) -> SuiError {
        if have.saturating_add(left) >= need {
            return SuiError::CoinsScattered {
                address: self.sender,
                coin: type_.name().to_string(),
                usable: have,
                have: have.saturating_add(left),
            };
        }
        SuiError::NotEnoughWal {
            address: self.sender,
            need: Frost(need),
            have: Frost(have.saturating_add(left)),
        }
    }

    /// Chooses the coins that pay for gas.
    async fn gas_coins(
        &self,
        program: &Program,
        in_use: &BTreeSet<Address>,
    ) -> Result<Choice, SuiError> {
        let sui = StructTag::sui();
        let mut coins = self.rpc.coins(self.sender, &sui, COINS_LISTED_MAX).await?;
        coins.retain(|coin| !in_use.contains(coin.reference.object_id()));
        let budget = self.gas_budget.unwrap_or(GAS_BUDGET_MIST_MAX);
        Ok(for_gas(
            coins,
            budget.saturating_add(program.taken_from_gas_mist()),
        ))
    }

    /// Merges coins of SUI into one: those that pay for gas, and as many besides as one transaction
    /// can take.
    pub(super) async fn draft_merge(&self) -> Result<Draft, SuiError> {
        let sui = StructTag::sui();
        let coins = self.rpc.coins(self.sender, &sui, COINS_LISTED_MAX).await?;
        let (payment, others) = for_merging(coins);
        let program = Program::merging_into_gas(others);
        let none = BTreeMap::new();
        let intent = Intent::new(
            self.sender,
            &program,
            &none,
            payment,
            Some(MERGE_BUDGET_MIST),
        )?;
        self.resolve(&intent).await
    }

    /// Lets a full node complete and simulate what is asked for, and takes nothing else.
    async fn resolve(&self, intent: &Intent) -> Result<Draft, SuiError> {
        let request = proto::SimulateTransactionRequest::default()
            .with_transaction(intent.request())
            .with_do_gas_selection(true)
            .with_read_mask(FieldMask::from_str(SIMULATE_MASK));
        let response = self
            .rpc
            .call("SimulateTransaction", |mut client| {
                let request = request.clone();
                async move {
                    client
                        .execution_client()
                        .simulate_transaction(request)
                        .await
                }
            })
            .await?;
        let answer = response.get_ref().transaction();
        let outcome = executed(answer)?;
        let resolved = answer
            .transaction()
            .bcs()
            .deserialize()
            .map_err(|error| SuiError::decode("a simulated transaction", error))?;
        let transaction =
            intent
                .check(resolved)
                .map_err(|difference| SuiError::NotWhatWasAsked {
                    url: self.rpc.active_url(),
                    difference,
                })?;
        Ok(Draft {
            transaction,
            outcome,
        })
    }

    /// Tells apart what full nodes say in words only. `scattered`: the coins that were to pay for
    /// gas are many; how much MIST they hold, and those that did not fit in.
    fn explain(&self, error: SuiError, scattered: Option<(u64, u64)>) -> SuiError {
        let SuiError::Rpc { status, .. } = &error else {
            return error;
        };
        let text = status.message();
        if is_stale_object(text) {
            return SuiError::ObjectsInUse(first_line(text));
        }
        if let Some(id) = missing_object(text) {
            return SuiError::ObjectNotFound(id);
        }
        if !NO_GAS_TEXTS.iter().any(|needle| text.contains(needle)) {
            return error;
        }
        if let Some((usable, left)) = scattered {
            return SuiError::CoinsScattered {
                address: self.sender,
                coin: StructTag::sui().name().to_string(),
                usable,
                have: usable.saturating_add(left),
            };
        }
        SuiError::NotEnoughSui {
            address: self.sender,
            detail: first_line(text),
        }
    }
}
