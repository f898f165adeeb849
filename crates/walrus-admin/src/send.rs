//! Sending a transaction, or showing it: every command that changes something ends here.

use std::sync::Arc;

use anyhow::Context as _;
use serde::Serialize;
use walrus_core::SuiAddress;
use walrus_sui::{Composer, Draft, Executed, SuiReader, WalrusContract, contract::Call};
use walrus_terminal::{
    format::Sui,
    output::{print_json, print_text},
    prompt,
};

use crate::{args::SendArgs, unfinished::Unfinished};

/// What sends the transactions of one account.
pub(crate) struct Sending {
    reader: SuiReader,
    composer: Composer,
    /// Absent where nothing is sent.
    signing: Option<Signing>,
    args: SendArgs,
    json: bool,
}

/// What signs and sends.
pub(crate) struct Signing {
    /// The contracts in the name of the account.
    pub(crate) contract: WalrusContract,
    /// The record of what was sent.
    pub(crate) unfinished: Arc<Unfinished>,
}

/// What a transaction will do, in words.
pub(crate) struct SendPlan {
    /// One plain sentence.
    pub(crate) sentence: String,
    /// What to think of before.
    pub(crate) warnings: Vec<String>,
}

impl SendPlan {
    /// A plan without warnings.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            warnings: Vec::new(),
        }
    }

    /// Adds a warning.
    pub(crate) fn warn(mut self, warning: impl Into<String>) -> Self {
        self.warnings.push(warning.into());
        self
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Preview<'a> {
    dry_run: bool,
    sender: String,
    plan: &'a str,
    gas_mist: i128,
    gas_budget_mist: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Unsigned<'a> {
    sender: String,
    plan: &'a str,
    transaction: String,
    digest: String,
    gas_budget_mist: u64,
}

/// What every command that sent something reports.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    /// Digest of the transaction.
    pub(crate) transaction: String,
    /// Gas paid, in MIST; negative if storage was given back.
    pub(crate) gas_mist: i128,
}

impl Sent {
    /// The report of an executed transaction.
    pub(crate) fn of(executed: &Executed) -> Self {
        Self {
            transaction: executed.digest.to_string(),
            gas_mist: executed.gas_mist,
        }
    }

    /// The last lines of the report in text.
    pub(crate) fn lines(&self) -> String {
        format!(
            "Transaction: {}\nGas: {}",
            self.transaction,
            Sui(self.gas_mist)
        )
    }
}

impl Sending {
    /// Takes everything apart from the call.
    pub(crate) fn new(
        reader: SuiReader,
        composer: Composer,
        signing: Option<Signing>,
        args: SendArgs,
        json: bool,
    ) -> Self {
        Self {
            reader,
            composer,
            signing,
            args,
            json,
        }
    }

    /// Reads of the deployment.
    pub(crate) fn reader(&self) -> &SuiReader {
        &self.reader
    }

    /// The account.
    pub(crate) fn sender(&self) -> SuiAddress {
        self.composer.sender()
    }

    /// Executes `call` after a confirmation and returns what it did; with `--dry-run` or
    /// `--serialize-unsigned` prints what was asked for and returns `None`.
    ///
    /// The call is simulated first: what would fail, fails before anybody is asked.
    pub(crate) async fn send(
        &self,
        call: &Call,
        plan: SendPlan,
    ) -> anyhow::Result<Option<Executed>> {
        let draft = call.draft(&self.reader, &self.composer).await?;
        for warning in &plan.warnings {
            eprintln!("Warning: {warning}");
        }
        if self.args.serialize_unsigned {
            self.print_unsigned(&draft, &plan)?;
            return Ok(None);
        }
        if self.args.dry_run {
            self.print_dry_run(&draft, &plan)?;
            return Ok(None);
        }
        let gas = Sui(i128::from(draft.gas_budget_mist()));
        let question = format!("{} Gas: at most {gas}.", plan.sentence);
        prompt::confirm(&question, self.args.yes)?;
        let Signing {
            contract,
            unfinished,
        } = self.signing()?;
        unfinished.take_turn(contract.executor()).await?;
        let sent = contract.submit(call, unfinished.as_ref()).await?.executed;
        contract.reader().refresh().await;
        unfinished.executed(sent.digest);
        Ok(Some(sent))
    }

    /// Executes the call and prints `Success: …` with the report's lines, or the report as JSON.
    pub(crate) async fn send_and_report(
        &self,
        call: &Call,
        plan: SendPlan,
        success: &str,
    ) -> anyhow::Result<()> {
        let Some(executed) = self.send(call, plan).await? else {
            return Ok(());
        };
        let sent = Sent::of(&executed);
        self.report(&sent, || format!("Success: {success}\n{}", sent.lines()))
    }

    /// Prints the report of what was sent: from then on it is done.
    pub(crate) fn report<T: Serialize>(
        &self,
        report: &T,
        text: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        self.print(report, text)?;
        if let Some(signing) = &self.signing {
            signing.unfinished.forget_or_warn();
        }
        Ok(())
    }

    fn print<T: Serialize>(&self, report: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if self.json {
            print_json(report)
        } else {
            print_text(&text())
        }
    }

    /// The contracts in the name of the account.
    pub(crate) fn contract(&self) -> anyhow::Result<&WalrusContract> {
        Ok(&self.signing()?.contract)
    }

    fn signing(&self) -> anyhow::Result<&Signing> {
        self.signing
            .as_ref()
            .with_context(|| format!("the wallet has no key of {}", self.sender()))
    }

    fn print_unsigned(&self, draft: &Draft, plan: &SendPlan) -> anyhow::Result<()> {
        let report = Unsigned {
            sender: self.sender().to_string(),
            plan: &plan.sentence,
            transaction: draft.to_base64(),
            digest: draft.digest().to_string(),
            gas_budget_mist: draft.gas_budget_mist(),
        };
        if !self.json {
            eprintln!(
                "{}\nNot sent. {} signs the line below; it is worthless once one of its objects has changed.",
                plan.sentence, report.sender
            );
        }
        self.print(&report, || report.transaction.clone())
    }

    fn print_dry_run(&self, draft: &Draft, plan: &SendPlan) -> anyhow::Result<()> {
        let report = Preview {
            dry_run: true,
            sender: self.sender().to_string(),
            plan: &plan.sentence,
            gas_mist: draft.outcome.gas_mist,
            gas_budget_mist: draft.gas_budget_mist(),
        };
        self.print(&report, || {
            format!(
                "Dry run: nothing was sent\n{}\nGas: about {}, at most {}",
                plan.sentence,
                Sui(report.gas_mist),
                Sui(i128::from(report.gas_budget_mist))
            )
        })
    }
}
