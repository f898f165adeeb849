//! Who is to be in a committee.

use std::{collections::BTreeSet, fmt, str::FromStr};

use fastcrypto::groups::{
    GroupElement as _, HashToGroupElement as _,
    bls12381::{G1Element, G2Element, Scalar, buffer_to_scalar_mod_r},
};
use hkdf::Hkdf;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_with::{DisplayFromStr, serde_as};
use sha3::{Digest as _, Sha3_256};
use thiserror::Error;
use walrus_core::ObjectId;
use zeroize::Zeroizing;

use crate::{
    curve::{
        EncryptionKey, InvalidEncoding, MemberSignature, PublicKey, SecretScalar, VerificationKey,
        from_hex,
    },
    ibe::{self, KEY_LENGTH, SecretBytes},
};

/// Most members of a committee: what fits into the transaction that registers it.
pub const MEMBERS_MAX: usize = 100;
/// Smallest threshold; less would be no committee.
const THRESHOLD_MIN: u16 = 2;
const NAME_BYTES_MAX: usize = 100;
const URL_BYTES_MAX: usize = 1_000;

// Prefixes of what is hashed, so that nothing means two things.
const DST_CARD: &[u8] = b"WALRUS-COMMITTEE-CARD-00";
const DST_PLAN: &[u8] = b"WALRUS-COMMITTEE-PLAN-00";
const INFO_DECRYPT: &[u8] = b"WALRUS-COMMITTEE-DECRYPT-00";
const INFO_SIGN: &[u8] = b"WALRUS-COMMITTEE-SIGN-00";

/// What a member needs for ceremonies, beside its share: never printed, and overwritten when it is
/// dropped.
#[derive(Clone)]
pub struct MemberSecret {
    seed: SecretBytes,
    decrypt: SecretScalar,
    sign: SecretScalar,
}

impl MemberSecret {
    /// A fresh one.
    pub fn generate<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(seed)
    }

    fn from_seed(seed: SecretBytes) -> Self {
        Self {
            decrypt: scalar_of(&seed, INFO_DECRYPT),
            sign: scalar_of(&seed, INFO_SIGN),
            seed,
        }
    }

    /// Reads hexadecimal text, with or without `0x`.
    pub fn from_hex(text: &str) -> Result<Self, InvalidEncoding> {
        let bytes = Zeroizing::new(from_hex(text)?);
        let length = InvalidEncoding::Length {
            expected: KEY_LENGTH,
            actual: bytes.len(),
        };
        let seed: [u8; KEY_LENGTH] = bytes[..].try_into().map_err(|_| length)?;
        Ok(Self::from_seed(Zeroizing::new(seed)))
    }

    /// What it is made from. Secret.
    pub fn to_bytes(&self) -> SecretBytes {
        self.seed.clone()
    }

    /// Key with which members see who wrote something.
    pub fn signing_key(&self) -> PublicKey {
        PublicKey(G2Element::generator() * self.sign.0)
    }

    pub(super) fn sign(&self, message: &[u8]) -> MemberSignature {
        sign(&self.sign, message)
    }

    /// The secret that this member shares with whoever has made `ephemeral`.
    pub(super) fn shared(&self, ephemeral: &G1Element) -> G1Element {
        *ephemeral * self.decrypt.0
    }
}

impl fmt::Debug for MemberSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberSecret(of {})", self.signing_key())
    }
}

/// A secret of one purpose. It is zero only if the hash function is broken.
fn scalar_of(seed: &SecretBytes, purpose: &[u8]) -> SecretScalar {
    let mut wide = Zeroizing::new([0; 64]);
    Hkdf::<Sha3_256>::new(None, &seed[..])
        .expand(purpose, wide.as_mut())
        .expect("64 bytes are fewer than HKDF can give");
    SecretScalar(buffer_to_scalar_mod_r(wide.as_ref()).expect("64 bytes are not too many"))
}

/// A BLS signature; `message` begins with what it is for.
pub(super) fn sign(secret: &SecretScalar, message: &[u8]) -> MemberSignature {
    MemberSignature(G1Element::hash_to_group_element(message) * secret.0)
}

pub(super) fn is_signed(signature: &MemberSignature, message: &[u8], key: &PublicKey) -> bool {
    ibe::is_signature(
        &signature.0,
        &G1Element::hash_to_group_element(message),
        key,
    )
}

/// BCS of a message, after what it is for.
pub(super) fn signed_bytes(purpose: &[u8], message: &impl Serialize) -> Vec<u8> {
    let mut bytes = purpose.to_vec();
    let encoded = bcs::to_bytes(message).expect("texts, numbers and lists can be encoded");
    bytes.extend(encoded);
    bytes
}

