//! `walrus-key-server committee`

mod members;
mod registration;

use clap::Subcommand;

use super::Failure;

/// Steps of a ceremony, in their order.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// As a member: make a secret, and a card for the others
    ///
    /// Example: walrus-key-server committee join --name alpha --url https://keys.alpha.example
    /// --secret-file member.key --out alpha.card.json
    Join(members::Join),
    /// Put cards together to a plan that all members get
    ///
    /// Members get numbers in the order of their cards. With --previous, the plan is for new shares
    /// of the key of a committee that is registered.
    ///
    /// Example: walrus-key-server committee plan --threshold 2 --out plan.json alpha.card.json
    /// beta.card.json gamma.card.json
    Plan(registration::MakePlan),
    /// Show a plan: its members and their keys, to be compared with what they say themselves
    Show(registration::Show),
    /// As a member: deal a value to every member
    Deal(members::MakeDeal),
    /// As a member: check what all have dealt, keep the share, and approve of what comes out
    Finish(members::Finish),
    /// Check a complaint that somebody has dealt a wrong value
    Judge(members::Judge),
    /// Register what all members approve of: a new committee, or its new members and shares
    Register(Box<registration::Register>),
}

impl Command {
    pub(super) async fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Join(command) => command.execute(),
            Self::Plan(command) => command.execute().await,
            Self::Show(command) => command.execute(),
            Self::Deal(command) => command.execute(),
            Self::Finish(command) => command.execute(),
            Self::Judge(command) => command.execute(),
            Self::Register(command) => command.execute().await,
        }
    }
}
