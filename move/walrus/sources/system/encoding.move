/// How long a blob is once it is encoded.
module walrus::encoding;

use walrus::redstuff;

// === Errors ===

/// The encoding type is not supported; only type 1 (RS2) is.
const EInvalidEncodingType: u64 = 0;

// === Constants ===

/// Reed-Solomon encoding over 16-bit symbols.
const RS2: u8 = 1;

// === Public functions ===

/// Total length in bytes, over all shards, of a blob of `unencoded_length` bytes with its metadata.
public fun encoded_blob_length(unencoded_length: u64, encoding_type: u8, n_shards: u16): u64 {
    assert!(encoding_type == RS2, EInvalidEncodingType);
    redstuff::encoded_blob_length(unencoded_length, n_shards)
}
