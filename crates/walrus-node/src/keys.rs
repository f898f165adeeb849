//! The protocol keys of this node, and which of them signs.

use walrus_core::{
    ObjectId,
    keys::{ProtocolKeyPair, ProtocolPublicKey},
};
use walrus_sui::Committee;

use crate::epoch::EpochView;

/// The configured key, and the one that is to follow it.
///
/// Which of them signs is the committee's choice: it captures the keys of its members when it is
/// selected. So a node with both keys signs through a rotation without a gap, whichever of them the
/// configuration calls the present one.
pub struct KeyRing {
    configured: ProtocolKeyPair,
    next: Option<ProtocolKeyPair>,
}

impl KeyRing {
    /// The keys of the configuration.
    pub fn new(configured: ProtocolKeyPair, next: Option<ProtocolKeyPair>) -> Self {
        Self { configured, next }
    }

    /// The key the configuration calls the present one.
    pub fn configured(&self) -> &ProtocolKeyPair {
        &self.configured
    }

    /// The key that is to follow, if the configuration names one.
    pub fn next(&self) -> Option<&ProtocolKeyPair> {
        self.next.as_ref()
    }

    /// The pair of a public key.
    pub fn find(&self, public_key: &ProtocolPublicKey) -> Option<&ProtocolKeyPair> {
        self.iter().find(|key| key.public() == *public_key)
    }

    /// The member of a committee that has one of the keys.
    pub fn member_of(&self, committee: &Committee) -> Option<ObjectId> {
        committee
            .members
            .iter()
            .find(|member| self.find(&member.public_key).is_some())
            .map(|member| member.node_id)
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &ProtocolKeyPair> {
        std::iter::once(&self.configured).chain(&self.next)
    }

    /// The key to sign with in `view`: outside a committee the configured one.
    pub fn signer(&self, view: &EpochView) -> Option<&ProtocolKeyPair> {
        match view.member() {
            Some(member) => self.find(&member.public_key),
            None => Some(&self.configured),
        }
    }
}
