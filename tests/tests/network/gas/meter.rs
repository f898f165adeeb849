//! A network whose transactions are measured.

use std::collections::{BTreeMap, BTreeSet};

use walrus_core::{ObjectId, SuiAddress};
use walrus_tests::{
    chain::{Argument, BlobSpec, Gas, Ptb, Receipt, Walrus},
    keys::{self, permanent},
};

pub(crate) struct Meter {
    pub(crate) walrus: Walrus,
    gas: BTreeMap<String, Gas>,
}

pub(crate) fn user() -> SuiAddress {
    keys::user().address()
}

impl Meter {
    pub(crate) fn new() -> Self {
        let walrus = Walrus::start(10, 5);
        let gas = walrus.initialized.gas;
        let mut meter = Self {
            walrus,
            gas: BTreeMap::new(),
        };
        meter.record("walrus::init::initialize_walrus", gas);
        meter
    }

    pub(crate) fn record(&mut self, function: &str, gas: Gas) {
        let before = self.gas.insert(function.to_owned(), gas);
        assert_eq!(before, None, "{function} is measured twice");
    }

    /// Measures a call that returns nothing. `label` is the function, and a remark behind a space
    /// if there are several calls of it.
    pub(crate) fn call(
        &mut self,
        label: &str,
        sender: SuiAddress,
        arguments: impl FnOnce(&mut Ptb) -> Vec<Argument>,
    ) -> Receipt {
        self.measure(label, sender, |ptb, function| {
            let arguments = arguments(ptb);
            ptb.call(function, &arguments);
        })
    }

    /// Measures a call that returns an object, which the sender gets.
    pub(crate) fn keep(
        &mut self,
        label: &str,
        sender: SuiAddress,
        arguments: impl FnOnce(&mut Ptb) -> Vec<Argument>,
    ) -> Receipt {
        self.measure(label, sender, |ptb, function| {
            let arguments = arguments(ptb);
            let object = ptb.call(function, &arguments);
            ptb.transfer(&[object], sender);
        })
    }

    /// Measures a transaction.
    pub(crate) fn measure(
        &mut self,
        label: &str,
        sender: SuiAddress,
        commands: impl FnOnce(&mut Ptb, &str),
    ) -> Receipt {
        let function = label.split(' ').next().expect("a label has a function");
        let receipt = self
            .walrus
            .run(sender, |ptb| commands(ptb, function))
            .unwrap_or_else(|failure| panic!("{label}: {failure}"));
        self.record(label, receipt.gas);
        receipt
    }

    /// What is measured, without remarks.
    pub(crate) fn functions(&self) -> BTreeSet<String> {
        let labels = self.gas.keys();
        labels
            .filter_map(|label| label.split(' ').next())
            .map(str::to_owned)
            .collect()
    }

    /// The rows of the table.
    pub(crate) fn rows(&self) -> String {
        let row = |(label, gas): (&String, &Gas)| {
            let (function, remark) = label.split_once(' ').unwrap_or((label, ""));
            let space = if remark.is_empty() { "" } else { " " };
            let Gas {
                computation,
                storage,
                rebate,
            } = gas;
            format!("| `{function}`{space}{remark} | {computation} | {storage} | {rebate} |\n")
        };
        self.gas.iter().map(row).collect()
    }

    pub(crate) fn coin(&self) -> ObjectId {
        self.walrus.wal_coin(user())
    }

    /// A registered blob of the user.
    pub(crate) fn blob(&mut self, seed: u64, deletable: bool) -> ObjectId {
        let spec = BlobSpec::new(seed, 1000, deletable);
        self.walrus
            .register_blob(user(), &spec)
            .expect("the blob is valid")
    }

    /// A certified permanent blob of the user.
    pub(crate) fn certified_blob(&mut self, seed: u64) -> ObjectId {
        let blob = self.blob(seed, false);
        let body = permanent(BlobSpec::new(seed, 1000, false).blob_id());
        let certificate = self.walrus.certify(body);
        self.walrus
            .certify_blob(user(), blob, &certificate)
            .expect("the committee certifies");
        blob
    }

    /// Storage of the user, unmeasured.
    pub(crate) fn storage(&mut self, bytes: u64, start: u32, end: u32) -> ObjectId {
        let (system, coin) = (self.walrus.ids.system, self.coin());
        let receipt = self.walrus.run(user(), |ptb| {
            let arguments = [
                ptb.object(system),
                ptb.pure(&bytes),
                ptb.pure(&start),
                ptb.pure(&end),
                ptb.object(coin),
            ];
            let storage = ptb.call("walrus::system::reserve_space_for_epochs", &arguments);
            ptb.transfer(&[storage], user());
        });
        receipt
            .expect("there is capacity")
            .only("storage_resource", "Storage")
    }
}
