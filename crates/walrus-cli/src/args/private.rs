//! Options of the commands about private data.

use std::{num::NonZeroU8, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Subcommand, ValueEnum};
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_seal::Dem;
use walrus_sui::{StructTag, access::ApprovalArgument};

use super::parse;

/// For whom something is encrypted.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EncryptionArgs {
    /// The account that can decrypt: its address, its name in the wallet, or one of
    /// `encryption.recipients` of the configuration; the active account unless this or --policy
    /// says otherwise
    #[arg(long = "for", value_name = "ADDRESS|NAME", conflicts_with = "policy")]
    pub recipient: Option<Recipient>,
    /// The policy that decides who can decrypt, as `walrus policy new` prints it
    #[arg(long, alias = "policy-object", value_name = "OBJECT_ID")]
    pub policy: Option<ObjectId>,
    /// Package of the policy [default: the one of the configuration]
    #[arg(long, value_name = "PACKAGE_ID")]
    pub policy_package: Option<ObjectId>,
    /// What the policy judges, in hex, instead of policy or account and 16 random bytes
    #[arg(long, value_name = "HEX", value_parser = hex_bytes)]
    pub id: Option<HexBytes>,
    /// A key server and its weight, instead of those of the configuration; it has to prove that it
    /// has its key
    #[arg(long = "key-server", value_name = "OBJECT_ID[:WEIGHT]")]
    pub key_servers: Vec<WeightedServer>,
    /// The weight of key servers that is needed to decrypt [default: more than half]
    #[arg(long, value_name = "WEIGHT")]
    pub threshold: Option<u8>,
    /// How content is encrypted
    #[arg(long, value_enum, default_value_t = DemChoice::Aes)]
    pub dem: DemChoice,
    /// Public data that is authenticated with the content, in hex
    #[arg(long, value_name = "HEX", value_parser = hex_bytes)]
    pub aad: Option<HexBytes>,
}

/// An account that can decrypt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// Its address.
    Address(SuiAddress),
    /// What it is called.
    Name(String),
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("0x") {
            let address = text.parse().map_err(|error| format!("{error}"))?;
            return Ok(Self::Address(address));
        }
        Ok(Self::Name(text.to_owned()))
    }
}

/// Bytes given in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HexBytes(pub Vec<u8>);

fn hex_bytes(text: &str) -> Result<HexBytes, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode(digits)
        .map(HexBytes)
        .map_err(|error| format!("`{text}` is not hexadecimal: {error}"))
}

/// How content is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DemChoice {
    /// AES-256-GCM: fast
    #[default]
    Aes,
    /// HMAC-SHA3-256 in counter mode: what Move code can decrypt
    Hmac,
}

impl From<DemChoice> for Dem {
    fn from(choice: DemChoice) -> Self {
        match choice {
            DemChoice::Aes => Self::Aes256Gcm,
            DemChoice::Hmac => Self::Hmac256Ctr,
        }
    }
}

/// A key server with its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WeightedServer(pub ObjectId, pub NonZeroU8);

impl FromStr for WeightedServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, weight) = match text.split_once(':') {
            Some((id, weight)) => (id, weight.parse().map_err(|_| weight)),
            None => (text, Ok(NonZeroU8::MIN)),
        };
        let weight = weight.map_err(|weight| format!("`{weight}` is no weight from 1 to 255"))?;
        let id = id.parse().map_err(|error| format!("{error}"))?;
        Ok(Self(id, weight))
    }
}

/// How a policy is asked. What our own policies need is found out.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ApprovalArgs {
    /// The function of the policy, if it is not one of ours
    #[arg(long, value_name = "MODULE::FUNCTION")]
    pub approve: Option<FunctionName>,
    /// What it takes after the identity, in order: an object ID, `clock`, or `pure:HEX` of BCS
    #[arg(long = "arg", value_name = "ARG", requires = "approve")]
    pub arguments: Vec<PolicyArgument>,
    /// Its type arguments
    #[arg(long = "type-arg", value_name = "TYPE", requires = "approve")]
    pub types: Vec<String>,
    /// The version of the package to call [default: the first]
    #[arg(long, value_name = "PACKAGE_ID")]
    pub package: Option<ObjectId>,
}

