//! What the configuration says to the parts of a node.

use std::time::Duration;

use walrus_contracts::event_blob::CutRule;

use crate::{
    config::{ConfigError, NodeConfig},
    events::{DeletionRule, EventBlobOptions},
    pending::PendingLimits,
    service::ServiceLimits,
    storage::BucketOptions,
};

impl NodeConfig {
    /// When the data of blobs that ended is deleted.
    pub fn deletion_rule(&self) -> DeletionRule {
        let garbage = &self.garbage_collection;
        DeletionRule {
            is_on: garbage.enable_data_deletion,
            is_delayed: garbage.enable_random_delay,
            window: garbage
                .randomization_time_window_secs
                .map(Duration::from_secs),
        }
    }

    /// The bucket for slivers, with its keys.
    pub fn bucket_options(&self) -> Result<Option<BucketOptions>, ConfigError> {
        let Some(bucket) = &self.storage.bucket else {
            return Ok(None);
        };
        let (access_key_id, secret_access_key) = bucket.keys()?;
        Ok(Some(BucketOptions {
            endpoint: bucket.endpoint.clone(),
            region: bucket.region.clone(),
            name: bucket.name.clone(),
            prefix: bucket.prefix.clone(),
            virtual_hosted_style: bucket.virtual_hosted_style,
            access_key_id,
            secret_access_key,
            cache_bytes: bucket.cache_bytes,
            write_ahead_bytes: bucket.write_ahead_bytes,
        }))
    }

    /// What is done with event blobs.
    pub fn event_blob_options(&self) -> EventBlobOptions {
        EventBlobOptions {
            cut_rule: (!self.disable_event_blob_writer).then_some(CutRule {
                bytes_max: self.event_blob_cut.max_bytes,
                checkpoints_max: self.event_blob_cut.max_checkpoints,
            }),
            catch_up_lag_min: self
                .event_processor_config
                .event_stream_catchup_min_checkpoint_lag,
        }
    }

    /// Bounds of the service.
    pub fn service_limits(&self) -> ServiceLimits {
        let rest = &self.rest_server;
        let (slivers, metadata) = (&self.pending_sliver_cache, &self.pending_metadata_cache);
        let mut limits = ServiceLimits {
            registration_wait_max: Duration::from_millis(rest.metadata_registration_wait_millis),
            confirmation_wait_max: Duration::from_millis(rest.confirmation_long_poll_max_millis),
            pending: PendingLimits {
                slivers_max: slivers.max_cached_slivers,
                sliver_bytes_max: slivers.max_cached_bytes,
                sliver_bytes_each_max: slivers.max_cached_sliver_bytes,
                metadata_max: metadata.max_cached_entries,
                sliver_ttl: Duration::from_secs(slivers.cache_ttl),
                metadata_ttl: Duration::from_secs(metadata.cache_ttl),
            },
            ..ServiceLimits::default()
        };
        if let Some(max) = rest.confirmation_long_poll_max_in_flight_requests {
            limits.registration_waiters_max = max;
        }
        if let Some(max) = rest.experimental_max_active_recovery_symbols_requests {
            limits.symbol_requests_max = max;
        }
        limits
    }
}
