/// The registry of key servers: how to reach one, and the public key under which things are encrypted for it.
///
/// Whoever holds a `KeyServer` can change how it is reached. Nobody can change its public key: what was encrypted
/// for it depends on it for ever. Registration proves nothing; clients ask the server for a proof that it has the
/// key.
///
/// What a server is described with is versioned, each version in a dynamic field under its number, so that old
/// clients find the version they know.
module seal::key_server;

use std::string::String;
use sui::bls12381::{Self, G2};
use sui::dynamic_field as df;
use sui::group_ops::Element;

// === Errors ===

/// The only type of key is 0: Boneh-Franklin encryption over BLS12-381.
const EInvalidKeyType: u64 = 1;
/// The key server has no description of this version.
const EInvalidVersion: u64 = 2;
/// This is for the other type of server: independent or committee.
const EInvalidServerType: u64 = 3;
/// A threshold is at least 2 and at most the number of members.
const EInvalidThreshold: u64 = 4;
/// The members of a committee are numbered from 0 on, in order.
const EInvalidPartyId: u64 = 5;
/// Two members have the same name.
const EDuplicateName: u64 = 6;
/// A public key is not the neutral element, under which everybody could decrypt.
const ENeutralKey: u64 = 7;

// === Constants ===

const KEY_TYPE_BONEH_FRANKLIN_BLS12381: u8 = 0;
const VERSION_1: u64 = 1;
const VERSION_2: u64 = 2;
const THRESHOLD_MIN: u16 = 2;
/// Set in the first byte of an encoded point if it is the neutral element.
const INFINITY_FLAG: u8 = 0x40;

// === Structs ===

/// A key server; the holder may change how it is reached.
public struct KeyServer has key, store {
    id: UID,
    /// Versions of the description that there are.
    first_version: u64,
    last_version: u64,
}

/// Version 1 of the description: a server on its own.
public struct KeyServerV1 has store {
    name: String,
    url: String,
    key_type: u8,
    /// Compressed point of G2.
    pk: vector<u8>,
}

/// Version 2 of the description.
public struct KeyServerV2 has store {
    name: String,
    key_type: u8,
    /// Compressed point of G2.
    pk: vector<u8>,
    server_type: ServerType,
}

/// Who has the key.
public enum ServerType has drop, store {
    /// One server.
    Independent { url: String },
    /// Members with shares of it, any `threshold` of whom act for all.
    Committee {
        /// How often the members have changed.
        version: u32,
        threshold: u16,
        partial_key_servers: vector<PartialKeyServer>,
    },
}

/// A member of a committee.
public struct PartialKeyServer has copy, drop, store {
    name: String,
    url: String,
    /// Public key of its share; compressed point of G2.
    partial_pk: vector<u8>,
    party_id: u16,
}

// === Public functions: independent servers ===

/// Registers a server on its own; the sender gets it.
entry fun create_and_transfer_v2_independent_server(
    name: String,
    url: String,
    key_type: u8,
    pk: vector<u8>,
    ctx: &mut TxContext,
) {
    let server_type = ServerType::Independent { url };
    let server = create_v2(name, key_type, pk, server_type, ctx);
    transfer::transfer(server, ctx.sender());
}

/// Adds version 2 to a server that has version 1 only, for clients that know both.
entry fun upgrade_v1_to_independent_v2(s: &mut KeyServer) {
    assert!(s.last_version == VERSION_1, EInvalidVersion);
    let v1 = s.v1();
    let v2 = KeyServerV2 {
        name: v1.name,
        key_type: v1.key_type,
        pk: v1.pk,
        server_type: ServerType::Independent { url: v1.url },
    };
    df::add(&mut s.id, VERSION_2, v2);
    s.last_version = VERSION_2;
}

/// Sets the URL of a server on its own, in all versions.
public fun update(s: &mut KeyServer, url: String) {
    if (s.has_version(VERSION_2)) {
        match (&mut s.v2_mut().server_type) {
            ServerType::Independent { url: current } => *current = url,
            ServerType::Committee { .. } => abort EInvalidServerType,
        };
    };
    if (s.has_version(VERSION_1)) {
        let v1: &mut KeyServerV1 = df::borrow_mut(&mut s.id, VERSION_1);
        v1.url = url;
    };
}

// === Public functions: committees ===

/// A member of a committee, to register it.
public fun create_partial_key_server(
    name: String,
    url: String,
    partial_pk: vector<u8>,
    party_id: u16,
): PartialKeyServer {
    assert_public_key(&partial_pk);
    PartialKeyServer { name, url, partial_pk, party_id }
}

/// Registers a committee.
public fun create_committee_v2(
    name: String,
    threshold: u16,
    pk: vector<u8>,
    partial_key_servers: vector<PartialKeyServer>,
    ctx: &mut TxContext,
): KeyServer {
    assert_committee(threshold, &partial_key_servers);
    let server_type = ServerType::Committee { version: 0, threshold, partial_key_servers };
    create_v2(name, KEY_TYPE_BONEH_FRANKLIN_BLS12381, pk, server_type, ctx)
}

/// Replaces the members of a committee, who have new shares of the same key.
public fun update_partial_key_servers(
    s: &mut KeyServer,
    threshold: u16,
    partial_key_servers: vector<PartialKeyServer>,
) {
    assert_committee(threshold, &partial_key_servers);
    match (&mut s.v2_mut().server_type) {
        ServerType::Committee {
            version,
            threshold: current_threshold,
            partial_key_servers: current,
        } => {
            *version = *version + 1;
            *current_threshold = threshold;
            *current = partial_key_servers;
        },
        ServerType::Independent { .. } => abort EInvalidServerType,
    }
}

