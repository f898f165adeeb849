//! The accounts that pay. Stores at the same time use different accounts, so that none waits for
//! the coins of another; a main account fills them up.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use futures::future::join_all;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use stdx::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use walrus_client::{ClientError, SigningOptions, WalrusClient};
use walrus_core::{Frost, ObjectId, SuiAddress};
use walrus_sui::{
    Signer, SuiError, Unrecorded, Wallet, WalletEnv, WalletError, WalrusContract, contract::Call,
};

/// Objects given to the main account in one transaction.
const OBJECTS_PER_TRANSACTION_MAX: usize = 100;

/// How accounts are made and filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubWalletOptions {
    /// Folder of their wallet files. Keys are made on demand and stay.
    pub folder: PathBuf,
    /// How many there are, and so how many stores at the same time.
    pub count: usize,
    /// How often they are looked at.
    pub refill_interval: Duration,
    /// SUI given to one that has too little, in MIST.
    pub refill_mist: u64,
    /// WAL given to one that has too little.
    pub refill_wal: Frost,
    /// Less than this, in MIST and in FROST, is too little.
    pub balance_min: u64,
}

/// Why the accounts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletsError {
    /// The folder does not exist.
    #[error("the folder for sub-wallets {0} does not exist; make it, and keep it: it holds keys")]
    NoFolder(PathBuf),
    /// A wallet cannot be read or written.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// A client cannot be made.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// An account, and a client that signs with it.
