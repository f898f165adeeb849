//! Asking many for the same thing: who is asked next, when one more is asked, when the answers
//! suffice.
//!
//! Status, metadata, slivers and uploads are all this: candidates in random order, a bound on how
//! many are asked at once, one more when nothing arrives for a while, and a verdict as soon as
//! there can be one.

use std::{collections::VecDeque, time::Duration};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;
use walrus_core::{NShards, bft};

use super::Node;
use crate::{
    node::NodeError,
    report::{NodeFailure, ShardReport},
};

/// How many are asked, and how long is waited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FanOutLimits {
    /// Candidates asked at the same time.
    pub at_once: usize,
    /// Silence after which one more is asked than that; `None` waits.
    pub hedge_delay: Option<Duration>,
    /// The end of all waiting.
    pub deadline: Option<Instant>,
}

/// What happened next.
#[derive(Debug)]
pub(crate) enum FanOutEvent<C, T> {
    /// A candidate has answered.
    Answer(C, Result<T, NodeError>),
    /// The deadline has passed; these have not answered.
    Deadline(Vec<C>),
    /// All candidates have answered.
    Exhausted,
}

type Asking<C, T> = BoxFuture<'static, (C, Result<T, NodeError>)>;

/// Candidates, and the requests on their way to some of them.
pub(crate) struct FanOut<C, T> {
    waiting: VecDeque<C>,
    asked: Vec<C>,
    in_flight: FuturesUnordered<Asking<C, T>>,
    ask: Box<dyn Fn(C) -> BoxFuture<'static, Result<T, NodeError>> + Send>,
    limits: FanOutLimits,
    /// Requests beyond `at_once`, granted when nothing arrived.
    extra: usize,
}

