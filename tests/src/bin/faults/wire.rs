//! What arrives at the services of one run, and the one thing that goes wrong.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::fault::Fault;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only reads.
    Read,
    /// It gets a token.
    Login,
    /// A question that is sent as a `POST`: an access review, a dry run.
    Review,
    /// It takes, renews, reads or releases the lock of a target. It names the lock: it may be sent again.
    Lock,
    /// It may change something.
    Write,
}

/// One request or remote execution that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    /// Where: the cloud, the management cluster, a unit.
    pub(crate) front: String,
    /// What, with its number among those of the same words: the same in every run.
    pub(crate) key: String,
    pub(crate) kind: Kind,
    /// All of it, to recognise the same request.
    pub(crate) whole: String,
    pub(crate) at: Instant,
    pub(crate) fault: Option<Fault>,
    /// The status of the service itself; none if it has not seen the request.
    pub(crate) status: Option<u16>,
}

/// How the whole of an HTTP request begins that carries no token of Keystone.
pub(crate) const NO_TOKEN: &str = "without a token: ";

impl Arrival {
    /// Whether the service has executed a write.
    pub(crate) fn wrote(&self) -> bool {
        self.kind == Kind::Write && self.status.is_some_and(|status| status < 400)
    }
}

/// What is to go wrong, and where.
#[derive(Clone, Debug)]
pub(crate) struct Armed {
    /// The front and the key of the request.
    pub(crate) at: (String, String),
    /// The key of the request before it at the same front, after which nothing listens.
    pub(crate) before: Option<String>,
    pub(crate) fault: Fault,
}

/// What is to be done with an arrival.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    /// The number of the arrival, for [`Wire::answered`].
    pub(crate) nth: usize,
    pub(crate) fault: Option<Fault>,
    /// Nothing listens after the answer; for good if it is `RefusedOn`.
    pub(crate) then_refuse: Option<Fault>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<String, usize>,
    log: Vec<Arrival>,
    armed: Option<Armed>,
    /// The front where a fault goes on.
    on: Option<(String, Fault)>,
    /// How many bytes of a response without end were sent.
    sent: u64,
    refused: bool,
}

/// Shared by all that listens in one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wire(Arc<Mutex<State>>);

impl Wire {
    /// A wire on which this goes wrong.
    pub(crate) fn new(armed: Option<Armed>) -> Self {
        Self(Arc::new(Mutex::new(State { armed, ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing listens at a front from the beginning on.
    pub(crate) fn refuses_first(&self, front: &str) -> Option<Fault> {
        let mut state = self.lock();
        let armed = state.armed.as_ref()?;
        let first = armed.before.is_none() && armed.at.0 == front;
        let fault = armed.fault;
        let refuses = first && matches!(fault, Fault::Refused | Fault::RefusedOn);
        state.refused |= refuses;
        refuses.then_some(fault)
    }

    /// Notes what arrived, and says what happens to it.
    pub(crate) fn arrive(&self, front: &str, line: &str, kind: Kind, whole: String) -> Verdict {
        let mut state = self.lock();
        let count = state.counts.entry(format!("{front} {line}")).or_default();
        *count += 1;
        let key = format!("{line} #{count}");
        let mut fault = state.on.as_ref().filter(|(at, _)| at == front).map(|(_, fault)| *fault);
        let mut then_refuse = None;
        if let Some(armed) = state.armed.clone().filter(|armed| armed.at.0 == front) {
            let refuses = matches!(armed.fault, Fault::Refused | Fault::RefusedOn);
            if refuses && armed.before.as_deref() == Some(key.as_str()) {
                then_refuse = Some(armed.fault);
                state.refused = true;
            } else if !refuses && armed.at.1 == key {
                fault = Some(armed.fault);
                if armed.fault.goes_on() {
                    state.on = Some((front.to_owned(), armed.fault));
                }
            }
        }
        let (front, at) = (front.to_owned(), Instant::now());
        state.log.push(Arrival { front, key, kind, whole, at, fault, status: None });
        Verdict { nth: state.log.len() - 1, fault, then_refuse }
    }

    /// Notes that the service has executed it.
    pub(crate) fn answered(&self, nth: usize, status: u16) {
        if let Some(arrival) = self.lock().log.get_mut(nth) {
            arrival.status = Some(status);
        }
    }

    /// Notes bytes of a response without end.
    pub(crate) fn sent(&self, bytes: u64) {
        self.lock().sent += bytes;
    }

    /// Returns how many bytes of a response without end were sent.
    pub(crate) fn endless(&self) -> u64 {
        self.lock().sent
    }

    /// Returns everything that arrived.
    pub(crate) fn log(&self) -> Vec<Arrival> {
        self.lock().log.clone()
    }

    /// Whether the fault has happened.
    pub(crate) fn happened(&self) -> bool {
        let state = self.lock();
        state.refused || state.log.iter().any(|one| one.fault.is_some())
    }
}
