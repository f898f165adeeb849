//! The compiled packages, embedded when this crate is built.

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::link;

pub use crate::{
    link::LinkError,
    linked::{ComparedModule, Link, LinkedPackage, ModuleChange, package_digest},
};

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

impl CompiledPackage {
    /// Replaces placeholder addresses by published packages: in the modules' address tables by the
    /// IDs of their first versions, in the dependencies by those of the versions to use.
    ///
    /// # Errors
    ///
    /// A module is not well-formed, a placeholder is left over, or two addresses become equal.
    pub fn linked(&self, links: &[Link]) -> Result<LinkedPackage, LinkError> {
        let replace = |address: &[u8; 32], id: fn(&Link) -> [u8; 32]| {
            links
                .iter()
                .find(|link| link.placeholder == *address)
                .map_or(*address, id)
        };
        let dependencies: Vec<_> = self
            .dependencies
            .iter()
            .map(|address| replace(address, |link| link.package_id))
            .collect();
        if let Some(left) = dependencies
            .iter()
            .find(|address| link::is_placeholder(address))
        {
            return Err(LinkError::Unlinked {
                package: link::placeholder_name(left),
            });
        }
        let relink = |address: &[u8; 32]| replace(address, |link| link.original_id);
        let modules = self
            .modules
            .iter()
            .map(|module| link::replace_addresses(module, relink))
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

/// Defines a function per embedded package, and the list of all.
macro_rules! embedded {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $(
            $(#[$doc])*
            pub fn $name() -> &'static CompiledPackage {
                static PACKAGE: LazyLock<CompiledPackage> = LazyLock::new(|| {
                    let name = stringify!($name);
                    parse(name, include_str!(concat!(env!("OUT_DIR"), "/", stringify!($name), ".json")))
                });
                &PACKAGE
            }
        )*

        /// All embedded packages, dependencies first. Names such as `walrus_v4` are later versions
        /// of a package.
        pub fn all() -> impl Iterator<Item = &'static CompiledPackage> {
            let packages: &[fn() -> &'static CompiledPackage] = &[$($name),*];
            packages.iter().map(|package| package())
        }
    };
}

embedded! {
    /// The token package.
    wal
    /// The exchange of SUI and WAL for test networks. Calls `wal` at [`WAL_PLACEHOLDER`].
    wal_exchange
    /// The package with storage, staking and epochs. Calls `wal` at [`WAL_PLACEHOLDER`].
    walrus
    /// Version 4 of [`walrus`], which an upgrade can follow it with: other sources of one module,
    /// and a migration.
    walrus_v4
    /// The package with the older discount for buyers of storage. Calls `wal` at
    /// [`WAL_PLACEHOLDER`] and `walrus` at [`WALRUS_PLACEHOLDER`].
    subsidies
    /// The package with rewards for nodes on top of what users pay. Calls `wal` at
    /// [`WAL_PLACEHOLDER`] and `walrus` at [`WALRUS_PLACEHOLDER`].
    walrus_subsidies
    /// The package with shared buckets of blobs. Calls `wal` at [`WAL_PLACEHOLDER`] and `walrus` at
    /// [`WALRUS_PLACEHOLDER`].
    blob_bucket
    /// The package with proposals to the committee and votes about them. Calls `wal` at
    /// [`WAL_PLACEHOLDER`] and `walrus` at [`WALRUS_PLACEHOLDER`].
    walrus_governance
    /// The registry of key servers. Calls none of the others.
    seal
    /// Policies about who gets the keys of private data. Calls none of the others.
    policies
}

/// The embedded package of this name.
pub fn by_name(name: &str) -> Option<&'static CompiledPackage> {
    all().find(|package| package.name == name)
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

    fn to_wal(package: [u8; 32]) -> Link {
        Link::to_first_version(WAL_PLACEHOLDER, package)
    }

    #[test]
    fn the_digest_of_the_compiler_is_ours() {
        for package in all() {
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
        let linked = wal_exchange().linked(&[to_wal([0xAB; 32])]);
        assert!(linked.unwrap().dependencies.contains(&[0xAB; 32]));
    }

    #[test]
    fn packages_on_top_of_walrus_need_both_links() {
        let links = [
            to_wal([0xAB; 32]),
            Link::to_first_version(WALRUS_PLACEHOLDER, [0xCD; 32]),
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
        let linked = walrus().linked(&[to_wal(published)]).unwrap();
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
        let linked = walrus().linked(&[to_wal(published)]).unwrap();
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
            walrus().linked(&[to_wal(framework)]),
            Err(LinkError::DuplicateAddress)
        );
    }
}
