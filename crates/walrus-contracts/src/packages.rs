//! The compiled packages, embedded when this crate is built.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::link;
pub use crate::link::LinkError;

/// Address at which `walrus` calls `wal` in the embedded bytecode: the text `placeholder:wal`,
/// right-aligned. The Move toolchain compiles with the same constant.
pub const WAL_PLACEHOLDER: [u8; 32] = *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0placeholder:wal";

/// Address at which other packages call `walrus` in the embedded bytecode: the text
/// `placeholder:walrus`, right-aligned.
pub const WALRUS_PLACEHOLDER: [u8; 32] = *b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0placeholder:walrus";

/// A compiled package whose dependencies may still be at placeholder addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompiledPackage {
    /// Name of the package.
    pub name: &'static str,
    /// Bytecode of each module, with self address 0x0.
    pub modules: Vec<Vec<u8>>,
    /// Packages the modules call, directly or not.
    pub dependencies: Vec<[u8; 32]>,
    /// Digest of modules and dependencies, as the compiler reports it.
    pub digest: [u8; 32],
}

/// A package ready for a publish or upgrade transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedPackage {
    /// Name of the package.
    pub name: &'static str,
    /// Bytecode of each module, with self address 0x0.
    pub modules: Vec<Vec<u8>>,
    /// Ids of the packages the modules call, directly or not.
    pub dependencies: Vec<[u8; 32]>,
    /// Digest of modules and dependencies: what upgrade tickets and votes name.
    pub digest: [u8; 32],
}

impl CompiledPackage {
    /// Replaces placeholder addresses by the ids of published packages, in the modules' address
    /// tables and in the dependencies.
    ///
    /// # Errors
    ///
    /// A module is not well-formed, a placeholder is left over, or two addresses become equal.
    pub fn linked(&self, links: &[([u8; 32], [u8; 32])]) -> Result<LinkedPackage, LinkError> {
        let replace = |address: &[u8; 32]| {
            links
                .iter()
                .find(|(placeholder, _)| placeholder == address)
                .map_or(*address, |link| link.1)
        };
        let dependencies: Vec<_> = self.dependencies.iter().map(replace).collect();
        if let Some(left) = dependencies
            .iter()
            .find(|address| link::is_placeholder(address))
        {
            return Err(LinkError::Unlinked {
                package: link::placeholder_name(left),
            });
        }
        let modules = self
            .modules
            .iter()
            .map(|module| link::replace_addresses(module, replace))
            .collect::<Result<Vec<_>, _>>()?;
        let digest = link::package_digest(&modules, &dependencies);
        Ok(LinkedPackage {
            name: self.name,
            modules,
            dependencies,
            digest,
        })
    }
}

/// The token package.
pub fn wal() -> &'static CompiledPackage {
    static PACKAGE: LazyLock<CompiledPackage> =
        LazyLock::new(|| parse("wal", include_str!(concat!(env!("OUT_DIR"), "/wal.json"))));
    &PACKAGE
}

/// The exchange of SUI and WAL for test networks. Calls `wal` at [`WAL_PLACEHOLDER`].
pub fn wal_exchange() -> &'static CompiledPackage {
    static PACKAGE: LazyLock<CompiledPackage> = LazyLock::new(|| {
        parse(
            "wal_exchange",
            include_str!(concat!(env!("OUT_DIR"), "/wal_exchange.json")),
        )
    });
    &PACKAGE
}

/// The package with storage, staking and epochs. Calls `wal` at [`WAL_PLACEHOLDER`].
pub fn walrus() -> &'static CompiledPackage {
    static PACKAGE: LazyLock<CompiledPackage> = LazyLock::new(|| {
        parse(
            "walrus",
            include_str!(concat!(env!("OUT_DIR"), "/walrus.json")),
        )
    });
    &PACKAGE
}

/// The package with the older discount for buyers of storage. Calls `wal` at [`WAL_PLACEHOLDER`] and
/// `walrus` at [`WALRUS_PLACEHOLDER`].
pub fn subsidies() -> &'static CompiledPackage {
    static PACKAGE: LazyLock<CompiledPackage> = LazyLock::new(|| {
        parse(
            "subsidies",
            include_str!(concat!(env!("OUT_DIR"), "/subsidies.json")),
        )
    });
    &PACKAGE
}

/// The package with rewards for nodes on top of what users pay. Calls `wal` at [`WAL_PLACEHOLDER`]
/// and `walrus` at [`WALRUS_PLACEHOLDER`].
pub fn walrus_subsidies() -> &'static CompiledPackage {
    static PACKAGE: LazyLock<CompiledPackage> = LazyLock::new(|| {
        parse(
            "walrus_subsidies",
            include_str!(concat!(env!("OUT_DIR"), "/walrus_subsidies.json")),
        )
    });
    &PACKAGE
}

