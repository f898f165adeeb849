/// Which identities belong to a policy. All policies of a package give out keys of one namespace, so each has a form
/// of its own that nobody else can choose: it begins with 32 bytes, the address of an account or of an object, and
/// goes on with whatever the owner of the data likes. No two addresses are equal, so no two policies meet.
module policies::prefix;

// === Constants ===

const ADDRESS_LEN: u64 = 32;

// === Package functions ===

/// Whether an identity begins with an address. One that is nothing but the address does.
public(package) fun matches(id: &vector<u8>, prefix: address): bool {
    if (id.length() < ADDRESS_LEN) return false;
    let prefix = prefix.to_bytes();
    let mut i = 0;
    while (i < ADDRESS_LEN && id[i] == prefix[i]) i = i + 1;
    i == ADDRESS_LEN
}
