//! Group operations of BLS12-381 as module `0x2::group_ops` offers them.
//!
//! Encodings: scalars 32 bytes big-endian and smaller than the group order; G1 48 and G2 96 bytes
//! compressed; GT twelve 48-byte field elements; uncompressed G1 96 bytes, x ‖ y. Operands of
//! `add`, `sub`, `mul` and `div` are taken without subgroup checks, because elements were validated
//! when they were made.

use fastcrypto::{
    groups::{
        FromTrustedByteArray, GroupElement, HashToGroupElement as _, MultiScalarMul, Pairing as _,
        Scalar as _,
        bls12381::{
            G1_ELEMENT_BYTE_LENGTH, G1Element, G1ElementUncompressed, G2_ELEMENT_BYTE_LENGTH,
            G2Element, GT_ELEMENT_BYTE_LENGTH, GTElement, SCALAR_LENGTH, Scalar,
        },
    },
    serde_helpers::ToFromByteArray,
};

use super::AbortCode;

/// The operation does not exist for this group.
pub(crate) const NOT_SUPPORTED: AbortCode = 0;
/// An operand is malformed, or of another group.
pub(crate) const INVALID_INPUT: AbortCode = 1;
/// There are more terms than allowed.
pub(crate) const INPUT_TOO_LONG: AbortCode = 2;

/// Most points in one multi-scalar multiplication.
const MULTI_SCALAR_TERMS_MAX: usize = 32;
/// Most terms in one sum.
const SUM_TERMS_MAX: usize = 1200;
/// Length of an uncompressed element of G1.
const UNCOMPRESSED_G1_LENGTH: usize = 2 * G1_ELEMENT_BYTE_LENGTH;

/// Which group an encoding belongs to; the numbers are those of `0x2::group_ops`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Scalar,
    G1,
    G2,
    Gt,
    UncompressedG1,
}

impl Group {
    fn parse(number: u8) -> Result<Self, AbortCode> {
        match number {
            0 => Ok(Self::Scalar),
            1 => Ok(Self::G1),
            2 => Ok(Self::G2),
            3 => Ok(Self::Gt),
            4 => Ok(Self::UncompressedG1),
            _ => Err(NOT_SUPPORTED),
        }
    }
}

/// An element with all checks: canonical, on the curve, in the subgroup.
fn checked<T: ToFromByteArray<N>, const N: usize>(bytes: &[u8]) -> Result<T, AbortCode> {
    let bytes = bytes.try_into().map_err(|_| INVALID_INPUT)?;
    T::from_byte_array(bytes).map_err(|_| INVALID_INPUT)
}

/// An element that was checked before.
fn trusted<T: FromTrustedByteArray<N>, const N: usize>(bytes: &[u8]) -> Result<T, AbortCode> {
    let bytes = bytes.try_into().map_err(|_| INVALID_INPUT)?;
    T::from_trusted_byte_array(bytes).map_err(|_| INVALID_INPUT)
}

fn scalar(bytes: &[u8]) -> Result<Scalar, AbortCode> {
    trusted::<Scalar, SCALAR_LENGTH>(bytes)
}

/// Applies `operation` to two elements of `T`.
fn binary<T, const N: usize>(
    left: &[u8],
    right: &[u8],
    operation: impl FnOnce(T, T) -> T,
) -> Result<Vec<u8>, AbortCode>
where
    T: FromTrustedByteArray<N> + ToFromByteArray<N>,
{
    let result = operation(trusted::<T, N>(left)?, trusted::<T, N>(right)?);
    Ok(result.to_byte_array().to_vec())
}

/// Multiplies an element of `T` with a scalar.
fn scaled<T, const N: usize>(by: Scalar, element: &[u8]) -> Result<Vec<u8>, AbortCode>
where
    T: FromTrustedByteArray<N> + ToFromByteArray<N> + GroupElement<ScalarType = Scalar>,
{
    let result = trusted::<T, N>(element)? * by;
    Ok(result.to_byte_array().to_vec())
}

/// Whether `bytes` encode an element of a group that can be sent over the wire: scalar, G1 or G2.
pub(crate) fn validate(group: u8, bytes: &[u8]) -> bool {
    match Group::parse(group) {
        Ok(Group::Scalar) => checked::<Scalar, SCALAR_LENGTH>(bytes).is_ok(),
        Ok(Group::G1) => checked::<G1Element, G1_ELEMENT_BYTE_LENGTH>(bytes).is_ok(),
        Ok(Group::G2) => checked::<G2Element, G2_ELEMENT_BYTE_LENGTH>(bytes).is_ok(),
        Ok(Group::Gt | Group::UncompressedG1) | Err(_) => false,
    }
}

