//! Range queries over the indexes: owned objects, balances, dynamic fields, coin records, package
//! versions.

use std::{collections::BTreeMap, ops::ControlFlow};

use sui_sdk_types::{Address, StructTag, TypeTag};

use super::{
    Ledger, decode, keys,
    store::{StoreError, Table},
};

/// Part of a listing and where it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// The entries, in listing order.
    pub entries: Vec<T>,
    /// Whether there are entries after the last one.
    pub more: bool,
}

/// An entry of an owner's listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedObject {
    /// The object.
    pub id: Address,
    /// Its position in the listing; continue after it.
    pub cursor: Vec<u8>,
}

/// Which types a listing of owned objects shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TypeFilter {
    /// Every type.
    Any,
    /// Types defined by a package.
    Package(Address),
    /// Types defined in a module.
    Module(Address, String),
    /// A datatype with any type arguments.
    Datatype(Address, String, String),
    /// Exactly one type.
    Exact(StructTag),
}

impl TypeFilter {
    /// The longest string all matching type strings start with.
    fn prefix(&self) -> String {
        match self {
            Self::Any => String::new(),
            Self::Package(address) => format!("{address}::"),
            Self::Module(address, module) => format!("{address}::{module}::"),
            Self::Datatype(address, module, name) => format!("{address}::{module}::{name}"),
            Self::Exact(tag) => tag.to_string(),
        }
    }

    /// Whether a type string that starts with the prefix matches.
    fn matches(&self, type_string: &str) -> bool {
        match self {
            Self::Any | Self::Package(_) | Self::Module(..) => true,
            Self::Datatype(..) => {
                let rest = &type_string[self.prefix().len()..];
                rest.is_empty() || rest.starts_with('<')
            }
            Self::Exact(tag) => type_string == tag.to_string(),
        }
    }
}

impl TypeFilter {
    /// Whether a type passes.
    pub(crate) fn accepts(&self, tag: &StructTag) -> bool {
        let type_string = tag.to_string();
        type_string.starts_with(&self.prefix()) && self.matches(&type_string)
    }
}

impl std::str::FromStr for TypeFilter {
    type Err = String;

    /// Parses `address`, `address::module`, `address::module::Name` or a full type.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || format!("invalid type filter: {text}");
        if text.contains('<') {
            return text.parse().map(Self::Exact).map_err(|_| invalid());
        }
        let parts: Vec<&str> = text.split("::").collect();
        let address = parts[0].trim().parse::<Address>().map_err(|_| invalid())?;
        let identifier = |part: &str| {
            sui_sdk_types::Identifier::new(part.trim())
                .map(|name| name.as_str().to_owned())
                .map_err(|_| invalid())
        };
        match parts[1..] {
            [] => Ok(Self::Package(address)),
            [module] => Ok(Self::Module(address, identifier(module)?)),
            [module, name] => Ok(Self::Datatype(
                address,
                identifier(module)?,
                identifier(name)?,
            )),
            _ => Err(invalid()),
        }
    }
}

impl Ledger {
    /// Up to `limit` objects of `owner` that match `filter`, by type, then coins by descending
    /// balance, then id; after `cursor` when given.
    pub(crate) fn owned_objects(
        &self,
        owner: &Address,
        filter: &TypeFilter,
        cursor: Option<&[u8]>,
        limit: usize,
    ) -> Result<Page<OwnedObject>, StoreError> {
        let prefix = keys::owned_prefix(owner, &filter.prefix());
        let after = cursor.map(|cursor| [owner.as_bytes(), cursor].concat());
        let mut page = Page {
            entries: Vec::new(),
            more: false,
        };
        let mut corrupt = false;
        self.store
            .scan(Table::Owned, &prefix, after.as_deref(), &mut |key, _| {
                let Some(entry) = keys::parse_owned(key) else {
                    corrupt = true;
                    return ControlFlow::Break(());
                };
                if !filter.matches(entry.type_string) {
                    return ControlFlow::Continue(());
                }
                if page.entries.len() == limit {
                    page.more = true;
                    return ControlFlow::Break(());
                }
                page.entries.push(OwnedObject {
                    id: entry.id,
                    cursor: key[Address::LENGTH..].to_vec(),
                });
                ControlFlow::Continue(())
            })?;
        if corrupt {
            return Err(StoreError::corrupt("an entry of the owner index"));
        }
        Ok(page)
    }

