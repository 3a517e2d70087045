//! The logins of this process. Keystone may lock a user out after a few failures, and each unanswered
//! login takes the whole time limit: so a failure is shared, whichever session met it.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use omega_core::values::Sha256;
use tokio::sync;

use super::patience::Answered;
use crate::{CloudConfig, Error};

/// How long a login that Keystone rejected is not sent again.
const REJECTED: Duration = Duration::from_mins(10);

/// The same for a login that failed in another way, if Keystone does not say how long to wait.
const FAILED: Duration = Duration::from_secs(10);

/// The longest time that a `Retry-After` of Keystone is waited for.
const AT_MOST: Duration = Duration::from_mins(1);

/// Whoever logs in, by a digest of the address, the user and the secret.
static ALL: LazyLock<Mutex<BTreeMap<Sha256, Arc<Logins>>>> = LazyLock::new(Mutex::default);

/// The servers of each cloud that have answered any of its users, by Keystone's address.
static ANSWERED: LazyLock<Mutex<BTreeMap<String, Arc<Answered>>>> = LazyLock::new(Mutex::default);

/// The logins with one credential, in any scope.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// Held during a login, until one has succeeded.
    turn: sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the credential is known to be good: a login with it succeeded.
    proven: bool,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    scope: Sha256,
    until: Instant,
    error: Arc<Error>,
}

/// Returns the servers of the cloud of `config` that have answered one of its sessions, of whatever user: a stuck
/// cluster's own credential goes to the Keystone that the administrator was just answered by.
pub(super) fn answered(config: &CloudConfig) -> Arc<Answered> {
    let mut all = ANSWERED.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(config.auth_url.to_string()).or_default())
}

impl Logins {
    /// Returns the logins with the credential of `config`.
    pub(super) fn of(config: &CloudConfig) -> Arc<Self> {
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(config.credential_key()).or_default())
    }

    /// Logs in by `login`, in this scope. While it is not known whether the credential is good, one login
    /// is in flight. A recent failure is returned instead of a login.
    pub(super) async fn once<T>(
        &self,
        scope: Sha256,
        login: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Arc<Error>> {
        let _turn = if self.state().proven { None } else { Some(self.turn.lock().await) };
        if let Some(error) = self.failure(scope) {
            return Err(error);
        }
        let answer = login.await.map_err(Arc::new);
        let mut state = self.state();
        match &answer {
            Ok(_) => {
                state.proven = true;
                state.failures.retain(|failure| failure.scope != scope);
            }
            Err(error) => {
                let (until, error) = (Instant::now() + kept(error), Arc::clone(error));
                state.failures.push(Failure { scope, until, error });
            }
        }
        answer
    }

    /// Notes that the credential is good: a token that it gave is still valid.
    pub(super) fn proven(&self) {
        self.state().proven = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the failure that a login in this scope would meet again.
    fn failure(&self, scope: Sha256) -> Option<Arc<Error>> {
        let mut state = self.state();
        let now = Instant::now();
        state.failures.retain(|failure| failure.until > now);
        let proven = state.proven;
        // A wrong password and a project without a role are the same answer, until a login succeeds.
        let concerns =
            |failure: &&Failure| failure.scope == scope || !proven || !is_of_scope(&failure.error);
        state.failures.iter().rev().find(concerns).map(|failure| Arc::clone(&failure.error))
    }
}

/// Returns whether a login in another scope may succeed.
fn is_of_scope(error: &Error) -> bool {
    matches!(error, Error::OtherProject { .. })
        || error.refusal().is_some_and(|refusal| (400..500).contains(&refusal.status))
}

fn kept(error: &Error) -> Duration {
    let Some(refusal) = error.refusal() else { return FAILED };
    match refusal.retry_after {
        _ if refusal.status == 401 => REJECTED,
        Some(after) => after.pause(jiff::Timestamp::now()).min(AT_MOST),
        None => FAILED,
    }
}
