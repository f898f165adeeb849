//! The TLS side of the server: a certificate that carries the node's network key.
//!
//! Clients pin the network key they find on chain, so a certificate the node makes for itself is as
//! good to them as any. Browsers want a public authority; for them a certificate file can be
//! configured, made for the same key.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use stdx::RwLock;
use walrus_core::keys::{NetworkKeyPair, tls_server_name};

/// Why the TLS side could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate file cannot be read.
    #[error("cannot read the certificate file {path}: {reason}")]
    CertificateFile {
        /// The file.
        path: String,
        /// The cause.
        reason: String,
    },
    /// The certificate is for another key.
    #[error(
        "the certificate in {path} is not for the network key of this node; request it with that key"
    )]
    KeyMismatch {
        /// The file.
        path: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for {host:?}: {reason}")]
    SelfSigned {
        /// Public host of the node.
        host: String,
        /// The cause.
        reason: String,
    },
    /// The TLS library refused.
    #[error("cannot set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// Where the certificate comes from.
#[derive(Debug, Clone)]
pub enum TlsIdentity<'a> {
    /// Made at start, for this public host.
    SelfSigned {
        /// Host name or address under which clients reach the node.
        public_host: &'a str,
    },
    /// A PEM file with a chain, leaf first.
    CertificateFile(&'a Path),
}

/// The certificate a node serves; one from a file can be replaced while connections are open.
pub struct Certificate {
    key: NetworkKeyPair,
    provider: Arc<CryptoProvider>,
    file: Option<PathBuf>,
    served: RwLock<Served>,
}

/// What is served at a moment.
struct Served {
    certified: Arc<CertifiedKey>,
    not_after_seconds: i64,
}

impl Certificate {
    /// Makes or loads the certificate for `key`.
    pub fn new(key: NetworkKeyPair, identity: &TlsIdentity<'_>) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let (chain, file) = match identity {
            TlsIdentity::SelfSigned { public_host } => {
                (vec![self_signed(&key, public_host)?], None)
            }
            TlsIdentity::CertificateFile(path) => (load_chain(path)?, Some(path.to_path_buf())),
        };
        let served = Served::new(&key, &provider, chain, file.as_deref())?;
        Ok(Self {
            key,
            provider,
            file,
            served: RwLock::new(served),
        })
    }

    /// Reads the file again and serves what it holds from now on; returns whether that is another
    /// certificate. On failure the old one stays.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let Some(path) = &self.file else {
            return Ok(false);
        };
        let chain = load_chain(path)?;
        if self.served.read().certified.cert == chain {
            return Ok(false);
        }
        let fresh = Served::new(&self.key, &self.provider, chain, Some(path))?;
        *self.served.write() = fresh;
        Ok(true)
    }

    /// When the certificate ends, in seconds since 1970.
    pub fn not_after_seconds(&self) -> i64 {
        self.served.read().not_after_seconds
    }
}

impl fmt::Debug for Certificate {
    /// Does not show the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("file", &self.file)
            .field("not_after_seconds", &self.not_after_seconds())
            .finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.served.read().certified.clone())
    }
}

impl Served {
    fn new(
        key: &NetworkKeyPair,
        provider: &Arc<CryptoProvider>,
        chain: Vec<CertificateDer<'static>>,
        file: Option<&Path>,
    ) -> Result<Self, TlsError> {
        let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
        let (_, parsed) = x509_parser::parse_x509_certificate(leaf)
            .map_err(|error| TlsError::Setup(rustls::Error::General(error.to_string())))?;
        let not_after_seconds = parsed.validity().not_after.timestamp();
        let private_key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_pkcs8_der()));
        let certified =
            CertifiedKey::from_der(chain, private_key, provider).map_err(|error| {
                match (file, error) {
                    (Some(path), rustls::Error::InconsistentKeys(_)) => TlsError::KeyMismatch {
                        path: path.display().to_string(),
                    },
                    (_, error) => TlsError::Setup(error),
                }
            })?;
        Ok(Self {
            certified: Arc::new(certified),
            not_after_seconds,
        })
    }
}

