//! Packages around the contracts: the exchange, subsidies, buckets, governance.

use std::str::FromStr;

use walrus_contracts::{
    packages::{self, CompiledPackage, Link, LinkedPackage},
    types::voting::Parameters,
};
use walrus_core::{FROST_PER_WAL, Frost};
use walrus_sui::{
    ContractRefs, Executed, SuiError,
    contract::{self, CreditRates, GovernanceInit, Managed, NodeSubsidies},
};

use crate::{
    deployer::Deployer,
    error::{DeployError, Step as _},
    state::ExtraRecord,
};

/// What is being done when the packages to link to are looked up.
pub(crate) const LINK_STEP: &str = "reading the contracts";

/// A package that a deployment can do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extra {
    /// Exchange of SUI and WAL, for test networks.
    WalExchange,
    /// Discount for buyers of storage, "credits" in client configs.
    Subsidies,
    /// Rewards for nodes on top of what users pay.
    WalrusSubsidies,
    /// Shared buckets of blobs.
    BlobBucket,
    /// Proposals to the committee and votes about them.
    WalrusGovernance,
    /// The registry of key servers.
    Seal,
    /// Policies about who gets the keys of private data.
    Policies,
}

/// The text names no package that a deployment can do without.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no optional package; there are {names}", names = Extra::names())]
pub struct ExtraParseError(String);

impl Extra {
    /// All of them, in the order in which they are published.
    pub const ALL: [Self; 7] = [
        Self::WalExchange,
        Self::Subsidies,
        Self::WalrusSubsidies,
        Self::BlobBucket,
        Self::WalrusGovernance,
        Self::Seal,
        Self::Policies,
    ];

    /// Name of the package.
    pub fn name(self) -> &'static str {
        self.compiled().name
    }

    pub(crate) fn compiled(self) -> &'static CompiledPackage {
        match self {
            Self::WalExchange => packages::wal_exchange(),
            Self::Subsidies => packages::subsidies(),
            Self::WalrusSubsidies => packages::walrus_subsidies(),
            Self::BlobBucket => packages::blob_bucket(),
            Self::WalrusGovernance => packages::walrus_governance(),
            Self::Seal => packages::seal(),
            Self::Policies => packages::policies(),
        }
    }

    pub(crate) fn linked(self, links: &[Link]) -> Result<LinkedPackage, DeployError> {
        let linked = self.compiled().linked(links);
        linked.map_err(|cause| DeployError::Link {
            package: self.name(),
            cause,
        })
    }

    /// Whether the package has a shared object for everybody.
    pub(crate) fn has_object(self) -> bool {
        // Everybody makes buckets, key servers and policies of their own.
        !matches!(self, Self::BlobBucket | Self::Seal | Self::Policies)
    }

    /// Whether the object gets its funds in a step of its own.
    pub(crate) fn is_funded_later(self) -> bool {
        self == Self::WalrusSubsidies
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}

impl FromStr for Extra {
    type Err = ExtraParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ExtraParseError(text.to_owned());
        Self::ALL
            .into_iter()
            .find(|extra| extra.name() == text)
            .ok_or_else(unknown)
    }
}

/// Which packages to add to a deployment, and what is put into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtrasConfig {
    /// The packages.
    pub packages: Vec<Extra>,
    /// WAL in the exchange.
    pub exchange_funds: Frost,
    /// WAL for the discount.
    pub credit_funds: Frost,
    /// Rates of the discount.
    pub credit_rates: CreditRates,
    /// WAL for the nodes.
    pub subsidy_funds: Frost,
    /// What nodes get.
    pub subsidies: NodeSubsidies,
    /// Rules of the governance; proposals can change them.
    pub governance: Parameters,
}

impl Default for ExtrasConfig {
    /// No packages. If any are added: 10 million WAL in the exchange, 1 million each for buyers and
    /// nodes, a discount of 10%, rewards that are doubled, and proposals that cost 1000 WAL, are
    /// discussed for 1 epoch and voted on in 2.
    fn default() -> Self {
        Self {
            packages: Vec::new(),
            exchange_funds: Frost(10_000_000 * FROST_PER_WAL),
            credit_funds: Frost(1_000_000 * FROST_PER_WAL),
            credit_rates: CreditRates {
                buyer: 1_000,
                system: 0,
            },
            subsidy_funds: Frost(1_000_000 * FROST_PER_WAL),
            subsidies: NodeSubsidies {
                system_rate: 10_000,
                base: Frost(0),
                per_shard: Frost(0),
            },
            governance: Parameters {
                deposit: 1_000 * FROST_PER_WAL,
                discussion_epochs: 1,
                voting_epochs: 2,
                delay_epochs: 1,
                execution_epochs: 4,
                quorum_bps: 5_000,
                threshold_bps: 5_000,
                forfeit_bps: 6_667,
            },
        }
    }
}

impl Deployer {
    /// The package around the contracts, as far as it is deployed.
    pub fn extra(&self, extra: Extra) -> Option<&ExtraRecord> {
        self.state().progress.extras.get(extra.name())
    }

    /// Publishes the packages of `config` and creates their objects, unless that is done already.
    /// Needs a complete deployment.
    pub async fn deploy_extras(&mut self, config: &ExtrasConfig) -> Result<(), DeployError> {
        let mut wanted = config.packages.clone();
        wanted.sort_unstable();
        wanted.dedup();
        for extra in wanted {
            self.publish_extra(extra).await?;
            self.create_object(extra, config).await?;
            self.fund(extra, config).await?;
        }
        Ok(())
    }

