//! Certificates of nodes that serve TLS, signed by an authority that a network has for itself.
//!
//! Clients of Walrus accept a node by its network key. Browsers and npm clients want an authority
//! they trust: they are given the certificate of this one, which can sign for this machine only.
//! Its key is thrown away once the nodes have their certificates.

use std::fs;

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints,
};

use crate::{
    setup,
    state::{NetworkState, NodeRecord, StateDir},
    writing::write_atomically,
};

/// Names and addresses that the nodes of a local network have.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];

/// Writes the certificates of a network with TLS, unless they are there.
pub(crate) fn write(state_dir: &StateDir, state: &NetworkState) -> anyhow::Result<()> {
    let path = state_dir.ca_certificate();
    if !state.options.tls || path.exists() {
        return Ok(());
    }
    let key = KeyPair::generate().context("cannot make a key")?;
    let params = authority();
    let certificate = params.self_signed(&key);
    let certificate = certificate.context("cannot make a certificate")?;
    let issuer = Issuer::new(params, key);
    for node in &state.nodes {
        let folder = state_dir.node_dir(node);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let signed = of_node(node, &issuer)
            .with_context(|| format!("cannot make a certificate for {}", node.name()))?;
        write_atomically(&state_dir.node_certificate(node), &signed)?;
    }
    // Last: an authority that exists has signed for all nodes.
    write_atomically(&path, &certificate.pem())
}

/// An authority for names of this machine.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Walrus local network");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let loopback = CidrSubnet::V4([127, 0, 0, 0], [255, 0, 0, 0]);
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::IpAddress(loopback),
            GeneralSubtree::DnsName("localhost".to_owned()),
        ],
        excluded_subtrees: Vec::new(),
    });
    params
}

/// The certificate of a node, which is for its network key.
fn of_node(node: &NodeRecord, issuer: &Issuer<'_, KeyPair>) -> Result<String, rcgen::Error> {
    let key = KeyPair::from_pem(&setup::network_key(node).to_pkcs8_pem())?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name = named(&node.name());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params.signed_by(&key, issuer)?.pem())
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