/// A module and a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FunctionName {
    pub module: String,
    pub function: String,
}

impl FromStr for FunctionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (module, function) = text
            .split_once("::")
            .ok_or_else(|| format!("`{text}` is not MODULE::FUNCTION"))?;
        Ok(Self {
            module: module.to_owned(),
            function: function.to_owned(),
        })
    }
}

/// An argument of a policy's function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PolicyArgument(pub ApprovalArgument);

impl FromStr for PolicyArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "clock" {
            return Ok(Self(ApprovalArgument::Clock));
        }
        if let Some(hex) = text.strip_prefix("pure:") {
            let HexBytes(bytes) = hex_bytes(hex)?;
            return Ok(Self(ApprovalArgument::Pure(bytes)));
        }
        let id = text.parse().map_err(|error| format!("{error}"))?;
        Ok(Self(ApprovalArgument::Object(id)))
    }
}

/// Options of `encrypt`.
#[derive(Debug, Args)]
pub(crate) struct EncryptArgs {
    /// File to encrypt
    #[arg(value_name = "FILE", value_parser = parse::path())]
    pub file: PathBuf,
    /// File to write; without it the bytes go to stdout
    #[arg(long, short, value_name = "FILE", value_parser = parse::path())]
    pub out: Option<PathBuf>,
    /// Encrypt in chunks, with bounded memory; other clients of Seal cannot read this
    #[arg(long, requires = "out", conflicts_with_all = ["dem", "aad"])]
    pub envelope: bool,
    /// Write the key of the content into this file, readable by its owner only: it decrypts without
    /// key servers
    #[arg(long, value_name = "FILE", value_parser = parse::path())]
    pub backup_key_file: Option<PathBuf>,
    /// For whom.
    #[command(flatten)]
    pub encryption: EncryptionArgs,
}

/// Options of `decrypt`.
#[derive(Debug, Args)]
pub(crate) struct DecryptArgs {
    /// File to decrypt
    #[arg(value_name = "FILE", value_parser = parse::path())]
    pub file: PathBuf,
    /// File to write; without it the bytes go to stdout
    #[arg(long, short, value_name = "FILE", value_parser = parse::path())]
    pub out: Option<PathBuf>,
    /// The key that `encrypt --backup-key-file` wrote, instead of asking key servers
    #[arg(long, value_name = "FILE", value_parser = parse::path(), conflicts_with = "approve")]
    pub backup_key_file: Option<PathBuf>,
    /// How its policy is asked.
    #[command(flatten)]
    pub approval: ApprovalArgs,
}

/// Options of `inspect-encrypted`.
#[derive(Debug, Args)]
pub(crate) struct InspectEncryptedArgs {
    /// Encrypted file
    #[arg(value_name = "FILE", value_parser = parse::path())]
    pub file: PathBuf,
}

/// Options of `policy`.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What to do with policies.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Make a policy; the wallet's account manages it
    New {
        #[command(subcommand)]
        kind: NewPolicy,
        /// Package with policies [default: the one of the configuration]
        #[arg(long, global = true, value_name = "PACKAGE_ID")]
        policy_package: Option<ObjectId>,
    },
    /// Show a policy
    Show {
        /// The policy
        policy: ObjectId,
    },
    /// Put accounts on an allowlist
    Grant {
        /// The allowlist
        policy: ObjectId,
        /// Who may read: addresses, or names as for `encrypt --for`
        #[arg(required = true, value_name = "ADDRESS|NAME")]
        accounts: Vec<Recipient>,
        /// They may also change who reads
        #[arg(long)]
        editor: bool,
    },
    /// Take accounts off an allowlist, or end subscriptions of a service
    ///
    /// Keys that were fetched before are not taken back: what comes next gets a new identity.
    Revoke {
        /// The allowlist or service
        policy: ObjectId,
        /// Accounts of an allowlist, or subscriptions of a service
        #[arg(required = true, value_name = "ID")]
        targets: Vec<ObjectId>,
    },
    /// Let accounts in, as one of the approvers of a policy
    Approve {
        /// The policy, of kind approvers
        policy: ObjectId,
        /// Who may read: addresses, or names as for `encrypt --for`
        #[arg(required = true, value_name = "ADDRESS|NAME")]
        accounts: Vec<Recipient>,
        /// Take the approval back; keys that were fetched before are not taken back
        #[arg(long)]
        withdraw: bool,
    },
    /// Let somebody else manage a policy, or hold the key of a holder
    Transfer {
        /// The policy
        policy: ObjectId,
        /// Who manages or holds it from now on: an address, or a name as for `encrypt --for`
        #[arg(value_name = "ADDRESS|NAME")]
        to: Recipient,
    },
    /// Buy what a listing offers, or subscribe to a service
    Buy {
        /// The listing or service
        policy: ObjectId,
    },
    /// Change what the next buyers of a listing, or a period of a service, cost
    Price {
        /// The listing or service
        policy: ObjectId,
        /// The price, such as 1.5WAL
        price: Frost,
    },
}

