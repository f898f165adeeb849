//! Chain time moved ahead: the clock alone, or whole epochs.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;
use walrus_sui::{
    EpochInfo, EpochState, WalrusContract,
    staking::{EpochStep, NextStep},
};

use super::{EPOCH_TIMEOUT, Network, POLL_INTERVAL};

/// How long the chain may take to move its clock.
const CLOCK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a step of an epoch is tried while nothing changes.
const STEP_ATTEMPTS_MAX: u32 = 3;

#[derive(Deserialize)]
struct ClockAdvanced {
    timestamp_ms: u64,
}

/// What tells whether somebody has moved an epoch on.
#[derive(PartialEq, Eq)]
struct Progress(u32, EpochStep);

impl Progress {
    fn of(info: &EpochInfo) -> Self {
        let step = match NextStep::of(info).step {
            // Attestations come one by one.
            EpochStep::Sync { .. } => EpochStep::Sync {
                attested: 0,
                missing: 0,
            },
            step => step,
        };
        Self(info.epoch, step)
    }
}

impl Network {
    /// Moves the chain's clock ahead, now and from now on. Returns the new time in ms since 1970.
    pub async fn advance_clock(&self, by: Duration) -> anyhow::Result<u64> {
        let url = self.running_chain()?.chain.rpc_url();
        let ms = u64::try_from(by.as_millis()).context("the clock cannot go that far")?;
        let failed = || format!("the chain at {url} did not move its clock");
        // Any provider will do: nothing on this machine speaks TLS. One that is installed already
        // is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(CLOCK_TIMEOUT).build()?;
        let request = client
            .post(format!("{url}/admin/advance-clock"))
            .json(&serde_json::json!({ "ms": ms }));
        let response = request.send().await.with_context(failed)?;
        let response = response.error_for_status().with_context(failed)?;
        let advanced: ClockAdvanced = response.json().await.with_context(failed)?;
        Ok(advanced.timestamp_ms)
    }

    /// The chain's time in ms since 1970.
    pub async fn clock_ms(&self) -> anyhow::Result<u64> {
        let state = self.running_chain()?;
        let rpc = walrus_sui::SuiRpc::new([state.chain.rpc_url()])?;
        Ok(rpc.clock_ms().await?)
    }

    /// Moves time ahead until the next epoch has begun and its nodes have attested that they hold
    /// their shards; returns its number. Nodes that move epochs on by themselves are welcome to be
    /// first at any step.
    pub async fn next_epoch(&self) -> anyhow::Result<u32> {
        let contract = self.deployer().await?.contract()?;
        let reader = contract.reader();
        reader.refresh().await;
        let target = reader.epoch_info().await?.epoch + 1;
        let mut attempts = 0;
        loop {
            let info = reader.epoch_info().await?;
            if info.epoch >= target && !matches!(info.state, EpochState::ChangeSync { .. }) {
                return Ok(info.epoch);
            }
            let done = self.step(&contract, &info).await;
            let Err(error) = done else {
                attempts = 0;
                continue;
            };
            // A node may have done it meanwhile; the state tells.
            reader.refresh().await;
            if Progress::of(&reader.epoch_info().await?) == Progress::of(&info) {
                attempts += 1;
                ensure!(attempts < STEP_ATTEMPTS_MAX, error);
            }
        }
    }

    /// Does what moves the epoch on next, as soon as the clock allows it, and waits until it is
    /// done.
    async fn step(&self, contract: &WalrusContract, info: &EpochInfo) -> anyhow::Result<()> {
        let reader = contract.reader();
        let next = NextStep::of(info);
        let now_ms = reader.rpc().clock_ms().await?;
        if let Some(wait) = next.wait_ms(now_ms).filter(|wait| *wait > 0) {
            self.advance_clock(Duration::from_millis(wait)).await?;
        }
        match next.step {
            EpochStep::Sync { .. } => return self.wait_for_epoch(reader).await,
            EpochStep::EndVoting => contract.voting_end().await?,
            EpochStep::ChangeEpoch => contract.initiate_epoch_change().await?,
        };
        let deadline = Instant::now() + EPOCH_TIMEOUT;
        loop {
            reader.refresh().await;
            if Progress::of(&reader.epoch_info().await?) != Progress::of(info) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("epoch {} does not move on", info.epoch);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
