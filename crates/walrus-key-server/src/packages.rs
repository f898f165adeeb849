//! Which package a policy belongs to: the first version of the one that is called.

use std::collections::{HashMap, VecDeque};

use stdx::Mutex;
use walrus_core::ObjectId;
use walrus_seal::{Code, Refusal};
use walrus_sui::{SuiError, SuiRpc};

/// Packages that are remembered. What is true of a package stays true, so nothing expires.
const PACKAGES_MAX: usize = 1_000;

/// First versions of packages, read once each.
#[derive(Debug, Default)]
pub(crate) struct Packages {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    first_version: HashMap<ObjectId, ObjectId>,
    /// In the order in which they came.
    order: VecDeque<ObjectId>,
}

impl Known {
    fn insert(&mut self, package: ObjectId, first: ObjectId) {
        if self.first_version.insert(package, first).is_some() {
            return;
        }
        self.order.push_back(package);
        if self.order.len() > PACKAGES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.first_version.remove(&oldest);
        }
    }
}

impl Packages {
    /// The first version of a package.
    pub(crate) async fn first_version(
        &self,
        rpc: &SuiRpc,
        package: ObjectId,
    ) -> Result<ObjectId, Refusal> {
        let lock = || self.known.lock();
        if let Some(first) = lock().first_version.get(&package) {
            return Ok(*first);
        }
        let first = match rpc.package(package).await {
            Ok(data) => data.original_id,
            Err(SuiError::ObjectNotFound(_)) => return Err(Refusal::of(Code::InvalidPackage)),
            // The node says no: it is an object of another kind.
            Err(error @ SuiError::Rpc { .. }) if !error.leaves_outcome_open() => {
                return Err(Refusal::of(Code::InvalidPackage));
            }
            Err(error) => {
                tracing::warn!(%error, %package, "cannot read a package");
                return Err(Refusal::of(Code::Failure));
            }
        };
        lock().insert(package, first);
        Ok(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut known = Known::default();
        let id = |index: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&index.to_le_bytes());
            ObjectId(bytes)
        };
        for index in 0..=PACKAGES_MAX {
            known.insert(id(index), id(0));
            known.insert(id(index), id(0));
        }
        assert_eq!(known.first_version.len(), PACKAGES_MAX);
        assert!(!known.first_version.contains_key(&id(0)));
        assert!(known.first_version.contains_key(&id(PACKAGES_MAX)));
    }
}