pub(crate) struct SubWallet {
    name: String,
    pub client: WalrusClient,
    address: SuiAddress,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WalletLabels {
    wallet: String,
    coin: &'static str,
}

/// What the accounts have.
#[derive(Debug, Clone, Default)]
pub(crate) struct WalletMetrics {
    balances: Family<WalletLabels, Gauge<u64, AtomicU64>>,
}

impl WalletMetrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "walrus_publisher_balance",
            "What the accounts of the publisher have, in MIST and FROST",
            metrics.balances.clone(),
        );
        metrics
    }

    fn show(&self, wallet: &str, balance: Balance) {
        for (coin, amount) in [("sui", balance.mist), ("wal", balance.frost)] {
            let wallet = wallet.to_owned();
            let labels = WalletLabels { wallet, coin };
            self.balances.get_or_create(&labels).set(amount);
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Balance {
    mist: u64,
    frost: u64,
}

/// All accounts. Clones share them.
#[derive(Clone)]
pub(crate) struct Wallets {
    main: WalrusContract,
    all: Arc<[Arc<SubWallet>]>,
    free: Arc<Mutex<VecDeque<Arc<SubWallet>>>>,
    places: Arc<Semaphore>,
    options: Arc<SubWalletOptions>,
    metrics: WalletMetrics,
    /// Why accounts could not be filled the last time.
    obstacle: Arc<Mutex<Option<String>>>,
}

/// An account that nobody else uses until this is dropped.
pub(crate) struct InUse {
    wallet: Arc<SubWallet>,
    free: Arc<Mutex<VecDeque<Arc<SubWallet>>>>,
    _place: OwnedSemaphorePermit,
}

impl InUse {
    pub(crate) fn client(&self) -> &WalrusClient {
        &self.wallet.client
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut free = self.free.lock();
        free.push_back(Arc::clone(&self.wallet));
    }
}

impl Wallets {
    /// Opens or makes the accounts. `main` is the client of the main account, `env` the chain it is
    /// on.
    pub(crate) fn open(
        main: &WalrusClient,
        env: &WalletEnv,
        rpc_urls: &[String],
        options: SubWalletOptions,
        metrics: WalletMetrics,
    ) -> Result<Self, WalletsError> {
        if !options.folder.is_dir() {
            return Err(WalletsError::NoFolder(options.folder));
        }
        let count = options.count.clamp(1, Semaphore::MAX_PERMITS);
        let all = (0..count).map(|number| {
            let signer = signer(&options.folder, number, env)?;
            let address = signer.address();
            let gas_budget = None;
            let signing = SigningOptions { signer, gas_budget };
            Ok(Arc::new(SubWallet {
                name: number.to_string(),
                client: WalrusClient::new(main.config().clone(), rpc_urls, Some(signing))?,
                address,
            }))
        });
        let all: Vec<Arc<SubWallet>> = all.collect::<Result<_, WalletsError>>()?;
        Ok(Self {
            main: main.contract()?.clone(),
            free: Arc::new(Mutex::new(all.iter().cloned().collect())),
            places: Arc::new(Semaphore::new(all.len())),
            all: all.into(),
            options: Arc::new(options),
            metrics,
            obstacle: Arc::default(),
        })
    }

    /// Transactions of the main account.
    pub(crate) fn main(&self) -> &WalrusContract {
        &self.main
    }

    /// The main account.
    pub(crate) fn main_address(&self) -> SuiAddress {
        self.main.address()
    }

    /// Why accounts could not be filled the last time; `None` if all is well.
    pub(crate) fn obstacle(&self) -> Option<String> {
        self.obstacle.lock().clone()
    }

    /// Waits for an account.
    pub(crate) async fn take(&self) -> InUse {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let mut free = self.free.lock();
        InUse {
            wallet: free.pop_front().expect("there are as many as places"),
            free: Arc::clone(&self.free),
            _place: place,
        }
    }

    /// Gives the main account what the others still own: a store that was cut off has paid for it,
    /// and whoever has the main account can complete or use it.
    pub(crate) async fn collect(&self) {
        for wallet in self.all.iter() {
            if let Err(error) = self.collect_from(wallet).await {
                tracing::warn!(wallet = wallet.name, %error, "what the sub-wallet owns could not be collected");
            }
        }
    }

    async fn collect_from(&self, wallet: &SubWallet) -> Result<(), ClientError> {
        let reader = wallet.client.reader();
        let blobs = reader.owned_blobs(wallet.address).await?;
        let blobs: Vec<ObjectId> = blobs.iter().map(|blob| blob.id).collect();
        for part in blobs.chunks(OBJECTS_PER_TRANSACTION_MAX) {
            let call = Call::transfer(part.to_vec(), self.main_address());
            wallet.client.contract()?.submit(&call, &Unrecorded).await?;
            tracing::info!(
                wallet = wallet.name,
                blobs = part.len(),
                "collected blobs of stores that were cut off"
            );
        }
        Ok(())
    }

    /// Fills up accounts until `stop`.
    pub(crate) async fn keep_filled(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.options.refill_interval) => {}
            }
            self.fill().await;
        }
    }

    /// Fills up the accounts that have too little. One whose balance cannot be read is left alone.
    pub(crate) async fn fill(&self) {
        let obstacle = match self.try_fill().await {
            Ok(()) => None,
            Err(error) => Some(error.to_string()),
        };
        let mut known = self.obstacle.lock();
        match (&*known, &obstacle) {
            (None, Some(reason)) => tracing::warn!(reason, "sub-wallets cannot be filled"),
            (Some(_), None) => tracing::info!("sub-wallets are filled again"),
            _ => {}
        }
        *known = obstacle;
    }

    async fn try_fill(&self) -> Result<(), SuiError> {
        let main = self.balance(self.main_address()).await?;
        self.metrics.show("main", main);
        let balances = self.all.iter().map(|wallet| self.balance(wallet.address));
        let balances = join_all(balances).await;
        let (mut sui, mut wal) = (Vec::new(), Vec::new());
        for (wallet, balance) in self.all.iter().zip(balances) {
            let balance = balance?;
            self.metrics.show(&wallet.name, balance);
            if balance.mist < self.options.balance_min {
                sui.push((wallet.address, self.options.refill_mist));
            }
            if balance.frost < self.options.balance_min {
                wal.push((wallet.address, self.options.refill_wal));
            }
        }
        if !sui.is_empty() {
            self.main.executor().send_sui(&sui).await?;
        }
        if !wal.is_empty() {
            let wal_type = self.main.reader().wal_type().await?;
            self.main.executor().send_wal(&wal_type, &wal).await?;
        }
        Ok(())
    }

    async fn balance(&self, owner: SuiAddress) -> Result<Balance, SuiError> {
        let reader = self.main.reader();
        let (mist, wal) =
            tokio::try_join!(reader.sui_balance_mist(owner), reader.wal_balance(owner))?;
        Ok(Balance { mist, frost: wal.0 })
    }
}

/// The signer of account `number`, made if it is not there.
fn signer(folder: &Path, number: usize, env: &WalletEnv) -> Result<Signer, WalletError> {
    let path = folder.join(format!("sui_client_{number}.yaml"));
    if path.exists() {
        return Wallet::load(&path)?.active_signer();
    }
    let signer = Signer::generate(&mut rand::rngs::OsRng);
    Wallet::create(&path, env.clone(), &signer)?;
    Ok(signer)
}
