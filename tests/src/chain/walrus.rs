//! A deployment on a [`Chain`], with nodes that exist as keys.

mod calls;
mod epochs;
mod read;
mod sign;

use std::{collections::BTreeMap, sync::Arc};

use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};
use walrus_contracts::packages::{
    self, CompiledPackage, Link, WAL_PLACEHOLDER, WALRUS_PLACEHOLDER,
};
use walrus_core::{
    BlobId, EncodingType, FROST_PER_WAL, NetworkKeyPair, ObjectId, ProtocolPublicKey,
    ProtocolSignature, SuiAddress, merkle, params::encoded_length,
};
use walrus_sui::ids::object_address;

pub use self::{
    calls::{register_blob, register_candidate},
    sign::Certificate,
};
use super::{Argument, Chain, Failure, Ptb, Receipt};
use crate::keys::{admin, operator, pauper, staker, user};

/// Accounts of operators that have SUI from genesis on.
pub const OPERATORS: u8 = 40;
/// Accounts of stakers that have SUI from genesis on.
pub const STAKERS: u8 = 10;
/// Duration of an epoch, in ms.
pub const EPOCH_MS: u64 = 3_600_000;
/// Storage can be bought for this many epochs ahead.
pub const MAX_EPOCHS_AHEAD: u32 = 10;
/// WAL that is staked with each node of [`Walrus::start`], in FROST.
pub const NODE_STAKE: u64 = 1000 * FROST_PER_WAL;

/// The objects of a deployment.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the names are those of the Move types")]
pub struct Ids {
    pub package: ObjectId,
    pub system: ObjectId,
    pub staking: ObjectId,
    pub treasury: ObjectId,
    pub upgrade_manager: ObjectId,
    pub slashing_manager: ObjectId,
    pub emergency_upgrade_cap: ObjectId,
}

/// A deployment and its chain.
pub struct Walrus {
    /// The chain.
    pub chain: Chain,
    /// Objects of the deployment.
    pub ids: Ids,
    /// The type of WAL.
    pub wal_type: StructTag,
    /// Registered nodes, in the order of registration.
    pub nodes: Vec<Node>,
    /// The transaction that created System and Staking.
    pub initialized: Receipt,
    packages: Arc<BTreeMap<&'static str, Address>>,
    n_shards: u16,
}

/// A registered node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Number of its key: [`protocol_key`](crate::keys::protocol_key).
    pub key: u8,
    /// Account that owns the capability.
    pub operator: SuiAddress,
    /// Id of the node.
    pub id: ObjectId,
    /// Its capability.
    pub cap: ObjectId,
}

/// A node to register.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "the names are those of the Move function")]
pub struct NodeSpec {
    pub name: String,
    pub network_address: String,
    pub public_key: Vec<u8>,
    pub network_public_key: Vec<u8>,
    pub proof_of_possession: Vec<u8>,
    pub commission_rate: u16,
    pub storage_price: u64,
    pub write_price: u64,
    pub node_capacity: u64,
}

impl NodeSpec {
    /// A node with no commission and votes for low prices.
    pub fn new(key: ProtocolPublicKey, proof_of_possession: ProtocolSignature) -> Self {
        Self {
            name: "node".to_owned(),
            network_address: "127.0.0.1:9185".to_owned(),
            public_key: key.0.to_vec(),
            network_public_key: NetworkKeyPair::from_seed([9; 32]).public().0.to_vec(),
            proof_of_possession: proof_of_possession.0.to_vec(),
            commission_rate: 0,
            storage_price: 5,
            write_price: 1,
            node_capacity: 1 << 40,
        }
    }
}

/// A blob that does not exist as data: its Merkle root is made up, which the chain cannot know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobSpec {
    /// Makes it differ from others.
    pub seed: u64,
    /// Length before encoding, in bytes.
    pub length: u64,
    /// Whether its owner may delete it.
    pub deletable: bool,
    /// How many epochs, from the current one on, it is stored.
    pub epochs: u32,
}

impl BlobSpec {
    /// A blob for two epochs.
    pub fn new(seed: u64, length: u64, deletable: bool) -> Self {
        Self {
            seed,
            length,
            deletable,
            epochs: 2,
        }
    }

    /// Its Merkle root.
    pub fn root_hash(&self) -> [u8; 32] {
        let mut root = [0x5a; 32];
        root[..8].copy_from_slice(&self.seed.to_le_bytes());
        root
    }

    /// Its id.
    pub fn blob_id(&self) -> BlobId {
        let root = merkle::Node::Digest(self.root_hash());
        BlobId::derive(EncodingType::Rs2, self.length, &root)
    }

    /// Its length after encoding, in bytes.
    ///
    /// # Panics
    ///
    /// When it is too large to be encoded.
    pub fn encoded_length(&self, n_shards: u16) -> u64 {
        let n_shards = n_shards.try_into().expect("networks have shards");
        encoded_length(n_shards, self.length).expect("blobs of tests can be encoded")
    }
}

/// Setting up.
impl Walrus {
    /// Publishes `wal` and `walrus` and creates System and Staking; the network is in epoch 0 and
    /// has no nodes. The admin owns all WAL.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn deploy(n_shards: u16) -> Self {
        let mut accounts = vec![admin(), user(), pauper()];
        accounts.extend((0..OPERATORS).map(operator));
        accounts.extend((0..STAKERS).map(staker));
        let accounts: Vec<_> = accounts.iter().map(walrus_sui::Signer::address).collect();
        let admin = admin().address();
        let mut chain = Chain::new(&accounts);

