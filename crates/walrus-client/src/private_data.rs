//! Encrypting for those whom a policy lets in, and decrypting as one of them.

mod approval;
mod sessions;

use std::{
    num::NonZeroU8,
    time::{Duration, SystemTime},
};

use stdx::SaturatingFrom as _;

use walrus_core::{ObjectId, SuiAddress};
use walrus_seal::{
    ApprovalProgram, Check, DecryptError, DemKey, Header, PublicKeys, Recipient, ServerSet,
    ServerSetError, approval::InvalidProgram, session::SessionError,
};
use walrus_sui::{Signer, SuiError, SuiRpc, access::ApprovalCall};

use crate::{
    config::EncryptionConfig,
    key_servers::{FetchError, Fetched, KeyRequest, KeyServerError, KeyServers, Session},
};
use sessions::Sessions;

/// Why private data cannot be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
pub enum PrivateDataError {
    /// Nobody said who keeps the keys.
    #[error(
        "no key servers are known: name them with --key-server, or in the section `encryption` of the configuration"
    )]
    NoKeyServers,
    /// Nobody said which package the policies are in.
    #[error(
        "no policies are known: name their package with --policy-package, or in the section `encryption` of the configuration"
    )]
    NoPolicies,
    /// A key server cannot be used.
    #[error("key server {server}: {source}")]
    KeyServer {
        /// Which one.
        server: ObjectId,
        /// Why.
        source: KeyServerError,
    },
    /// The key servers do not fit together.
    #[error(transparent)]
    Servers(#[from] ServerSetError),
    /// The policy is none that we know.
    #[error(
        "the identity belongs to no policy that is known here; say which function approves with --approve MODULE::FUNCTION"
    )]
    UnknownPolicy,
    /// The policy wants a subscription.
    #[error("account {reader} has no subscription to service {service}")]
    NoSubscription {
        /// Who reads.
        reader: SuiAddress,
        /// The service.
        service: ObjectId,
    },
    /// The policy wants an object that the reader does not own.
    #[error("account {reader} owns no {name}, which opens the gate")]
    NoToken {
        /// Who reads.
        reader: SuiAddress,
        /// The type of the object.
        name: String,
    },
    /// The calls are not what key servers take.
    #[error("key servers would not take the call of the policy: {0}")]
    Program(#[from] InvalidProgram),
    /// The session key cannot be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The policy denies it.
    #[error("access denied by the policy: {0}")]
    Denied(String),
    /// There are not enough keys.
    #[error(transparent)]
    Keys(FetchError),
    /// The object cannot be decrypted.
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
    /// The chain cannot be asked.
    #[error(transparent)]
    Chain(#[from] SuiError),
}

/// Who keeps the keys of private data, on one chain, and the sessions with them.
#[derive(Debug)]
pub struct PrivateData {
    rpc: SuiRpc,
    config: EncryptionConfig,
    servers: KeyServers,
    sessions: Sessions,
}

impl PrivateData {
    /// What a configuration says, on the chain of `rpc`.
    pub fn new(rpc: SuiRpc, config: Option<EncryptionConfig>) -> Result<Self, KeyServerError> {
        let config = config.unwrap_or_default();
        let servers = KeyServers::new(rpc.clone(), config.settings.clone())?;
        Ok(Self {
            rpc,
            config,
            servers,
            sessions: Sessions::default(),
        })
    }

    /// The first version of the package with policies that is configured.
    pub fn policies(&self) -> Result<ObjectId, PrivateDataError> {
        let package = self.config.policies_package;
        package.ok_or(PrivateDataError::NoPolicies)
    }

    /// The first version of a package: what identities begin with.
    pub async fn first_version(&self, package: ObjectId) -> Result<ObjectId, PrivateDataError> {
        Ok(self.rpc.package(package).await?.original_id)
    }

    /// The key servers to encrypt for: those that are `chosen`, each of which has to prove that it
    /// has its key, or else those of the configuration, which are trusted by their IDs.
    pub async fn server_set(
        &self,
        chosen: &[(ObjectId, NonZeroU8)],
        threshold: Option<u8>,
    ) -> Result<ServerSet, PrivateDataError> {
        let is_chosen = !chosen.is_empty();
        let servers = if is_chosen {
            chosen
        } else {
            &self.config.key_servers
        };
        if servers.is_empty() {
            return Err(PrivateDataError::NoKeyServers);
        }
        let mut recipients = Vec::with_capacity(servers.len());
        for (server, weight) in servers {
            let known = if is_chosen {
                self.servers.verify(*server).await
            } else {
                self.servers.describe(*server).await
            };
            let known = known.map_err(|source| PrivateDataError::KeyServer {
                server: *server,
                source,
            })?;
            recipients.push(Recipient {
                server: *server,
                public_key: known.public_key,
                weight: *weight,
            });
        }
        let usual = if is_chosen {
            let of_these = EncryptionConfig {
                key_servers: chosen.to_vec(),
                ..EncryptionConfig::default()
            };
            of_these.threshold()
        } else {
            self.config.threshold()
        };
        Ok(ServerSet::new(recipients, threshold.unwrap_or(usual))?)
    }

    /// The key of an encrypted object, asked for in the name of the signer. All shares are checked:
    /// what is decrypted with it is what everybody else sees who may decrypt it.
    ///
    /// The signer signs once for some minutes. Until then, identities whose keys were given are not
    /// asked for again.
    pub async fn open(
        &self,
        header: &Header,
        call: &ApprovalCall,
        signer: &Signer,
    ) -> Result<DemKey, PrivateDataError> {
        let identity = &header.identity;
        let program = self
            .rpc
            .approval_program(call, std::slice::from_ref(&identity.inner))
            .await?;
        let program = ApprovalProgram::new(program)?;
        let session = || self.sessions.current(signer, identity.package, now_ms());
        let (current, is_new) = session()?;
        let mut fetched = self.fetch(header, &program, &current).await;
        // It went on by our clock when the request left. A new one that is refused is another
        // matter.
        if !is_new && fetched.as_ref().is_err_and(FetchError::is_session_over) {
            tracing::debug!("key servers say that the session is over: another one begins");
            self.sessions.end(&current);
            let (next, _) = session()?;
            fetched = self.fetch(header, &program, &next).await;
        }
        let keys = fetched.map_err(explain)?.keys.remove(identity);
        let mut public_keys = PublicKeys::new();
        for (server, _) in header.servers() {
            let known = self.servers.describe(server).await;
            let known = known.map_err(|source| PrivateDataError::KeyServer { server, source })?;
            public_keys.insert(server, known.public_key);
        }
        Ok(header.open(&keys.unwrap_or_default(), Check::AllShares(&public_keys))?)
    }

    async fn fetch(
        &self,
        header: &Header,
        program: &ApprovalProgram,
        session: &Session,
    ) -> Result<Fetched, FetchError> {
        let request = KeyRequest {
            servers: &header.servers(),
            threshold: header.threshold,
            identities: std::slice::from_ref(&header.identity),
            program,
            session,
        };
        self.servers.fetch(request).await
    }
}

/// Now, in ms since 1970.
fn now_ms() -> u64 {
    let since = ambient::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::saturating_from(since.as_ref().map_or(0, Duration::as_millis))
}

fn explain(error: FetchError) -> PrivateDataError {
    match error.most_frequent() {
        Some(said) if error.is_denied() => {
            let said = said.to_string();
            let reason = said.strip_prefix("Access denied: ").unwrap_or(&said);
            PrivateDataError::Denied(reason.to_owned())
        }
        _ => PrivateDataError::Keys(error),
    }
}