/// What others know of a member. It is signed by the member: nobody can take the keys of another
/// for their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberCard {
    /// What it is called, on chain too.
    pub name: String,
    /// Where its key server is reached.
    pub url: String,
    /// What values are encrypted to.
    pub encryption_key: EncryptionKey,
    /// The same in the other group: complaints are checked with it.
    pub verification_key: VerificationKey,
    /// What its messages are checked with.
    pub signing_key: PublicKey,
    /// Of all of this.
    pub signature: MemberSignature,
}

impl MemberCard {
    /// The card of a member.
    pub fn new(name: &str, url: &str, secret: &MemberSecret) -> Self {
        let encryption_key = EncryptionKey(G1Element::generator() * secret.decrypt.0);
        let verification_key = VerificationKey(G2Element::generator() * secret.decrypt.0);
        let signing_key = secret.signing_key();
        let parts = (name, url, &encryption_key, &verification_key, &signing_key);
        let signature = secret.sign(&signed_bytes(DST_CARD, &parts));
        Self {
            name: name.to_owned(),
            url: url.to_owned(),
            encryption_key,
            verification_key,
            signing_key,
            signature,
        }
    }

    /// Whether its keys belong together and the member has signed it.
    pub fn is_valid(&self) -> bool {
        let parts = (
            &self.name,
            &self.url,
            &self.encryption_key,
            &self.verification_key,
            &self.signing_key,
        );
        let message = signed_bytes(DST_CARD, &parts);
        self.encryption_key.matches(&self.verification_key)
            && is_signed(&self.signature, &message, &self.signing_key)
    }
}

/// What a ceremony is called: a hash of its plan.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CeremonyId(pub [u8; 32]);

impl fmt::Display for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CeremonyId({self})")
    }
}

impl FromStr for CeremonyId {
    type Err = InvalidEncoding;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| InvalidEncoding::Text)?;
        Ok(Self(bytes))
    }
}

impl Serialize for CeremonyId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CeremonyId {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(source)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// Who deals in a later ceremony.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dealer {
    /// Its number in the old committee.
    pub old: u16,
    /// Its number in the new one.
    pub new: u16,
}

/// The committee whose key gets new shares, as it is registered.
#[serde_as]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// Its object.
    #[serde_as(as = "DisplayFromStr")]
    pub server: ObjectId,
    /// How often its members have changed.
    pub version: u32,
    /// How many shares are needed.
    pub threshold: u16,
    /// The key, which stays.
    pub public_key: PublicKey,
    /// Public keys of its shares.
    pub partial_keys: Vec<PublicKey>,
    /// Who deals: as many as the old threshold demands.
    pub dealers: Vec<Dealer>,
}

/// A plan as it is written down, not checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanParts {
    /// Random, so that no two ceremonies are the same.
    pub nonce: CeremonyId,
    /// How many members are needed.
    pub threshold: u16,
    /// The members, by their number.
    pub members: Vec<MemberCard>,
    /// The committee that there is already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

/// Why a plan is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// The threshold is impossible.
    #[error(
        "a threshold of {threshold} is impossible with {members} members: it is at least {THRESHOLD_MIN} and at most their number"
    )]
    Threshold {
        /// The threshold.
        threshold: u16,
        /// How many members there are.
        members: usize,
    },
    /// There are too many members.
    #[error("{0} members are more than {MEMBERS_MAX}")]
    TooManyMembers(usize),
    /// A card was not written by the member.
    #[error("the card of member {0} is not signed by it")]
    Card(u16),
    /// A name or URL is too long.
    #[error("name or URL of member {0} are empty or too long")]
    Text(u16),
    /// Two members have the same name or keys.
    #[error("member {0} has the name or the key of another")]
    Duplicate(u16),
    /// The old committee is impossible.
    #[error("the dealers do not fit the old committee: {0}")]
    Dealers(String),
}

/// A plan that has been checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PlanParts", into = "PlanParts")]
pub struct CeremonyPlan {
    parts: PlanParts,
    id: CeremonyId,
}

impl From<CeremonyPlan> for PlanParts {
    fn from(plan: CeremonyPlan) -> Self {
        plan.parts
    }
}

impl TryFrom<PlanParts> for CeremonyPlan {
    type Error = PlanError;

