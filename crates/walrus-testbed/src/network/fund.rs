//! SUI and WAL for any account.

use anyhow::{Context as _, ensure};
use walrus_core::{Frost, SuiAddress};
use walrus_sui::Wallet;

use super::Network;

/// An amount of one of the two tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// SUI, in MIST.
    Sui(u64),
    /// WAL.
    Wal(Frost),
}

impl std::str::FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected =
            || format!("`{text}` is no amount; write it like 100WAL, 5SUI, 1000FROST or 1000MIST");
        let lower = text.trim().to_ascii_lowercase();
        // Both tokens have nine decimals, so both are read by the same rules.
        let with_unit = |number: &str, unit: &str| format!("{number}{unit}").parse::<Frost>();
        let sui = match (lower.strip_suffix("sui"), lower.strip_suffix("mist")) {
            (Some(number), _) => with_unit(number, "WAL"),
            (None, Some(number)) => with_unit(number, "FROST"),
            (None, None) => return lower.parse().map(Self::Wal).map_err(|_| expected()),
        };
        sui.map(|amount| Self::Sui(amount.0))
            .map_err(|_| expected())
    }
}

impl Network {
    /// Sends SUI and WAL to an account: an address, or the name of one in the wallet of the
    /// network.
    pub async fn fund(&self, account: &str, amounts: &[Amount]) -> anyhow::Result<SuiAddress> {
        let deployer = self.deployer().await?;
        let address = match account.parse() {
            Ok(address) => address,
            Err(_) => Wallet::load(self.state_dir.client_wallet())?.account(account)?,
        };
        let (mut mist, mut frost) = (0_u64, 0_u64);
        for amount in amounts {
            let (sum, more) = match amount {
                Amount::Sui(more) => (&mut mist, *more),
                Amount::Wal(more) => (&mut frost, more.0),
            };
            *sum = sum.checked_add(more).context("there is not that much")?;
        }
        ensure!(mist > 0 || frost > 0, "nothing to send: every amount is 0");
        let contract = deployer.contract()?;
        let executor = contract.executor();
        if mist > 0 {
            executor.send_sui(&[(address, mist)]).await?;
        }
        if frost > 0 {
            let wal_type = contract.reader().wal_type().await?;
            executor
                .send_wal(&wal_type, &[(address, Frost(frost))])
                .await?;
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_units() {
        for (text, amount) in [
            ("100WAL", Amount::Wal(Frost(100_000_000_000))),
            ("1FROST", Amount::Wal(Frost(1))),
            ("0.5 sui", Amount::Sui(500_000_000)),
            ("7Mist", Amount::Sui(7)),
        ] {
            assert_eq!(text.parse(), Ok(amount), "{text}");
        }
        for text in [
            "",
            "5",
            "SUI",
            "5USD",
            "-1SUI",
            "0.0000000001SUI",
            "5SUISUI",
        ] {
            assert!(text.parse::<Amount>().is_err(), "{text}");
        }
    }
}
