//! What a run would do, without doing it.

use std::fmt;

use serde::Serialize;
use stdx::SaturatingFrom as _;
use walrus_contracts::packages::{CompiledPackage, LinkedPackage};
use walrus_core::Frost;
use walrus_sui::{
    Program, SuiError, SuiReader, WalrusContract,
    contract::{self, UpgradeAuthority},
};

use crate::{
    deployer::{
        CREATE_STEP, DeployConfig, Deployer, WAL_STEP, WALRUS_STEP, check_parameters, link_wal,
        link_walrus,
    },
    error::{DeployError, Step as _},
    extras::{Extra, ExtrasConfig, create_step, fund_step, publish_step},
    upgrade::{Authority, MIGRATE_STEP, UpgradeTarget},
};

/// Price of storing a byte of a package, in MIST: 100 units of storage at the price that all
/// networks have.
const STORAGE_MIST_PER_BYTE: u64 = 7_600;
/// Price of verifying a byte of a package, in MIST, at the reference gas price of 1000 MIST.
const VERIFICATION_MIST_PER_BYTE: u64 = 80;
/// Bytes of a package besides its code: version, metadata, and the links to its dependencies.
const PACKAGE_FIXED_BYTES: usize = 88;
const LINK_BYTES: usize = 72;
/// MIST of one SUI.
const MIST_PER_SUI: f64 = 1e9;

/// What a step costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum Gas {
    /// Found out by simulating the transaction; negative if more is given back than paid.
    Simulation {
        /// Rebates subtracted, in MIST.
        mist: i128,
    },
    /// Computed from the size of the package, because the step needs what earlier steps make.
    Size {
        /// In MIST.
        mist: u64,
    },
    /// Not known before earlier steps are done.
    Unknown,
}

impl Gas {
    /// In MIST, if known.
    pub fn mist(self) -> Option<i128> {
        match self {
            Self::Simulation { mist } => Some(mist),
            Self::Size { mist } => Some(i128::from(mist)),
            Self::Unknown => None,
        }
    }
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    /// What it does.
    pub step: String,
    /// Whether that is done already.
    pub done: bool,
    /// Bytes of bytecode that are published.
    pub code_bytes: Option<usize>,
    /// What it costs; `None` if it is done.
    pub gas: Option<Gas>,
}

impl PlannedStep {
    pub(crate) fn done(step: impl Into<String>) -> Self {
        Self {
            step: step.into(),
            done: true,
            code_bytes: None,
            gas: None,
        }
    }

    pub(crate) fn to_do(step: impl Into<String>, gas: Gas) -> Self {
        Self {
            step: step.into(),
            done: false,
            code_bytes: None,
            gas: Some(gas),
        }
    }

    fn publishing(step: impl Into<String>, modules: &[Vec<u8>], gas: Gas) -> Self {
        Self {
            code_bytes: Some(modules.iter().map(Vec::len).sum()),
            ..Self::to_do(step, gas)
        }
    }
}

/// The steps of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeployPlan {
    /// In order.
    pub steps: Vec<PlannedStep>,
}

impl DeployPlan {
    /// Sum of the costs that are known, in MIST.
    pub fn known_gas_mist(&self) -> i128 {
        let known = self.steps.iter().filter_map(|step| step.gas?.mist());
        known.sum()
    }
}

impl fmt::Display for DeployPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Dry run: nothing is sent and no file is written.")?;
        for (number, step) in (1..).zip(&self.steps) {
            write!(f, "{number}. {}", step.step)?;
            if let Some(bytes) = step.code_bytes {
                write!(f, ", {bytes} bytes")?;
            }
            match step.gas {
                None => writeln!(f, ": done already")?,
                Some(Gas::Simulation { mist }) => writeln!(f, ": {} SUI", sui(mist))?,
                Some(Gas::Size { mist }) => {
                    writeln!(f, ": about {} SUI", sui(i128::from(mist)))?;
                }
                Some(Gas::Unknown) => {
                    writeln!(f, ": cost known when the steps before it are done")?;
                }
            }
        }
        write!(f, "Known cost: {} SUI.", sui(self.known_gas_mist()))
    }
}

/// To four decimal places.
fn sui(mist: i128) -> String {
    #[allow(
        clippy::cast_precision_loss,
        reason = "the fifth decimal place is cut off anyway"
    )]
    let sui = mist as f64 / MIST_PER_SUI;
    format!("{sui:.4}")
}