/// `left + right`.
pub(crate) fn add(group: u8, left: &[u8], right: &[u8]) -> Result<Vec<u8>, AbortCode> {
    match Group::parse(group)? {
        Group::Scalar => binary::<Scalar, SCALAR_LENGTH>(left, right, |a, b| a + b),
        Group::G1 => binary::<G1Element, G1_ELEMENT_BYTE_LENGTH>(left, right, |a, b| a + b),
        Group::G2 => binary::<G2Element, G2_ELEMENT_BYTE_LENGTH>(left, right, |a, b| a + b),
        Group::Gt => binary::<GTElement, GT_ELEMENT_BYTE_LENGTH>(left, right, |a, b| a + b),
        Group::UncompressedG1 => Err(NOT_SUPPORTED),
    }
}

/// `left - right`.
pub(crate) fn sub(group: u8, left: &[u8], right: &[u8]) -> Result<Vec<u8>, AbortCode> {
    match Group::parse(group)? {
        Group::Scalar => binary::<Scalar, SCALAR_LENGTH>(left, right, |a, b| a - b),
        Group::G1 => binary::<G1Element, G1_ELEMENT_BYTE_LENGTH>(left, right, |a, b| a - b),
        Group::G2 => binary::<G2Element, G2_ELEMENT_BYTE_LENGTH>(left, right, |a, b| a - b),
        Group::Gt => binary::<GTElement, GT_ELEMENT_BYTE_LENGTH>(left, right, |a, b| a - b),
        Group::UncompressedG1 => Err(NOT_SUPPORTED),
    }
}

/// `by · element`.
pub(crate) fn mul(group: u8, by: &[u8], element: &[u8]) -> Result<Vec<u8>, AbortCode> {
    multiply(Group::parse(group)?, scalar(by)?, element)
}

/// `by⁻¹ · element`; zero has no inverse.
pub(crate) fn div(group: u8, by: &[u8], element: &[u8]) -> Result<Vec<u8>, AbortCode> {
    let group = Group::parse(group)?;
    multiply(
        group,
        scalar(by)?.inverse().map_err(|_| INVALID_INPUT)?,
        element,
    )
}

fn multiply(group: Group, by: Scalar, element: &[u8]) -> Result<Vec<u8>, AbortCode> {
    match group {
        Group::Scalar => scaled::<Scalar, SCALAR_LENGTH>(by, element),
        Group::G1 => scaled::<G1Element, G1_ELEMENT_BYTE_LENGTH>(by, element),
        Group::G2 => scaled::<G2Element, G2_ELEMENT_BYTE_LENGTH>(by, element),
        Group::Gt => scaled::<GTElement, GT_ELEMENT_BYTE_LENGTH>(by, element),
        Group::UncompressedG1 => Err(NOT_SUPPORTED),
    }
}

/// Hashes a non-empty message to G1 or G2.
pub(crate) fn hash_to(group: u8, message: &[u8]) -> Result<Vec<u8>, AbortCode> {
    if message.is_empty() {
        return Err(INVALID_INPUT);
    }
    match Group::parse(group)? {
        Group::G1 => Ok(G1Element::hash_to_group_element(message)
            .to_byte_array()
            .to_vec()),
        Group::G2 => Ok(G2Element::hash_to_group_element(message)
            .to_byte_array()
            .to_vec()),
        Group::Scalar | Group::Gt | Group::UncompressedG1 => Err(NOT_SUPPORTED),
    }
}

/// `Σ scalarᵢ · pointᵢ` over concatenated encodings, in G1 or G2.
pub(crate) fn multi_scalar_mul(
    group: u8,
    scalars: &[u8],
    points: &[u8],
) -> Result<Vec<u8>, AbortCode> {
    match Group::parse(group)? {
        Group::G1 => sum_of_products::<G1Element, G1_ELEMENT_BYTE_LENGTH>(scalars, points),
        Group::G2 => sum_of_products::<G2Element, G2_ELEMENT_BYTE_LENGTH>(scalars, points),
        Group::Scalar | Group::Gt | Group::UncompressedG1 => Err(NOT_SUPPORTED),
    }
}

