//! TLS towards storage nodes: the certificate's key must be the network key the node has on chain.
//!
//! The on-chain key is the whole trust anchor. Names, issuers and dates of the certificate are not
//! looked at: a node may present a self-signed certificate or one of a public authority, renew it
//! or let it lapse, as long as it proves possession of the registered key.

use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    server::ParsedCertificate,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use walrus_core::NetworkPublicKey;

/// DER of a `SubjectPublicKeyInfo` for an uncompressed P-256 point, up to and including the 0x04
/// that starts the point (RFC 5480): algorithm id-ecPublicKey, curve prime256v1, bit string of 66
/// bytes.
const SPKI_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// Length of one coordinate of a P-256 point, in bytes.
const COORDINATE_LENGTH: usize = 32;

/// Protocols offered in the handshake, preferred first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The TLS configuration for connections to the node that owns `key`.
pub(crate) fn client_config(key: &NetworkPublicKey) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = PinnedKeyVerifier::new(key, &provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
    Ok(config)
}

/// Accepts a server exactly when it proves possession of one P-256 key.
struct PinnedKeyVerifier {
    /// SEC 1 compressed point: parity byte, then the X coordinate.
    compressed: [u8; 1 + COORDINATE_LENGTH],
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinnedKeyVerifier {
    fn new(key: &NetworkPublicKey, provider: &CryptoProvider) -> Self {
        Self {
            compressed: key.0,
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl fmt::Debug for PinnedKeyVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PinnedKeyVerifier").finish_non_exhaustive()
    }
}

/// Whether an SPKI holds the point that `compressed` names.
///
/// X and the parity of Y determine a point of the curve, and the signature check of the handshake
/// refuses points that are not on it, so nothing has to be decompressed here.
fn same_key(spki: &[u8], compressed: &[u8; 1 + COORDINATE_LENGTH]) -> bool {
    let Some(point) = spki.strip_prefix(&SPKI_PREFIX[..]) else {
        return false;
    };
    let Some((x, y)) = point.split_at_checked(COORDINATE_LENGTH) else {
        return false;
    };
    let [.., y_last] = y else { return false };
    y.len() == COORDINATE_LENGTH && x == &compressed[1..] && compressed[0] == 0x02 | (y_last & 1)
}

impl ServerCertVerifier for PinnedKeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        if same_key(&certificate.subject_public_key_info(), &self.compressed) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(TlsError::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spki(x: [u8; 32], y: [u8; 32]) -> Vec<u8> {
        [&SPKI_PREFIX[..], &x, &y].concat()
    }

    #[test]
    fn keys_match_by_x_and_parity() {
        let mut even = [7; 33];
        even[0] = 2;
        let mut odd = even;
        odd[0] = 3;
        let point = spki([7; 32], [8; 32]);
        assert!(same_key(&point, &even));
        assert!(!same_key(&point, &odd));
        assert!(same_key(&spki([7; 32], [9; 32]), &odd));
        assert!(!same_key(&spki([6; 32], [8; 32]), &even));
    }

    #[test]
    fn malformed_keys_never_match() {
        let mut key = [7; 33];
        key[0] = 2;
        let point = spki([7; 32], [8; 32]);
        for length in 0..point.len() {
            assert!(!same_key(&point[..length], &key));
        }
        let mut longer = point.clone();
        longer.push(8);
        assert!(!same_key(&longer, &key));
        let mut other_curve = point;
        other_curve[20] ^= 1;
        assert!(!same_key(&other_curve, &key));
    }
}
