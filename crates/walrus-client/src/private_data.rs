//! Encrypting for those whom a policy lets in, and decrypting as one of them.

mod approval;

use std::num::NonZeroU8;

use walrus_core::{ObjectId, SuiAddress};
use walrus_seal::{
    ApprovalProgram, Check, DecryptError, DemKey, Header, PublicKeys, Recipient, ServerSet,
    ServerSetError, SessionKey, approval::InvalidProgram, session::SessionError,
};
use walrus_sui::{Signer, SuiError, SuiRpc, access::ApprovalCall};

use crate::{
    config::EncryptionConfig,
    key_servers::{FetchError, KeyRequest, KeyServerError, KeyServers},
};

/// How long a session key of one operation is valid, in minutes.
const SESSION_TTL_MIN: u16 = 5;

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

/// Who keeps the keys of private data, on one chain.
#[derive(Debug)]
pub struct PrivateData {
    rpc: SuiRpc,
    config: EncryptionConfig,
    servers: KeyServers,
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
    pub async fn open(
        &self,
        header: &Header,
        call: &ApprovalCall,
        signer: &Signer,
        now_ms: u64,
    ) -> Result<DemKey, PrivateDataError> {
        let identity = &header.identity;
        let program = self
            .rpc
            .approval_program(call, std::slice::from_ref(&identity.inner))
            .await?;
        let program = ApprovalProgram::new(program)?;
        let session = session(signer, identity.package, now_ms)?;
        let servers = header.servers();
        let request = KeyRequest {
            servers: &servers,
            threshold: header.threshold,
            identities: std::slice::from_ref(identity),
            program: &program,
            session: &session,
        };
        let mut fetched = self.servers.fetch(request).await.map_err(explain)?;
        let keys = fetched.keys.remove(identity).unwrap_or_default();
        let mut public_keys = PublicKeys::new();
        for (server, _) in servers {
            let known = self.servers.describe(server).await;
            let known = known.map_err(|source| PrivateDataError::KeyServer { server, source })?;
            public_keys.insert(server, known.public_key);
        }
        Ok(header.open(&keys, Check::AllShares(&public_keys))?)
    }
}

fn session(
    signer: &Signer,
    package: ObjectId,
    now_ms: u64,
) -> Result<SessionKey, PrivateDataError> {
    let mut rng = ambient::rng();
    let mut session =
        SessionKey::generate(signer.address(), package, SESSION_TTL_MIN, now_ms, &mut rng)?;
    let signature = signer.sign_personal_message(session.message()?.as_bytes());
    session.set_signature(signature)?;
    Ok(session)
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
