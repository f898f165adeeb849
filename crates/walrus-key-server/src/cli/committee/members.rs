//! What each member of a committee does by itself.

use std::path::PathBuf;

use clap::Args;
use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::text::printable;
use walrus_key_server::share_file_name;
use walrus_seal::committee::{
    CeremonyPlan, CommitteeError, Complaint, Deal, MemberCard, MemberSecret, Transcript,
};

use crate::cli::{
    Failure,
    letters::{keep, master_key, member_secret, receive, send},
};

#[derive(Debug, Args)]
pub(in crate::cli) struct Join {
    /// What the member calls itself
    #[arg(long)]
    name: String,
    /// Where the aggregator reaches its key server
    #[arg(long)]
    url: String,
    /// The file to write the secret into, which the later steps need
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// The card to write, for the others
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Join {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let secret = MemberSecret::generate(&mut StdRng::from_entropy());
        keep(&self.secret_file, &*secret.to_bytes())?;
        send(&self.out, &MemberCard::new(&self.name, &self.url, &secret))?;
        println!("{}", secret.signing_key());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct MakeDeal {
    /// The plan
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// The secret that `join` has made
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// The share that the member has now, if the plan is for new shares
    #[arg(long, value_name = "FILE")]
    old_share: Option<PathBuf>,
    /// The deal to write, for all members
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl MakeDeal {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let plan: CeremonyPlan = receive(&self.plan)?;
        let secret = member_secret(&self.secret_file)?;
        let old_share = self.old_share.as_deref().map(master_key).transpose()?;
        let mut rng = StdRng::from_entropy();
        let deal = Deal::new(&plan, &secret, old_share.as_ref(), &mut rng);
        let deal = deal.map_err(|error| explain(&plan, error))?;
        send(&self.out, &deal)
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Finish {
    /// The plan
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// The secret that `join` has made
    #[arg(long, value_name = "FILE")]
    secret_file: PathBuf,
    /// Folder for the share, `share-VERSION.key`: `master_share_folder` of the member's key server
    #[arg(long, value_name = "FOLDER")]
    share_folder: PathBuf,
    /// The approval to write, for whoever registers the committee
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The complaint to write, for everybody, if somebody has dealt a wrong value
    #[arg(long, value_name = "FILE")]
    complaint: Option<PathBuf>,
    /// What all dealers have dealt
    #[arg(value_name = "DEAL", required = true)]
    deals: Vec<PathBuf>,
}

impl Finish {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let plan: CeremonyPlan = receive(&self.plan)?;
        let secret = member_secret(&self.secret_file)?;
        let deals = self.deals.iter().map(|path| receive(path));
        let deals = deals.collect::<Result<Vec<Deal>, _>>()?;
        let explain = |error| explain(&plan, error);
        let transcript = Transcript::new(&plan, deals).map_err(explain)?;
        let share = match transcript.share(&secret) {
            Ok(share) => share,
            Err((error, complaint)) => {
                if let (Some(path), Some(complaint)) = (&self.complaint, complaint) {
                    send(path, &complaint)?;
                }
                return Err(explain(error));
            }
        };
        let version = plan.previous().map_or(0, |previous| previous.version + 1);
        let path = self.share_folder.join(share_file_name(version));
        // The share first: whoever has approved must have it.
        keep(&path, &*share.to_bytes())?;
        send(&self.out, &transcript.approve(&secret).map_err(explain)?)?;
        println!("{}", share.public());
        Ok(())
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Judge {
    /// The plan
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// The deal that the complaint is about
    #[arg(long, value_name = "FILE")]
    deal: PathBuf,
    /// The complaint
    #[arg(value_name = "COMPLAINT")]
    complaint: PathBuf,
}

impl Judge {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let plan: CeremonyPlan = receive(&self.plan)?;
        let deal: Deal = receive(&self.deal)?;
        let complaint: Complaint = receive(&self.complaint)?;
        let checked = complaint.check(&plan, &deal);
        checked.map_err(|error| explain(&plan, error))?;
        println!(
            "{} has dealt a wrong value to {}",
            name_of(&plan, complaint.dealer),
            name_of(&plan, complaint.member)
        );
        Ok(())
    }
}

/// A member as people know it.
fn name_of(plan: &CeremonyPlan, number: u16) -> String {
    let member = plan.members().get(usize::from(number));
    let name = member.map_or("nobody", |member| &member.name);
    format!("member {number} ({})", printable(name))
}

/// An error with the names of those it is about.
pub(super) fn explain(plan: &CeremonyPlan, error: CommitteeError) -> Failure {
    let about = match error {
        CommitteeError::NotADealer(number)
        | CommitteeError::OldShareMissing(number)
        | CommitteeError::NotSigned(number)
        | CommitteeError::NotPossessed(number)
        | CommitteeError::WrongShape(number)
        | CommitteeError::Duplicate(number)
        | CommitteeError::Missing(number)
        | CommitteeError::OtherOutcome(number)
        | CommitteeError::FalseComplaint(number)
        | CommitteeError::WrongShare { dealer: number, .. } => name_of(plan, number),
        _ => return Failure::input(error),
    };
    Failure::input(format!("{error}; it is {about}"))
}
