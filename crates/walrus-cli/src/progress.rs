//! Progress on stderr: bars on a terminal, nothing otherwise.

use std::{
    collections::HashMap,
    io::{IsTerminal, stderr},
    sync::Arc,
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use stdx::Mutex;
use walrus_client::progress::{Progress, ProgressEvent, ProgressSink, no_progress};
use walrus_core::Frost;

use crate::output::format::Wal;

/// Time between two frames of a spinner.
const TICK: Duration = Duration::from_millis(100);
/// Characters of a blob ID that are shown in a bar.
const SHORT_ID: usize = 8;

/// Notes what a store has paid for, so that it can be told when the store is interrupted, and hands
/// progress on.
pub(crate) struct Ledger {
    bars: Mutex<Option<ProgressSink>>,
    account: Mutex<Account>,
}

#[derive(Default)]
struct Account {
    /// Blobs of a transaction that is under way.
    registering: usize,
    registered: usize,
    paid: Frost,
    certified: usize,
}

impl Ledger {
    pub(crate) fn new(bars: ProgressSink) -> Self {
        Self {
            bars: Mutex::new(Some(bars)),
            account: Mutex::default(),
        }
    }

    /// Nothing more is drawn: there is text to come.
    pub(crate) fn finish(&self) {
        self.bars.lock().take();
    }

    /// What is done and paid, and how to go on. `buys_anew` tells that the same command would not
    /// look at it.
    pub(crate) fn if_interrupted(&self, buys_anew: bool) -> String {
        self.finish();
        let account = self.account.lock();
        account.if_interrupted(buys_anew)
    }
}

impl Account {
    fn note(&mut self, event: ProgressEvent) {
        match event {
            ProgressEvent::Registering { blobs } => self.registering = blobs,
            ProgressEvent::Registered { blobs, cost } => {
                self.registering = 0;
                self.registered += blobs;
                self.paid = self.paid + cost;
            }
            ProgressEvent::Certified { blobs } => self.certified += blobs,
            _ => {}
        }
    }

    fn if_interrupted(&self, buys_anew: bool) -> String {
        let command = if buys_anew {
            "the same command without --force and --ignore-resources"
        } else {
            "the same command"
        };
        let count = |blobs: usize| format!("{blobs} blob{}", plural(blobs));
        let (registered, paid) = (count(self.registered), Wal(self.paid.0));
        match (self.registered, self.registering) {
            (0, 0) if self.certified == 0 => "interrupted; nothing was paid".to_owned(),
            (0, 0) => format!(
                "interrupted; nothing was paid, {} certified that had been registered before; {command} goes on",
                count(self.certified)
            ),
            (0, registering) => format!(
                "interrupted while the transaction that registers and pays {} was under way: it may have been \
                 executed; {command} finds out and goes on without paying twice",
                count(registering)
            ),
            (_, 0) => format!(
                "interrupted; {registered} registered and paid ({paid}), {} certified; {command} completes the upload \
                 without paying again",
                self.certified
            ),
            (_, registering) => format!(
                "interrupted; {registered} registered and paid ({paid}), {} certified, and the transaction for {} was \
                 under way; {command} finds out and goes on without paying twice",
                self.certified,
                count(registering)
            ),
        }
    }
}

impl Progress for Ledger {
    fn report(&self, event: ProgressEvent) {
        self.account.lock().note(event);
        let bars = self.bars.lock();
        if let Some(bars) = &*bars {
            bars.report(event);
        }
    }
}

/// Draws the progress of one command.
struct Bars {
    screen: MultiProgress,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    spinner: Option<ProgressBar>,
    uploads: HashMap<usize, ProgressBar>,
    download: Option<ProgressBar>,
}

/// A receiver of progress that draws bars if stderr is a terminal.
pub(crate) fn bars() -> ProgressSink {
    if !stderr().is_terminal() {
        return no_progress();
    }
    Arc::new(Bars {
        screen: MultiProgress::new(),
        state: Mutex::default(),
    })
}

/// A bar for bytes that are read, if stderr is a terminal; it must be advanced by its owner.
pub(crate) fn reading(length: u64, what: &str) -> ProgressBar {
    if !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length)
        .with_style(reading_style())
        .with_message(what.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}

fn reading_style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{spinner} {msg} [{elapsed}] [{bar:32}] {bytes}/{total_bytes} ({eta})",
    )
    .expect("the template is constant and tested")
    .progress_chars("=> ")
}

impl Bars {
    fn spinner(&self, state: &mut State, message: String) {
        let spinner = state.spinner.get_or_insert_with(|| {
            let spinner = self.screen.add(ProgressBar::new_spinner());
            spinner.enable_steady_tick(TICK);
            spinner
        });
        spinner.set_message(message);
    }

    fn bar(&self, length: u64, message: String) -> ProgressBar {
        let style = ProgressStyle::with_template(
            "{spinner} {msg} [{elapsed}] [{bar:32}] {pos}/{len} ({eta})",
        )
        .expect("the template is constant and tested")
        .progress_chars("=> ");
        let bar = self.screen.add(
            ProgressBar::new(length)
                .with_style(style)
                .with_message(message),
        );
        bar.enable_steady_tick(TICK);
        bar
    }

