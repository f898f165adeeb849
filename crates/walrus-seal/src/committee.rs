//! Committees: a key that nobody has, in shares of which a threshold acts together.
//!
//! A *ceremony* makes the shares. Members exchange files, by any means: nothing in them is secret,
//! and what somebody changes on the way is noticed.
//!
//! 1. Each member makes a [`MemberSecret`] and publishes a [`MemberCard`]. The cards and a
//!    threshold make a [`CeremonyPlan`].
//! 2. Each dealer publishes a [`Deal`]: commitments to a random polynomial, and its value for every
//!    member, encrypted.
//! 3. Each member checks all deals ([`Transcript`]), adds up its share, and publishes an
//!    [`Approval`] of what came out. A member to whom a wrong value was dealt publishes a
//!    [`Complaint`] instead, with which everybody sees who lied.
//! 4. When all members approve of the same outcome, it is registered on chain.
//!
//! In a first ceremony every member is a dealer, and the key is the sum of what they dealt. Later
//! ones give new shares of the same key, to the same members or others: as many old members as the
//! old threshold demands deal their old shares. Old shares and new ones do not fit together, so
//! what an attacker has learned of the old ones is worth nothing.

mod deal;
mod outcome;
mod plan;

use thiserror::Error;

pub use self::{
    deal::{Complaint, Deal, EncryptedShare},
    outcome::{Approval, CeremonyOutcome, Transcript, agreed},
    plan::{
        CeremonyId, CeremonyPlan, Dealer, MEMBERS_MAX, MemberCard, MemberSecret, PlanError,
        PlanParts, Previous,
    },
};

/// Why a ceremony cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommitteeError {
    /// The secret belongs to nobody in the plan.
    #[error("this secret belongs to no member of the plan")]
    NotAMember,
    /// The member does not deal in this ceremony.
    #[error("member {0} does not deal in this ceremony")]
    NotADealer(u16),
    /// Who deals needs the share that it had before.
    #[error("member {0} deals the share that it has: say where it is")]
    OldShareMissing(u16),
    /// There is nothing before a first ceremony.
    #[error("there are no old shares in a first ceremony")]
    OldShareUnexpected,
    /// The share is another one than the chain knows.
    #[error("this is not the share that is registered for member {0} of the old committee")]
    OldShareWrong(u16),
    /// The message is of another ceremony.
    #[error("it belongs to another ceremony: {0}")]
    OtherCeremony(CeremonyId),
    /// A message was changed, or is nobody's.
    #[error("what member {0} says is not signed by it")]
    NotSigned(u16),
    /// A dealer cannot show that it knows what it has committed to.
    #[error("member {0} does not know what it deals")]
    NotPossessed(u16),
    /// A deal has too few or too many parts.
    #[error("the deal of member {0} is not for this threshold and number of members")]
    WrongShape(u16),
    /// A message is there twice.
    #[error("there are two messages of member {0}")]
    Duplicate(u16),
    /// A message is not there.
    #[error("there is no message of member {0}")]
    Missing(u16),
    /// Somebody was dealt a wrong value.
    #[error("member {dealer} dealt a wrong value to member {member}")]
    WrongShare {
        /// Who dealt.
        dealer: u16,
        /// To whom.
        member: u16,
    },
    /// Members saw different things.
    #[error(
        "member {0} approves of another outcome than the others: somebody sent different messages to different members"
    )]
    OtherOutcome(u16),
    /// A complaint shows a value that was not the one to be shared.
    #[error("the complaint of member {0} is false")]
    FalseComplaint(u16),
    /// What the dealers chose cancels out.
    #[error("the deals are nonsense together")]
    Nonsense,
}
