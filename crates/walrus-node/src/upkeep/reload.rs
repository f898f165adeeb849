//! Files that are read again while the node runs.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use stdx::SaturatingFrom as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{blocklist::Blocklist, http::Certificate, metrics::Metrics};

/// How often the files are looked at.
const RELOAD_INTERVAL: Duration = Duration::from_secs(30);

/// A certificate that ends sooner is worth a line in the log.
const CERTIFICATE_WARNING: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Reads the block list and the certificate again, so that a change needs no restart.
pub struct Reloader {
    blocked: Blocklist,
    certificate: Option<Arc<Certificate>>,
    metrics: Metrics,
    /// What was said about the certificate already.
    ends_soon: AtomicBool,
    blocklist_failed: AtomicBool,
    certificate_failed: AtomicBool,
}

impl Reloader {
    /// Shows in `metrics` what was loaded.
    pub fn new(
        blocked: Blocklist,
        certificate: Option<Arc<Certificate>>,
        metrics: Metrics,
    ) -> Self {
        let reloader = Self {
            blocked,
            certificate,
            metrics,
            ends_soon: AtomicBool::new(false),
            blocklist_failed: AtomicBool::new(false),
            certificate_failed: AtomicBool::new(false),
        };
        reloader.show();
        reloader
    }

    /// Looks at the files every 30 seconds, until stopped.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = sleep(RELOAD_INTERVAL) => {}
            }
            self.reload().await;
        }
    }

    /// Looks at the files now. What cannot be used is told once, and what was loaded before stays.
    pub async fn reload(self: &Arc<Self>) {
        let reloader = self.clone();
        // Only a stopping runtime interrupts it.
        let _ = ambient::run_blocking(move || reloader.reload_files()).await;
    }

    fn reload_files(&self) {
        match self.blocked.reload() {
            Ok(changed) => {
                self.blocklist_failed.store(false, Ordering::Relaxed);
                if changed {
                    info!(blobs = self.blocked.len(), "the block list has changed");
                }
            }
            Err(error) if !self.blocklist_failed.swap(true, Ordering::Relaxed) => {
                warn!(%error, "the block list stays as it was");
            }
            Err(_) => {}
        }
        if let Some(certificate) = &self.certificate {
            self.reload_certificate(certificate);
        }
        self.show();
    }

    fn reload_certificate(&self, certificate: &Certificate) {
        match certificate.reload() {
            Ok(changed) => {
                self.certificate_failed.store(false, Ordering::Relaxed);
                if changed {
                    self.ends_soon.store(false, Ordering::Relaxed);
                    info!(
                        not_after_seconds = certificate.not_after_seconds(),
                        "a new certificate is served"
                    );
                }
            }
            Err(error) if !self.certificate_failed.swap(true, Ordering::Relaxed) => {
                warn!(%error, "the certificate stays as it was");
            }
            Err(_) => {}
        }
        let left = certificate.not_after_seconds() - now_seconds();
        let is_short = u64::try_from(left)
            .map_or(true, |left| Duration::from_secs(left) < CERTIFICATE_WARNING);
        if is_short && !self.ends_soon.swap(true, Ordering::Relaxed) {
            warn!(
                seconds_left = left,
                "the certificate ends soon: replace the file, the node reads it again by itself"
            );
        }
    }

    fn show(&self) {
        let blocked = u64::saturating_from(self.blocked.len());
        self.metrics.blocklist_size.set(blocked);
        if let Some(certificate) = &self.certificate {
            let not_after = certificate.not_after_seconds();
            self.metrics.certificate_not_after.set(not_after);
        }
    }
}

/// Seconds since 1970, now.
fn now_seconds() -> i64 {
    ambient::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|time| i64::try_from(time.as_secs()).ok())
        .unwrap_or_default()
}
