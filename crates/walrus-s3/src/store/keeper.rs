//! Keeps what is stored: renews what expires soon, and forgets what is gone.

use std::{collections::BTreeMap, time::Duration};

use walrus_client::RenewalPolicy;
use walrus_contracts::types::Blob;
use walrus_core::{EpochCount, Frost};

use super::{RenewalOptions, Store};
use crate::failure::Failure;

/// Time between two looks if nothing is renewed.
const LOOK_INTERVAL: Duration = Duration::from_mins(10);

impl Store {
    /// Looks again and again until the server stops.
    pub(super) async fn keep(self) {
        let renewal = self.shared.options.renewal;
        let mut money = renewal.map_or(Frost(0), |options| options.cost_max);
        let interval = renewal.map_or(LOOK_INTERVAL, |options| options.interval);
        loop {
            match self.look(renewal.as_ref(), money).await {
                Ok(spent) => money = Frost(money.0.saturating_sub(spent.0)),
                Err(failure) => tracing::warn!(%failure, "objects cannot be renewed now"),
            }
            if let Err(failure) = self.empty_quilts().await {
                tracing::warn!(%failure, "quilts cannot be emptied now");
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => return,
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    /// Looks once; returns what was spent.
    async fn look(&self, renewal: Option<&RenewalOptions>, money: Frost) -> Result<Frost, Failure> {
        let live = self.live_blobs().await;
        let live = live.map_err(|error| Failure::of_client(&error))?;
        let expired = self.forget_expired(&live)?;
        if expired > 0 {
            tracing::warn!(expired, "entries of the index are gone from the chain");
        }
        let Some(options) = renewal else {
            return Ok(Frost(0));
        };
        let mut by_epochs: BTreeMap<EpochCount, Vec<Blob>> = BTreeMap::new();
        for blob in live {
            if let Some(owned) = self.shared.index.owned(blob.id)? {
                let epochs = self.epochs_of(owned.bucket())?;
                by_epochs.entry(epochs).or_default().push(blob);
            }
        }
        let mut spent = Frost(0);
        for (epochs, blobs) in by_epochs {
            let policy = RenewalPolicy {
                within: options.within,
                epochs,
                cost_max: Frost(money.0.saturating_sub(spent.0)),
            };
            let client = &self.shared.client;
            let plan = client.plan_renewal_of(blobs, &policy).await;
            let plan = plan.map_err(|error| Failure::of_client(&error))?;
            if !plan.unaffordable.is_empty() {
                let blobs = plan.unaffordable.len();
                tracing::error!(
                    blobs,
                    "the most to spend is not enough to renew what expires soon"
                );
            }
            let renewed = client.renew(&plan).await;
            let renewed = renewed.map_err(|error| Failure::of_client(&error))?;
            spent = spent + renewed.cost();
            self.shared
                .metrics
                .renewed(renewed.renewals.len(), renewed.cost());
            if !renewed.renewals.is_empty() {
                let (blobs, cost) = (renewed.renewals.len(), renewed.cost());
                tracing::info!(blobs, %cost, epochs, "renewed");
            }
            if let Some(error) = renewed.failure {
                tracing::error!(%error, "not everything that expires soon could be renewed");
                break;
            }
        }
        Ok(spent)
    }
}