fn sum_of_products<T, const N: usize>(scalars: &[u8], points: &[u8]) -> Result<Vec<u8>, AbortCode>
where
    T: FromTrustedByteArray<N> + ToFromByteArray<N> + MultiScalarMul<ScalarType = Scalar>,
{
    let is_whole = scalars.len().is_multiple_of(SCALAR_LENGTH) && points.len().is_multiple_of(N);
    let terms = points.len() / N;
    if points.is_empty() || !is_whole || scalars.len() / SCALAR_LENGTH != terms {
        return Err(INVALID_INPUT);
    }
    if terms > MULTI_SCALAR_TERMS_MAX {
        return Err(INPUT_TOO_LONG);
    }
    let scalars: Vec<_> = scalars
        .chunks_exact(SCALAR_LENGTH)
        .map(scalar)
        .collect::<Result<_, _>>()?;
    let points: Vec<_> = points
        .chunks_exact(N)
        .map(trusted::<T, N>)
        .collect::<Result<_, _>>()?;
    let result = T::multi_scalar_mul(&scalars, &points).map_err(|_| INVALID_INPUT)?;
    Ok(result.to_byte_array().to_vec())
}

/// The pairing of an element of G1 and one of G2.
pub(crate) fn pairing(group: u8, left: &[u8], right: &[u8]) -> Result<Vec<u8>, AbortCode> {
    if Group::parse(group)? != Group::G1 {
        return Err(NOT_SUPPORTED);
    }
    let left = trusted::<G1Element, G1_ELEMENT_BYTE_LENGTH>(left)?;
    let right = trusted::<G2Element, G2_ELEMENT_BYTE_LENGTH>(right)?;
    Ok(left.pairing(&right).to_byte_array().to_vec())
}

/// Converts between the two encodings of G1. Uncompressed input is validated.
pub(crate) fn convert(from: u8, to: u8, element: &[u8]) -> Result<Vec<u8>, AbortCode> {
    match (Group::parse(from)?, Group::parse(to)?) {
        (Group::UncompressedG1, Group::G1) => {
            let point = G1Element::try_from(&uncompressed(element)?).map_err(|_| INVALID_INPUT)?;
            Ok(point.to_byte_array().to_vec())
        }
        (Group::G1, Group::UncompressedG1) => {
            let point = trusted::<G1Element, G1_ELEMENT_BYTE_LENGTH>(element)?;
            Ok(G1ElementUncompressed::from(&point)
                .into_byte_array()
                .to_vec())
        }
        _ => Err(NOT_SUPPORTED),
    }
}

/// The sum of uncompressed elements of G1, uncompressed; no terms make infinity.
pub(crate) fn sum<'a>(
    group: u8,
    terms: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, AbortCode> {
    if Group::parse(group)? != Group::UncompressedG1 {
        return Err(NOT_SUPPORTED);
    }
    if terms.len() > SUM_TERMS_MAX {
        return Err(INPUT_TOO_LONG);
    }
    let terms: Vec<_> = terms.map(uncompressed).collect::<Result<_, _>>()?;
    let result = G1ElementUncompressed::sum(&terms).map_err(|_| INVALID_INPUT)?;
    Ok(G1ElementUncompressed::from(&result)
        .into_byte_array()
        .to_vec())
}

