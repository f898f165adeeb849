//! The TLS side of the server: a certificate that carries the node's network key.
//!
//! Clients pin the network key they find on chain, so a certificate the node makes for itself is as good to them as any.
//! Browsers want a public authority; for them a certificate file can be configured, made for the same key.

use std::{fs, path::Path, sync::Arc};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
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

/// The server configuration: HTTP/2 and HTTP/1.1, also for clients that do not negotiate.
pub fn server_config(
    key: &NetworkKeyPair,
    identity: &TlsIdentity<'_>,
) -> Result<ServerConfig, TlsError> {
    let chain = match identity {
        TlsIdentity::SelfSigned { public_host } => vec![self_signed(key, public_host)?],
        TlsIdentity::CertificateFile(path) => load_chain(path)?,
    };
    let private_key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.to_pkcs8_der()));
    let provider = Arc::new(ring::default_provider());
    let certified =
        CertifiedKey::from_der(chain, private_key, &provider).map_err(|error| {
            match (identity, error) {
                (TlsIdentity::CertificateFile(path), rustls::Error::InconsistentKeys(_)) => {
                    TlsError::KeyMismatch {
                        path: path.display().to_string(),
                    }
                }
                (_, error) => TlsError::Setup(error),
            }
        })?;
    let resolver = rustls::sign::SingleCertAndKey::from(certified);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
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
            server_config(&key(1), &TlsIdentity::SelfSigned { public_host }).unwrap();
        }
        let bad = TlsIdentity::SelfSigned {
            public_host: "bad host\u{e9}",
        };
        assert!(matches!(
            server_config(&key(1), &bad),
            Err(TlsError::SelfSigned { .. })
        ));
    }

    #[test]
    fn certificate_files_must_be_for_the_network_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("certificate.pem");
        let identity = TlsIdentity::CertificateFile(&path);
        assert!(matches!(
            server_config(&key(1), &identity),
            Err(TlsError::CertificateFile { .. })
        ));

        let pair = KeyPair::from_pem(&key(1).to_pkcs8_pem()).unwrap();
        let params = CertificateParams::new(vec!["node.example.com".to_owned()]).unwrap();
        fs::write(&path, params.self_signed(&pair).unwrap().pem()).unwrap();
        server_config(&key(1), &identity).unwrap();
        assert!(matches!(
            server_config(&key(2), &identity),
            Err(TlsError::KeyMismatch { .. })
        ));

        fs::write(&path, "nothing").unwrap();
        assert!(matches!(
            server_config(&key(1), &identity),
            Err(TlsError::CertificateFile { .. })
        ));
    }
}