/// Cost of publishing a package of this size.
fn gas_from_size(package: &CompiledPackage) -> Gas {
    let bytes = package.modules.iter().map(Vec::len).sum::<usize>()
        + package.dependencies.len() * LINK_BYTES
        + PACKAGE_FIXED_BYTES;
    let bytes = u64::saturating_from(bytes);
    Gas::Size {
        mist: bytes.saturating_mul(STORAGE_MIST_PER_BYTE + VERIFICATION_MIST_PER_BYTE),
    }
}

impl Deployer {
    /// What [`Deployer::deploy`] and [`Deployer::deploy_extras`] would do.
    pub async fn plan_deploy(
        &self,
        config: &DeployConfig,
        extras: &ExtrasConfig,
    ) -> Result<DeployPlan, DeployError> {
        let mut steps = Vec::new();
        let progress = &self.state().progress;
        if let Some(deployment) = self.deployment() {
            check_parameters(deployment, config)?;
            steps.extend([WAL_STEP, WALRUS_STEP, CREATE_STEP].map(PlannedStep::done));
        } else {
            steps.push(match progress.wal {
                Some(_) => PlannedStep::done(WAL_STEP),
                None => self.plan_publication(WAL_STEP, &link_wal()?, true).await?,
            });
            steps.push(match (&progress.wal, &progress.walrus) {
                (_, Some(_)) => PlannedStep::done(WALRUS_STEP),
                (Some(wal), None) => {
                    let package = link_walrus(wal.package)?;
                    self.plan_publication(WALRUS_STEP, &package, false).await?
                }
                (None, None) => unlinked(WALRUS_STEP, walrus_contracts::packages::walrus()),
            });
            let gas = match &progress.walrus {
                None => Gas::Unknown,
                Some(walrus) => {
                    let objects = walrus.init_objects();
                    let (params, owner) = (config.init_params(), self.address());
                    let program = contract::initialization(objects, params, owner);
                    self.simulate(CREATE_STEP, &program).await?
                }
            };
            steps.push(PlannedStep::to_do(CREATE_STEP, gas));
        }
        let mut wanted = extras.packages.clone();
        wanted.sort_unstable();
        wanted.dedup();
        for extra in wanted {
            self.plan_extra(extra, extras, &mut steps).await?;
        }
        Ok(DeployPlan { steps })
    }

    async fn plan_extra(
        &self,
        extra: Extra,
        config: &ExtrasConfig,
        steps: &mut Vec<PlannedStep>,
    ) -> Result<(), DeployError> {
        let publish = publish_step(extra);
        let record = self.extra(extra);
        steps.push(match (record, self.deployment()) {
            (Some(_), _) => PlannedStep::done(publish),
            (None, Some(_)) => {
                let package = self.link_extra(extra).await?;
                self.plan_publication(&publish, &package, false).await?
            }
            (None, None) => unlinked(&publish, extra.compiled()),
        });
        if extra.has_object() {
            let created = record.is_some_and(|record| record.object.is_some());
            steps.push(if created {
                PlannedStep::done(create_step(extra))
            } else {
                PlannedStep::to_do(create_step(extra), Gas::Unknown)
            });
        }
        if extra.is_funded_later() && config.subsidy_funds > Frost(0) {
            let funded = record.is_some_and(|record| record.funded);
            steps.push(if funded {
                PlannedStep::done(fund_step(extra))
            } else {
                PlannedStep::to_do(fund_step(extra), Gas::Unknown)
            });
        }
        Ok(())
    }

    /// What [`Deployer::upgrade`] and then [`Deployer::migrate`] would do.
    pub async fn plan_upgrade(
        &self,
        target: &UpgradeTarget,
        package: &CompiledPackage,
        authority: Authority,
    ) -> Result<DeployPlan, DeployError> {
        let step = format!("upgrading to {}", package.name);
        let check = self.check_upgrade(target, package).await?;
        let mut steps = Vec::new();
        if check.is_published() {
            steps.push(PlannedStep::done(step));
            steps.extend(self.plan_migration(target).await?.steps);
            return Ok(DeployPlan { steps });
        }
        let authority = match authority {
            Authority::Votes if check.votes < check.votes_needed => None,
            Authority::Votes => Some(UpgradeAuthority::Votes),
            Authority::Emergency => Some(UpgradeAuthority::Emergency(
                self.emergency_cap(target).await?,
            )),
        };
        let gas = match authority {
            None => gas_from_size(package),
            Some(authority) => {
                let contract = self.contract_of(target);
                let plan = contract
                    .plan_upgrade(check.package.clone(), target.upgrade_manager, authority)
                    .await
                    .step(&step)?;
                let refs = contract.reader().refs().await.step(&step)?;
                self.simulate(&step, &plan.transaction(&refs)).await?
            }
        };
        let waiting = if authority.is_none() {
            format!(
                "{step} (waits for votes: {} of {} shards)",
                check.votes, check.votes_needed
            )
        } else {
            step
        };
        steps.push(PlannedStep::publishing(
            waiting,
            &check.package.modules,
            gas,
        ));
        steps.push(PlannedStep::to_do(MIGRATE_STEP, Gas::Unknown));
        Ok(DeployPlan { steps })
    }

