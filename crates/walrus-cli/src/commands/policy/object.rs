//! Policies as they are on chain, for people.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use walrus_contracts::types::policies::{Allowlist, Board, Gate, Listing, PolicyCap, Service};
use walrus_core::{ObjectId, text::printable};
use walrus_sui::{
    StructTag, SuiRpc,
    contract::{ListingRef, PolicyKind},
    rpc::{ObjectData, ObjectOwner},
};

use crate::{commands::context::Private, output::format::Wal};

/// A policy as it is on chain.
pub(super) struct Policy {
    pub(super) kind: PolicyKind,
    pub(super) object: ObjectData,
    /// The version of the package to call.
    pub(super) package: ObjectId,
    pub(super) original_package: ObjectId,
    coin: Option<StructTag>,
}

impl Policy {
    pub(super) async fn read(rpc: &SuiRpc, id: ObjectId) -> anyhow::Result<Self> {
        let object = rpc.object(id).await?;
        let tag = object.type_.clone();
        let kind = tag.as_ref().and_then(PolicyKind::of_policy);
        let (Some(tag), Some(kind)) = (tag, kind) else {
            bail!("object {id} is no policy that is known here");
        };
        let original_package = ObjectId(tag.address().into_inner());
        let coin = match tag.type_params().first() {
            Some(walrus_sui::TypeTag::Struct(coin)) => Some(*coin.clone()),
            _ => None,
        };
        Ok(Self {
            kind,
            object,
            package: original_package,
            original_package,
            coin,
        })
    }

    pub(super) fn listing_ref(&self) -> anyhow::Result<ListingRef<'_>> {
        Ok(ListingRef {
            package: self.package,
            coin: self.coin.as_ref().context("the policy has no coin")?,
            listing: self.object.id,
        })
    }

    /// The capability, if the account has it.
    pub(super) async fn cap(&self, private: &Private) -> anyhow::Result<Option<ObjectId>> {
        let Some(type_) = self.kind.cap_type(self.original_package) else {
            return Ok(None);
        };
        let owner = private.signer.address();
        for object in private.rpc.owned_objects(owner, &type_.to_string()).await? {
            let cap: PolicyCap = object.decode("the capability of a policy")?;
            if cap.policy_id == self.object.id {
                return Ok(Some(cap.id));
            }
        }
        Ok(None)
    }

    pub(super) async fn required_cap(&self, private: &Private) -> anyhow::Result<ObjectId> {
        if self.kind.cap_type(self.original_package).is_none() {
            bail!(
                "nobody manages policy {}, of kind {}",
                self.object.id,
                self.kind.module()
            );
        }
        let cap = self.cap(private).await?;
        cap.with_context(|| {
            let account = private.signer.address();
            format!(
                "account {account} does not manage policy {}",
                self.object.id
            )
        })
    }

    /// Who owns the object, if somebody does.
    fn holder(&self) -> Option<String> {
        match self.object.owner {
            ObjectOwner::Address(owner) => Some(owner.to_string()),
            _ => None,
        }
    }

    pub(super) fn json(&self) -> anyhow::Result<Value> {
        let mut json = match self.kind {
            PolicyKind::Allowlist => {
                let list: Allowlist = self.object.decode("Allowlist")?;
                json!({ "members": list.members.size })
            }
            PolicyKind::Market => {
                let offer: Listing = self.object.decode("Listing")?;
                let payees = offer.payees.iter().map(|payee| {
                    json!({ "account": payee.account.to_string(), "partBps": payee.part_bps })
                });
                json!({
                    "price": offer.price,
                    "termEpochs": offer.term_epochs,
                    "isOpen": offer.is_open,
                    "buyers": offer.buyers.size,
                    "payees": payees.collect::<Vec<_>>(),
                })
            }
            PolicyKind::Subscription => {
                let service: Service = self.object.decode("Service")?;
                json!({
                    "price": service.price,
                    "periodMs": service.period_ms,
                    "income": service.income,
                    "revoked": service.revoked.size,
                })
            }
            PolicyKind::Holder => json!({ "holder": self.holder() }),
            PolicyKind::Gated => {
                let gate: Gate = self.object.decode("Gate")?;
                json!({ "required": gate.required })
            }
            PolicyKind::Approvers => {
                let board: Board = self.object.decode("Board")?;
                let approvers = board.approvers.iter().map(ToString::to_string);
                json!({
                    "approvers": approvers.collect::<Vec<_>>(),
                    "threshold": board.threshold,
                    "readers": board.approvals.size,
                })
            }
        };
        json["policy"] = json!(self.object.id.to_string());
        json["kind"] = json!(self.kind.module());
        json["package"] = json!(self.original_package.to_string());
        json["coin"] = json!(self.coin.as_ref().map(ToString::to_string));
        Ok(json)
    }

    pub(super) fn text(&self) -> anyhow::Result<String> {
        let (id, kind) = (self.object.id, self.kind.module());
        let rest = match self.kind {
            PolicyKind::Allowlist => {
                let list: Allowlist = self.object.decode("Allowlist")?;
                format!("Accounts: {}", list.members.size)
            }
            PolicyKind::Market => {
                let offer: Listing = self.object.decode("Listing")?;
                let term = offer.term_epochs.map_or_else(
                    || "for ever".to_owned(),
                    |term| format!("for {term} epochs of Sui"),
                );
                let state = if offer.is_open { "open" } else { "closed" };
                format!(
                    "Price: {} {term}\nState: {state}\nBuyers: {}",
                    Wal(offer.price),
                    offer.buyers.size
                )
            }
            PolicyKind::Subscription => {
                let service: Service = self.object.decode("Service")?;
                format!(
                    "Price: {} for {} s\nIncome: {}\nRevoked: {}",
                    Wal(service.price),
                    service.period_ms / 1_000,
                    Wal(service.income),
                    service.revoked.size
                )
            }
            PolicyKind::Holder => {
                let holder = self.holder().unwrap_or_else(|| "nobody".to_owned());
                format!("Holder: {holder}")
            }
            PolicyKind::Gated => {
                let gate: Gate = self.object.decode("Gate")?;
                format!("Opened by: {}", printable(&gate.required))
            }
            PolicyKind::Approvers => {
                let board: Board = self.object.decode("Board")?;
                let approvers = board.approvers.iter().map(ToString::to_string);
                format!(
                    "Approvers: {}\nNeeded: {}\nReaders somebody approves of: {}",
                    approvers.collect::<Vec<_>>().join(", "),
                    board.threshold,
                    board.approvals.size
                )
            }
        };
        Ok(format!("Policy: {id}\nKind: {kind}\n{rest}"))
    }
}
