//! Options of which exactly one is given.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, error::ErrorKind};

/// Options of which the parser lets exactly one through: they are a required group.
pub(crate) trait Choice: Args {
    /// What the given one says.
    type Value;

    /// The given one.
    fn given(self) -> Option<Self::Value>;
}

/// The one of the options `C` that is given.
#[derive(Debug, Clone)]
pub(crate) struct OneOf<C: Choice>(pub C::Value);

impl<C: Choice> FromArgMatches for OneOf<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = C::from_arg_matches(matches)?.given();
        Ok(Self(given.ok_or_else(|| {
            Error::new(ErrorKind::MissingRequiredArgument)
        })?))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<C: Choice> Args for OneOf<C> {
    fn augment_args(command: Command) -> Command {
        C::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        C::augment_args_for_update(command)
    }
}
