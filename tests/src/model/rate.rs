//! What a share of a pool is worth.

/// `shares` shares are worth `wal` FROST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// FROST.
    pub wal: u128,
    /// Shares.
    pub shares: u128,
}

impl Rate {
    /// One share is one FROST.
    pub const FLAT: Self = Self { wal: 1, shares: 1 };

    /// The rate of a pool with this balance and number of shares; flat if it lacks one of them.
    ///
    /// # Panics
    ///
    /// When a share would be worth less than one FROST: no pool ever gets there.
    pub fn of(wal: u64, shares: u64) -> Self {
        if wal == 0 || shares == 0 {
            return Self::FLAT;
        }
        assert!(shares <= wal, "{shares} shares of {wal} FROST");
        Self {
            wal: wal.into(),
            shares: shares.into(),
        }
    }

    /// Shares that an amount buys.
    ///
    /// # Panics
    ///
    /// When they are too many.
    pub fn to_shares(self, wal: u64) -> u64 {
        u64::try_from(u128::from(wal) * self.shares / self.wal).expect("fewer shares than FROST")
    }

    /// What shares are worth.
    ///
    /// # Panics
    ///
    /// When it is more than there can be.
    pub fn to_wal(self, shares: u64) -> u64 {
        let wal = u128::from(shares) * self.wal / self.shares;
        u64::try_from(wal).expect("less WAL than there is")
    }
}
