//! Rewriting the address table of a compiled module, and package digests.
//!
//! Only the container is read: magic, version, table directory, and the table of addresses, which
//! is a plain sequence of 32-byte rows. Everything else refers to addresses by row number, so
//! replacing a row relinks the module.

use blake2b_simd::Params;
use thiserror::Error;

/// First bytes of every module.
const MAGIC: [u8; 4] = [0xA1, 0x1C, 0xEB, 0x0B];
/// Length of magic and version word.
const HEADER_LEN: usize = 8;
/// Table kind of the handles of modules.
const MODULE_HANDLE_TABLE: u8 = 0x01;
/// Table kind of the identifiers.
const IDENTIFIER_TABLE: u8 = 0x07;
/// Table kind of the addresses.
const ADDRESS_TABLE: u8 = 0x08;
/// Length of an address.
const ADDRESS_LEN: usize = 32;
/// What placeholder addresses contain before the package name.
const PLACEHOLDER_PREFIX: &[u8] = b"placeholder:";

/// Why a package could not be linked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkError {
    /// The bytes are not a Move module.
    #[error("malformed Move module: {0}")]
    Malformed(&'static str),
    /// A dependency has no published address yet.
    #[error("package `{package}` is not linked: publish it and give its address")]
    Unlinked {
        /// Name of the package.
        package: String,
    },
    /// Two rows of a module's address table would become equal, which no chain accepts.
    #[error("two packages would have the same address")]
    DuplicateAddress,
}

/// Whether an address is a placeholder for a package that is not published yet.
pub(crate) fn is_placeholder(address: &[u8; ADDRESS_LEN]) -> bool {
    let text = strip_zeros(address);
    text.starts_with(PLACEHOLDER_PREFIX)
}

/// Name of the package a placeholder stands for.
pub(crate) fn placeholder_name(address: &[u8; ADDRESS_LEN]) -> String {
    let text = strip_zeros(address);
    let name = text.strip_prefix(PLACEHOLDER_PREFIX).unwrap_or(text);
    String::from_utf8_lossy(name).into_owned()
}

fn strip_zeros(address: &[u8]) -> &[u8] {
    let zeros = address.iter().take_while(|byte| **byte == 0).count();
    &address[zeros..]
}

/// Copy of a module with each address replaced by `replace` of it.
pub(crate) fn replace_addresses(
    module: &[u8],
    replace: impl Fn(&[u8; ADDRESS_LEN]) -> [u8; ADDRESS_LEN],
) -> Result<Vec<u8>, LinkError> {
    let (start, end) = address_table(module)?;
    let mut output = module.to_vec();
    let rows = output[start..end].as_chunks_mut::<ADDRESS_LEN>().0;
    for row in &mut *rows {
        *row = replace(row);
    }
    let repeated = rows
        .iter()
        .enumerate()
        .any(|(index, row)| rows[..index].contains(row));
    if repeated {
        Err(LinkError::DuplicateAddress)
    } else {
        Ok(output)
    }
}

/// The address table of a module.
#[cfg(test)]
pub(crate) fn addresses(module: &[u8]) -> Result<Vec<[u8; ADDRESS_LEN]>, LinkError> {
    let (start, end) = address_table(module)?;
    Ok(module[start..end].as_chunks::<ADDRESS_LEN>().0.to_vec())
}

/// Name of a module: of the identifier that its own handle refers to.
pub(crate) fn module_name(module: &[u8]) -> Result<String, LinkError> {
    let handles = table(module, MODULE_HANDLE_TABLE)?;
    let identifiers = table(module, IDENTIFIER_TABLE)?;
    let mut reader = Reader {
        bytes: module,
        position: tables_end(module)?,
    };
    let own = reader.uleb()?;
    let mut reader = Reader {
        bytes: &module[..handles.1],
        position: handles.0,
    };
    let mut name = 0;
    for _ in 0..=own {
        let _address = reader.uleb()?;
        name = reader.uleb()?;
    }
    let mut reader = Reader {
        bytes: &module[..identifiers.1],
        position: identifiers.0,
    };
    let mut found: &[u8] = &[];
    for _ in 0..=name {
        let length = reader.uleb()?;
        found = reader.take(length)?;
    }
    String::from_utf8(found.to_vec()).map_err(|_| LinkError::Malformed("name is not UTF-8"))
}

