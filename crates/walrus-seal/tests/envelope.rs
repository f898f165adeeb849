//! Envelopes: what goes in comes out, and nothing else does.

#![allow(clippy::unwrap_used)] // helpers of tests

use std::num::NonZeroU8;

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};
use walrus_core::ObjectId;
use walrus_seal::{
    Check, Dem, DemKey, EncryptedObject, Identity, MasterKey, Recipient, ServerSet, UserKeys,
    envelope::{ChunkPosition, EnvelopeError, EnvelopeHeader, rest_of_header},
};

fn encrypted_key(content: bool) -> (EncryptedObject, DemKey, UserKeys) {
    let mut rng = StdRng::seed_from_u64(7);
    let master = MasterKey::generate(&mut rng);
    let server = ObjectId([1; 32]);
    let recipient = Recipient {
        server,
        public_key: master.public(),
        weight: NonZeroU8::MIN,
    };
    let servers = ServerSet::new(vec![recipient], 1).unwrap();
    let identity = Identity {
        package: ObjectId([2; 32]),
        inner: vec![3; 48],
    };
    let keys = [(server, master.extract(&identity.point()))].into();
    let (object, key) = if content {
        let dem = Dem::Aes256Gcm;
        EncryptedObject::encrypt(identity, &servers, dem, b"x", None, &mut rng).unwrap()
    } else {
        EncryptedObject::of_key(identity, &servers, &mut rng)
    };
    (object, key, keys)
}

/// Pieces of content, of which only the last may be shorter.
fn pieces(content: &[u8], length: usize) -> Vec<&[u8]> {
    let mut pieces: Vec<_> = content.chunks(length).collect();
    if pieces.is_empty() {
        pieces.push(&[]);
    }
    pieces
}

fn seal(content: &[u8], chunk_length: u32) -> (Vec<u8>, UserKeys) {
    let (object, key, keys) = encrypted_key(false);
    let header = EnvelopeHeader::new(object, chunk_length).unwrap();
    let chunks = header.chunks(&key);
    let mut out = header.to_bytes().unwrap();
    let pieces = pieces(content, chunk_length as usize);
    for (index, piece) in pieces.iter().enumerate() {
        let position = ChunkPosition {
            index: index as u64,
            is_last: index + 1 == pieces.len(),
        };
        let mut chunk = piece.to_vec();
        chunks.encrypt(position, &mut chunk).unwrap();
        out.extend(chunk);
    }
    (out, keys)
}

fn open(envelope: &[u8], keys: &UserKeys) -> Result<Vec<u8>, EnvelopeError> {
    let (header, length) = EnvelopeHeader::from_bytes(envelope)?;
    let key = header.object.header.open(keys, Check::OwnShares).unwrap();
    let chunks = header.chunks(&key);
    let pieces = pieces(&envelope[length..], header.encrypted_chunk_length());
    let mut content = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let position = ChunkPosition {
            index: index as u64,
            is_last: index + 1 == pieces.len(),
        };
        let mut chunk = piece.to_vec();
        chunks.decrypt(position, &mut chunk)?;
        content.extend(chunk);
    }
    Ok(content)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn content_comes_back(
        content in proptest::collection::vec(any::<u8>(), 0..400),
        chunk_length in 1u32..100,
    ) {
        let (envelope, keys) = seal(&content, chunk_length);
        prop_assert_eq!(open(&envelope, &keys), Ok(content));
    }

    #[test]
    fn a_changed_byte_of_the_chunks_is_noticed(
        content in proptest::collection::vec(any::<u8>(), 0..200),
        position in any::<prop::sample::Index>(),
    ) {
        let (mut envelope, keys) = seal(&content, 50);
        let (_, header) = EnvelopeHeader::from_bytes(&envelope).unwrap();
        let position = header + position.index(envelope.len() - header);
        envelope[position] ^= 1;
        prop_assert!(open(&envelope, &keys).is_err());
    }

    #[test]
    fn an_end_that_is_cut_off_is_noticed(
        content in proptest::collection::vec(any::<u8>(), 1..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let (envelope, keys) = seal(&content, 50);
        let (_, header) = EnvelopeHeader::from_bytes(&envelope).unwrap();
        let end = header + cut.index(envelope.len() - header);
        prop_assert!(open(&envelope[..end], &keys).is_err());
    }
}

#[test]
fn chunks_cannot_be_moved_repeated_or_left_out() {
    let content: Vec<u8> = (0..200).collect();
    let (envelope, keys) = seal(&content, 50);
    let (_, header) = EnvelopeHeader::from_bytes(&envelope).unwrap();
    let chunk = |index: usize| &envelope[header + index * 66..header + (index + 1) * 66];
    for order in [
        &[1, 0, 2, 3][..],
        &[0, 0, 1, 2, 3],
        &[0, 1, 3],
        &[0, 1, 2, 3, 3],
    ] {
        let mut changed = envelope[..header].to_vec();
        for index in order {
            changed.extend(chunk(*index));
        }
        assert!(matches!(
            open(&changed, &keys),
            Err(EnvelopeError::Chunk { .. })
        ));
    }
}

#[test]
fn bad_headers_are_refused_for_their_reason() {
    let (object, ..) = encrypted_key(true);
    assert_eq!(
        EnvelopeHeader::new(object, 1),
        Err(EnvelopeError::HasContent)
    );
    let (object, ..) = encrypted_key(false);
    for length in [0, (16 << 20) + 1] {
        assert_eq!(
            EnvelopeHeader::new(object.clone(), length),
            Err(EnvelopeError::ChunkLength(length))
        );
    }
    let bytes = EnvelopeHeader::new(object, 5).unwrap().to_bytes().unwrap();
    for end in 0..bytes.len() {
        assert!(EnvelopeHeader::from_bytes(&bytes[..end]).is_err());
    }
    let mut other = bytes.clone();
    other[0] ^= 1;
    assert_eq!(
        EnvelopeHeader::from_bytes(&other).unwrap_err(),
        EnvelopeError::Magic
    );
    let mut huge = *bytes.first_chunk().unwrap();
    huge[8..].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(
        rest_of_header(&huge),
        Err(EnvelopeError::ObjectTooLong(u32::MAX))
    );
}
