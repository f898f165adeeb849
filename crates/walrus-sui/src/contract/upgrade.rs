//! Upgrading a deployment: authority, the new version, and the migration of the shared objects.
//!
//! An upgrade is two transactions. The first gets a ticket from the `UpgradeManager`, by votes of the committee or
//! by the emergency capability, stores the new version, and commits it: System and Staking then name it as
//! `new_package_id`, but keep working with the old one. The second migrates both objects; from then on only the new
//! version can use them, and clients find it as `package_id`. Anyone may migrate.

use sui_sdk_types::Address;
use sui_transaction_builder::{Argument, ObjectInput, TransactionBuilder};
use walrus_contracts::{
    packages::LinkedPackage,
    types::{UpgradeManager, UpgradeProposal},
};
use walrus_core::{Frost, ObjectId};

use super::{WalrusContract, publish::published_package};
use crate::{
    TransactionDigest,
    error::SuiError,
    executor::Executed,
    ids::object_address,
    ptb::{ContractRefs, clock, function_of},
    reader::{SuiReader, dynamic_field_id, field_value},
};

/// Policy of an upgrade that keeps types and public functions: `0x2::package::compatible_policy`.
const COMPATIBLE_POLICY: u8 = 0;

/// What allows an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradeAuthority {
    /// A quorum of the committee has voted for the digest of the package in this epoch.
    Votes,
    /// The account owns this `EmergencyUpgradeCap`.
    Emergency(ObjectId),
}

/// A package that was upgraded.
#[derive(Debug, Clone)]
pub struct Upgraded {
    /// ID of the new version.
    pub package: ObjectId,
    /// The transaction.
    pub executed: Executed,
}

/// An upgrade that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradePlan {
    /// The new version.
    pub package: LinkedPackage,
    /// ID of the version that it follows.
    pub current: ObjectId,
    /// The object that holds the upgrade capability.
    pub upgrade_manager: ObjectId,
    /// What allows it.
    pub authority: UpgradeAuthority,
}

impl UpgradePlan {
    /// Adds the commands of the upgrade to a transaction: ticket, new version, commit. `contracts` are those of the
    /// deployment as they are now.
    pub fn commands(&self, builder: &mut TransactionBuilder, contracts: &ContractRefs) {
        let manager = object(builder, self.upgrade_manager);
        let staking = object(builder, contracts.staking_object);
        let digest = builder.pure(&self.package.digest.to_vec());
        let call = |name| function_of(object_address(contracts.package), "upgrade", name);
        let ticket = match self.authority {
            UpgradeAuthority::Votes => {
                builder.move_call(call("authorize_upgrade"), vec![manager, staking, digest])
            }
            UpgradeAuthority::Emergency(cap) => {
                let cap = object(builder, cap);
                builder.move_call(
                    call("authorize_emergency_upgrade"),
                    vec![manager, cap, digest],
                )
            }
        };
        let receipt = upgrade_command(builder, &self.package, self.current, ticket);
        let system = object(builder, contracts.system_object);
        builder.move_call(
            call("commit_upgrade"),
            vec![manager, staking, system, receipt],
        );
    }

    /// A transaction that does nothing but the upgrade.
    pub fn transaction(&self, contracts: &ContractRefs) -> TransactionBuilder {
        let mut builder = TransactionBuilder::new();
        self.commands(&mut builder, contracts);
        builder
    }
}

/// Adds the Upgrade command; returns the receipt, which the transaction must commit. `ticket` may come from any
/// package that holds the capability of `current`.
pub fn upgrade_command(
    builder: &mut TransactionBuilder,
    package: &LinkedPackage,
    current: ObjectId,
    ticket: Argument,
) -> Argument {
    let dependencies = package
        .dependencies
        .iter()
        .copied()
        .map(Address::new)
        .collect();
    builder.upgrade(
        package.modules.clone(),
        dependencies,
        object_address(current),
        ticket,
    )
}

/// A transaction that migrates System and Staking to `package`, an upgrade that was committed.
pub fn migration(contracts: &ContractRefs, package: ObjectId) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let arguments = vec![
        object(&mut builder, contracts.staking_object),
        object(&mut builder, contracts.system_object),
    ];
    builder.move_call(
        function_of(object_address(package), "init", "migrate_v2"),
        arguments,
    );
    builder
}

/// A transaction that upgrades a package whose capability the account owns.
pub fn owned_upgrade(
    package: &LinkedPackage,
    current: ObjectId,
    upgrade_cap: ObjectId,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let cap = object(&mut builder, upgrade_cap);
    let policy = builder.pure(&COMPATIBLE_POLICY);
    let digest = builder.pure(&package.digest.to_vec());
    let call = |name| function_of(Address::TWO, "package", name);
    let ticket = builder.move_call(call("authorize_upgrade"), vec![cap, policy, digest]);
    let receipt = upgrade_command(&mut builder, package, current, ticket);
    builder.move_call(call("commit_upgrade"), vec![cap, receipt]);
    builder
}

/// Who allows an upgrade of the package `walrus_governance` itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GovernanceUpgradeAuthority {
    /// Nodes with more than two thirds of all shards have handed their authority over and approved the digest.
    Approvals,
    /// The account owns this `BootstrapUpgradeCap`, and those nodes have approved the digest that have handed their
    /// authority over.
    Bootstrap(ObjectId),
}