/// Sets the URL of a member.
public fun update_member_url(s: &mut KeyServer, url: String, party_id: u16) {
    match (&mut s.v2_mut().server_type) {
        ServerType::Committee { partial_key_servers, .. } => {
            assert!((party_id as u64) < partial_key_servers.length(), EInvalidPartyId);
            partial_key_servers[party_id as u64].url = url;
        },
        ServerType::Independent { .. } => abort EInvalidServerType,
    }
}

// === Public functions: accessors ===

/// The object.
public fun id(s: &KeyServer): ID {
    s.id.to_inner()
}

/// Name of the server.
public fun name(s: &KeyServer): String {
    if (s.has_version(VERSION_2)) s.v2().name else s.v1().name
}

/// URL of a server on its own. A committee has none: clients know who collects the answers of its members.
public fun url(s: &KeyServer): String {
    if (!s.has_version(VERSION_2)) return s.v1().url;
    match (&s.v2().server_type) {
        ServerType::Independent { url } => *url,
        ServerType::Committee { .. } => abort EInvalidServerType,
    }
}

/// Type of the key; 0 is Boneh-Franklin encryption over BLS12-381.
public fun key_type(s: &KeyServer): u8 {
    if (s.has_version(VERSION_2)) s.v2().key_type else s.v1().key_type
}

/// The public key, as it is encoded.
public fun pk(s: &KeyServer): &vector<u8> {
    if (s.has_version(VERSION_2)) &s.v2().pk else &s.v1().pk
}

/// The public key as a point.
public fun pk_as_bf_bls12381(s: &KeyServer): Element<G2> {
    assert!(s.key_type() == KEY_TYPE_BONEH_FRANKLIN_BLS12381, EInvalidKeyType);
    bls12381::g2_from_bytes(s.pk())
}

/// Version 1 of the description.
public fun v1(s: &KeyServer): &KeyServerV1 {
    assert!(s.has_version(VERSION_1), EInvalidVersion);
    df::borrow(&s.id, VERSION_1)
}

/// Version 2 of the description.
public fun v2(s: &KeyServer): &KeyServerV2 {
    assert!(s.has_version(VERSION_2), EInvalidVersion);
    df::borrow(&s.id, VERSION_2)
}

/// How often the members of a committee have changed, the threshold, and the members.
public fun committee(s: &KeyServer): (u32, u16, &vector<PartialKeyServer>) {
    match (&s.v2().server_type) {
        ServerType::Committee { version, threshold, partial_key_servers } => (
            *version,
            *threshold,
            partial_key_servers,
        ),
        ServerType::Independent { .. } => abort EInvalidServerType,
    }
}

// === Private functions ===

fun create_v2(
    name: String,
    key_type: u8,
    pk: vector<u8>,
    server_type: ServerType,
    ctx: &mut TxContext,
): KeyServer {
    assert!(key_type == KEY_TYPE_BONEH_FRANKLIN_BLS12381, EInvalidKeyType);
    assert_public_key(&pk);
    let mut server = KeyServer {
        id: object::new(ctx),
        first_version: VERSION_2,
        last_version: VERSION_2,
    };
    df::add(&mut server.id, VERSION_2, KeyServerV2 { name, key_type, pk, server_type });
    server
}

fun has_version(s: &KeyServer, version: u64): bool {
    s.first_version <= version && version <= s.last_version
}

fun v2_mut(s: &mut KeyServer): &mut KeyServerV2 {
    assert!(s.has_version(VERSION_2), EInvalidVersion);
    df::borrow_mut(&mut s.id, VERSION_2)
}

fun assert_public_key(pk: &vector<u8>) {
    bls12381::g2_from_bytes(pk);
    assert!(pk[0] & INFINITY_FLAG == 0, ENeutralKey);
}

fun assert_committee(threshold: u16, members: &vector<PartialKeyServer>) {
    let size = members.length();
    assert!(threshold >= THRESHOLD_MIN && (threshold as u64) <= size, EInvalidThreshold);
    let mut names = vector[];
    size.do!(|i| {
        let member = &members[i];
        assert!((member.party_id as u64) == i, EInvalidPartyId);
        assert!(!names.contains(&member.name), EDuplicateName);
        names.push_back(member.name);
    });
}

// === Test functions ===

#[test_only]
/// A server that only has version 1, as an earlier release made them.
public(package) fun create_v1_for_testing(
    name: String,
    url: String,
    pk: vector<u8>,
    ctx: &mut TxContext,
): KeyServer {
    let mut server = KeyServer {
        id: object::new(ctx),
        first_version: VERSION_1,
        last_version: VERSION_1,
    };
    let key_type = KEY_TYPE_BONEH_FRANKLIN_BLS12381;
    df::add(&mut server.id, VERSION_1, KeyServerV1 { name, url, key_type, pk });
    server
}

#[test_only]
/// Registers a server on its own, and adds version 2 to one, as entry functions do.
public(package) fun create_for_testing(
    name: String,
    url: String,
    key_type: u8,
    pk: vector<u8>,
    ctx: &mut TxContext,
) {
    create_and_transfer_v2_independent_server(name, url, key_type, pk, ctx);
}

#[test_only]
public(package) fun upgrade_for_testing(s: &mut KeyServer) {
    upgrade_v1_to_independent_v2(s);
}

#[test_only]
public(package) fun url_of_v1_for_testing(s: &KeyServer): String {
    s.v1().url
}

#[test_only]
public(package) fun member_for_testing(member: &PartialKeyServer): (String, String, u16) {
    (member.name, member.url, member.party_id)
}