fn uncompressed(bytes: &[u8]) -> Result<G1ElementUncompressed, AbortCode> {
    let bytes: [u8; UNCOMPRESSED_G1_LENGTH] = bytes.try_into().map_err(|_| INVALID_INPUT)?;
    Ok(G1ElementUncompressed::from_trusted_byte_array(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hashes::blake2b256;

    const G1: u8 = 1;
    const G2: u8 = 2;
    const UNCOMPRESSED: u8 = 4;
    const FIVE_G1: &str = "b0e7791fb972fe014159aa33a98622da3cdc98ff707965e536d8636b5fcc5ac7a91a8c46e59a00dca575af0f18fb13dc";
    const FIVE_G1_UNCOMPRESSED: &str = "10e7791fb972fe014159aa33a98622da3cdc98ff707965e536d8636b5fcc5ac7a91a8c46e59a00dca575af0f18fb13dc16ba437edcc6551e30c10512367494bfb6b01cc6681e8a4c3cd2501832ab5c4abc40b4578b85cbaffbf0bcd70d67c6e2";

    fn number(value: u8) -> Vec<u8> {
        let mut bytes = vec![0; 32];
        bytes[31] = value;
        bytes
    }

    fn g1(times: u8) -> Vec<u8> {
        mul(G1, &number(times), &G1Element::generator().to_byte_array()).unwrap()
    }

    fn g2(times: u8) -> Vec<u8> {
        mul(G2, &number(times), &G2Element::generator().to_byte_array()).unwrap()
    }

    #[test]
    fn known_multiples_have_known_encodings() {
        assert_eq!(hex::encode(g1(5)), FIVE_G1);
        let long = convert(G1, UNCOMPRESSED, &g1(5)).unwrap();
        assert_eq!(hex::encode(&long), FIVE_G1_UNCOMPRESSED);
        assert_eq!(convert(UNCOMPRESSED, G1, &long).unwrap(), g1(5));
    }

    #[test]
    fn addition_and_its_inverses() {
        assert_eq!(add(G1, &g1(2), &g1(3)).unwrap(), g1(5));
        assert_eq!(sub(G1, &g1(5), &g1(3)).unwrap(), g1(2));
        assert_eq!(add(G2, &g2(2), &g2(3)).unwrap(), g2(5));
        assert_eq!(div(G1, &number(5), &g1(5)).unwrap(), g1(1));
        assert_eq!(div(G1, &number(0), &g1(5)), Err(INVALID_INPUT));
        let products = multi_scalar_mul(
            G1,
            &[number(2), number(3)].concat(),
            &[g1(2), g1(7)].concat(),
        );
        assert_eq!(products.unwrap(), g1(25));
    }

    #[test]
    fn sums_of_uncompressed_points() {
        let long = |times| convert(G1, UNCOMPRESSED, &g1(times)).unwrap();
        let terms = [long(1), long(4), long(2)];
        assert_eq!(
            sum(UNCOMPRESSED, terms.iter().map(Vec::as_slice)).unwrap(),
            long(7)
        );
        let infinity = sum(
            UNCOMPRESSED,
            std::iter::empty::<&[u8]>().collect::<Vec<_>>().into_iter(),
        )
        .unwrap();
        assert_eq!(infinity[0], 0x40);
        assert!(infinity[1..].iter().all(|byte| *byte == 0));
        let many = vec![long(1); SUM_TERMS_MAX + 1];
        assert_eq!(
            sum(UNCOMPRESSED, many.iter().map(Vec::as_slice)),
            Err(INPUT_TOO_LONG)
        );
        let short = [long(1)[1..].to_vec()];
        assert_eq!(
            sum(UNCOMPRESSED, short.iter().map(Vec::as_slice)),
            Err(INVALID_INPUT)
        );
    }

    #[test]
    fn pairing_has_the_order_of_coordinates_of_the_chain() {
        let value = pairing(G1, &g1(2), &g2(3)).unwrap();
        assert_eq!(
            hex::encode(blake2b256(&value)),
            "6f1da074d79443dcdc7ace065fccd15ce3960ac4e2b5356448bf5584c16812d8"
        );
        assert_eq!(
            hex::encode(&value[..16]),
            "0371c766e9fc22ef0009f0ab2abe2c9c"
        );
        assert_eq!(value, pairing(G1, &g1(6), &g2(1)).unwrap());
    }

    #[test]
    fn hashing_to_the_curve() {
        assert_eq!(
            hex::encode(hash_to(G1, b"hello").unwrap()),
            "81293f69b05f849fafd4a23602a9350256f2642333102148ca16aabad0b4b3a5d032cf7a84d79ee236da7d3ebb8cc7a0"
        );
        assert_eq!(hash_to(G1, b""), Err(INVALID_INPUT));
        assert_eq!(hash_to(3, b"hello"), Err(NOT_SUPPORTED));
    }

    #[test]
    fn only_canonical_elements_validate() {
        assert!(validate(G1, &g1(5)));
        assert!(validate(G2, &g2(5)));
        assert!(validate(0, &number(1)));
        assert!(!validate(0, &[0xff; 32]));
        assert!(!validate(G1, &g1(5)[1..]));
        assert!(!validate(G1, &[0xff; 48]));
        assert!(!validate(G1, &g2(5)));
        assert!(!validate(3, &[0; 576]));
        assert!(!validate(9, &g1(5)));
        let mut damaged = convert(G1, UNCOMPRESSED, &g1(5)).unwrap();
        damaged[95] ^= 1;
        assert_eq!(convert(UNCOMPRESSED, G1, &damaged), Err(INVALID_INPUT));
        let mut flagged = convert(G1, UNCOMPRESSED, &g1(5)).unwrap();
        flagged[0] |= 0x80;
        assert_eq!(convert(UNCOMPRESSED, G1, &flagged), Err(INVALID_INPUT));
    }
}
