//! `walrus policy`.

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use walrus_contracts::types::policies::{Allowlist, Listing, PolicyCap, Service, Subscription};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::{
    Executed, Executor, Program, StructTag, SuiReader, SuiRpc,
    contract::{
        ListingRef, Membership, Offer, PolicyKind, PolicyObjects, allowlist_change,
        allowlist_creation, market_creation, market_purchase, market_terms, policy_transfer,
        subscription_creation, subscription_price, subscription_purchase, subscription_revocation,
    },
    rpc::ObjectData,
};

use super::context::{Context, Private};
use crate::{
    args::{NewPolicy, PolicyArgs, PolicyCommand},
    output::{format::Wal, print_json, print_text},
};

/// All parts together, in hundredths of a percent.
const ALL_BPS: u16 = 10_000;

/// Makes, shows and changes policies.
pub(crate) async fn run(context: &Context, args: PolicyArgs) -> anyhow::Result<()> {
    let private = context.private_data()?;
    match args.command {
        PolicyCommand::New {
            kind,
            policy_package,
        } => new(context, &private, kind, policy_package).await,
        PolicyCommand::Show { policy } => {
            let policy = Policy::read(&private.rpc, policy).await?;
            say(context, &policy.json()?, &policy.text()?)
        }
        PolicyCommand::Grant {
            policy,
            accounts,
            editor,
        } => {
            let membership = if editor {
                Membership::Editor
            } else {
                Membership::Reader
            };
            let accounts = accounts.iter().map(|account| context.recipient(account));
            let accounts = accounts.collect::<anyhow::Result<Vec<_>>>()?;
            change_list(context, &private, policy, &accounts, membership).await
        }
        PolicyCommand::Revoke { policy, targets } => {
            revoke(context, &private, policy, &targets).await
        }
        PolicyCommand::Transfer { policy, to } => {
            let to = context.recipient(&to)?;
            let found = Policy::read(&private.rpc, policy).await?;
            let cap = found.required_cap(&private).await?;
            let executed = execute(&private, &policy_transfer(cap, to)).await?;
            let text = format!("{to} manages policy {policy} now");
            done(context, policy, &executed, &text)
        }
        PolicyCommand::Buy { policy } => buy(context, &private, policy).await,
        PolicyCommand::Price { policy, price } => {
            let found = Policy::read(&private.rpc, policy).await?;
            let cap = found.required_cap(&private).await?;
            let listing = found.listing_ref()?;
            let program = match found.kind {
                PolicyKind::Market => {
                    let terms: Listing = found.object.decode("Listing")?;
                    market_terms(listing, cap, price.0, terms.term_epochs)
                }
                PolicyKind::Subscription => subscription_price(listing, cap, price.0),
                PolicyKind::Allowlist => bail!("policy {policy} is an allowlist; it has no price"),
            };
            let executed = execute(&private, &program).await?;
            done(
                context,
                policy,
                &executed,
                &format!("The price is {} now", Wal(price.0)),
            )
        }
    }
}

async fn execute(private: &Private, program: &Program) -> anyhow::Result<Executed> {
    let executor = Executor::new(private.rpc.clone(), private.signer.clone());
    Ok(executor.run(program).await?)
}

fn say(context: &Context, json: &Value, text: &str) -> anyhow::Result<()> {
    if context.json() {
        print_json(json)
    } else {
        print_text(text)
    }
}

fn done(
    context: &Context,
    policy: ObjectId,
    executed: &Executed,
    text: &str,
) -> anyhow::Result<()> {
    let json = json!({ "policy": policy.to_string(), "digest": executed.digest.to_string() });
    say(context, &json, text)
}

async fn new(
    context: &Context,
    private: &Private,
    kind: NewPolicy,
    package: Option<ObjectId>,
) -> anyhow::Result<()> {
    let package = match package {
        Some(package) => package,
        None => private.data.policies()?,
    };
    let owner = private.signer.address();
    let (kind, program) = match kind {
        NewPolicy::Allowlist => (PolicyKind::Allowlist, allowlist_creation(package, owner)),
        NewPolicy::Market {
            title,
            price,
            term_epochs,
            payees,
        } => {
            let mut payees: Vec<_> = payees.into_iter().map(|it| (it.0, it.1)).collect();
            if payees.is_empty() {
                payees.push((owner, ALL_BPS));
            }
            let offer = Offer {
                title,
                price: price.0,
                term_epochs,
                payees,
            };
            let wal = wal_type(context).await?;
            let program = market_creation(package, &wal, &offer, owner);
            (PolicyKind::Market, program)
        }
        NewPolicy::Subscription { price, period } => {
            let period_ms = u64::try_from(period.as_millis())?;
            let wal = wal_type(context).await?;
            let program = subscription_creation(package, &wal, price.0, period_ms, owner);
            (PolicyKind::Subscription, program)
        }
    };
    let executed = execute(private, &program).await?;
    let PolicyObjects { policy, cap } = PolicyObjects::of(&executed, kind)?;
    let json = json!({
        "policy": policy.to_string(),
        "cap": cap.to_string(),
        "digest": executed.digest.to_string(),
    });
    say(
        context,
        &json,
        &format!("Policy: {policy}\nCapability: {cap}"),
    )
}

async fn wal_type(context: &Context) -> anyhow::Result<StructTag> {
    let client = context.signing()?.client;
    let reader: &SuiReader = client.reader();
    Ok(reader.wal_type().await?)
}

