//! Uploading registered blobs and certifying them, again after a change of committee.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt, future::join_all, stream};
use walrus_contracts::types::Blob;
use walrus_core::{BlobId, BlobPersistence, ProtocolCertificate};
use walrus_sui::{Committees, contract::BlobToCertify};

use super::{
    Batch, BlobResult,
    outcome::BlobError,
    register::{Job, is_about_single_blobs},
    upload::{Tail, Upload, Uploaded},
};
use crate::{
    backoff::Waits,
    committee::CommitteeClients,
    progress::ProgressEvent,
    upload_relay::{ToRelay, UploadRelay},
};

/// Blobs uploaded at the same time. The bytes on their way are bounded across all of them.
const CONCURRENT_UPLOADS: usize = 8;

type Results = HashMap<BlobId, BlobResult>;

/// A job that failed.
type Failure = (Job, BlobError);

impl Batch<'_> {
    /// Uploads and certifies every job. Jobs that fail start again as long as the committee keeps
    /// changing.
    ///
    /// Everything here was paid for, so nothing ends it early: what goes wrong is the result of its
    /// blob.
    pub(super) async fn certify(&self, mut jobs: Vec<Job>, committees: Arc<Committees>) -> Results {
        let mut results = Results::new();
        let mut committees = committees;
        let mut waits = Waits::new(
            self.client.shared.communication.committee_change_backoff,
            &self.client.shared.environment,
        );
        while !jobs.is_empty() {
            let failures = self.attempt(jobs, &committees, &mut results).await;
            if failures.is_empty() {
                break;
            }
            // A full node that is away for a moment, or a new committee: both are worth another
            // attempt.
            let again = failures.iter().any(is_transient)
                || self.client.has_changed(&committees).await.unwrap_or(true);
            let wait = if again { waits.next() } else { None };
            let Some(wait) = wait else {
                let failed = failures.into_iter();
                results.extend(failed.map(|(job, error)| (job.blob_id(), Err(error))));
                break;
            };
            self.progress.report(ProgressEvent::CommitteeChanged);
            tokio::time::sleep(wait).await;
            if let Ok(current) = self.client.committees().await {
                committees = current;
            }
            jobs = failures.into_iter().map(|(job, _)| job).collect();
        }
        results
    }

    /// One attempt with one committee. Returns the jobs that failed.
    async fn attempt(
        &self,
        jobs: Vec<Job>,
        committees: &Committees,
        results: &mut Results,
    ) -> Vec<Failure> {
        let started = tokio::time::Instant::now();
        let clients = self.client.clients(&committees.current);
        let outcomes: Vec<(Job, Result<Uploaded, BlobError>)> = stream::iter(jobs)
            .map(|job| self.upload(job, Arc::clone(&clients)))
            .buffered(CONCURRENT_UPLOADS)
            .collect()
            .await;
        let mut failures = Vec::new();
        let mut confirmed = Vec::new();
        let mut tails = Vec::new();
        for (job, outcome) in outcomes {
            match outcome {
                Ok(uploaded) => {
                    tails.push(uploaded.tail.finish());
                    confirmed.push((job, uploaded.certificate));
                }
                Err(error) => failures.push((job, error)),
            }
        }
        tracing::info!(
            blobs = confirmed.len(),
            failed = failures.len(),
            elapsed = ?started.elapsed(),
            "uploaded"
        );
        if confirmed.is_empty() {
            return failures;
        }
        self.progress.report(ProgressEvent::Certifying {
            blobs: confirmed.len(),
        });
        // The slow nodes are served while the transaction runs.
        let (certified, _) = tokio::join!(
            self.send_certificates(confirmed, &mut failures),
            join_all(tails)
        );
        let blobs = certified.len();
        tracing::info!(blobs, elapsed = ?started.elapsed(), "certified");
        self.progress.report(ProgressEvent::Certified { blobs });
        self.finish(certified, committees, results).await;
        failures
    }

    /// Certifies jobs together. Those that somebody else has certified meanwhile are done as well;
    /// if the chain refuses because of some, the others are certified without those.
    async fn send_certificates(
        &self,
        jobs: Vec<(Job, ProtocolCertificate)>,
        failures: &mut Vec<Failure>,
    ) -> Vec<Job> {
        let mut done = Vec::new();
        let mut groups = vec![jobs];
        while let Some(group) = groups.pop() {
            let certificates: Vec<BlobToCertify> = group
                .iter()
                .map(|(job, certificate)| BlobToCertify {
                    object_id: job.object.id,
                    certificate: certificate.clone(),
                })
                .collect();
            let error = match self.contract.certify(&certificates).await {
                Ok(receipts) => {
                    for ((mut job, _), receipt) in group.into_iter().zip(receipts) {
                        job.add(&receipt);
                        done.push(job);
                    }
                    continue;
                }
                Err(error) => error,
            };
            let before = group.len();
            let mut rest = self.without_certified(group, &mut done).await;
            let is_final = rest.len() == before && (before == 1 || !is_about_single_blobs(&error));
            if rest.is_empty() {
                continue;
            }
            if is_final {
                let cause = Arc::new(error);
                failures.extend(rest.into_iter().map(|(job, _)| {
                    let error = BlobError::Certification {
                        blob_id: job.blob_id(),
                        cause: Arc::clone(&cause),
                    };
                    (job, error)
                }));
            } else if rest.len() < before {
                groups.push(rest);
            } else {
                let half = rest.split_off(before / 2);
                groups.extend([half, rest]);
            }
        }
        done
    }

    /// Moves the jobs whose objects the chain has as certified to `done`; returns the others.
    async fn without_certified(
        &self,
        jobs: Vec<(Job, ProtocolCertificate)>,
        done: &mut Vec<Job>,
    ) -> Vec<(Job, ProtocolCertificate)> {
        let ids: Vec<_> = jobs.iter().map(|(job, _)| job.object.id).collect();
        let states = join_all(ids.iter().map(|id| self.client.reader().blob(*id))).await;
        let mut rest = Vec::new();
        for ((job, certificate), state) in jobs.into_iter().zip(states) {
            match state {
                Ok(object) if object.certified_epoch.is_some() => done.push(job),
                _ => rest.push((job, certificate)),
            }
        }
        rest
    }

    async fn upload(
        &self,
        job: Job,
        committee: Arc<CommitteeClients>,
    ) -> (Job, Result<Uploaded, BlobError>) {
        let persistence = if job.object.deletable {
            BlobPersistence::Deletable {
                object_id: job.object.id,
            }
        } else {
            BlobPersistence::Permanent
        };
        if let (Some(relay), Some(blob)) = (&self.client.relay, job.blob.whole()) {
            let outcome = self.relay(relay, &job, blob, persistence).await;
            return (job, outcome);
        }
        let upload = Upload {
            committee,
            blob: Arc::clone(&job.blob),
            persistence,
            config: Arc::clone(&self.client.shared.communication),
            budget: self.client.shared.budget.clone(),
            position: self.first + job.index,
            progress: Arc::clone(self.progress),
        };
        let outcome = upload.run().await.map_err(BlobError::from);
        (job, outcome)
    }

    /// Lets a relay distribute a blob.
    async fn relay(
        &self,
        relay: &UploadRelay,
        job: &Job,
        blob: &Bytes,
        persistence: BlobPersistence,
    ) -> Result<Uploaded, BlobError> {
        let blob_id = job.blob_id();
        let shared = &self.client.shared;
        let upload = ToRelay {
            blob_id,
            persistence,
            blob: blob.clone(),
            encoded_length: job.blob.metadata().encoded_length(),
            executor: self.contract.executor(),
            backoff: shared.communication.backoff,
            environment: &shared.environment,
        };
        let certificate = relay.upload(&upload).await;
        let certificate = certificate.map_err(|cause| BlobError::Relay {
            blob_id,
            cause: Arc::new(cause),
        })?;
        self.progress.report(ProgressEvent::QuorumReached {
            blob: self.first + job.index,
        });
        Ok(Uploaded {
            certificate,
            tail: Tail::none(),
        })
    }

    /// The results of certified jobs: extends where needed and reads the objects as they are now.
    async fn finish(&self, jobs: Vec<Job>, committees: &Committees, results: &mut Results) {
        let ids: Vec<_> = jobs.iter().map(|job| job.object.id).collect();
        let objects = match self.client.reader().blobs(&ids).await {
            Ok(objects) => objects,
            Err(error) => {
                // They are certified, whatever can be read of them now.
                tracing::debug!(%error, "cannot read the blobs that were certified");
                let certified = |job: &Job| Blob {
                    certified_epoch: Some(committees.epoch),
                    ..job.object.clone()
                };
                jobs.iter().map(certified).collect()
            }
        };
        for (mut job, mut object) in jobs.into_iter().zip(objects) {
            let blob_id = job.blob_id();
            if job.extend > 0 {
                match self.contract.extend_blob(&object, job.extend).await {
                    Ok(receipt) => {
                        job.add(&receipt);
                        object = self.as_extended(object, job.extend).await;
                    }
                    Err(error) => {
                        let error = BlobError::Extension {
                            blob_id,
                            end_epoch: object.storage.end_epoch,
                            cause: Arc::new(error),
                        };
                        results.insert(blob_id, Err(error));
                        continue;
                    }
                }
            }
            results.insert(blob_id, Ok(job.into_stored(object)));
        }
    }
}

/// Whether the chain could not be reached, as opposed to having refused.
fn is_transient((_, error): &Failure) -> bool {
    matches!(error, BlobError::Certification { cause, .. } if cause.is_transient())
}
