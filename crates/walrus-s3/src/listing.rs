//! Listings: keys in the order of their bytes, those with a common prefix up to a delimiter as
//! one, page by page.

use std::ops::Bound;

/// Sorted keys with values.
pub(crate) trait Keys {
    /// What a key has.
    type Value;
    /// Why keys cannot be read.
    type Error;

    /// The entries from a position on.
    fn starting(
        &self,
        from: Bound<Vec<u8>>,
    ) -> impl Iterator<Item = Result<(String, Self::Value), Self::Error>>;
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Keys that agree up to this, after the prefix, are one entry. Empty for none.
    pub delimiter: String,
    /// Only entries after this one.
    pub after: String,
    /// The most entries.
    pub count_max: usize,
}

/// A part of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page<V> {
    /// Keys.
    pub keys: Vec<(String, V)>,
    /// What keys have in common up to a delimiter.
    pub prefixes: Vec<String>,
    /// The last entry, if there are more: the next page begins after it.
    pub next: Option<String>,
}

/// One page.
pub(crate) fn list<K: Keys>(keys: &K, query: &Query) -> Result<Page<K::Value>, K::Error> {
    let mut page = Page {
        keys: Vec::new(),
        prefixes: Vec::new(),
        next: None,
    };
    if query.count_max == 0 {
        return Ok(page);
    }
    let mut last = String::new();
    let mut from = if query.after > query.prefix {
        Bound::Excluded(query.after.clone().into_bytes())
    } else {
        Bound::Included(query.prefix.clone().into_bytes())
    };
    // Each turn reads keys until some of them can be skipped, because they have a common prefix.
    'seek: loop {
        for entry in keys.starting(from) {
            let (key, value) = entry?;
            if !key.starts_with(&query.prefix) {
                break 'seek;
            }
            let common = common_prefix(query, &key);
            let is_new = common.is_none_or(|common| common > query.after.as_str());
            if is_new && key != query.after {
                if page.keys.len() + page.prefixes.len() == query.count_max {
                    page.next = Some(last);
                    break 'seek;
                }
                common.unwrap_or(&key).clone_into(&mut last);
                match common {
                    Some(common) => page.prefixes.push(common.to_owned()),
                    None => page.keys.push((key.clone(), value)),
                }
            }
            if let Some(common) = common {
                let Some(end) = end_of(common) else {
                    break 'seek;
                };
                from = Bound::Included(end);
                continue 'seek;
            }
        }
        break;
    }
    Ok(page)
}

/// The beginning of a key, up to the first delimiter after the prefix.
fn common_prefix<'a>(query: &Query, key: &'a str) -> Option<&'a str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = &key[query.prefix.len()..];
    let position = rest.find(&query.delimiter)?;
    Some(&key[..query.prefix.len() + position + query.delimiter.len()])
}

/// The first position after everything that begins with `prefix`.
fn end_of(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            return Some(bytes);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeMap, BTreeSet},
        convert::Infallible,
    };

    use proptest::prelude::*;

    use super::*;

    impl Keys for BTreeMap<Vec<u8>, usize> {
        type Value = usize;
        type Error = Infallible;

        fn starting(
            &self,
            from: Bound<Vec<u8>>,
        ) -> impl Iterator<Item = Result<(String, usize), Infallible>> {
            let entries = self.range((from, Bound::Unbounded));
            entries.map(|(key, value)| Ok((String::from_utf8(key.clone()).unwrap(), *value)))
        }
    }

    /// All entries, by looking at every key.
    fn model(map: &BTreeMap<Vec<u8>, usize>, query: &Query) -> BTreeSet<String> {
        let keys = map
            .keys()
            .map(|key| String::from_utf8(key.clone()).unwrap());
        let entry = |key: String| {
            let rest = key.strip_prefix(&query.prefix)?;
            let entry = match rest.split_once(&query.delimiter) {
                Some((before, _)) if !query.delimiter.is_empty() => {
                    format!("{}{before}{}", query.prefix, query.delimiter)
                }
                _ => key,
            };
            (entry > query.after).then_some(entry)
        };
        keys.filter_map(entry).collect()
    }

    fn key() -> impl Strategy<Value = String> {
        proptest::collection::vec(
            prop_oneof![
                Just("a"),
                Just("b"),
                Just("/"),
                Just("\u{e9}"),
                Just("\u{10ffff}")
            ],
            1..6,
        )
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn pages_together_are_all_entries(
            keys in proptest::collection::btree_set(key(), 0..40),
            prefix in prop_oneof![Just(String::new()), key()],
            delimiter in prop_oneof![
                Just(String::new()),
                Just("/".to_owned()),
                Just("ab".to_owned()),
                Just("\u{10ffff}".to_owned()),
            ],
            after in prop_oneof![Just(String::new()), key()],
            count_max in 1usize..5,
        ) {
            let map: BTreeMap<Vec<u8>, usize> =
                keys.into_iter().map(String::into_bytes).zip(0..).collect();
            let mut query = Query { prefix, delimiter, after, count_max };
            let expected: Vec<String> = model(&map, &query).into_iter().collect();
            let mut found = Vec::new();
            loop {
                let page = list(&map, &query).unwrap();
                let count = page.keys.len() + page.prefixes.len();
                prop_assert!(count <= count_max);
                let mut entries: Vec<String> = page.prefixes;
                for (key, value) in page.keys {
                    prop_assert_eq!(map.get(key.as_bytes()), Some(&value));
                    entries.push(key);
                }
                entries.sort();
                found.extend(entries);
                match page.next {
                    Some(next) => {
                        prop_assert_eq!(count, count_max);
                        prop_assert_eq!(Some(&next), found.last());
                        query.after = next;
                    }
                    None => break,
                }
            }
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn nothing_is_no_page() {
        let map = BTreeMap::from([(b"a".to_vec(), 0)]);
        let page = list(&map, &Query::default()).unwrap();
        assert_eq!((page.keys.len(), page.next), (0, None));
    }
}