impl<C: Copy + PartialEq + Send + 'static, T: Send + 'static> FanOut<C, T> {
    /// Will ask `candidates` in their order.
    pub(crate) fn new<F>(
        candidates: impl IntoIterator<Item = C>,
        limits: FanOutLimits,
        ask: impl Fn(C) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, NodeError>> + Send + 'static,
    {
        Self {
            waiting: candidates.into_iter().collect(),
            asked: Vec::new(),
            in_flight: FuturesUnordered::new(),
            ask: Box::new(move |candidate| ask(candidate).boxed()),
            limits,
            extra: 0,
        }
    }

    /// The next event, with no more requests on their way than `useful` answers are missing (and
    /// what hedging adds).
    pub(crate) async fn next(&mut self, useful: usize) -> FanOutEvent<C, T> {
        loop {
            let target = self.limits.at_once.max(1).min(useful) + self.extra;
            while self.in_flight.len() < target
                && let Some(candidate) = self.waiting.pop_front()
            {
                self.asked.push(candidate);
                let answer = (self.ask)(candidate);
                self.in_flight
                    .push(answer.map(move |answer| (candidate, answer)).boxed());
            }
            if self.in_flight.is_empty() {
                return FanOutEvent::Exhausted;
            }
            let hedge = self.limits.hedge_delay.filter(|_| !self.waiting.is_empty());
            tokio::select! {
                biased;
                Some((candidate, answer)) = self.in_flight.next() => {
                    self.asked.retain(|asked| *asked != candidate);
                    return FanOutEvent::Answer(candidate, answer);
                }
                () = until(self.limits.deadline) => {
                    return FanOutEvent::Deadline(std::mem::take(&mut self.asked));
                }
                () = after(hedge) => self.extra += 1,
            }
        }
    }

    /// Candidates to be asked (again) after those that wait already.
    pub(crate) fn put_back(&mut self, candidates: impl IntoIterator<Item = C>) {
        self.waiting.extend(candidates);
    }

    /// Takes out the candidates that wait and for whom `is_hopeless` holds.
    pub(crate) fn take_waiting(&mut self, is_hopeless: impl Fn(&C) -> bool) -> Vec<C> {
        let (hopeless, waiting) = self.waiting.drain(..).partition(is_hopeless);
        self.waiting = waiting;
        let hopeless: VecDeque<C> = hopeless;
        hopeless.into()
    }

    /// Lets everything run to its end.
    pub(crate) async fn drain(mut self) {
        while !matches!(self.next(usize::MAX).await, FanOutEvent::Exhausted) {}
    }

    /// Whether nobody is left to wait for.
    pub(crate) fn is_done(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty()
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn after(delay: Option<Duration>) {
    match delay {
        Some(delay) => tokio::time::sleep(delay).await,
        None => std::future::pending().await,
    }
}

/// The shards behind the answers of nodes, and what they amount to.
#[derive(Debug)]
pub(crate) struct ShardTally {
    n_shards: NShards,
    needed: u16,
    /// Shards of nodes that gave a correct answer.
    pub answered: u16,
    failed: u16,
    failures: Vec<NodeFailure>,
}

impl ShardTally {
    /// A tally in which a quorum must answer.
    pub(crate) fn of_quorum(n_shards: NShards) -> Self {
        Self {
            n_shards,
            needed: bft::min_correct(n_shards),
            answered: 0,
            failed: 0,
            failures: Vec::new(),
        }
    }

    /// Shards that must answer.
    pub(crate) fn needed(&self) -> u16 {
        self.needed
    }

    pub(crate) fn answer(&mut self, node: Node<'_>) {
        self.answered = self.answered.saturating_add(node.weight());
    }

    pub(crate) fn failure(&mut self, node: Node<'_>, error: NodeError) {
        self.failed = self.failed.saturating_add(node.weight());
        self.failures.push(node.failure(error));
    }

    pub(crate) fn is_enough(&self) -> bool {
        self.answered >= self.needed
    }

    /// Whether all that is left would not suffice.
    pub(crate) fn is_lost(&self) -> bool {
        self.n_shards.get().saturating_sub(self.failed) < self.needed
    }

    /// Who answered, for an error.
    pub(crate) fn into_report(self) -> ShardReport {
        ShardReport {
            answered: self.answered,
            needed: self.needed,
            total: self.n_shards.get(),
            failures: self.failures,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    const LIMITS: FanOutLimits = FanOutLimits {
        at_once: 2,
        hedge_delay: Some(Duration::from_secs(1)),
        deadline: None,
    };

    /// Candidates answer with their number after as many seconds.
    fn seconds(
        candidates: impl IntoIterator<Item = u64>,
        limits: FanOutLimits,
    ) -> FanOut<u64, u64> {
        FanOut::new(candidates, limits, |seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok(seconds)
        })
    }

    #[tokio::test(start_paused = true)]
    async fn silence_makes_one_more_be_asked() {
        let started = Instant::now();
        let mut fan_out = seconds([1000, 2000, 1], LIMITS);
        let event = fan_out.next(usize::MAX).await;
        assert!(matches!(event, FanOutEvent::Answer(1, Ok(1))), "{event:?}");
        assert_eq!(started.elapsed(), Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_are_asked_than_answers_are_missing() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let limits = FanOutLimits {
            at_once: 5,
            ..LIMITS
        };
        let mut fan_out: FanOut<u64, u64> = FanOut::new(0..10, limits, move |candidate| {
            counter.fetch_add(1, Ordering::Relaxed);
            async move { Ok(candidate) }
        });
        for missing in (1..=3).rev() {
            assert!(matches!(
                fan_out.next(missing).await,
                FanOutEvent::Answer(..)
            ));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_names_those_who_are_silent() {
        let limits = FanOutLimits {
            deadline: Some(Instant::now() + Duration::from_secs(5)),
            hedge_delay: None,
            at_once: 3,
        };
        let mut fan_out = seconds([1, 100, 200], limits);
        assert!(matches!(
            fan_out.next(usize::MAX).await,
            FanOutEvent::Answer(1, _)
        ));
        let FanOutEvent::Deadline(silent) = fan_out.next(usize::MAX).await else {
            panic!("the deadline has passed");
        };
        assert_eq!(silent, [100, 200]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_when_all_have_answered_and_goes_on_when_some_are_put_back() {
        let mut fan_out = seconds([1], LIMITS);
        assert!(matches!(fan_out.next(9).await, FanOutEvent::Answer(..)));
        assert!(matches!(fan_out.next(9).await, FanOutEvent::Exhausted));
        fan_out.put_back([3, 4]);
        assert_eq!(fan_out.take_waiting(|seconds| *seconds == 3), [3]);
        assert!(matches!(fan_out.next(9).await, FanOutEvent::Answer(4, _)));
        assert!(fan_out.is_done());
        fan_out.drain().await;
    }
}