    /// The summed coin balances of `owner` per coin type; only of `coin_type` when given. Zero sums
    /// of existing coins are left out.
    pub(crate) fn balances(
        &self,
        owner: &Address,
        coin_type: Option<&TypeTag>,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let filter = match coin_type {
            Some(coin_type) => TypeFilter::Exact(StructTag::coin(coin_type.clone())),
            None => TypeFilter::Datatype(Address::TWO, "coin".to_owned(), "Coin".to_owned()),
        };
        let prefix = keys::owned_prefix(owner, &filter.prefix());
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        self.store
            .scan(Table::Owned, &prefix, None, &mut |key, _| {
                if let Some(entry) = keys::parse_owned(key)
                    && filter.matches(entry.type_string)
                    && entry.balance > 0
                    && let Some(coin_type) = coin_type_of(entry.type_string)
                {
                    let sum = sums.entry(coin_type.to_owned()).or_default();
                    *sum = sum.saturating_add(entry.balance);
                }
                ControlFlow::Continue(())
            })?;
        Ok(sums)
    }

    /// Up to `limit` ids of dynamic fields of `parent` in id order, after `cursor` when given.
    pub(crate) fn dynamic_fields(
        &self,
        parent: &Address,
        cursor: Option<&Address>,
        limit: usize,
    ) -> Result<Page<Address>, StoreError> {
        let after = cursor.map(|cursor| keys::field(parent, cursor));
        let mut page = Page {
            entries: Vec::new(),
            more: false,
        };
        let mut corrupt = None;
        self.store.scan(
            Table::Fields,
            parent.as_bytes(),
            after.as_deref(),
            &mut |_, value| {
                if page.entries.len() == limit {
                    page.more = true;
                    return ControlFlow::Break(());
                }
                match decode(Table::Fields, value) {
                    Ok(id) => {
                        page.entries.push(id);
                        ControlFlow::Continue(())
                    }
                    Err(error) => {
                        corrupt = Some(error);
                        ControlFlow::Break(())
                    }
                }
            },
        )?;
        corrupt.map_or(Ok(page), Err)
    }

    /// The live object of exactly `tag` among those that describe coin types (`CoinMetadata<T>`,
    /// `TreasuryCap<T>`, `RegulatedCoinMetadata<T>`, `Currency<T>`).
    pub(crate) fn coin_record(&self, tag: &StructTag) -> Result<Option<Address>, StoreError> {
        self.read(Table::CoinRecords, tag.to_string().as_bytes())
    }

    /// Up to `limit` versions (version, storage id) of the package first published as `original`,
    /// ascending, above version `after`.
    pub(crate) fn package_versions(
        &self,
        original: &Address,
        after: Option<u64>,
        limit: usize,
    ) -> Result<Page<(u64, Address)>, StoreError> {
        let after = after.map(|version| keys::versioned(original, version));
        let mut found = Vec::new();
        self.store.scan(
            Table::Packages,
            original.as_bytes(),
            after.as_deref(),
            &mut |key, value| {
                found.push((key.to_vec(), value.to_vec()));
                if found.len() > limit {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        )?;
        let more = found.len() > limit;
        found.truncate(limit);
        let entries = found
            .into_iter()
            .map(|(key, value)| {
                let version = key
                    .last_chunk::<8>()
                    .map(|bytes| u64::from_be_bytes(*bytes))
                    .ok_or_else(|| StoreError::corrupt("a key of the package index"))?;
                Ok((version, decode(Table::Packages, &value)?))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Page { entries, more })
    }
}

/// `T` of the type string `…::coin::Coin<T>`.
fn coin_type_of(type_string: &str) -> Option<&str> {
    let (_, argument) = type_string.split_once('<')?;
    argument.strip_suffix('>')
}
