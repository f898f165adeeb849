//! What compiled packages are linked to in one deployment.

use walrus_contracts::packages::{Link, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER};
use walrus_core::ObjectId;

use super::SuiReader;
use crate::{error::SuiError, ids::object_id};

impl SuiReader {
    /// The packages that take the place of the placeholders in a package that calls WAL, or the
    /// version of the contracts that is in use.
    pub async fn links(&self) -> Result<[Link; 2], SuiError> {
        let package = self.refs().await?.package;
        self.links_to(package).await
    }

    /// The same for the version of the contracts that was committed last: the one in use, or the
    /// one that System and Staking are still to be migrated to.
    pub async fn links_to_newest(&self) -> Result<[Link; 2], SuiError> {
        match self.pending_migration().await? {
            Some(package) => self.links_to(package).await,
            None => self.links().await,
        }
    }

    async fn links_to(&self, package: ObjectId) -> Result<[Link; 2], SuiError> {
        let refs = self.refs().await?;
        let wal = object_id(*refs.wal_type.address());
        Ok([
            Link::to_first_version(WAL_PLACEHOLDER, wal.0),
            Link {
                placeholder: WALRUS_PLACEHOLDER,
                original_id: refs.original_package.0,
                package_id: package.0,
            },
        ])
    }
}
