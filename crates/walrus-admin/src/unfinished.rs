//! Commands that are cut off after they have sent a transaction.
//!
//! When a full node dies at the wrong moment, nobody knows whether the transaction was executed,
//! and to send another one might do the thing twice: stake twice, say. So a transaction is written
//! down before it is sent: beside the wallet, or in the folder for states (`XDG_STATE_HOME`) if
//! nothing can be written there. The same command, run again, finds out what became of that
//! transaction, and sends that very one again if need be, which executes it at most once.
//!
//! From then until its outcome is reported, a command holds a lock: two at once would take each
//! other's records for those of a run that was cut off.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use stdx::Mutex;
use walrus_core::SuiAddress;
use walrus_files::durable::{self, Lock, Readers};
use walrus_sui::{Executed, Executor, Journal, SignedTransaction, SuiError, TransactionDigest};

/// Options that do not make a command another one.
const IGNORED_OPTIONS: [&str; 3] = ["--yes", "-y", "--json"];
/// How long to wait for other commands of the account.
const LOCK_PATIENCE: Duration = Duration::from_secs(180);

/// The record of what one account has sent on one chain without having learned of the outcome.
#[derive(Debug)]
pub(crate) struct Unfinished {
    /// Where it may stand, in order of preference.
    places: Vec<PathBuf>,
    /// The command that runs now.
    command: Vec<String>,
    fate: Mutex<Fate>,
    turn: Mutex<Option<Turn>>,
}

/// The right to send, and where to write down what is sent.
#[derive(Debug)]
struct Turn {
    path: PathBuf,
    _lock: Lock,
}

/// What is known about the transaction of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    NothingSent,
    Unknown(TransactionDigest),
    Executed(TransactionDigest),
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Record {
    command: Vec<String>,
    transaction: SignedTransaction,
}

/// An earlier run of the same command did it, or began to and was carried to its end now.
#[derive(Debug, thiserror::Error)]
#[error("an earlier run of this command has done it")]
pub(crate) struct AlreadyDone(pub(crate) Executed);

impl Unfinished {
    /// The record of `sender` on the chain with `chain_id`, of commands with this wallet.
    /// `arguments` are those of the command.
    pub(crate) fn new(
        wallet: &Path,
        sender: SuiAddress,
        chain_id: &str,
        arguments: impl IntoIterator<Item = String>,
    ) -> Self {
        let name = format!("walrus-admin-{chain_id}-{sender}.json");
        let command = arguments
            .into_iter()
            .filter(|argument| !IGNORED_OPTIONS.contains(&argument.as_str()));
        let mut places = vec![wallet.with_file_name(&name)];
        places.extend(state_folder().map(|folder| folder.join(name)));
        Self {
            places,
            command: command.collect(),
            fate: Mutex::new(Fate::NothingSent),
            turn: Mutex::new(None),
        }
    }

    /// Settles what an earlier run has left: an error of type [`AlreadyDone`] if it was this very
    /// command, and it is done.
    pub(crate) async fn settle_earlier(&self, executor: &Executor) -> anyhow::Result<()> {
        self.take_turn(executor).await?;
        *self.turn.lock() = None;
        Ok(())
    }

    /// Waits until no other command of the account is between sending and reporting, and keeps
    /// others waiting until this value is gone. Settles what an earlier run has left.
    pub(crate) async fn take_turn(&self, executor: &Executor) -> anyhow::Result<()> {
        if self.turn.lock().is_some() {
            // It is still ours: this command sends several transactions.
            return Ok(());
        }
        let places = self.places.clone();
        let turn = tokio::task::spawn_blocking(move || lock_first(&places)).await??;
        *self.turn.lock() = Some(turn);
        for place in &self.places {
            if let Some(record) = read(place)? {
                self.settle(executor, record).await?;
                self.forget_all()?;
            }
        }
        Ok(())
    }

    async fn settle(&self, executor: &Executor, record: Record) -> anyhow::Result<()> {
        let digest = record.transaction.digest();
        let failed = || {
            format!(
                "cannot find out what became of transaction {digest}, which an earlier run sent"
            )
        };
        if record.command == self.command {
            let done = executor.resume(&record.transaction).await;
            return match done.with_context(failed)? {
                Some(executed) => Err(AlreadyDone(executed).into()),
                None => Ok(()),
            };
        }
        let command = record.command.join(" ");
        let executed = executor
            .rpc()
            .transaction(digest)
            .await
            .with_context(failed)?;
        let fate = if executed.is_some() { "was" } else { "was not" };
        eprintln!(
            "Note: `{command}` was cut off earlier; its transaction {digest} {fate} executed."
        );
        Ok(())
    }

