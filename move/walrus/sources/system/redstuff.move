/// Sizes of the two-dimensional erasure code.
module walrus::redstuff;

// === Constants ===

/// A hash in the metadata of a blob.
const DIGEST_LEN: u64 = 32;
/// A blob id in the metadata of a blob.
const BLOB_ID_LEN: u64 = 32;
/// Symbols have 16-bit words, so their length is even.
const SYMBOL_ALIGNMENT: u64 = 2;

// === Package functions ===

/// Number of shards that may fail: the largest `f` with `3f < n`.
public(package) fun max_faulty(n_shards: u16): u16 {
    (n_shards - 1) / 3
}

/// Total length in bytes of the slivers of all shards, each shard with its copy of the metadata.
public(package) fun encoded_blob_length(unencoded_length: u64, n_shards: u16): u64 {
    let (primary, secondary) = source_symbols(n_shards);
    let slivers = ((primary + secondary) as u64) * (symbol_size(unencoded_length, n_shards) as u64);
    (n_shards as u64) * (slivers + metadata_length(n_shards))
}

/// Source symbols in a column (primary) and in a row (secondary) of the message matrix.
public(package) fun source_symbols(n_shards: u16): (u16, u16) {
    let faulty = max_faulty(n_shards);
    (n_shards - 2 * faulty, n_shards - faulty)
}

// === Private functions ===

/// Length of a symbol. The cast aborts when the blob is too large to be encoded.
fun symbol_size(unencoded_length: u64, n_shards: u16): u16 {
    let (primary, secondary) = source_symbols(n_shards);
    let symbols = (primary as u64) * (secondary as u64);
    // An empty blob is encoded like one of a single byte.
    let size = ((unencoded_length.max(1) - 1) / symbols + 1) as u16;
    size + size % (SYMBOL_ALIGNMENT as u16)
}

/// Length of the metadata: two hashes for each sliver pair, and the blob id.
fun metadata_length(n_shards: u16): u64 {
    (n_shards as u64) * 2 * DIGEST_LEN + BLOB_ID_LEN
}
