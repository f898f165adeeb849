//! What the chain knows about an account that asks for keys.

use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::{Address, StructTag, TypeTag, UserSignature};
use walrus_core::{ObjectId, SuiAddress};

use crate::{
    error::SuiError,
    ids::{account_address, object_id},
    reader::dynamic_field_id,
    rpc::SuiRpc,
};

/// The object under which accounts with other signers are registered.
const ALIAS_STATE: Address = Address::from_static("0xa");
const ALIAS_KEY: &str = "0x2::derived_object::DerivedObjectKey<0x2::address_alias::AliasKey>";
/// What full nodes call the messages that wallets sign.
const PERSONAL_MESSAGE: &str = "PersonalMessage";

impl SuiRpc {
    /// Whether other keys sign for an account than the one it is named after.
    pub async fn has_aliases(&self, account: SuiAddress) -> Result<bool, SuiError> {
        let found = self.try_objects(&[alias_object(account)]).await?;
        Ok(found.iter().any(Option::is_some))
    }

    /// Whether an account signed a message, as the full node sees it: for kinds of signatures that
    /// need the state of the chain.
    pub async fn verify_personal_message(
        &self,
        account: SuiAddress,
        message: &[u8],
        signature: &UserSignature,
    ) -> Result<bool, SuiError> {
        let bytes = bcs::to_bytes(message).expect("bytes have a BCS form");
        let mut message = proto::Bcs::from(bytes);
        message.name = Some(PERSONAL_MESSAGE.to_owned());
        let request = proto::VerifySignatureRequest::default()
            .with_message(message)
            .with_signature(proto::UserSignature::from(signature.clone()))
            .with_address(account_address(account).to_string());
        let response = self
            .call("VerifySignature", |mut client| {
                let request = request.clone();
                async move {
                    client
                        .signature_verification_client()
                        .verify_signature(request)
                        .await
                }
            })
            .await?;
        Ok(response.get_ref().is_valid())
    }
}

/// The object that is there if an account has aliases.
fn alias_object(account: SuiAddress) -> ObjectId {
    let key: StructTag = ALIAS_KEY.parse().expect("the name of a type");
    dynamic_field_id(object_id(ALIAS_STATE), &TypeTag::from(key), &account)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_where_the_chain_keeps_them() {
        let account = "0xa9ac177a6c8126f948854d26c1cc3f00d8fa28d91daa3cc2ed56c08761b0e97d";
        assert_eq!(
            alias_object(account.parse().unwrap()).to_string(),
            "0x1286077cad6c41f13e4d726184d260d2933759fd15c566475c22eaae5698b7af"
        );
    }
}
