//! Seeds of everything random: fixed, unless `WALRUS_TEST_SEED` names another, and printed when a
//! test fails.

use std::fmt::Debug;

use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngSeed, TestCaseError, TestRunner},
};

/// Name of the variable that overrides the seed.
pub const SEED_VARIABLE: &str = "WALRUS_TEST_SEED";
/// The seed of a run that does not ask for another.
const SEED_DEFAULT: u64 = 20_260_820;

/// The seed of this run.
///
/// # Panics
///
/// When `WALRUS_TEST_SEED` is not a number.
pub fn seed() -> u64 {
    match std::env::var(SEED_VARIABLE) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{SEED_VARIABLE} is not a number: {text}")),
        Err(_) => SEED_DEFAULT,
    }
}

/// Runs `check` on `cases` random inputs; `check` panics when one of them is wrong.
///
/// # Panics
///
/// When `check` does, with the smallest input for which it does, and the seed.
pub fn for_all<S: Strategy>(cases: u32, inputs: &S, check: impl Fn(S::Value))
where
    S::Value: Debug,
{
    let seed = seed();
    let mut runner = TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(inputs, |input| {
        check(input);
        Ok::<(), TestCaseError>(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}\nto run this again: {SEED_VARIABLE}={seed}");
    }
}
