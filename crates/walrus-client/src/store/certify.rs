//! Uploading registered blobs and certifying them, again after a change of committee.

use std::{collections::HashMap, sync::Arc};

use futures::{StreamExt, future::join_all, stream};
use walrus_core::{BlobId, BlobPersistence};
use walrus_sui::{Committees, contract::BlobToCertify};

use super::{
    Batch,
    register::Job,
    result::{BlobObject, BlobStoreResult},
    upload::{Upload, UploadError, Uploaded},
};
use crate::{
    backoff::Waits, error::ClientError, network::CommitteeClients, progress::ProgressEvent,
};

/// Blobs uploaded at the same time. The bytes on their way are bounded across all of them.
const CONCURRENT_UPLOADS: usize = 8;

/// Phase names of errors.
const PHASE_UPLOAD: &str = "upload";
const PHASE_CERTIFY: &str = "certify";

type Results = HashMap<BlobId, BlobStoreResult>;

/// A job that failed, and in which phase.
type Failure = (Job, &'static str, ClientError);

impl Batch<'_> {
    /// Uploads and certifies every job. Jobs that fail start again as long as the committee keeps changing.
    pub(super) async fn certify(
        &self,
        mut jobs: Vec<Job>,
        mut committees: Arc<Committees>,
    ) -> Result<Results, ClientError> {
        let mut results = Results::new();
        let mut waits = Waits::new(self.client.shared.communication.committee_change_backoff);
        loop {
            if jobs.is_empty() {
                return Ok(results);
            }
            let failures = self.attempt(jobs, &committees, &mut results).await?;
            if failures.is_empty() {
                return Ok(results);
            }
            // A full node that is away for a moment, or a new committee: both are worth another attempt.
            let again =
                failures.iter().any(is_transient) || self.client.has_changed(&committees).await?;
            let wait = if again { waits.next() } else { None };
            let Some(wait) = wait else {
                results.extend(failures.into_iter().map(into_result));
                return Ok(results);
            };
            self.progress.report(ProgressEvent::CommitteeChanged);
            tokio::time::sleep(wait).await;
            committees = self.client.committees().await?;
            jobs = failures.into_iter().map(|(job, ..)| job).collect();
        }
    }

    /// One attempt with one committee. Returns the jobs that failed.
    async fn attempt(
        &self,
        jobs: Vec<Job>,
        committees: &Committees,
        results: &mut Results,
    ) -> Result<Vec<Failure>, ClientError> {
        let clients = self.client.clients(&committees.current);
        let outcomes: Vec<(Job, Result<Uploaded, UploadError>)> = stream::iter(jobs)
            .map(|job| self.upload(job, Arc::clone(&clients)))
            .buffered(CONCURRENT_UPLOADS)
            .collect()
            .await;
        let mut failures = Vec::new();
        let mut certificates = Vec::new();
        let mut tails = Vec::new();
        let mut confirmed = Vec::new();
        for (job, outcome) in outcomes {
            match outcome {
                Ok(uploaded) => {
                    certificates.push(BlobToCertify {
                        object_id: job.object.id,
                        certificate: uploaded.certificate,
                    });
                    tails.push(uploaded.tail.finish());
                    confirmed.push(job);
                }
                Err(error) => failures.push((job, PHASE_UPLOAD, error.into())),
            }
        }
        if confirmed.is_empty() {
            return Ok(failures);
        }
        self.progress.report(ProgressEvent::Certifying {
            blobs: confirmed.len(),
        });
        let contract = self.client.contract()?;
        // The slow nodes are served while the transaction runs.
        let (certified, _) = tokio::join!(contract.certify(&certificates), join_all(tails));
        match certified {
            Ok(digests) => {
                self.progress.report(ProgressEvent::Certified);
                for (job, digest) in confirmed.iter_mut().zip(digests) {
                    job.transactions.push(digest.to_string());
                }
                results.extend(self.finish(confirmed).await?);
            }
            Err(error) => {
                let message = Arc::new(error);
                for job in confirmed {
                    failures.push((
                        job,
                        PHASE_CERTIFY,
                        ClientError::Certification(Arc::clone(&message)),
                    ));
                }
            }
        }
        Ok(failures)
    }

    async fn upload(
        &self,
        job: Job,
        committee: Arc<CommitteeClients>,
    ) -> (Job, Result<Uploaded, UploadError>) {
        let persistence = if job.object.deletable {
            BlobPersistence::Deletable {
                object_id: job.object.id,
            }
        } else {
            BlobPersistence::Permanent
        };
        let upload = Upload {
            committee,
            blob: Arc::clone(&job.blob),
            persistence,
            config: Arc::clone(&self.client.shared.communication),
            budget: Arc::clone(&self.client.shared.budget),
            position: self.first + job.index,
            progress: Arc::clone(self.progress),
        };
        let outcome = upload.run().await;
        (job, outcome)
    }

    /// The results of certified jobs: extends where needed and reads the objects as they are now.
    async fn finish(&self, mut jobs: Vec<Job>) -> Result<Results, ClientError> {
        let contract = self.client.contract()?;
        for job in jobs.iter_mut().filter(|job| job.extend > 0) {
            let (digest, cost) = contract.extend_blob(&job.object, job.extend).await?;
            job.transactions.push(digest.to_string());
            job.cost = job.cost + cost;
        }
        let ids: Vec<_> = jobs.iter().map(|job| job.object.id).collect();
        let objects = self.client.reader().blobs(&ids).await?;
        let results = jobs.into_iter().zip(objects).map(|(job, object)| {
            let result = BlobStoreResult::NewlyCreated {
                blob_object: BlobObject::from(&object),
                resource_operation: job.operation,
                cost: job.cost,
                shared_blob_object: None,
                transactions: job.transactions,
            };
            (object.blob_id, result)
        });
        Ok(results.collect())
    }
}

/// Whether the chain could not be reached, as opposed to having refused.
fn is_transient((_, _, error): &Failure) -> bool {
    matches!(error, ClientError::Certification(error) if error.is_transient())
}

fn into_result((job, phase, error): Failure) -> (BlobId, BlobStoreResult) {
    let blob_id = *job.blob.blob_id();
    let result = BlobStoreResult::Error {
        blob_id: Some(blob_id),
        failure_phase: phase.to_owned(),
        error_msg: error.to_string(),
    };
    (blob_id, result)
}