    fn stop_spinner(state: &mut State) {
        if let Some(spinner) = state.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

impl Progress for Bars {
    fn report(&self, event: ProgressEvent) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        match event {
            ProgressEvent::Encoding { .. } => self.spinner(state, "encoding the blob".to_owned()),
            ProgressEvent::CheckingStatus => self.spinner(state, "asking the nodes".to_owned()),
            ProgressEvent::Registering { blobs } => {
                self.spinner(state, format!("registering {blobs} blob{}", plural(blobs)));
            }
            ProgressEvent::Certifying { blobs } => {
                self.spinner(state, format!("certifying {blobs} blob{}", plural(blobs)));
            }
            ProgressEvent::Decoding => {
                if let Some(bar) = state.download.take() {
                    bar.finish_and_clear();
                }
                self.spinner(state, "decoding and checking the blob".to_owned());
            }
            ProgressEvent::CommitteeChanged => {
                self.spinner(
                    state,
                    "the committee has changed, starting again".to_owned(),
                );
            }
            ProgressEvent::Uploading {
                blob,
                blob_id,
                needed,
                ..
            } => {
                Self::stop_spinner(state);
                let id: String = blob_id.to_string().chars().take(SHORT_ID).collect();
                let bar = self.bar(needed.into(), format!("sending slivers ({id}…)"));
                state.uploads.insert(blob, bar);
            }
            ProgressEvent::Confirmed { blob, shards } => {
                if let Some(bar) = state.uploads.get(&blob) {
                    let length = bar.length().unwrap_or(u64::MAX);
                    bar.set_position(u64::from(shards).min(length));
                }
            }
            ProgressEvent::QuorumReached { blob } => {
                if let Some(bar) = state.uploads.remove(&blob) {
                    bar.finish_and_clear();
                }
            }
            ProgressEvent::MetadataRead { slivers_needed, .. } => {
                Self::stop_spinner(state);
                state.download =
                    Some(self.bar(slivers_needed.into(), "requesting slivers".to_owned()));
            }
            ProgressEvent::SliversRead { slivers } => {
                if let Some(bar) = &state.download {
                    bar.set_position(slivers.into());
                }
            }
            ProgressEvent::Registered { .. } | ProgressEvent::Certified { .. } => {
                Self::stop_spinner(state);
            }
            _ => {}
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // Failing to tidy up the screen is no failure of the command.
        let _ = self.screen.clear();
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

#[cfg(test)]
mod tests {
    use walrus_core::{BlobId, Frost};

    use super::*;

    #[test]
    fn reading_can_be_drawn() {
        let bar = ProgressBar::hidden().with_style(reading_style());
        bar.set_length(10);
        bar.set_position(7);
        assert_eq!(bar.position(), 7);
    }

    #[test]
    fn an_interrupted_store_says_what_is_paid() {
        let ledger = Ledger::new(no_progress());
        assert_eq!(
            ledger.if_interrupted(false),
            "interrupted; nothing was paid"
        );
        ledger.report(ProgressEvent::Registering { blobs: 2 });
        let text = ledger.if_interrupted(false);
        assert!(
            text.contains("2 blobs") && text.contains("may have been executed"),
            "{text}"
        );
        ledger.report(ProgressEvent::Registered {
            blobs: 2,
            cost: Frost(500_000_000),
        });
        ledger.report(ProgressEvent::Certified { blobs: 1 });
        assert_eq!(
            ledger.if_interrupted(false),
            "interrupted; 2 blobs registered and paid (0.5 WAL), 1 certified; the same command completes the upload \
             without paying again"
        );
        assert!(ledger.if_interrupted(true).contains("without --force"));
    }

    #[test]
    fn every_event_can_be_drawn() {
        let bars = Bars {
            screen: MultiProgress::with_draw_target(indicatif::ProgressDrawTarget::hidden()),
            state: Mutex::default(),
        };
        let blob_id = BlobId([1; 32]);
        for event in [
            ProgressEvent::Encoding { blob: 0, size: 1 },
            ProgressEvent::Encoded {
                blob: 0,
                blob_id,
                encoded_size: 5,
            },
            ProgressEvent::Registering { blobs: 2 },
            ProgressEvent::Registered {
                blobs: 2,
                cost: Frost(1),
            },
            ProgressEvent::Uploading {
                blob: 0,
                blob_id,
                shards: 10,
                needed: 7,
            },
            ProgressEvent::Confirmed { blob: 0, shards: 9 },
            ProgressEvent::QuorumReached { blob: 0 },
            ProgressEvent::MetadataRead {
                size: 1,
                slivers_needed: 4,
            },
            ProgressEvent::SliversRead { slivers: 4 },
            ProgressEvent::Decoding,
        ] {
            bars.report(event);
        }
        let state = bars.state.lock();
        assert!(state.uploads.is_empty() && state.download.is_none());
    }
}
