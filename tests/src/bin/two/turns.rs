//! A scheduler of two runs: at each exchange with a service, either may go on, and the other stands still.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// When the one that runs gives way to the other.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// The first gives way after so many exchanges, then the other after so many; then each goes on until it
    /// ends. The first stands still for `asleep` of the time meanwhile.
    Twice { first: usize, second: usize, asleep: bool },
    /// At random, from this seed.
    Seeded(u64),
}

impl std::fmt::Display for Schedule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Twice { first, second, asleep } => {
                let asleep = if *asleep { ", past the expiry of its lock" } else { "" };
                write!(f, "the first stands still after {first} exchanges{asleep}, ")?;
                write!(f, "the second after {second}")
            }
            Self::Seeded(seed) => write!(f, "seed {seed}"),
        }
    }
}

/// How long a run that sleeps stands still: longer than its lock lasts.
const ASLEEP: Duration = Duration::from_secs(150);

/// Who may send now.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug)]
struct State {
    active: usize,
    /// How many exchanges each has begun.
    sent: [usize; 2],
    ended: [bool; 2],
    schedule: Schedule,
    switches: usize,
    /// Until when the one that gave way sleeps, before the other goes on.
    not_before: Option<Instant>,
    random: u64,
}

impl Turns {
    /// The first begins.
    pub(crate) fn new(schedule: Schedule) -> Self {
        let random = match schedule {
            Schedule::Seeded(seed) => seed,
            Schedule::Twice { .. } => 0,
        };
        let (sent, ended, switches) = ([0; 2], [false; 2], 0);
        let not_before = None;
        let state = State { active: 0, sent, ended, schedule, switches, not_before, random };
        Self { state: Mutex::new(state), changed: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many exchanges each has begun.
    pub(crate) fn sent(&self) -> [usize; 2] {
        self.lock().sent
    }

    /// Returns as soon as `who` may begin an exchange.
    pub(crate) async fn exchange(&self, who: usize) {
        loop {
            let changed = self.changed.notified();
            let next = self.lock().next(who);
            match next {
                Next::Go => return,
                Next::Wait => {}
                Next::Later(at) => {
                    tokio::time::sleep_until(at).await;
                    continue;
                }
                Next::GiveWay => {
                    self.changed.notify_waiters();
                    continue;
                }
            }
            changed.await;
        }
    }

    /// Lets only the other go on.
    pub(crate) fn end(&self, who: usize) {
        let mut state = self.lock();
        if let Some(ended) = state.ended.get_mut(who) {
            *ended = true;
        }
        state.active = 1 - who;
        drop(state);
        self.changed.notify_waiters();
    }
}

enum Next {
    Go,
    Wait,
    /// The other sleeps, and nobody runs: only the clock does.
    Later(Instant),
    GiveWay,
}

impl State {
    fn next(&mut self, who: usize) -> Next {
        if self.active != who {
            return Next::Wait;
        }
        if let Some(at) = self.not_before.filter(|at| *at > Instant::now()) {
            return Next::Later(at);
        }
        let other_ended = self.ended.get(1 - who).copied().unwrap_or(true);
        if !other_ended && let Some(asleep) = self.gives_way(who) {
            self.active = 1 - self.active;
            self.switches += 1;
            self.not_before = asleep.then(|| Instant::now() + ASLEEP);
            return Next::GiveWay;
        }
        if let Some(sent) = self.sent.get_mut(who) {
            *sent += 1;
        }
        Next::Go
    }

    fn gives_way(&mut self, who: usize) -> Option<bool> {
        let sent = self.sent.get(who).copied().unwrap_or_default();
        match self.schedule {
            Schedule::Twice { first, asleep, .. } if self.switches == 0 => {
                (sent >= first).then_some(asleep)
            }
            Schedule::Twice { second, .. } if self.switches == 1 => {
                (sent >= second).then_some(false)
            }
            Schedule::Twice { .. } => None,
            Schedule::Seeded(_) => match self.draw() % 64 {
                0 => Some(true),
                1..=6 => Some(false),
                _ => None,
            },
        }
    }

    /// `SplitMix64` (Steele, Lea and Flood 2014).
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
