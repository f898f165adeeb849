//! Access keys: who may, and with which secret requests are signed.

use std::{
    collections::BTreeMap,
    fmt,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use s3s::{
    S3Error, S3ErrorCode, S3Result,
    auth::{S3Auth, SecretKey},
};
use walrus_files::input::{InputError, read_text};

/// The largest file of credentials in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Shorter secrets can be guessed.
const SECRET_LENGTH_MIN: usize = 16;

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be read.
    #[error("cannot read the credentials in {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InputError,
    },
    /// Others can read the file.
    #[error("others can read the credentials in {file}: run `chmod 600 {file}`", file = .0.display())]
    NotPrivate(PathBuf),
    /// A line is not an access key and a secret.
    #[error(
        "line {line} of the credentials is not ACCESS_KEY:SECRET_KEY, with a secret of at least \
         {SECRET_LENGTH_MIN} characters"
    )]
    Malformed {
        /// Its number, from 1 on.
        line: usize,
    },
    /// There are none.
    #[error("there are no credentials: nobody could do anything")]
    None,
}

/// Access keys and their secrets, which are never printed.
#[derive(Clone)]
pub struct Credentials(BTreeMap<String, SecretKey>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Credentials {
    /// Reads a file with a line `ACCESS_KEY:SECRET_KEY` for each; empty lines and those that begin
    /// with `#` are left out. Nobody but
    /// its owner may be able to read it.
    pub fn load(path: &Path) -> Result<Self, CredentialsError> {
        let text = read_text(path, FILE_BYTES_MAX);
        let text = text.map_err(|source| CredentialsError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let is_private = std::fs::metadata(path)
            .is_ok_and(|metadata| metadata.permissions().mode().trailing_zeros() >= 6);
        if !is_private {
            return Err(CredentialsError::NotPrivate(path.to_owned()));
        }
        Self::parse(&text)
    }

    /// Reads the lines of such a file.
    pub fn parse(text: &str) -> Result<Self, CredentialsError> {
        let mut keys = BTreeMap::new();
        for (line, number) in text.lines().zip(1..) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = CredentialsError::Malformed { line: number };
            let Some((access, secret)) = line.split_once(':') else {
                return Err(malformed);
            };
            let is_good = !access.is_empty()
                && secret.len() >= SECRET_LENGTH_MIN
                && !line.contains(char::is_whitespace);
            if !is_good {
                return Err(malformed);
            }
            keys.insert(access.to_owned(), SecretKey::from(secret));
        }
        if keys.is_empty() {
            return Err(CredentialsError::None);
        }
        Ok(Self(keys))
    }
}

#[async_trait::async_trait]
impl S3Auth for Credentials {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let found = self.0.get(access_key).cloned();
        found.ok_or_else(|| {
            S3Error::with_message(
                S3ErrorCode::InvalidAccessKeyId,
                "this access key is not known here",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_lines_that_only_their_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let load = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, permissions).unwrap();
            Credentials::load(&path)
        };
        let text = "# two\n\nalice:0123456789abcdef\n bob:fedcba9876543210:x \n";
        let loaded = load(text, 0o600).unwrap();
        assert_eq!(format!("{loaded:?}"), r#"{"alice", "bob"}"#);
        assert_eq!(loaded.0["bob"].expose(), "fedcba9876543210:x");
        for mode in [0o640, 0o604, 0o610] {
            assert!(matches!(
                load(text, mode),
                Err(CredentialsError::NotPrivate(_))
            ));
        }
        for (text, expected) in [
            ("", "nobody could"),
            ("alice\n", "line 1 "),
            ("#\nalice:short\n", "line 2 "),
            (":0123456789abcdef\n", "line 1 "),
            ("a b:0123456789abcdef\n", "line 1 "),
        ] {
            let error = load(text, 0o600).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("0123456789abcdef"));
        }
        let missing = Credentials::load(&folder.path().join("none"));
        assert!(matches!(missing, Err(CredentialsError::Unreadable { .. })));
    }
}
