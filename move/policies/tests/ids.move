#[test_only]
/// Identities for tests.
module policies::ids;

/// An address and what the owner of the data adds.
public fun with(prefix: address, nonce: vector<u8>): vector<u8> {
    let mut id = prefix.to_bytes();
    id.append(nonce);
    id
}

/// Identities that do not belong to an address: shorter, longer in front, and of a neighbour.
public fun foreign(prefix: address): vector<vector<u8>> {
    let mut short = prefix.to_bytes();
    short.pop_back();
    let mut shifted = vector[0u8];
    shifted.append(prefix.to_bytes());
    let mut first = prefix.to_bytes();
    *(&mut first[0]) = first[0] ^ 1;
    let mut last = prefix.to_bytes();
    *(&mut last[31]) = last[31] ^ 1;
    vector[vector[], vector[0], short, shifted, first, last]
}