/// The package with shared buckets of blobs. Calls `wal` at [`WAL_PLACEHOLDER`] and `walrus` at
/// [`WALRUS_PLACEHOLDER`].
pub fn blob_bucket() -> &'static CompiledPackage {
    static PACKAGE: LazyLock<CompiledPackage> = LazyLock::new(|| {
        parse(
            "blob_bucket",
            include_str!(concat!(env!("OUT_DIR"), "/blob_bucket.json")),
        )
    });
    &PACKAGE
}

/// What the compiler writes: the shape of `sui move build --dump-bytecode-as-base64`.
#[derive(Deserialize)]
struct CompilerOutput {
    modules: Vec<String>,
    dependencies: Vec<String>,
    digest: [u8; 32],
}

fn parse(name: &'static str, json: &str) -> CompiledPackage {
    let output: CompilerOutput =
        serde_json::from_str(json).expect("the Move toolchain writes well-formed JSON");
    let modules = output.modules.iter().map(|module| STANDARD.decode(module));
    CompiledPackage {
        name,
        modules: modules
            .collect::<Result<_, _>>()
            .expect("modules are base64"),
        dependencies: output
            .dependencies
            .iter()
            .map(|text| parse_address(text))
            .collect(),
        digest: output.digest,
    }
}

/// Parses a `0x` address, short forms included.
fn parse_address(text: &str) -> [u8; 32] {
    let digits = text.strip_prefix("0x").expect("addresses start with 0x");
    let padded = format!("{digits:0>64}");
    std::array::from_fn(|index| {
        u8::from_str_radix(&padded[2 * index..2 * index + 2], 16).expect("addresses are hex")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_compiler_is_ours() {
        for package in [
            wal(),
            wal_exchange(),
            walrus(),
            subsidies(),
            walrus_subsidies(),
            blob_bucket(),
        ] {
            assert_eq!(
                link::package_digest(&package.modules, &package.dependencies),
                package.digest
            );
        }
    }

    #[test]
    fn walrus_calls_wal_at_the_placeholder() {
        assert!(walrus().dependencies.contains(&WAL_PLACEHOLDER));
        assert!(!wal().dependencies.contains(&WAL_PLACEHOLDER));
    }

    #[test]
    fn the_exchange_calls_wal_at_the_placeholder() {
        assert!(wal_exchange().dependencies.contains(&WAL_PLACEHOLDER));
        let linked = wal_exchange().linked(&[(WAL_PLACEHOLDER, [0xAB; 32])]);
        assert!(linked.unwrap().dependencies.contains(&[0xAB; 32]));
    }

    #[test]
    fn packages_on_top_of_walrus_need_both_links() {
        let links = [
            (WAL_PLACEHOLDER, [0xAB; 32]),
            (WALRUS_PLACEHOLDER, [0xCD; 32]),
        ];
        for package in [subsidies(), walrus_subsidies(), blob_bucket()] {
            let linked = package.linked(&links).unwrap();
            assert!(linked.dependencies.contains(&[0xAB; 32]));
            assert!(linked.dependencies.contains(&[0xCD; 32]));
            assert_eq!(
                package.linked(&links[..1]),
                Err(LinkError::Unlinked {
                    package: "walrus".to_owned()
                })
            );
            for module in &linked.modules {
                let addresses = link::addresses(module).unwrap();
                assert!(!addresses.iter().any(link::is_placeholder));
            }
        }
    }

    #[test]
    fn linking_replaces_every_placeholder() {
        let published = [0xAB; 32];
        let linked = walrus().linked(&[(WAL_PLACEHOLDER, published)]).unwrap();
        assert!(linked.dependencies.contains(&published));
        let mut relinked = 0;
        for (before, after) in walrus().modules.iter().zip(&linked.modules) {
            assert_eq!(before.len(), after.len());
            let old = link::addresses(before).unwrap();
            let new = link::addresses(after).unwrap();
            assert!(!new.contains(&WAL_PLACEHOLDER));
            assert_eq!(old.contains(&WAL_PLACEHOLDER), new.contains(&published));
            relinked += usize::from(new.contains(&published));
        }
        assert!(relinked > 0);
        assert_ne!(linked.digest, walrus().digest);
    }

    #[test]
    fn linking_back_gives_the_original() {
        let published = [0xAB; 32];
        let linked = walrus().linked(&[(WAL_PLACEHOLDER, published)]).unwrap();
        let back = linked.modules.iter().map(|module| {
            link::replace_addresses(module, |address| {
                if *address == published {
                    WAL_PLACEHOLDER
                } else {
                    *address
                }
            })
        });
        assert_eq!(
            back.collect::<Result<Vec<_>, _>>().unwrap(),
            walrus().modules
        );
    }

    #[test]
    fn a_missing_link_is_refused() {
        assert_eq!(
            walrus().linked(&[]),
            Err(LinkError::Unlinked {
                package: "wal".to_owned()
            })
        );
    }

    #[test]
    fn a_link_to_an_address_that_is_already_used_is_refused() {
        let mut framework = [0; 32];
        framework[31] = 2;
        assert_eq!(
            walrus().linked(&[(WAL_PLACEHOLDER, framework)]),
            Err(LinkError::DuplicateAddress)
        );
    }
}