    /// Notes that a transaction was executed; it is not reported yet.
    pub(crate) fn executed(&self, digest: TransactionDigest) {
        self.set(Fate::Executed(digest));
    }

    /// [`Unfinished::forget_all`] where nothing can be done about its failure.
    pub(crate) fn forget_or_warn(&self) {
        if let Err(error) = self.forget_all() {
            eprintln!(
                "Warning: {error:#}; remove the file, or the next run of the same command takes this one for unfinished"
            );
        }
    }

    /// Forgets everything: the outcome is known, or was reported.
    fn forget_all(&self) -> anyhow::Result<()> {
        self.set(Fate::NothingSent);
        for place in &self.places {
            // A place where nothing can be written usually has nothing to remove either.
            if place.exists() {
                durable::remove(place)
                    .with_context(|| format!("cannot remove {}", place.display()))?;
            }
        }
        Ok(())
    }

    /// Adds to the error of a command what is known about its transaction, and what to do.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match *self.fate.lock() {
            Fate::NothingSent => error,
            Fate::Unknown(digest) => error.context(format!(
                "transaction {digest} was sent, but no answer came, so it may have been executed or not; run the same \
                 command again when the full node is back: it finds out, and does nothing twice"
            )),
            Fate::Executed(digest) => error.context(format!(
                "transaction {digest} was executed, but what it did cannot be shown; run the same command again when the \
                 full node is back: it does nothing twice"
            )),
        }
    }

    fn set(&self, fate: Fate) {
        *self.fate.lock() = fate;
    }
}

impl Journal for Unfinished {
    fn record(&self, transaction: &SignedTransaction) -> Result<(), SuiError> {
        let record = Record {
            command: self.command.clone(),
            transaction: transaction.clone(),
        };
        let text = serde_json::to_string_pretty(&record).expect("plain data is valid JSON");
        let turn = self.turn.lock();
        let path = turn.as_ref().map(|turn| turn.path.as_path());
        let path = path.ok_or_else(|| SuiError::NotRecorded("it has no turn".to_owned()))?;
        durable::write(path, text.as_bytes(), Readers::Owner).map_err(|error| {
            SuiError::NotRecorded(format!("cannot write {}: {error}", path.display()))
        })?;
        self.set(Fate::Unknown(transaction.digest()));
        Ok(())
    }

    /// If that fails, the error that is reported is the one why nothing was done.
    fn forget(&self) {
        if matches!(*self.fate.lock(), Fate::Unknown(_)) {
            self.forget_or_warn();
        }
    }
}

/// Takes the lock of the first place where that is possible, and waits for it if somebody has it.
fn lock_first(places: &[PathBuf]) -> anyhow::Result<Turn> {
    let mut refusal = None;
    for path in places {
        match Lock::wait(path, LOCK_PATIENCE) {
            Ok(lock) => {
                return Ok(Turn {
                    path: path.clone(),
                    _lock: lock,
                });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(error).with_context(|| {
                    format!(
                        "nothing was sent: another command of this account is under way and holds {}",
                        path.display()
                    )
                });
            }
            Err(error) => {
                let told = anyhow::Error::new(error).context(format!(
                    "nothing was sent: what is sent cannot be written down at {}",
                    path.display()
                ));
                refusal.get_or_insert(told);
            }
        }
    }
    Err(refusal.unwrap_or_else(|| anyhow::anyhow!("there is no place to write down what is sent")))
}

/// The folder for states of programs, by the rules of the XDG base directories.
fn state_folder() -> Option<PathBuf> {
    let of = |name: &str| env::var_os(name).map(PathBuf::from);
    let state_home = of("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let folder = state_home.or_else(|| {
        let home = of("HOME").filter(|path| path.is_absolute());
        home.map(|home| home.join(".local/state"))
    });
    folder.map(|folder| folder.join("walrus"))
}

fn read(path: &Path) -> anyhow::Result<Option<Record>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let record = serde_json::from_slice(&bytes).with_context(|| {
        format!(
            "{} does not say what an earlier run has sent; look what the account has done, then remove the file",
            path.display()
        )
    })?;
    Ok(Some(record))
}
