/// Who may do something, and proof of who somebody is.
module walrus::auth;

// === Structs ===

/// Proof of an identity; lives within one transaction.
public enum Authenticated has drop {
    Sender(address),
    Object(ID),
}

/// An identity that may do something.
public enum Authorized has copy, drop, store {
    Address(address),
    ObjectID(ID),
}

// === Public functions ===

/// Proves to be the sender of the transaction.
public fun authenticate_sender(ctx: &TxContext): Authenticated {
    Authenticated::Sender(ctx.sender())
}

/// Proves to be able to use an object. Everybody can use a shared or immutable object: authorize
/// owned objects only.
public fun authenticate_with_object<T: key>(obj: &T): Authenticated {
    Authenticated::Object(object::id(obj))
}

/// Authorizes an address.
public fun authorized_address(addr: address): Authorized {
    Authorized::Address(addr)
}

/// Authorizes whoever can use the object.
public fun authorized_object(id: ID): Authorized {
    Authorized::ObjectID(id)
}

// === Package functions ===

/// Whether the authenticated identity is the authorized one.
public(package) fun matches(self: &Authenticated, authorized: &Authorized): bool {
    match (self) {
        Authenticated::Sender(sender) => match (authorized) {
            Authorized::Address(addr) => sender == addr,
            Authorized::ObjectID(_) => false,
        },
        Authenticated::Object(object) => match (authorized) {
            Authorized::Address(_) => false,
            Authorized::ObjectID(id) => object == id,
        },
    }
}
