//! The simulator, run as anybody runs it.

use std::process::{Command, Output};

use walrus_simulator::Event;

/// Histories that everybody makes before pushing. `scripts/soak` makes more.
const SEEDS: &str = "100";
/// The same, of histories with one kind of fault.
const SEEDS_PER_FAULT: &str = "2";

fn simulate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_walrus-simulator"))
        .args(arguments)
        .output()
        .expect("the simulator starts")
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let traced = |seed| {
        let output = simulate(&["--first-seed", seed, "--steps", "40", "--trace"]);
        String::from_utf8(output.stderr).expect("a trace is text")
    };
    let (first, again) = (traced("7"), traced("7"));
    assert!(first.lines().count() > 500, "things happen");
    for (number, (one, other)) in first.lines().zip(again.lines()).enumerate() {
        assert_eq!(one, other, "line {number}");
    }
    assert_eq!(first.len(), again.len());
    assert_ne!(first, traced("8"));
}

/// Disks that forget what they said was durable break every promise: if no history goes wrong, the
/// checks see nothing.
#[test]
fn what_is_lost_is_noticed() {
    let output = simulate(&["--seeds", "20", "--disks-lie"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(errors.contains("replay it with"), "{errors}");
}

fn assert_end_well(arguments: &[&str]) {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.to_string();
    let output = simulate(&[arguments, &["--jobs", &jobs]].concat());
    let (histories, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{histories}{errors}");
}

#[test]
fn a_hundred_histories_end_well() {
    assert_end_well(&["--seeds", SEEDS]);
}

/// What is rare beside everything else is frequent here.
#[test]
fn histories_with_one_kind_of_fault_end_well() {
    for fault in Event::faults() {
        assert_end_well(&["--seeds", SEEDS_PER_FAULT, "--only", &fault.to_string()]);
    }
}