    fn try_from(parts: PlanParts) -> Result<Self, Self::Error> {
        check_members(&parts)?;
        if let Some(previous) = &parts.previous {
            check_dealers(previous, parts.members.len()).map_err(PlanError::Dealers)?;
        }
        let hash = Sha3_256::digest(signed_bytes(DST_PLAN, &PlanBytes(&parts)));
        let id = CeremonyId(hash.into());
        Ok(Self { parts, id })
    }
}

/// A plan as it is hashed: in BCS a part may not be left out.
struct PlanBytes<'a>(&'a PlanParts);

impl Serialize for PlanBytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.0;
        (
            &parts.nonce,
            parts.threshold,
            &parts.members,
            &parts.previous,
        )
            .serialize(serializer)
    }
}

impl CeremonyPlan {
    /// A plan for these members.
    pub fn new<R: RngCore + CryptoRng>(
        threshold: u16,
        members: Vec<MemberCard>,
        previous: Option<Previous>,
        rng: &mut R,
    ) -> Result<Self, PlanError> {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        let nonce = CeremonyId(nonce);
        Self::try_from(PlanParts {
            nonce,
            threshold,
            members,
            previous,
        })
    }

    /// What the ceremony is called.
    pub fn id(&self) -> CeremonyId {
        self.id
    }

    /// How many members are needed.
    pub fn threshold(&self) -> u16 {
        self.parts.threshold
    }

    /// The members, by their number.
    pub fn members(&self) -> &[MemberCard] {
        &self.parts.members
    }

    /// The committee that there is already.
    pub fn previous(&self) -> Option<&Previous> {
        self.parts.previous.as_ref()
    }

    /// The number of a member.
    pub fn number_of(&self, secret: &MemberSecret) -> Option<u16> {
        let key = secret.signing_key();
        let position = self.members().iter().position(|it| it.signing_key == key)?;
        u16::try_from(position).ok()
    }

    pub(super) fn member(&self, number: u16) -> Option<&MemberCard> {
        self.members().get(usize::from(number))
    }

    /// Numbers of those who deal, in order.
    pub fn dealers(&self) -> Vec<u16> {
        let mut dealers: Vec<u16> = match self.previous() {
            Some(previous) => previous.dealers.iter().map(|dealer| dealer.new).collect(),
            None => (0..)
                .zip(self.members())
                .map(|(number, _)| number)
                .collect(),
        };
        dealers.sort_unstable();
        dealers
    }
}

fn check_members(parts: &PlanParts) -> Result<(), PlanError> {
    let members = parts.members.len();
    if members > MEMBERS_MAX {
        return Err(PlanError::TooManyMembers(members));
    }
    let threshold = parts.threshold;
    if threshold < THRESHOLD_MIN || usize::from(threshold) > members {
        return Err(PlanError::Threshold { threshold, members });
    }
    let (mut names, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for (number, card) in (0..).zip(&parts.members) {
        let fits = |text: &str, max| !text.is_empty() && text.len() <= max;
        if !fits(&card.name, NAME_BYTES_MAX) || !fits(&card.url, URL_BYTES_MAX) {
            return Err(PlanError::Text(number));
        }
        let is_new = names.insert(&card.name)
            && keys.insert(card.signing_key.to_bytes())
            && keys.insert(card.verification_key.to_bytes());
        if !is_new {
            return Err(PlanError::Duplicate(number));
        }
        if !card.is_valid() {
            return Err(PlanError::Card(number));
        }
    }
    Ok(())
}

fn check_dealers(previous: &Previous, members: usize) -> Result<(), String> {
    let old_members = previous.partial_keys.len();
    if old_members > MEMBERS_MAX {
        return Err(format!("it has more than {MEMBERS_MAX} members"));
    }
    let (dealers, needed) = (previous.dealers.len(), usize::from(previous.threshold));
    if dealers != needed || needed < usize::from(THRESHOLD_MIN) {
        return Err(format!("{dealers} deal, and exactly {needed} have to"));
    }
    let (mut old, mut new) = (BTreeSet::new(), BTreeSet::new());
    for dealer in &previous.dealers {
        let exists = usize::from(dealer.old) < old_members && usize::from(dealer.new) < members;
        if !exists {
            return Err(format!("{} or {} is nobody", dealer.old, dealer.new));
        }
        if !old.insert(dealer.old) || !new.insert(dealer.new) {
            return Err(format!("{} or {} deals twice", dealer.old, dealer.new));
        }
    }
    Ok(())
}

/// Where the share of a member lies on the polynomial.
pub(super) fn place(number: u16) -> Scalar {
    Scalar::from(u128::from(number) + 1)
}
