//! What a dealer gives to the members.

use aes_gcm::{Aes256Gcm, KeyInit as _, aead::AeadInPlace as _};
use fastcrypto::{
    groups::{
        GroupElement as _,
        bls12381::{G1Element, G2Element, Scalar},
    },
    serde_helpers::ToFromByteArray as _,
};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha3::{Digest as _, Sha3_256};
use zeroize::Zeroizing;

use super::{
    CommitteeError,
    plan::{CeremonyId, CeremonyPlan, MemberSecret, is_signed, place, sign, signed_bytes},
};
use crate::{
    curve::{
        self, ElGamalElement, MemberSignature, PublicKey, SecretScalar, deserialize_base64,
        serialize_base64,
    },
    dem::AES_TAG_LENGTH,
    ibe::{self, KEY_LENGTH, MasterKey, SecretBytes},
};

// Prefixes of what is hashed, so that nothing means two things.
const DST_DEAL: &[u8] = b"WALRUS-COMMITTEE-DEAL-00";
const DST_POSSESSION: &[u8] = b"WALRUS-COMMITTEE-POSSESSION-00";
const DST_VALUE: &[u8] = b"WALRUS-COMMITTEE-VALUE-00";
/// A value, and the tag of AES-GCM.
const ENCRYPTED_LENGTH: usize = KEY_LENGTH + AES_TAG_LENGTH;

/// A value for one member, encrypted: AES-256-GCM with a key that encrypts nothing else, and a
/// nonce of zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncryptedShare([u8; ENCRYPTED_LENGTH]);

impl Serialize for EncryptedShare {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_base64(self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for EncryptedShare {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let bytes: Result<_, _> = deserialize_base64(source)?.try_into();
        bytes
            .map(Self)
            .map_err(|_| D::Error::custom("an encrypted value has 48 bytes"))
    }
}

/// The values of a polynomial for all members, and what everybody needs to check them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deal {
    /// The ceremony it belongs to.
    pub ceremony: CeremonyId,
    /// The number of the dealer.
    pub dealer: u16,
    /// The coefficients of the polynomial, times the generator of G2; as many as the threshold.
    pub commitments: Vec<PublicKey>,
    /// What the values are encrypted with.
    pub ephemeral: ElGamalElement,
    /// The values, by the number of the member.
    pub values: Vec<EncryptedShare>,
    /// Shows that the dealer knows the constant coefficient.
    pub possession: MemberSignature,
    /// Of all of this, by the dealer.
    pub signature: MemberSignature,
}

impl Deal {
    /// Deals as the member whose secret this is. In a first ceremony a random secret; in a later
    /// one its old share.
    pub fn new<R: RngCore + CryptoRng>(
        plan: &CeremonyPlan,
        secret: &MemberSecret,
        old_share: Option<&MasterKey>,
        rng: &mut R,
    ) -> Result<Self, CommitteeError> {
        let dealer = plan.number_of(secret).ok_or(CommitteeError::NotAMember)?;
        let constant = constant(plan, dealer, old_share, rng)?;
        let mut coefficients = vec![constant];
        coefficients.resize_with(usize::from(plan.threshold()), || {
            SecretScalar(ibe::random_scalar(rng))
        });
        let ephemeral = SecretScalar(ibe::random_scalar(rng));
        let point = G1Element::generator() * ephemeral.0;
        let mut deal = Self {
            ceremony: plan.id(),
            dealer,
            commitments: coefficients
                .iter()
                .map(|coefficient| PublicKey(G2Element::generator() * coefficient.0))
                .collect(),
            ephemeral: ElGamalElement(point),
            values: Vec::with_capacity(plan.members().len()),
            possession: sign(&coefficients[0], &possession_bytes(plan.id(), dealer)),
            signature: MemberSignature(G1Element::generator()),
        };
        for (number, member) in (0..).zip(plan.members()) {
            let value = SecretScalar(evaluate(&coefficients, number));
            let shared = member.encryption_key.0 * ephemeral.0;
            deal.values.push(deal.encrypt(number, &shared, &value));
        }
        deal.sign(secret);
        Ok(deal)
    }

    /// Signs what it says now.
    pub fn sign(&mut self, secret: &MemberSecret) {
        self.signature = secret.sign(&self.signed_bytes());
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let parts = (
            &self.ceremony,
            self.dealer,
            &self.commitments,
            &self.ephemeral,
            &self.values,
            &self.possession,
        );
        signed_bytes(DST_DEAL, &parts)
    }

    /// What everybody can check: form, signature, and that the dealer knows what it deals.
    pub fn check(&self, plan: &CeremonyPlan) -> Result<(), CommitteeError> {
        if self.ceremony != plan.id() {
            return Err(CommitteeError::OtherCeremony(self.ceremony));
        }
        let dealer = self.dealer;
        let card = plan
            .member(dealer)
            .filter(|_| plan.dealers().contains(&dealer));
        let card = card.ok_or(CommitteeError::NotADealer(dealer))?;
        let has_shape = self.commitments.len() == usize::from(plan.threshold())
            && self.values.len() == plan.members().len();
        if !has_shape {
            return Err(CommitteeError::WrongShape(dealer));
        }
        if !is_signed(&self.signature, &self.signed_bytes(), &card.signing_key) {
            return Err(CommitteeError::NotSigned(dealer));
        }
        let constant = &self.commitments[0];
        let possession = possession_bytes(self.ceremony, dealer);
        if !is_signed(&self.possession, &possession, constant) {
            return Err(CommitteeError::NotPossessed(dealer));
        }
        if let Some((old, registered)) = old_key(plan, dealer)
            && registered != *constant
        {
            return Err(CommitteeError::OldShareWrong(old));
        }
        Ok(())
    }

