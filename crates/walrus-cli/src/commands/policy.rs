//! `walrus policy`.

mod object;

use anyhow::bail;
use serde_json::{Value, json};
use walrus_contracts::types::policies::{Listing, Service, Subscription};
use walrus_core::{ObjectId, SuiAddress};
use walrus_sui::{
    Executed, Executor, Program, StructTag, SuiReader,
    contract::{
        Decision, Membership, Offer, PolicyKind, PolicyObjects, allowlist_change,
        allowlist_creation, board_creation, board_decision, gate_creation, holder_creation,
        holder_transfer, market_creation, market_purchase, market_terms, policy_transfer,
        subscription_creation, subscription_price, subscription_purchase, subscription_revocation,
    },
};

use self::object::Policy;
use super::context::{Context, Private};
use crate::{
    args::{NewPolicy, PolicyArgs, PolicyCommand, Recipient},
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
        } => new(context, private, kind, policy_package).await,
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
            let accounts = addresses(context, &accounts)?;
            change_list(context, private, policy, &accounts, membership).await
        }
        PolicyCommand::Revoke { policy, targets } => {
            revoke(context, private, policy, &targets).await
        }
        PolicyCommand::Approve {
            policy,
            accounts,
            withdraw,
        } => {
            let decision = if withdraw {
                Decision::Withdraw
            } else {
                Decision::Approve
            };
            decide(context, private, policy, &accounts, decision).await
        }
        PolicyCommand::Transfer { policy, to } => transfer(context, private, policy, &to).await,
        PolicyCommand::Buy { policy } => buy(context, private, policy).await,
        PolicyCommand::Price { policy, price } => reprice(context, private, policy, price.0).await,
    }
}

/// The accounts that are named.
fn addresses(context: &Context, named: &[Recipient]) -> anyhow::Result<Vec<SuiAddress>> {
    named.iter().map(|it| context.recipient(it)).collect()
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
        NewPolicy::Holder => (PolicyKind::Holder, holder_creation(package)),
        NewPolicy::Gated { required } => (PolicyKind::Gated, gate_creation(package, &required)),
        NewPolicy::Approvers {
            approvers,
            threshold,
        } => {
            let approvers = addresses(context, &approvers)?;
            let program = board_creation(package, &approvers, threshold);
            (PolicyKind::Approvers, program)
        }
    };
    let executed = execute(private, &program).await?;
    let PolicyObjects { policy, cap } = PolicyObjects::of(&executed, kind)?;
    let mut json = json!({ "policy": policy.to_string(), "digest": executed.digest.to_string() });
    let mut text = format!("Policy: {policy}");
    if let Some(cap) = cap {
        json["cap"] = cap.to_string().into();
        text = format!("{text}\nCapability: {cap}");
    }
    say(context, &json, &text)
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

/// Says for an approver who may read.
async fn decide(
    context: &Context,
    private: &Private,
    policy: ObjectId,
    accounts: &[Recipient],
    decision: Decision,
) -> anyhow::Result<()> {
    let found = Policy::read(&private.rpc, policy).await?;
    if found.kind != PolicyKind::Approvers {
        bail!(
            "policy {policy} is of kind {}; nobody approves",
            found.kind.module()
        );
    }
    let accounts = addresses(context, accounts)?;
    let program = board_decision(found.package, policy, &accounts, decision);
    let executed = execute(private, &program).await?;
    let done_what = match decision {
        Decision::Approve => "Let in",
        Decision::Withdraw => "Took back the approval of",
    };
    let text = format!("{done_what} {} accounts", accounts.len());
    done(context, policy, &executed, &text)
}

/// Hands on the capability, or the key that is the policy.
async fn transfer(
    context: &Context,
    private: &Private,
    policy: ObjectId,
    to: &Recipient,
) -> anyhow::Result<()> {
    let to = context.recipient(to)?;
    let found = Policy::read(&private.rpc, policy).await?;
    let (program, does) = if found.kind == PolicyKind::Holder {
        (holder_transfer(found.package, policy, to), "holds")
    } else {
        (
            policy_transfer(found.required_cap(private).await?, to),
            "manages",
        )
    };
    let executed = execute(private, &program).await?;
    let text = format!("{to} {does} policy {policy} now");
    done(context, policy, &executed, &text)
}

async fn reprice(
    context: &Context,
    private: &Private,
    policy: ObjectId,
    price: u64,
) -> anyhow::Result<()> {
    let found = Policy::read(&private.rpc, policy).await?;
    let program = match found.kind {
        PolicyKind::Market => {
            let terms: Listing = found.object.decode("Listing")?;
            let cap = found.required_cap(private).await?;
            market_terms(found.listing_ref()?, cap, price, terms.term_epochs)
        }
        PolicyKind::Subscription => {
            let cap = found.required_cap(private).await?;
            subscription_price(found.listing_ref()?, cap, price)
        }
        PolicyKind::Allowlist | PolicyKind::Holder | PolicyKind::Gated | PolicyKind::Approvers => {
            bail!(
                "policy {policy} is of kind {}; it has no price",
                found.kind.module()
            )
        }
    };
    let executed = execute(private, &program).await?;
    done(
        context,
        policy,
        &executed,
        &format!("The price is {} now", Wal(price)),
    )
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
        PolicyKind::Approvers => {
            bail!("approvers take back what they said with `policy approve --withdraw`")
        }
        PolicyKind::Holder | PolicyKind::Gated => {
            bail!("policy {policy} has no accounts: who owns the object reads")
        }
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
        PolicyKind::Allowlist | PolicyKind::Holder | PolicyKind::Gated | PolicyKind::Approvers => {
            bail!(
                "policy {policy} is of kind {}; there is nothing to buy",
                found.kind.module()
            )
        }
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
