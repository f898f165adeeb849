//! The life of epochs.

use super::{EPOCH_MS, Failure, Ids, Node, Receipt, Walrus};
use crate::keys::admin;

impl Walrus {
    /// Ends the votes of the epoch.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn voting_end(&mut self) -> Result<Receipt, Failure> {
        let staking = self.ids.staking;
        self.run(admin().address(), |ptb| {
            let arguments = [ptb.object(staking), ptb.clock()];
            ptb.call("walrus::staking::voting_end", &arguments);
        })
    }

    /// Starts the next epoch.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn initiate_epoch_change(&mut self) -> Result<Receipt, Failure> {
        let Ids {
            staking,
            system,
            treasury,
            ..
        } = self.ids;
        self.run(admin().address(), |ptb| {
            let arguments = [
                ptb.object(staking),
                ptb.object(system),
                ptb.object(treasury),
                ptb.clock(),
            ];
            ptb.call("walrus::staking::initiate_epoch_change_v2", &arguments);
        })
    }

    /// The node attests that it has its shards of the current epoch.
    ///
    /// # Errors
    ///
    /// What it failed with.
    pub fn attest(&mut self, node: Node) -> Result<Receipt, Failure> {
        let (staking, epoch) = (self.ids.staking, self.epoch());
        self.run(node.operator, |ptb| {
            let arguments = [
                ptb.object(staking),
                ptb.object(node.cap),
                ptb.pure(&epoch),
                ptb.clock(),
            ];
            ptb.call("walrus::staking::epoch_sync_done", &arguments);
        })
    }

    /// All members of the committee attest that they have their shards.
    ///
    /// # Panics
    ///
    /// When one of them cannot.
    pub fn attest_all(&mut self) {
        for node in self.members() {
            self.attest(node).expect("members can attest once");
        }
    }

    /// Lets time pass until the next epoch has started and all its nodes have attested; returns the
    /// epoch.
    ///
    /// # Panics
    ///
    /// When that fails.
    pub fn next_epoch(&mut self) -> u32 {
        self.chain.advance_clock(EPOCH_MS / 2);
        self.voting_end().expect("half of the epoch is over");
        self.chain.advance_clock(EPOCH_MS / 2);
        self.initiate_epoch_change().expect("the epoch is over");
        self.attest_all();
        self.epoch()
    }
}