    /// The value for a member, if it is on the polynomial that the dealer has committed to.
    pub(super) fn value(&self, member: u16, shared: &G1Element) -> Option<SecretScalar> {
        let encrypted = self.values.get(usize::from(member))?;
        let (ciphertext, tag) = encrypted.0.split_last_chunk::<AES_TAG_LENGTH>()?;
        let mut bytes = Zeroizing::new(ciphertext.to_vec());
        self.cipher(member, shared)
            .decrypt_in_place_detached(&[0; 12].into(), &[], &mut bytes[..], tag.into())
            .ok()?;
        let value = SecretScalar(curve::scalar(&bytes).ok()?);
        let expected = evaluate_commitments(&self.commitments, member);
        (G2Element::generator() * value.0 == expected).then_some(value)
    }

    fn encrypt(&self, member: u16, shared: &G1Element, value: &SecretScalar) -> EncryptedShare {
        let mut bytes = [0; ENCRYPTED_LENGTH];
        let (plain, tag) = bytes.split_at_mut(KEY_LENGTH);
        plain.copy_from_slice(&*Zeroizing::new(value.0.to_byte_array()));
        let made =
            self.cipher(member, shared)
                .encrypt_in_place_detached(&[0; 12].into(), &[], plain);
        tag.copy_from_slice(&made.expect("32 bytes are not too many"));
        EncryptedShare(bytes)
    }

    fn cipher(&self, member: u16, shared: &G1Element) -> Aes256Gcm {
        let key: SecretBytes = Zeroizing::new(
            Sha3_256::new()
                .chain_update(DST_VALUE)
                .chain_update(self.ceremony.0)
                .chain_update(self.dealer.to_le_bytes())
                .chain_update(member.to_le_bytes())
                .chain_update(self.ephemeral.to_bytes())
                .chain_update(*Zeroizing::new(shared.to_byte_array()))
                .finalize()
                .into(),
        );
        Aes256Gcm::new((&*key).into())
    }
}

fn possession_bytes(ceremony: CeremonyId, dealer: u16) -> Vec<u8> {
    signed_bytes(DST_POSSESSION, &(ceremony, dealer))
}

/// Number and registered key of a dealer in the old committee.
fn old_key(plan: &CeremonyPlan, dealer: u16) -> Option<(u16, PublicKey)> {
    let previous = plan.previous()?;
    let mut dealers = previous.dealers.iter();
    let old = dealers.find(|it| it.new == dealer)?.old;
    Some((old, *previous.partial_keys.get(usize::from(old))?))
}

/// What a dealer deals.
fn constant<R: RngCore + CryptoRng>(
    plan: &CeremonyPlan,
    dealer: u16,
    old_share: Option<&MasterKey>,
    rng: &mut R,
) -> Result<SecretScalar, CommitteeError> {
    if plan.previous().is_none() {
        return match old_share {
            None => Ok(SecretScalar(ibe::random_scalar(rng))),
            Some(_) => Err(CommitteeError::OldShareUnexpected),
        };
    }
    let (old, registered) = old_key(plan, dealer).ok_or(CommitteeError::NotADealer(dealer))?;
    let share = old_share.ok_or(CommitteeError::OldShareMissing(dealer))?;
    if share.public() != registered {
        return Err(CommitteeError::OldShareWrong(old));
    }
    Ok(share.0.clone())
}

/// Horner's rule.
fn evaluate(coefficients: &[SecretScalar], member: u16) -> Scalar {
    let x = place(member);
    let coefficients = coefficients.iter().rev();
    coefficients.fold(Scalar::zero(), |value, next| value * x + next.0)
}

/// The same in G2.
pub(super) fn evaluate_commitments(commitments: &[PublicKey], member: u16) -> G2Element {
    let x = place(member);
    let commitments = commitments.iter().rev();
    commitments.fold(G2Element::zero(), |value, next| value * x + next.0)
}

/// Says that a dealer dealt a wrong value to a member, and shows it. It gives away that value only,
/// and nothing else that is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complaint {
    /// The ceremony it belongs to.
    pub ceremony: CeremonyId,
    /// Who dealt.
    pub dealer: u16,
    /// Who complains.
    pub member: u16,
    /// The secret that dealer and member share.
    pub shared: ElGamalElement,
}

impl Complaint {
    pub(super) fn new(deal: &Deal, member: u16, shared: G1Element) -> Self {
        Self {
            ceremony: deal.ceremony,
            dealer: deal.dealer,
            member,
            shared: ElGamalElement(shared),
        }
    }

    /// Whether the dealer is to blame; fails if the complaint itself is false.
    pub fn check(&self, plan: &CeremonyPlan, deal: &Deal) -> Result<(), CommitteeError> {
        for ceremony in [self.ceremony, deal.ceremony] {
            if ceremony != plan.id() {
                return Err(CommitteeError::OtherCeremony(ceremony));
            }
        }
        let is_false = CommitteeError::FalseComplaint(self.member);
        let card = plan.member(self.member).ok_or(is_false.clone())?;
        if deal.dealer != self.dealer {
            return Err(is_false);
        }
        // A deal that is not the dealer's says nothing of the dealer.
        deal.check(plan)?;
        let is_shared = ibe::pairings_cancel(
            &[self.shared.0, deal.ephemeral.0],
            &[-G2Element::generator(), card.verification_key.0],
        );
        if !is_shared || deal.value(self.member, &self.shared.0).is_some() {
            return Err(is_false);
        }
        Ok(())
    }
}