async fn change_list(
    context: &Context,
    private: &Private,
    policy: ObjectId,
    accounts: &[SuiAddress],
    membership: Membership,
) -> anyhow::Result<()> {
    let found = Policy::read(&private.rpc, policy).await?;
    if found.kind != PolicyKind::Allowlist {
        bail!(
            "policy {policy} is a {}, not an allowlist",
            found.kind.module()
        );
    }
    // Without it, one may be an editor.
    let cap = found.cap(private).await?;
    let program = allowlist_change(found.package, policy, cap, accounts, membership);
    let executed = execute(private, &program).await?;
    let text = format!("Changed {} accounts of policy {policy}", accounts.len());
    done(context, policy, &executed, &text)
}

async fn revoke(
    context: &Context,
    private: &Private,
    policy: ObjectId,
    targets: &[ObjectId],
) -> anyhow::Result<()> {
    let found = Policy::read(&private.rpc, policy).await?;
    match found.kind {
        PolicyKind::Allowlist => {
            let accounts: Vec<_> = targets.iter().map(|id| SuiAddress(id.0)).collect();
            change_list(context, private, policy, &accounts, Membership::None).await
        }
        PolicyKind::Subscription => {
            let cap = found.required_cap(private).await?;
            for subscription in targets {
                let program = subscription_revocation(found.listing_ref()?, cap, *subscription);
                execute(private, &program).await?;
            }
            let json = json!({ "policy": policy.to_string(), "revoked": targets.len() });
            say(
                context,
                &json,
                &format!("Ended {} subscriptions", targets.len()),
            )
        }
        PolicyKind::Market => bail!("who has bought from listing {policy} keeps what they have"),
    }
}

async fn buy(context: &Context, private: &Private, policy: ObjectId) -> anyhow::Result<()> {
    let found = Policy::read(&private.rpc, policy).await?;
    let listing = found.listing_ref();
    let (price, program) = match found.kind {
        PolicyKind::Market => {
            let offer: Listing = found.object.decode("Listing")?;
            (offer.price, market_purchase(listing?, offer.price))
        }
        PolicyKind::Subscription => {
            let service: Service = found.object.decode("Service")?;
            let known = subscription_to(private, &found).await?;
            (
                service.price,
                subscription_purchase(listing?, service.price, known),
            )
        }
        PolicyKind::Allowlist => bail!("policy {policy} is an allowlist; there is nothing to buy"),
    };
    let executed = execute(private, &program).await?;
    let mut json = json!({ "policy": policy.to_string(), "digest": executed.digest.to_string() });
    let mut text = format!("Paid {}", Wal(price));
    // Whoever runs the service ends it by this ID.
    if found.kind == PolicyKind::Subscription
        && let Some(subscription) = subscription_to(private, &found).await?
    {
        json["subscription"] = subscription.to_string().into();
        text = format!("{text}\nSubscription: {subscription}");
    }
    say(context, &json, &text)
}

/// The account's subscription to a service, to be renewed.
async fn subscription_to(private: &Private, service: &Policy) -> anyhow::Result<Option<ObjectId>> {
    let type_ = format!("{}::subscription::Subscription", service.original_package);
    let owner = private.signer.address();
    for object in private.rpc.owned_objects(owner, &type_).await? {
        let subscription: Subscription = object.decode("Subscription")?;
        if subscription.service_id == service.object.id {
            return Ok(Some(subscription.id));
        }
    }
    Ok(None)
}

/// A policy as it is on chain.
struct Policy {
    kind: PolicyKind,
    object: ObjectData,
    /// The version of the package to call.
    package: ObjectId,
    original_package: ObjectId,
    coin: Option<StructTag>,
}

impl Policy {
    async fn read(rpc: &SuiRpc, id: ObjectId) -> anyhow::Result<Self> {
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

    fn listing_ref(&self) -> anyhow::Result<ListingRef<'_>> {
        Ok(ListingRef {
            package: self.package,
            coin: self.coin.as_ref().context("the policy has no coin")?,
            listing: self.object.id,
        })
    }

    /// The capability, if the account has it.
    async fn cap(&self, private: &Private) -> anyhow::Result<Option<ObjectId>> {
        let type_ = self.kind.cap_type(self.original_package).to_string();
        let owner = private.signer.address();
        for object in private.rpc.owned_objects(owner, &type_).await? {
            let cap: PolicyCap = object.decode("the capability of a policy")?;
            if cap.policy_id == self.object.id {
                return Ok(Some(cap.id));
            }
        }
        Ok(None)
    }

    async fn required_cap(&self, private: &Private) -> anyhow::Result<ObjectId> {
        let cap = self.cap(private).await?;
        cap.with_context(|| {
            let account = private.signer.address();
            format!(
                "account {account} does not manage policy {}",
                self.object.id
            )
        })
    }

    fn json(&self) -> anyhow::Result<Value> {
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
        };
        json["policy"] = json!(self.object.id.to_string());
        json["kind"] = json!(self.kind.module());
        json["package"] = json!(self.original_package.to_string());
        json["coin"] = json!(self.coin.as_ref().map(ToString::to_string));
        Ok(json)
    }

    fn text(&self) -> anyhow::Result<String> {
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
        };
        Ok(format!("Policy: {id}\nKind: {kind}\n{rest}"))
    }
}
