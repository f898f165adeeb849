/// What a proposal says, and what it does.
module walrus_governance::content;

use std::string::String;
use walrus_governance::parameters::Parameters;

// === Errors ===

/// A text has 1 to 4096 bytes; store a longer one as a blob.
const EInvalidTextLength: u64 = 0;
/// A package digest has 32 bytes.
const EInvalidDigestLength: u64 = 1;
/// The advice names no parameter.
const EEmptyAdvice: u64 = 2;
/// The proposal is not of the kind that this step is for.
const EWrongKind: u64 = 3;

// === Constants ===

const TEXT_LEN_MAX: u64 = 4096;
const DIGEST_LEN: u64 = 32;

// === Structs ===

/// The text of a proposal.
public enum Body has copy, drop, store {
    Text(String),
    /// Id of a blob that holds the text.
    Blob(u256),
}

/// What happens when a proposal is executed.
public enum Kind has copy, drop, store {
    /// The nodes vote for the upgrade of `walrus` to the package with this digest.
    Upgrade { digest: vector<u8> },
    /// The nodes vote for burning the commission of a node.
    Slash { node_id: ID },
    /// Nothing by itself: operators are asked to vote for these prices and this capacity (in bytes).
    ParameterAdvice {
        storage_price: Option<u64>,
        write_price: Option<u64>,
        total_capacity: Option<u64>,
    },
    /// The rules of the governance change.
    GovernanceParameters { parameters: Parameters },
    /// Nothing.
    FreeText,
}

// === Public functions ===

/// A text.
public fun text(text: String): Body {
    assert!(text.length() > 0 && text.length() <= TEXT_LEN_MAX, EInvalidTextLength);
    Body::Text(text)
}

/// A text that is stored as a blob.
public fun blob(blob_id: u256): Body {
    Body::Blob(blob_id)
}

/// Upgrade `walrus` to the package with this digest.
public fun upgrade(digest: vector<u8>): Kind {
    assert!(digest.length() == DIGEST_LEN, EInvalidDigestLength);
    Kind::Upgrade { digest }
}

/// Burn the uncollected commission of a node.
public fun slash(node_id: ID): Kind {
    Kind::Slash { node_id }
}

/// Advise operators to vote for prices (in FROST) and a capacity of the system (in bytes).
public fun parameter_advice(
    storage_price: Option<u64>,
    write_price: Option<u64>,
    total_capacity: Option<u64>,
): Kind {
    assert!(
        storage_price.is_some() || write_price.is_some() || total_capacity.is_some(),
        EEmptyAdvice,
    );
    Kind::ParameterAdvice { storage_price, write_price, total_capacity }
}

/// Change the rules of the governance.
public fun governance_parameters(parameters: Parameters): Kind {
    Kind::GovernanceParameters { parameters }
}

/// Decide something that no contract carries out.
public fun free_text(): Kind {
    Kind::FreeText
}

// === Package functions ===

/// Whether execution makes somebody act.
public(package) fun is_binding(self: &Kind): bool {
    match (self) {
        Kind::Upgrade { .. } => true,
        Kind::Slash { .. } => true,
        Kind::GovernanceParameters { .. } => true,
        Kind::ParameterAdvice { .. } => false,
        Kind::FreeText => false,
    }
}

/// Digest of the package to upgrade to.
public(package) fun upgrade_digest(self: &Kind): vector<u8> {
    match (self) {
        Kind::Upgrade { digest } => *digest,
        _ => abort EWrongKind,
    }
}

/// The node to slash.
public(package) fun slashed_node(self: &Kind): ID {
    match (self) {
        Kind::Slash { node_id } => *node_id,
        _ => abort EWrongKind,
    }
}

/// The node to slash, if that is what is proposed.
public(package) fun try_slashed_node(self: &Kind): Option<ID> {
    match (self) {
        Kind::Slash { node_id } => option::some(*node_id),
        _ => option::none(),
    }
}

/// The new rules, if those are proposed. Aborts for kinds that are executed through `walrus`.
public(package) fun new_parameters(self: &Kind): Option<Parameters> {
    match (self) {
        Kind::GovernanceParameters { parameters } => option::some(*parameters),
        Kind::ParameterAdvice { .. } => option::none(),
        Kind::FreeText => option::none(),
        _ => abort EWrongKind,
    }
}
