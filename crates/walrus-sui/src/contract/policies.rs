//! Policies about who gets the keys of private data.

use sui_sdk_types::{StructTag, TypeTag};
use walrus_core::{ObjectId, SuiAddress};

use crate::{
    deployment::ContractRefs,
    error::SuiError,
    executor::Executed,
    ids::account_address,
    ptb::transfer,
    transaction::{Argument, Function, Program},
};

/// A policy, and the capability to manage it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyObjects {
    /// The policy: identities begin with its address.
    pub policy: ObjectId,
    /// The capability, owned by whoever created it; some kinds have none.
    pub cap: Option<ObjectId>,
}

impl PolicyObjects {
    /// What a transaction created.
    pub fn of(executed: &Executed, kind: PolicyKind) -> Result<Self, SuiError> {
        let (policy, cap) = kind.types();
        let created = |name| executed.only_created(kind.module(), name);
        Ok(Self {
            policy: created(policy)?,
            cap: cap.map(created).transpose()?,
        })
    }
}

/// Kinds of policies with an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKind {
    /// Accounts on a list.
    Allowlist,
    /// Whoever has bought.
    Market,
    /// Whoever pays by the period.
    Subscription,
    /// Whoever holds the object itself.
    Holder,
    /// Whoever owns an object of a type.
    Gated,
    /// Whoever enough approvers let in.
    Approvers,
}

impl PolicyKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Allowlist,
        Self::Market,
        Self::Subscription,
        Self::Holder,
        Self::Gated,
        Self::Approvers,
    ];

    /// The module of package `policies`.
    pub fn module(self) -> &'static str {
        match self {
            Self::Allowlist => "allowlist",
            Self::Market => "market",
            Self::Subscription => "subscription",
            Self::Holder => "holder",
            Self::Gated => "gated",
            Self::Approvers => "approvers",
        }
    }

    /// Names of the object and of its capability.
    fn types(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Allowlist => ("Allowlist", Some("AllowlistCap")),
            Self::Market => ("Listing", Some("ListingCap")),
            Self::Subscription => ("Service", Some("ServiceCap")),
            Self::Holder => ("ReadKey", None),
            Self::Gated => ("Gate", None),
            Self::Approvers => ("Board", None),
        }
    }

    /// The kind of a type: that of its object.
    pub fn of_policy(tag: &StructTag) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            tag.module().as_str() == kind.module() && tag.name().as_str() == kind.types().0
        })
    }

    /// The type of its capability in a package, if it has one.
    pub fn cap_type(self, original_package: ObjectId) -> Option<StructTag> {
        let name = self.types().1?;
        Some(ContractRefs::tag_of(original_package, self.module(), name))
    }
}

/// One function of a policy package.
fn call(
    program: &mut Program,
    (package, module, name): (ObjectId, &'static str, &'static str),
    type_: Option<&StructTag>,
    arguments: Vec<Argument>,
) -> Argument {
    let types = type_.map(|type_| TypeTag::from(type_.clone()));
    let function = Function::new(package, module, name).with_types(types.into_iter().collect());
    program.move_call(function, arguments)
}

/// A transaction that creates an empty list; `owner` gets its capability.
pub fn allowlist_creation(package: ObjectId, owner: SuiAddress) -> Program {
    let mut program = Program::new();
    let cap = call(&mut program, (package, "allowlist", "create"), None, vec![]);
    transfer(&mut program, vec![cap], owner);
    program
}

/// What is to be changed about an account on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It reads.
    Reader,
    /// It reads, and changes who reads.
    Editor,
    /// It is taken off the list.
    None,
}

/// A transaction that changes the membership of accounts: with a capability, or else as an editor.
pub fn allowlist_change(
    package: ObjectId,
    list: ObjectId,
    cap: Option<ObjectId>,
    members: &[SuiAddress],
    membership: Membership,
) -> Program {
    let mut program = Program::new();
    for member in members {
        let list = program.shared(list);
        let member_argument = |program: &mut Program| program.pure(&account_address(*member));
        let (name, arguments) = if let Some(cap) = cap {
            let name = match membership {
                Membership::Reader => "grant",
                Membership::Editor => "grant_editor",
                Membership::None => "revoke",
            };
            let cap = program.owned(cap);
            (name, vec![list, cap, member_argument(&mut program)])
        } else {
            let name = match membership {
                Membership::None => "revoke_as_editor",
                // Editors make readers only; the contract refuses the rest.
                Membership::Reader | Membership::Editor => "grant_as_editor",
            };
            (name, vec![list, member_argument(&mut program)])
        };
        call(&mut program, (package, "allowlist", name), None, arguments);
    }
    program
}

/// An offer of the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is sold, for people.
    pub title: String,
    /// In the smallest unit of the coin.
    pub price: u64,
    /// For how many epochs of Sui one buys; for ever without a value.
    pub term_epochs: Option<u64>,
    /// Who is paid, and which part of each payment, in hundredths of a percent.
    pub payees: Vec<(SuiAddress, u16)>,
}

/// A transaction that creates an offer; `owner` gets its capability.
pub fn market_creation(
    package: ObjectId,
    coin: &StructTag,
    offer: &Offer,
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let (accounts, parts): (Vec<_>, Vec<_>) = offer
        .payees
        .iter()
        .map(|(account, part)| (account_address(*account), *part))
        .unzip();
    let arguments = vec![
        program.pure(&offer.title),
        program.pure(&offer.price),
        program.pure(&offer.term_epochs),
        program.pure(&accounts),
        program.pure(&parts),
    ];
    let function = (package, "market", "create");
    let cap = call(&mut program, function, Some(coin), arguments);
    transfer(&mut program, vec![cap], owner);
    program
}