    /// What [`Deployer::migrate`] would do.
    pub async fn plan_migration(&self, target: &UpgradeTarget) -> Result<DeployPlan, DeployError> {
        let reader = SuiReader::new(self.executor().rpc().clone(), target.ids);
        let pending = reader.pending_migration().await.step(MIGRATE_STEP)?;
        let steps = match pending {
            None => vec![PlannedStep::done(MIGRATE_STEP)],
            Some(package) => {
                let refs = reader.refs().await.step(MIGRATE_STEP)?;
                let gas = self
                    .simulate(MIGRATE_STEP, &contract::migration(&refs, package))
                    .await?;
                vec![PlannedStep::to_do(MIGRATE_STEP, gas)]
            }
        };
        Ok(DeployPlan { steps })
    }

    /// What [`Deployer::end_epoch_zero`] would do.
    pub async fn plan_first_epoch(&self) -> Result<DeployPlan, DeployError> {
        let step = format!(
            "staking with {} nodes and starting epoch 1",
            self.nodes().len()
        );
        let info = self.reader()?.epoch_info().await.step(&step)?;
        let step = if info.epoch > 0 {
            PlannedStep::done(step)
        } else {
            PlannedStep::to_do(step, Gas::Unknown)
        };
        Ok(DeployPlan { steps: vec![step] })
    }

    async fn plan_publication(
        &self,
        step: &str,
        package: &LinkedPackage,
        immutable: bool,
    ) -> Result<PlannedStep, DeployError> {
        let owner = self.address();
        let simulated = self
            .simulate(step, &contract::publication(package, immutable, owner))
            .await?;
        let gas = match (simulated, walrus_contracts::packages::by_name(package.name)) {
            (Gas::Unknown, Some(compiled)) => gas_from_size(compiled),
            (gas, _) => gas,
        };
        Ok(PlannedStep::publishing(step, &package.modules, gas))
    }

    /// Simulates a transaction; its cost is not known if the account cannot pay it yet.
    async fn simulate(&self, step: &str, program: &Program) -> Result<Gas, DeployError> {
        match self.executor().composer().draft(program).await {
            Ok(draft) => Ok(Gas::Simulation {
                mist: draft.outcome.gas_mist,
            }),
            Err(SuiError::NotEnoughSui { .. }) => Ok(Gas::Unknown),
            Err(error) => Err(error).step(step),
        }
    }

    pub(crate) fn contract_of(&self, target: &UpgradeTarget) -> WalrusContract {
        let reader = SuiReader::new(self.executor().rpc().clone(), target.ids);
        WalrusContract::with_executor(reader, self.executor().clone())
    }
}

/// A publication whose dependencies are not published yet.
fn unlinked(step: &str, package: &CompiledPackage) -> PlannedStep {
    PlannedStep::publishing(step, &package.modules, gas_from_size(package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_by_people_and_programs() {
        let plan = DeployPlan {
            steps: vec![
                PlannedStep::done("publishing package wal"),
                PlannedStep::publishing(
                    "publishing package walrus",
                    &[vec![0; 60], vec![0; 40]],
                    Gas::Size { mist: 768_000_000 },
                ),
                PlannedStep::to_do(
                    "creating System and Staking",
                    Gas::Simulation { mist: -32_000_000 },
                ),
                PlannedStep::to_do(MIGRATE_STEP, Gas::Unknown),
            ],
        };
        insta::assert_snapshot!("plan_text", plan.to_string());
        insta::assert_snapshot!("plan_json", serde_json::to_string_pretty(&plan).unwrap());
    }
}
