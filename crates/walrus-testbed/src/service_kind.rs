//! Which services a network can have.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A service that a network can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// `walrus daemon`: reads and stores over plain HTTP.
    Gateway,
    /// `walrus-upload-relay`, which asks for no tip.
    Relay,
    /// `walrus s3`: buckets and objects, with a well-known key.
    S3,
}

impl ServiceKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Relay, Self::S3];

    /// Its name, which is also the name of its folder and its log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Relay => "relay",
            Self::S3 => "s3",
        }
    }

    /// Where it listens if nobody else does.
    pub(crate) const fn usual_port(self) -> u16 {
        match self {
            Self::Gateway => 31415,
            Self::Relay => 57391,
            Self::S3 => 8333,
        }
    }

    /// The program, beside this one.
    pub(crate) const fn program(self) -> &'static str {
        match self {
            Self::Gateway | Self::S3 => "walrus",
            Self::Relay => "walrus-upload-relay",
        }
    }

    /// Whether it pays for what it stores.
    pub(crate) const fn pays(self) -> bool {
        match self {
            Self::Gateway | Self::S3 => true,
            Self::Relay => false,
        }
    }
}

impl fmt::Display for ServiceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ServiceKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let mut all = Self::ALL.into_iter();
        all.find(|kind| kind.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no service {name}; there are {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_names() {
        for kind in ServiceKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "relays".parse::<ServiceKind>().unwrap_err();
        assert!(error.contains("gateway, relay"), "{error}");
    }
}