/// The market's function that a transaction calls: package, type of the coin, listing.
#[derive(Debug, Clone, Copy)]
pub struct ListingRef<'a> {
    /// The version of the policy package to call.
    pub package: ObjectId,
    /// The coin that buyers pay with.
    pub coin: &'a StructTag,
    /// The offer.
    pub listing: ObjectId,
}

/// A transaction that buys at `price`.
pub fn market_purchase(listing: ListingRef<'_>, price: u64) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.shared(listing.listing),
        program.coin(listing.coin, price),
    ];
    let function = (listing.package, "market", "buy");
    call(&mut program, function, Some(listing.coin), arguments);
    program
}

/// A transaction that changes what the next buyers pay.
pub fn market_terms(
    listing: ListingRef<'_>,
    cap: ObjectId,
    price: u64,
    term_epochs: Option<u64>,
) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.shared(listing.listing),
        program.owned(cap),
        program.pure(&price),
        program.pure(&term_epochs),
    ];
    let function = (listing.package, "market", "set_terms");
    call(&mut program, function, Some(listing.coin), arguments);
    program
}

/// A transaction that creates a service; `owner` gets its capability.
pub fn subscription_creation(
    package: ObjectId,
    coin: &StructTag,
    price: u64,
    period_ms: u64,
    owner: SuiAddress,
) -> Program {
    let mut program = Program::new();
    let arguments = vec![program.pure(&price), program.pure(&period_ms)];
    let function = (package, "subscription", "create");
    let cap = call(&mut program, function, Some(coin), arguments);
    transfer(&mut program, vec![cap], owner);
    program
}

/// A transaction that subscribes for one period, or renews `subscription`.
pub fn subscription_purchase(
    service: ListingRef<'_>,
    price: u64,
    subscription: Option<ObjectId>,
) -> Program {
    let mut program = Program::new();
    let mut arguments = vec![program.shared(service.listing)];
    let name = match subscription {
        Some(subscription) => {
            arguments.push(program.owned(subscription));
            "renew"
        }
        None => "subscribe",
    };
    arguments.push(program.coin(service.coin, price));
    arguments.push(program.clock());
    let function = (service.package, "subscription", name);
    call(&mut program, function, Some(service.coin), arguments);
    program
}

/// A transaction that changes what a period costs from now on.
pub fn subscription_price(service: ListingRef<'_>, cap: ObjectId, price: u64) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.shared(service.listing),
        program.owned(cap),
        program.pure(&price),
    ];
    let function = (service.package, "subscription", "set_price");
    call(&mut program, function, Some(service.coin), arguments);
    program
}

/// A transaction that ends a subscription for good.
pub fn subscription_revocation(
    service: ListingRef<'_>,
    cap: ObjectId,
    subscription: ObjectId,
) -> Program {
    let mut program = Program::new();
    let arguments = vec![
        program.shared(service.listing),
        program.owned(cap),
        program.pure_bytes(subscription.0.to_vec()),
    ];
    let function = (service.package, "subscription", "revoke");
    call(&mut program, function, Some(service.coin), arguments);
    program
}

/// A transaction that hands the capability of a policy to somebody else.
pub fn policy_transfer(cap: ObjectId, to: SuiAddress) -> Program {
    let mut program = Program::new();
    let cap = program.owned(cap);
    transfer(&mut program, vec![cap], to);
    program
}

/// A transaction that makes a key whose holder reads; the sender gets it.
pub fn holder_creation(package: ObjectId) -> Program {
    let mut program = Program::new();
    let function = (package, "holder", "create_and_keep");
    call(&mut program, function, None, vec![]);
    program
}

/// A transaction that hands a key and what can be read with it to somebody else.
pub fn holder_transfer(package: ObjectId, key: ObjectId, to: SuiAddress) -> Program {
    let mut program = Program::new();
    let arguments = vec![program.owned(key), program.pure(&account_address(to))];
    call(&mut program, (package, "holder", "give"), None, arguments);
    program
}

/// A transaction that creates a gate which objects of a type open.
pub fn gate_creation(package: ObjectId, required: &StructTag) -> Program {
    let mut program = Program::new();
    let function = (package, "gated", "create");
    call(&mut program, function, Some(required), vec![]);
    program
}

/// A transaction that creates a board on which `threshold` of the approvers decide.
pub fn board_creation(package: ObjectId, approvers: &[SuiAddress], threshold: u64) -> Program {
    let mut program = Program::new();
    let approvers: Vec<_> = approvers.iter().copied().map(account_address).collect();
    let arguments = vec![program.pure(&approvers), program.pure(&threshold)];
    let function = (package, "approvers", "create");
    call(&mut program, function, None, arguments);
    program
}

/// What an approver says of a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// To let it in.
    Approve,
    /// Not to let it in any more.
    Withdraw,
}

/// A transaction of an approver about readers.
pub fn board_decision(
    package: ObjectId,
    board: ObjectId,
    readers: &[SuiAddress],
    decision: Decision,
) -> Program {
    let name = match decision {
        Decision::Approve => "approve",
        Decision::Withdraw => "withdraw",
    };
    let mut program = Program::new();
    for reader in readers {
        let reader = account_address(*reader);
        let arguments = vec![program.shared(board), program.pure(&reader)];
        call(&mut program, (package, "approvers", name), None, arguments);
    }
    program
}
