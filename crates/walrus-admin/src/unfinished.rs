//! Commands that are cut off after they have sent a transaction.
//!
//! When a full node dies at the wrong moment, nobody knows whether the transaction was executed, and to send another
//! one might do the thing twice: stake twice, say. So a transaction is written down beside the wallet before it is
//! sent. The same command, run again, finds out what became of that transaction, and sends that very one again if
//! need be, which executes it at most once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use walrus_core::SuiAddress;
use walrus_sui::{
    Executed, Executor, SignedTransaction, SuiError, TransactionDigest, wallet::write_private,
};

/// Options that do not make a command another one.
const IGNORED_OPTIONS: [&str; 3] = ["--yes", "-y", "--json"];

/// The record of what one account has sent on one chain without having learned of the outcome.
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    /// The command that runs now.
    command: Vec<String>,
    fate: Mutex<Fate>,
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
    /// The record of `sender` on the chain with `chain_id`, beside the wallet. `arguments` are those of the command.
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
        Self {
            path: wallet.with_file_name(name),
            command: command.collect(),
            fate: Mutex::new(Fate::NothingSent),
        }
    }

    /// Settles what an earlier run has left: an error of type [`AlreadyDone`] if it was this very command, and
    /// it is done.
    pub(crate) async fn settle_earlier(&self, executor: &Executor) -> anyhow::Result<()> {
        let Some(record) = self.read()? else {
            return Ok(());
        };
        let digest = record.transaction.digest();
        let failed = || {
            format!(
                "cannot find out what became of transaction {digest}, which an earlier run sent"
            )
        };
        if record.command == self.command {
            let done = match executor.resume(&record.transaction).await {
                Err(error) if !error.leaves_outcome_open() => None,
                result => result.with_context(failed)?,
            };
            if let Some(executed) = done {
                return Err(AlreadyDone(executed).into());
            }
        } else {
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
        }
        self.forget()
    }

    /// Writes a transaction down that is about to be sent.
    pub(crate) fn record(&self, transaction: &SignedTransaction) -> Result<(), SuiError> {
        let record = Record {
            command: self.command.clone(),
            transaction: transaction.clone(),
        };
        let text = serde_json::to_string_pretty(&record).expect("plain data is valid JSON");
        write_private(&self.path, &text).map_err(|error| {
            SuiError::NotRecorded(format!("cannot write {}: {error}", self.path.display()))
        })?;
        self.set(Fate::Unknown(transaction.digest()));
        Ok(())
    }

    /// Notes how sending ended. What failed for sure is forgotten.
    pub(crate) fn sent(&self, result: &Result<Executed, SuiError>) -> anyhow::Result<()> {
        match result {
            Ok(executed) => {
                self.set(Fate::Executed(executed.digest));
                Ok(())
            }
            Err(error) if error.leaves_outcome_open() => Ok(()),
            Err(_) => self.forget(),
        }
    }

    /// Forgets everything: the outcome is known, or was reported.
    pub(crate) fn forget(&self) -> anyhow::Result<()> {
        self.set(Fate::NothingSent);
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Adds to the error of a command what is known about its transaction, and what to do.
    pub(crate) fn explain(&self, error: anyhow::Error) -> anyhow::Error {
        match *self.fate.lock().unwrap_or_else(PoisonError::into_inner) {
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
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }

    fn read(&self) -> anyhow::Result<Option<Record>> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", self.path.display()));
            }
        };
        let record = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "{} does not say what an earlier run has sent; look what the account has done, then remove the file",
                self.path.display()
            )
        })?;
        Ok(Some(record))
    }
}