        let mut names =
            BTreeMap::from([("std", Address::from_static("0x1")), ("sui", Address::TWO)]);
        let (wal, receipt) = publish(&mut chain, packages::wal(), &[]);
        let treasury = receipt.only("wal", "ProtectedTreasury");
        names.insert("wal", object_address(wal));
        let (package, receipt) = publish(
            &mut chain,
            packages::walrus(),
            &[Link::to_first_version(WAL_PLACEHOLDER, wal.0)],
        );
        let (init_cap, upgrade_cap) = (
            receipt.only("init", "InitCap"),
            receipt.only("package", "UpgradeCap"),
        );
        names.insert("walrus", object_address(package));
        let packages = Arc::new(names);

        let mut ptb = Ptb::new(Arc::clone(&packages));
        let arguments = [
            ptb.object(init_cap),
            ptb.object(upgrade_cap),
            ptb.pure(&0u64),
            ptb.pure(&EPOCH_MS),
            ptb.pure(&n_shards),
            ptb.pure(&MAX_EPOCHS_AHEAD),
            ptb.clock(),
        ];
        let cap = ptb.call("walrus::init::initialize_walrus", &arguments);
        ptb.transfer(&[cap], admin);
        let created = chain.execute(admin, ptb).expect("it is published just now");
        let ids = Ids {
            package,
            system: created.only("system", "System"),
            staking: created.only("staking", "Staking"),
            treasury,
            upgrade_manager: created.only("upgrade", "UpgradeManager"),
            slashing_manager: created.only("slashing", "SlashingManager"),
            emergency_upgrade_cap: created.only("upgrade", "EmergencyUpgradeCap"),
        };
        let identifier = Identifier::from_static;
        let wal_type = StructTag::new(
            object_address(wal),
            identifier("wal"),
            identifier("WAL"),
            vec![],
        );
        Self {
            chain,
            ids,
            wal_type,
            nodes: Vec::new(),
            initialized: created,
            packages,
            n_shards,
        }
    }

    /// A network in epoch 1 whose nodes have equal stake. The user has a million WAL.
    ///
    /// # Panics
    ///
    /// When it does not come about.
    pub fn start(n_shards: u16, nodes: u8) -> Self {
        let mut walrus = Self::deploy(n_shards);
        let admin = admin().address();
        walrus.send_wal(admin, user().address(), 1_000_000 * FROST_PER_WAL);
        for key in 0..nodes {
            let node = walrus.register(key).expect("the node is valid");
            walrus
                .stake(admin, node.id, NODE_STAKE)
                .expect("the admin has WAL");
        }
        walrus.next_epoch();
        walrus
    }

    /// Publishes another package of the repository; its functions can then be called by its name.
    ///
    /// # Panics
    ///
    /// When it cannot be published.
    pub fn publish(&mut self, package: &CompiledPackage) -> (ObjectId, Receipt) {
        let links = [
            Link::to_first_version(WAL_PLACEHOLDER, self.packages["wal"].into_inner()),
            Link::to_first_version(WALRUS_PLACEHOLDER, self.ids.package.0),
        ];
        let published = publish(&mut self.chain, package, &links);
        self.name_package(package.name, published.0);
        published
    }

    /// Makes the functions of a package callable by a name.
    pub fn name_package(&mut self, name: &'static str, package: ObjectId) {
        Arc::make_mut(&mut self.packages).insert(name, object_address(package));
    }
}

/// Transactions.
impl Walrus {
    /// An empty transaction.
    pub fn ptb(&self) -> Ptb {
        Ptb::new(Arc::clone(&self.packages))
    }

    /// Executes the transaction that `commands` builds.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn run(
        &mut self,
        sender: SuiAddress,
        commands: impl FnOnce(&mut Ptb),
    ) -> Result<Receipt, Failure> {
        let mut ptb = self.ptb();
        commands(&mut ptb);
        self.chain.execute(sender, ptb)
    }

    /// The type of WAL coins.
    pub fn coin_type(&self) -> StructTag {
        StructTag::coin(TypeTag::from(self.wal_type.clone()))
    }

    /// The account's coin with the most WAL.
    ///
    /// # Panics
    ///
    /// When it has none.
    pub fn wal_coin(&self, account: SuiAddress) -> ObjectId {
        let coins = self.chain.owned(account, &self.coin_type());
        coins
            .into_iter()
            .max_by_key(|coin| self.coin_value(*coin))
            .expect("the account has WAL")
    }

    /// Sends WAL from one account to another.
    ///
    /// # Panics
    ///
    /// When there is not enough of it.
    pub fn send_wal(&mut self, from: SuiAddress, to: SuiAddress, amount: u64) {
        let coin = self.wal_coin(from);
        self.run(from, |ptb| {
            let coin = ptb.object(coin);
            let part = ptb.split(coin, &[amount]);
            ptb.transfer(&[part], to);
        })
        .expect("the account has enough WAL");
    }
}

/// Publishes a package as the admin, who keeps its upgrade capability.
fn publish(chain: &mut Chain, package: &CompiledPackage, links: &[Link]) -> (ObjectId, Receipt) {
    let linked = package.linked(links).expect("dependencies are published");
    let mut ptb = Ptb::default();
    let cap = ptb.publish(linked.modules, &linked.dependencies);
    ptb.transfer(&[cap], admin().address());
    let receipt = chain
        .execute(admin().address(), ptb)
        .unwrap_or_else(|failure| panic!("publishing {}: {failure}", package.name));
    (receipt.package.expect("a package is published"), receipt)
}