/// The server configuration: HTTP/2 and HTTP/1.1, also for clients that do not negotiate.
pub fn server_config(certificate: Arc<Certificate>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(certificate.provider.clone())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn self_signed(
    key: &NetworkKeyPair,
    public_host: &str,
) -> Result<CertificateDer<'static>, TlsError> {
    let failed = |reason: rcgen::Error| TlsError::SelfSigned {
        host: public_host.to_owned(),
        reason: reason.to_string(),
    };
    let server_name = tls_server_name(&key.public());
    let names = vec![server_name.clone(), public_host.to_owned()];
    let mut params = CertificateParams::new(names).map_err(failed)?;
    // A public host that repeats the server name would be listed twice.
    params.subject_alt_names.dedup();
    debug_assert!(matches!(
        params.subject_alt_names.first(),
        Some(SanType::DnsName(_))
    ));
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, server_name);
    let key_pair = KeyPair::from_pkcs8_der_and_sign_algo(
        &PrivatePkcs8KeyDer::from(key.to_pkcs8_der()),
        &rcgen::PKCS_ECDSA_P256_SHA256,
    )
    .map_err(failed)?;
    let certificate = params.self_signed(&key_pair).map_err(failed)?;
    Ok(certificate.der().clone())
}

fn load_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |reason: String| TlsError::CertificateFile {
        path: path.display().to_string(),
        reason,
    };
    let text = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| failed(error.to_string()))?;
    if chain.is_empty() {
        return Err(failed("it holds no certificate".into()));
    }
    Ok(chain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> NetworkKeyPair {
        NetworkKeyPair::from_seed([seed; 32])
    }

    #[test]
    fn self_signed_for_names_and_addresses() {
        for public_host in ["node.example.com", "127.0.0.1", "::1", "localhost"] {
            let identity = TlsIdentity::SelfSigned { public_host };
            let certificate = Arc::new(Certificate::new(key(1), &identity).unwrap());
            assert!(!certificate.reload().unwrap());
            server_config(certificate).unwrap();
        }
        let bad = TlsIdentity::SelfSigned {
            public_host: "bad host\u{e9}",
        };
        assert!(matches!(
            Certificate::new(key(1), &bad),
            Err(TlsError::SelfSigned { .. })
        ));
    }

    #[test]
    fn certificate_files_must_be_for_the_network_key_and_can_be_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("certificate.pem");
        let load = |seed| Certificate::new(key(seed), &TlsIdentity::CertificateFile(&path));
        let write = |seed, year| {
            let pair = KeyPair::from_pem(&key(seed).to_pkcs8_pem()).unwrap();
            let mut params = CertificateParams::new(vec!["node.example.com".to_owned()]).unwrap();
            params.not_after = rcgen::date_time_ymd(year, 1, 1);
            fs::write(&path, params.self_signed(&pair).unwrap().pem()).unwrap();
        };
        assert!(matches!(load(1), Err(TlsError::CertificateFile { .. })));
        write(1, 2030);
        assert!(matches!(load(2), Err(TlsError::KeyMismatch { .. })));
        let certificate = load(1).unwrap();
        let ends = certificate.not_after_seconds();
        assert!(!certificate.reload().unwrap());

        write(1, 2031);
        assert!(certificate.reload().unwrap());
        assert!(certificate.not_after_seconds() > ends);

        let ends = certificate.not_after_seconds();
        write(2, 2032);
        assert!(matches!(
            certificate.reload(),
            Err(TlsError::KeyMismatch { .. })
        ));
        fs::write(&path, "nothing").unwrap();
        assert!(matches!(
            certificate.reload(),
            Err(TlsError::CertificateFile { .. })
        ));
        assert_eq!(certificate.not_after_seconds(), ends);
    }
}