/// A transaction that upgrades the package `walrus_governance`, whose capability the Governance object holds.
pub fn governance_upgrade(
    package: &LinkedPackage,
    current: ObjectId,
    governance: ObjectId,
    authority: GovernanceUpgradeAuthority,
) -> TransactionBuilder {
    let mut builder = TransactionBuilder::new();
    let governance = object(&mut builder, governance);
    let digest = builder.pure(&package.digest.to_vec());
    let call = |name| function_of(object_address(current), "self_upgrade", name);
    let ticket = match authority {
        GovernanceUpgradeAuthority::Approvals => {
            let clock = clock(&mut builder);
            builder.move_call(call("authorize"), vec![governance, digest, clock])
        }
        GovernanceUpgradeAuthority::Bootstrap(cap) => {
            let cap = object(&mut builder, cap);
            let clock = clock(&mut builder);
            let arguments = vec![governance, cap, digest, clock];
            builder.move_call(call("authorize_bootstrap"), arguments)
        }
    };
    let receipt = upgrade_command(&mut builder, package, current, ticket);
    builder.move_call(call("commit"), vec![governance, receipt]);
    builder
}

fn object(builder: &mut TransactionBuilder, id: ObjectId) -> Argument {
    builder.object(ObjectInput::new(object_address(id)))
}

impl SuiReader {
    /// The object that holds the upgrade capability and the votes.
    pub async fn upgrade_manager(&self, id: ObjectId) -> Result<UpgradeManager, SuiError> {
        let object = self.rpc().object(id).await?;
        if object.is("upgrade", "UpgradeManager") {
            object.decode("UpgradeManager")
        } else {
            Err(SuiError::unexpected_type(
                id,
                "a Walrus upgrade manager",
                object.type_.as_ref(),
            ))
        }
    }

    /// The votes for an upgrade to the package with `digest`; `None` if nobody has voted for it. They count only
    /// if they are of the current epoch.
    pub async fn upgrade_proposal(
        &self,
        upgrade_manager: ObjectId,
        digest: [u8; 32],
    ) -> Result<Option<UpgradeProposal>, SuiError> {
        let manager = self.upgrade_manager(upgrade_manager).await?;
        let package = self.contract_state().await?.original_package;
        let key = ContractRefs::tag_of(package, "upgrade", "PackageDigest");
        let id = dynamic_field_id(manager.upgrade_proposals.id, &key.into(), &digest.to_vec());
        let found = self.rpc().try_objects(&[id]).await?.pop().flatten();
        found
            .map(|field| field_value::<Vec<u8>, _>(&field, "UpgradeProposal"))
            .transpose()
    }

    /// The version that was committed but not migrated to, if there is one.
    pub async fn pending_migration(&self) -> Result<Option<ObjectId>, SuiError> {
        Ok(self.contract_state().await?.system.new_package_id)
    }
}

impl WalrusContract {
    /// What has to be sent to upgrade the deployment to `package`: reads the current version from the manager.
    pub async fn plan_upgrade(
        &self,
        package: LinkedPackage,
        upgrade_manager: ObjectId,
        authority: UpgradeAuthority,
    ) -> Result<UpgradePlan, SuiError> {
        let manager = self.reader().upgrade_manager(upgrade_manager).await?;
        Ok(UpgradePlan {
            package,
            current: manager.cap.package,
            upgrade_manager,
            authority,
        })
    }

    /// Votes for an upgrade to the package with `digest`, as the node's governance account.
    pub async fn vote_for_upgrade(
        &self,
        upgrade_manager: ObjectId,
        node_id: ObjectId,
        digest: [u8; 32],
    ) -> Result<TransactionDigest, SuiError> {
        let paid = self
            .run(|ptb, _| {
                let proof = ptb.call("auth", "authenticate_sender", vec![]);
                let arguments = vec![
                    ptb.object(upgrade_manager),
                    ptb.staking(),
                    proof,
                    ptb.raw32(node_id.0),
                    ptb.bytes(&digest),
                ];
                ptb.call("upgrade", "vote_for_upgrade", arguments);
                Ok(Frost(0))
            })
            .await?;
        Ok(paid.executed.digest)
    }

    /// Upgrades the deployment and commits the new version. It is used after [`WalrusContract::migrate`].
    pub async fn upgrade(&self, plan: &UpgradePlan) -> Result<Upgraded, SuiError> {
        let contracts = self.reader().refs().await?;
        let executed = self
            .executor()
            .run(|| Ok(plan.transaction(&contracts)))
            .await?;
        self.reader().refresh().await;
        upgraded(executed)
    }

    /// Migrates System and Staking to the version that was committed last.
    pub async fn migrate(&self) -> Result<TransactionDigest, SuiError> {
        self.reader().refresh().await;
        let contracts = self.reader().refs().await?;
        let package = self.reader().pending_migration().await?.ok_or_else(|| {
            SuiError::InvalidInput(
                "there is nothing to migrate to: no upgrade was committed since the last migration"
                    .to_owned(),
            )
        })?;
        let executed = self
            .executor()
            .run(|| Ok(migration(&contracts, package)))
            .await?;
        self.reader().refresh().await;
        Ok(executed.digest)
    }
}

/// What an executed upgrade made.
pub fn upgraded(executed: Executed) -> Result<Upgraded, SuiError> {
    Ok(Upgraded {
        package: published_package(&executed)?,
        executed,
    })
}