/// Position of the address table; empty if the module has none.
fn address_table(module: &[u8]) -> Result<(usize, usize), LinkError> {
    let (start, end) = table(module, ADDRESS_TABLE)?;
    if (end - start).is_multiple_of(ADDRESS_LEN) {
        Ok((start, end))
    } else {
        Err(LinkError::Malformed("address table of odd length"))
    }
}

/// Position of the table of a kind; empty if the module has none.
fn table(module: &[u8], wanted: u8) -> Result<(usize, usize), LinkError> {
    let (directory, contents) = directory(module)?;
    let found = directory.iter().find(|(kind, ..)| *kind == wanted);
    let (offset, length) = found.map_or((0, 0), |(_, offset, length)| (*offset, *length));
    contents
        .checked_add(offset)
        .and_then(|start| Some((start, start.checked_add(length)?)))
        .filter(|(_, end)| *end <= module.len())
        .ok_or(LinkError::Malformed("table out of bounds"))
}

/// Position after the last table.
fn tables_end(module: &[u8]) -> Result<usize, LinkError> {
    let (directory, contents) = directory(module)?;
    directory
        .iter()
        .map(|(_, offset, length)| offset.checked_add(*length))
        .max()
        .unwrap_or(Some(0))
        .and_then(|end| contents.checked_add(end))
        .ok_or(LinkError::Malformed("table out of bounds"))
}

/// Kind, offset and length of a table.
type TablePlace = (u8, usize, usize);

/// Where each table is, and where the tables start.
fn directory(module: &[u8]) -> Result<(Vec<TablePlace>, usize), LinkError> {
    if module.get(..MAGIC.len()) != Some(&MAGIC) {
        return Err(LinkError::Malformed("wrong magic number"));
    }
    let mut reader = Reader {
        bytes: module,
        position: HEADER_LEN,
    };
    let table_count = reader.uleb()?;
    let mut directory = Vec::new();
    for _ in 0..table_count {
        let kind = reader.byte()?;
        let offset = reader.uleb()?;
        let length = reader.uleb()?;
        directory.push((kind, offset, length));
    }
    Ok((directory, reader.position))
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, LinkError> {
        let byte = self
            .bytes
            .get(self.position)
            .ok_or(LinkError::Malformed("unexpected end"))?;
        self.position += 1;
        Ok(*byte)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], LinkError> {
        let taken = self
            .bytes
            .get(self.position..)
            .and_then(|rest| rest.get(..length))
            .ok_or(LinkError::Malformed("unexpected end"))?;
        self.position += length;
        Ok(taken)
    }

    /// Reads a ULEB128 number of at most 32 bits.
    fn uleb(&mut self) -> Result<usize, LinkError> {
        let mut value = 0_u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value)
                    .map_err(|_| LinkError::Malformed("number too large"));
            }
        }
        Err(LinkError::Malformed("number too long"))
    }
}

/// Package digest: BLAKE2b-256 over the sorted 32-byte strings { BLAKE2b-256 of each module } and
/// { id of each dependency }.
pub(crate) fn package_digest(modules: &[Vec<u8>], dependencies: &[[u8; 32]]) -> [u8; 32] {
    let mut parts: Vec<[u8; 32]> = modules.iter().map(|module| blake2b256(module)).collect();
    parts.extend_from_slice(dependencies);
    parts.sort_unstable();
    blake2b256(&parts.concat())
}

pub(crate) fn blake2b256(bytes: &[u8]) -> [u8; 32] {
    let hash = Params::new().hash_length(32).hash(bytes);
    hash.as_bytes()
        .try_into()
        .expect("the hash length is set to 32")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn placeholders_are_recognised() {
        assert!(is_placeholder(&crate::packages::WAL_PLACEHOLDER));
        assert_eq!(placeholder_name(&crate::packages::WAL_PLACEHOLDER), "wal");
        assert!(!is_placeholder(&[0; 32]));
    }

    #[test]
    fn malformed_modules_are_refused() {
        let keep = |address: &[u8; 32]| *address;
        let module = &crate::packages::wal().modules[0];
        assert!(replace_addresses(module, keep).is_ok());
        for bad in [&module[..3], &module[..12], &[0; 40][..]] {
            assert!(matches!(
                replace_addresses(bad, keep),
                Err(LinkError::Malformed(_))
            ));
        }
        let endless_count = [&module[..8], &[0xFF; 8][..]].concat();
        assert!(matches!(
            replace_addresses(&endless_count, keep),
            Err(LinkError::Malformed(_))
        ));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut module = MAGIC.to_vec();
            module.extend(tail);
            let _ = replace_addresses(&module, |address| *address);
            let _ = module_name(&module);
        }
    }
}
