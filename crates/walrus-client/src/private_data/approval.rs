//! Which function of which policy approves an identity.

use walrus_contracts::types::policies::{Gate, Subscription};
use walrus_core::{ObjectId, SuiAddress};
use walrus_seal::Identity;
use walrus_sui::{
    StructTag,
    access::{ApprovalArgument, ApprovalCall},
    contract::PolicyKind,
};

use super::{PrivateData, PrivateDataError};

/// Identities of the time lock are a moment: 8 bytes.
const MOMENT_LENGTH: usize = 8;
/// Digits of an address in the name of a type.
const ADDRESS_DIGITS: usize = 64;

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
        let mut types = tag.type_params().to_vec();
        match kind {
            PolicyKind::Subscription => {
                let subscription = self.subscription(package, policy, reader).await?;
                arguments.insert(0, ApprovalArgument::Object(subscription));
                arguments.push(ApprovalArgument::Clock);
            }
            PolicyKind::Gated => {
                let gate: Gate = object.decode("Gate")?;
                let required = required_type(&gate.required);
                let required = required.ok_or(PrivateDataError::UnknownPolicy)?;
                let token = self.token(&required, reader).await?;
                arguments.insert(0, ApprovalArgument::Object(token));
                types.push(required.into());
            }
            PolicyKind::Allowlist
            | PolicyKind::Market
            | PolicyKind::Holder
            | PolicyKind::Approvers => {}
        }
        Ok(ApprovalCall::new(package, kind.module(), arguments).with_types(types))
    }

    /// Any object of a type that the reader owns.
    async fn token(
        &self,
        required: &StructTag,
        reader: SuiAddress,
    ) -> Result<ObjectId, PrivateDataError> {
        let name = required.to_string();
        let owned = self.rpc.owned_objects(reader, &name).await?;
        let token = owned.first().map(|object| object.id);
        token.ok_or(PrivateDataError::NoToken { reader, name })
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

/// The type that a gate asks for; Move writes addresses in full, without `0x`.
fn required_type(name: &str) -> Option<StructTag> {
    let pieces = name.split_inclusive(['<', ',', ' ']).map(|piece| {
        let digits = piece.as_bytes().first_chunk::<ADDRESS_DIGITS>();
        let is_address = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        format!("{}{piece}", if is_address { "0x" } else { "" })
    });
    pieces.collect::<String>().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_read_as_move_writes_them() {
        let (two, nine) = (format!("{:064x}", 2), format!("{:064x}", 9));
        let name = format!("{two}::coin::TreasuryCap<{nine}::a::A<u64,{two}::sui::SUI>>");
        let expected = "0x2::coin::TreasuryCap<0x9::a::A<u64, 0x2::sui::SUI>>";
        assert_eq!(required_type(&name), Some(expected.parse().unwrap()));
        assert_eq!(required_type("u64"), None);
    }
}
