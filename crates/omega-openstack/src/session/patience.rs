//! How often a read is sent, and when.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use omega_core::Context;
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::{Error, Request, RetryAfter, TransportCause};

/// How often a read is sent at most.
const TRIES: u32 = 5;

/// The pause after the first try; each is twice the one before.
const FIRST: Duration = Duration::from_millis(200);

/// Repeats one read, and never a write.
#[derive(Debug)]
pub(crate) struct Patience {
    /// The request's deadline: a read that took all of its time is not sent again.
    until: Instant,
    pause: Duration,
    left: u32,
}

impl Patience {
    /// For one request that may take `limit`.
    pub(crate) fn new(ctx: &Context, request: &Request, limit: Duration) -> Self {
        let read = Self::with_a_read(ctx, limit);
        Self { left: if request.writes() { 1 } else { read.left }, ..read }
    }

    /// For one read that may take `limit`.
    pub(crate) fn with_a_read(ctx: &Context, limit: Duration) -> Self {
        let until = Instant::now() + limit;
        let until = ctx.deadline().map_or(until, |deadline| deadline.min(until));
        Self { until, pause: FIRST, left: TRIES }
    }

    /// Waits until the read is to be sent again. Returns false if it is not.
    ///
    /// `asked`: when the service allows the next request, if it says so.
    pub(crate) async fn again(&mut self, ctx: &Context, asked: Option<RetryAfter>) -> bool {
        self.left -= 1;
        let pause = asked.map_or(self.pause, |asked| asked.pause(Timestamp::now()).max(FIRST));
        let at = Instant::now() + pause;
        if self.left == 0 || at >= self.until {
            return false;
        }
        self.pause *= 2;
        tokio::select! {
            () = sleep_until(at) => true,
            () = ctx.cancel().cancelled() => false,
        }
    }
}

/// Returns whether a status tells that the service, or the proxy in front of it, could not answer now.
pub(crate) fn is_passing(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// The servers that have answered before: one that refuses a connection then is being restarted.
#[derive(Debug, Default)]
pub(crate) struct Answered(Mutex<BTreeSet<String>>);

impl Answered {
    pub(crate) fn add(&self, url: &Url) {
        let origin = url.origin().ascii_serialization();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(origin);
    }

    fn has_answered(&self, url: &str) -> bool {
        let origin = url.parse().map(|url: Url| url.origin().ascii_serialization());
        let answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        origin.is_ok_and(|origin| answered.contains(&origin))
    }

    /// Returns whether what met `error` was never sent, to a server that has answered before. A login may be
    /// sent again then.
    pub(crate) fn was_restarting(&self, error: &Error) -> bool {
        let Error::Unreachable { cause: TransportCause::Refused, url, .. } = error else {
            return false;
        };
        self.has_answered(url)
    }

    /// Returns whether a read that met `error` may succeed when it is sent again.
    pub(crate) fn may_again(&self, error: &Error) -> bool {
        let Error::Unreachable { cause, url, .. } = error else { return false };
        match cause {
            TransportCause::Reset | TransportCause::ConnectTimedOut => true,
            TransportCause::Refused | TransportCause::Connect => self.has_answered(url),
            // A server that hangs has had its time.
            TransportCause::Hung
            | TransportCause::Stalled { .. }
            | TransportCause::TooSlow { .. }
            | TransportCause::Tls
            | TransportCause::Source
            | TransportCause::Other => false,
        }
    }
}
