//! Which function of which policy approves an identity.

use walrus_contracts::types::policies::Subscription;
use walrus_core::{ObjectId, SuiAddress};
use walrus_seal::Identity;
use walrus_sui::{
    access::{ApprovalArgument, ApprovalCall},
    contract::PolicyKind,
};

use super::{PrivateData, PrivateDataError};

/// Identities of the time lock are a moment: 8 bytes.
const MOMENT_LENGTH: usize = 8;

impl PrivateData {
    /// The function that approves an identity, for policies of our package `policies`: its
    /// identities begin with the address of an account or of a policy.
    pub async fn approval(
        &self,
        identity: &Identity,
        reader: SuiAddress,
    ) -> Result<ApprovalCall, PrivateDataError> {
        let package = identity.package;
        if identity.inner.len() == MOMENT_LENGTH {
            let arguments = vec![ApprovalArgument::Clock];
            return Ok(ApprovalCall::new(package, "time_lock", arguments));
        }
        let prefix = identity.inner.first_chunk::<32>();
        let prefix = prefix.ok_or(PrivateDataError::UnknownPolicy)?;
        let policy = ObjectId(*prefix);
        let objects = self.rpc.try_objects(&[policy]).await?;
        let Some(object) = objects.into_iter().flatten().next() else {
            // No object has the address of an account.
            return Ok(ApprovalCall::new(package, "account", Vec::new()));
        };
        let tag = object.type_.as_ref();
        let tag = tag.ok_or(PrivateDataError::UnknownPolicy)?;
        let kind = PolicyKind::of_policy(tag).ok_or(PrivateDataError::UnknownPolicy)?;
        let mut arguments = vec![ApprovalArgument::Object(policy)];
        if kind == PolicyKind::Subscription {
            let subscription = self.subscription(package, policy, reader).await?;
            arguments.insert(0, ApprovalArgument::Object(subscription));
            arguments.push(ApprovalArgument::Clock);
        }
        let types = tag.type_params().to_vec();
        Ok(ApprovalCall::new(package, kind.module(), arguments).with_types(types))
    }

    /// The reader's subscription to a service that lasts longest.
    async fn subscription(
        &self,
        package: ObjectId,
        service: ObjectId,
        reader: SuiAddress,
    ) -> Result<ObjectId, PrivateDataError> {
        let type_ = format!("{package}::subscription::Subscription");
        let owned = self.rpc.owned_objects(reader, &type_).await?;
        let mut best: Option<Subscription> = None;
        for object in owned {
            let subscription: Subscription = object.decode("Subscription")?;
            let is_longer = best.is_none_or(|best| best.ends_at_ms < subscription.ends_at_ms);
            if subscription.service_id == service && is_longer {
                best = Some(subscription);
            }
        }
        best.map(|subscription| subscription.id)
            .ok_or(PrivateDataError::NoSubscription { reader, service })
    }
}
