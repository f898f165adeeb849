//! Progress on stderr: bars on a terminal, nothing otherwise.

use std::{
    collections::HashMap,
    io::{IsTerminal, stderr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use walrus_client::progress::{Progress, ProgressEvent, ProgressSink, no_progress};

/// Time between two frames of a spinner.
const TICK: Duration = Duration::from_millis(100);
/// Characters of a blob ID that are shown in a bar.
const SHORT_ID: usize = 8;

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
        let mut guard = self.state.lock().unwrap_or_else(PoisonError::into_inner);
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
            ProgressEvent::Registered | ProgressEvent::Certified => Self::stop_spinner(state),
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
    use walrus_core::BlobId;

    use super::*;

    #[test]
    fn reading_can_be_drawn() {
        let bar = ProgressBar::hidden().with_style(reading_style());
        bar.set_length(10);
        bar.set_position(7);
        assert_eq!(bar.position(), 7);
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
            ProgressEvent::Registered,
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
        let state = bars.state.lock().unwrap();
        assert!(state.uploads.is_empty() && state.download.is_none());
    }
}
