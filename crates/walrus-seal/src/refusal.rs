//! What key servers answer when they do not give out keys. Codes, texts and statuses are part of
//! the protocol.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::approval::InvalidProgram;

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $status:literal,)*) => {
        /// Why keys are refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$name => $status,)*
                }
            }
        }
    };
}

refusals! {
    /// The program is not what it should be.
    InvalidPTB = 403,
    /// There is no such package.
    InvalidPackage = 403,
    /// The policy denies it.
    NoAccess = 403,
    /// The account did not sign the certificate.
    InvalidSignature = 403,
    /// The session key did not sign the request.
    InvalidSessionSignature = 403,
    /// The certificate has expired, begins in the future, or is valid for too long.
    InvalidCertificate = 403,
    /// The full node does not know an object that the program uses.
    InvalidParameter = 403,
    /// The registered name is not that of the package.
    InvalidMVRName = 403,
    /// The kind of the client's library is not known.
    InvalidSDKType = 400,
    /// The version of the client's library is no version.
    InvalidSDKVersion = 400,
    /// A header is missing.
    MissingRequiredHeader = 400,
    /// There is no such key server here.
    InvalidServiceId = 400,
    /// The server does not serve this package.
    UnsupportedPackageId = 400,
    /// The client's library is too old.
    DeprecatedSDKVersion = 426,
    /// The caller asks too much.
    RateLimited = 429,
    /// The server or its full node cannot answer now.
    Failure = 503,
}

impl Code {
    /// Whether the same request may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Failure | Self::InvalidParameter | Self::RateLimited
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A refusal with its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The text.
    pub message: String,
}

impl Refusal {
    /// The refusal with this code. `detail` is used where the text has one.
    pub fn new(code: Code, detail: &str) -> Self {
        let message = match code {
            Code::InvalidPTB => format!("Invalid PTB: {detail}"),
            Code::InvalidPackage => "Invalid package ID".to_owned(),
            Code::NoAccess => format!("Access denied: {detail}"),
            Code::InvalidSignature => "Invalid user signature".to_owned(),
            Code::InvalidSessionSignature => "Invalid session key signature".to_owned(),
            Code::InvalidCertificate => "Invalid certificate time or ttl".to_owned(),
            Code::InvalidParameter => format!("Invalid parameter to PTB: {detail}"),
            Code::InvalidMVRName => "Invalid MVR name".to_owned(),
            Code::InvalidSDKType => "Invalid SDK type".to_owned(),
            Code::InvalidSDKVersion => "Invalid SDK version".to_owned(),
            Code::MissingRequiredHeader => format!("Missing required header: {detail}"),
            Code::InvalidServiceId => "Invalid service ID".to_owned(),
            Code::UnsupportedPackageId => "Unsupported package ID".to_owned(),
            Code::DeprecatedSDKVersion => "Deprecated SDK version".to_owned(),
            Code::RateLimited => "Too many requests, please try again later".to_owned(),
            Code::Failure => "Internal server error, please try again later".to_owned(),
        };
        Self { code, message }
    }

    /// The refusal with this code, whose text has no detail.
    pub fn of(code: Code) -> Self {
        Self::new(code, "")
    }

    /// The body of the answer.
    pub fn body(&self) -> RefusalBody {
        RefusalBody {
            error: self.code.as_str().to_owned(),
            message: self.message.clone(),
        }
    }
}

impl From<InvalidProgram> for Refusal {
    fn from(error: InvalidProgram) -> Self {
        Self::new(Code::InvalidPTB, &error.to_string())
    }
}

/// A refusal on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalBody {
    /// The code.
    pub error: String,
    /// The text.
    pub message: String,
}

impl RefusalBody {
    /// The refusal, if its code is known.
    pub fn parse(self) -> Option<Refusal> {
        let code = *Code::ALL.iter().find(|code| code.as_str() == self.error)?;
        let message = self.message;
        Some(Refusal { code, message })
    }
}