/// Kinds of policies.
#[derive(Debug, Subcommand)]
pub(crate) enum NewPolicy {
    /// Accounts on a list read
    Allowlist,
    /// Whoever has bought reads
    Market {
        /// What is sold
        #[arg(long)]
        title: String,
        /// The price, such as 1.5WAL
        #[arg(long)]
        price: Frost,
        /// For how many epochs of Sui one buys [default: for ever]
        #[arg(long, value_name = "EPOCHS")]
        term_epochs: Option<u64>,
        /// Who is paid, and which part in hundredths of a percent [default: all to the active
        /// account]
        #[arg(long = "payee", value_name = "ADDRESS:PART")]
        payees: Vec<Payee>,
    },
    /// Whoever pays by the period reads
    Subscription {
        /// The price of a period, such as 1.5WAL
        #[arg(long)]
        price: Frost,
        /// How long a period lasts, such as 30d or 12h
        #[arg(long, value_parser = period)]
        period: Duration,
    },
    /// Whoever holds an object reads; `policy transfer` hands it on
    Holder,
    /// Whoever owns an object of a type reads: a token, a ticket, a capability
    ///
    /// It is as safe as the type: who can make such objects can read, and one that is shared or
    /// frozen lets everybody read.
    Gated {
        /// The type, such as 0x…::tickets::Ticket
        #[arg(long = "type", value_name = "TYPE")]
        required: StructTag,
    },
    /// Whoever enough approvers let in reads; nobody can change who they are
    Approvers {
        /// One of those who decide: an address, or a name as for `encrypt --for`
        #[arg(long = "approver", required = true, value_name = "ADDRESS|NAME")]
        approvers: Vec<Recipient>,
        /// How many of them have to agree
        #[arg(long, value_name = "APPROVERS")]
        threshold: u64,
    },
}

/// A duration; days are 24 hours here, whatever a calendar says.
fn period(text: &str) -> Result<Duration, String> {
    const DAY_SECS: u64 = 86_400;
    let days = text
        .strip_suffix('d')
        .and_then(|days| days.parse::<u64>().ok());
    match days.map(|days| days.checked_mul(DAY_SECS)) {
        Some(Some(secs)) => Ok(Duration::from_secs(secs)),
        Some(None) => Err(format!("`{text}` is too long")),
        None => super::parse_duration(text),
    }
}

/// Who is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payee(pub SuiAddress, pub u16);

impl FromStr for Payee {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (account, part) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` is not ADDRESS:PART"))?;
        let account = account.parse().map_err(|error| format!("{error}"))?;
        let part = part
            .parse()
            .map_err(|_| format!("`{part}` is no number of hundredths of a percent"))?;
        Ok(Self(account, part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_written_as_the_help_says() {
        for (text, secs) in [("30d", 30 * 86_400), ("12h", 43_200), ("90min", 5_400)] {
            assert_eq!(period(text), Ok(Duration::from_secs(secs)));
        }
        for text in ["", "d", "-1d", "month", "999999999999999999d"] {
            assert!(period(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_looks_like_an_address_is_one() {
        let address = format!("0x{}", "ab".repeat(32));
        assert!(matches!(address.parse(), Ok(Recipient::Address(_))));
        assert_eq!("ann".parse(), Ok(Recipient::Name("ann".to_owned())));
        assert!("0xzz".parse::<Recipient>().is_err());
    }
}
