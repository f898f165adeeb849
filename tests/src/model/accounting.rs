//! What is sold and paid for each epoch.

use std::collections::BTreeMap;

use super::Refused;

/// Storage is counted in units of this many bytes.
pub const BYTES_PER_UNIT: u64 = 1 << 20;

const STORAGE_EXCEEDED: Refused = Refused("system_state_inner", 1);
const INVALID_EPOCHS: Refused = Refused("system_state_inner", 2);
const INVALID_SIZE: Refused = Refused("system_state_inner", 11);
const NOT_ENOUGH_WAL: Refused = Refused("balance", 2);

/// One epoch.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct EpochAccount {
    /// Bytes sold.
    pub used: u64,
    /// FROST paid.
    pub rewards: u64,
}

/// The current epoch and those after it for which storage is sold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accounting {
    /// The current epoch.
    pub epoch: u32,
    /// For how many epochs storage is sold, the current one included.
    pub epochs_max: u32,
    /// Bytes that may be sold.
    pub capacity: u64,
    /// FROST per unit and epoch.
    pub storage_price: u64,
    /// FROST per unit written.
    pub write_price: u64,
    accounts: BTreeMap<u32, EpochAccount>,
}

impl Accounting {
    /// Nothing is sold yet.
    pub fn new(epochs_max: u32) -> Self {
        Self {
            epoch: 0,
            epochs_max,
            capacity: 0,
            storage_price: 0,
            write_price: 0,
            accounts: BTreeMap::new(),
        }
    }

    /// The account of an epoch.
    pub fn account(&self, epoch: u32) -> EpochAccount {
        self.accounts.get(&epoch).copied().unwrap_or_default()
    }

    /// The accounts of the current epoch and all after it.
    pub fn all(&self) -> Vec<EpochAccount> {
        (0..self.epochs_max)
            .map(|offset| self.account(self.epoch + offset))
            .collect()
    }

    /// Adds to what is paid for an epoch.
    pub fn pay(&mut self, epoch: u32, amount: u64) {
        self.accounts.entry(epoch).or_default().rewards += amount;
    }

    /// Sells storage for the epochs from `start` to before `end`; returns what it costs.
    ///
    /// # Errors
    ///
    /// In the order in which the contract looks: period, payment, size, capacity.
    pub fn reserve(
        &mut self,
        bytes: u64,
        start: u32,
        end: u32,
        budget: u64,
    ) -> Result<u64, Refused> {
        let start = start.max(self.epoch);
        if end <= start || end - self.epoch > self.epochs_max {
            return Err(INVALID_EPOCHS);
        }
        self.sell(bytes, start, end, budget)
    }

    /// Extends storage that ends at `end` by some epochs; returns what it costs.
    ///
    /// # Errors
    ///
    /// As [`Self::reserve`].
    pub fn extend(
        &mut self,
        bytes: u64,
        end: u32,
        epochs: u32,
        budget: u64,
    ) -> Result<u64, Refused> {
        let reach = u64::from(end - self.epoch) + u64::from(epochs);
        if epochs == 0 || reach > u64::from(self.epochs_max) {
            return Err(INVALID_EPOCHS);
        }
        self.sell(bytes, end, end + epochs, budget)
    }

    fn sell(&mut self, bytes: u64, start: u32, end: u32, budget: u64) -> Result<u64, Refused> {
        let price = self.storage_price * bytes.div_ceil(BYTES_PER_UNIT);
        let cost = price * u64::from(end - start);
        if cost > budget {
            return Err(NOT_ENOUGH_WAL);
        }
        if bytes == 0 {
            return Err(INVALID_SIZE);
        }
        if (start..end).any(|epoch| self.account(epoch).used + bytes > self.capacity) {
            return Err(STORAGE_EXCEEDED);
        }
        for epoch in start..end {
            let account = self.accounts.entry(epoch).or_default();
            account.used += bytes;
            account.rewards += price;
        }
        Ok(cost)
    }

    /// Books what writing a blob costs, and returns it.
    ///
    /// # Errors
    ///
    /// When the budget does not suffice.
    pub fn write(&mut self, encoded_length: u64, budget: u64) -> Result<u64, Refused> {
        let cost = self.write_price * encoded_length.div_ceil(BYTES_PER_UNIT);
        if cost > budget {
            return Err(NOT_ENOUGH_WAL);
        }
        self.pay(self.epoch, cost);
        Ok(cost)
    }

    /// Adds an amount in equal parts to the next epochs; the current one gets what is left over.
    ///
    /// # Errors
    ///
    /// When storage is not sold for so many epochs, or for none.
    pub fn subsidise(&mut self, amount: u64, epochs: u32) -> Result<(), Refused> {
        if epochs == 0 || epochs > self.epochs_max {
            return Err(INVALID_EPOCHS);
        }
        let part = amount / u64::from(epochs);
        for offset in 0..epochs {
            self.pay(self.epoch + offset, part);
        }
        self.pay(self.epoch, amount - part * u64::from(epochs));
        Ok(())
    }

    /// Ends the current epoch and returns its account. The capacity of the next is at least what is
    /// sold of it.
    pub fn end_epoch(&mut self, capacity: u64) -> EpochAccount {
        let ended = self.account(self.epoch);
        self.accounts.remove(&self.epoch);
        self.epoch += 1;
        self.capacity = capacity.max(self.account(self.epoch).used);
        ended
    }
}