    async fn publish_extra(&mut self, extra: Extra) -> Result<(), DeployError> {
        if self.extra(extra).is_some() {
            return Ok(());
        }
        let package = self.link_extra(extra).await?;
        let step = publish_step(extra);
        let owner = self.address();
        let executed = self
            .execute(&step, &contract::publication(&package, false, owner))
            .await?;
        let published = contract::published(executed).step(step)?;
        let mut init_caps = published.executed.created("governance", "InitCap");
        let record = ExtraRecord {
            package: published.package,
            original_id: published.package,
            version: 1,
            upgrade_cap: published.upgrade_cap,
            init_cap: init_caps.next().map(|object| object.id),
            object: None,
            admin_cap: None,
            funded: false,
        };
        let extras = &mut self.progress_mut().extras;
        extras.insert(extra.name().to_owned(), record);
        self.finish_step()
    }

    /// Links to the version of the contracts that is in use.
    pub(crate) async fn link_extra(&self, extra: Extra) -> Result<LinkedPackage, DeployError> {
        let links = self.reader()?.links().await.step(LINK_STEP)?;
        extra.linked(&links)
    }

    async fn create_object(
        &mut self,
        extra: Extra,
        config: &ExtrasConfig,
    ) -> Result<(), DeployError> {
        let Some(record) = self.extra(extra) else {
            return Ok(());
        };
        let record = record.clone();
        let package = record.package;
        if record.object.is_some() || !extra.has_object() {
            return Ok(());
        }
        let step = create_step(extra);
        let refs = self.refs().await?;
        let owner = self.address();
        let program = match extra {
            Extra::WalExchange => {
                let funds = config.exchange_funds;
                contract::exchange_creation(package, &refs.wal_type, funds, owner)
            }
            Extra::Subsidies => contract::credits_creation(
                package,
                &refs.wal_type,
                config.credit_rates,
                config.credit_funds,
                owner,
            ),
            Extra::WalrusSubsidies => {
                contract::subsidies_creation(package, &refs, config.subsidies, owner)
            }
            Extra::WalrusGovernance => {
                let init = governance_init(&record).step(&step)?;
                contract::governance_creation(init, &config.governance, owner)
            }
            // Users make buckets, key servers and policies.
            Extra::BlobBucket | Extra::Seal | Extra::Policies => return Ok(()),
        };
        let executed = self.execute(&step, &program).await?;
        let created = match extra {
            Extra::WalExchange => Managed::of(&executed, "wal_exchange", "Exchange"),
            Extra::Subsidies => Managed::of(&executed, "subsidies", "Subsidies"),
            Extra::WalrusSubsidies => Managed::of(&executed, "walrus_subsidies", "WalrusSubsidies"),
            Extra::WalrusGovernance | Extra::BlobBucket | Extra::Seal | Extra::Policies => {
                governance_objects(&executed)
            }
        };
        let created = created.step(step)?;
        self.update(extra, |record| {
            record.object = Some(created.object);
            record.admin_cap = Some(created.admin_cap);
            if record.init_cap.take().is_some() {
                // The package holds its upgrade capability itself.
                record.upgrade_cap = None;
            }
            record.funded = !extra.is_funded_later();
        })
    }

    /// Puts WAL into what was created without.
    async fn fund(&mut self, extra: Extra, config: &ExtrasConfig) -> Result<(), DeployError> {
        let Some(record) = self.extra(extra) else {
            return Ok(());
        };
        let (Some(object), false) = (record.object, record.funded) else {
            return Ok(());
        };
        let package = record.package;
        let funds = config.subsidy_funds;
        if funds > Frost(0) {
            let wal_type = self.refs().await?.wal_type;
            let program = contract::subsidies_funding(package, object, &wal_type, funds);
            self.execute(&fund_step(extra), &program).await?;
        }
        self.update(extra, |record| record.funded = true)
    }

    pub(crate) fn update(
        &mut self,
        extra: Extra,
        change: impl FnOnce(&mut ExtraRecord),
    ) -> Result<(), DeployError> {
        if let Some(record) = self.progress_mut().extras.get_mut(extra.name()) {
            change(record);
        }
        self.finish_step()
    }

    pub(crate) async fn refs(&self) -> Result<ContractRefs, DeployError> {
        let reader = self.reader()?;
        reader.refs().await.step(LINK_STEP)
    }
}

fn governance_init(record: &ExtraRecord) -> Result<GovernanceInit, SuiError> {
    match (record.init_cap, record.upgrade_cap) {
        (Some(init_cap), Some(upgrade_cap)) => Ok(GovernanceInit {
            package: record.package,
            init_cap,
            upgrade_cap,
        }),
        _ => Err(SuiError::InvalidInput(
            "the state file lacks the capabilities of package walrus_governance".to_owned(),
        )),
    }
}

fn governance_objects(executed: &Executed) -> Result<Managed, SuiError> {
    Ok(Managed {
        object: executed.only_created("governance", "Governance")?,
        admin_cap: executed.only_created("governance", "BootstrapUpgradeCap")?,
    })
}

pub(crate) fn publish_step(extra: Extra) -> String {
    format!("publishing package {}", extra.name())
}

pub(crate) fn create_step(extra: Extra) -> String {
    format!("creating the object of package {}", extra.name())
}

pub(crate) fn fund_step(extra: Extra) -> String {
    format!("funding the object of package {}", extra.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_packages() {
        for extra in Extra::ALL {
            assert_eq!(extra.name().parse(), Ok(extra));
        }
        let error = "walrus".parse::<Extra>().unwrap_err().to_string();
        assert!(error.contains("wal_exchange, subsidies"), "{error}");
    }
}
