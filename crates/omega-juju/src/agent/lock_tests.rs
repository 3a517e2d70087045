//! The lock of the real agent, with its state in a directory of the test.

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use omega_core::{
    run::{HeldLock, LOCK_LASTS, LockHolder, LockWanted},
    values::FileMode,
};

use super::*;
use crate::{
    Access, Action, Channel, Error, FailureCode, Fence, LockRequest, Payload, Probe, Reply,
    channel::python3,
    contract::lock::{Directory, check_at},
};

const WITHIN: Duration = Duration::from_secs(30);
const UNIT: &str = "unit";

/// The agent on this machine, whose state is elsewhere.
#[derive(Debug)]
struct Relocated(tempfile::TempDir);

impl Relocated {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn state(&self) -> std::path::PathBuf {
        self.0.path().join("state")
    }

    async fn run(&self, request: &Request) -> Output {
        let to = format!("STATE = {:?}", self.state().display().to_string());
        let stdin = request.stdin_with("STATE = \"/var/lib/omega\"", &to);
        python3(&from_stdin(), stdin, WITHIN).await
    }

    fn stored(&self) -> serde_json::Value {
        let text = std::fs::read(self.state().join("lock.json")).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    fn store(&self, lock: &serde_json::Value) {
        std::fs::write(self.state().join("lock.json"), lock.to_string()).unwrap();
    }

    fn directory(&self) -> Directory {
        use std::os::unix::fs::MetadataExt as _;
        let me = std::fs::metadata(self.0.path()).unwrap();
        let named = |path: &str, id: u32| {
            let all = std::fs::read_to_string(path).unwrap();
            let line =
                all.lines().find(|line| line.split(':').nth(2) == Some(id.to_string().as_str()));
            line.unwrap().split(':').next().unwrap().to_owned()
        };
        let (owner, group) = (named("/etc/passwd", me.uid()), named("/etc/group", me.gid()));
        let path = self.0.path().join("made").display().to_string().parse().unwrap();
        Directory { path, access: Access::new(&owner, &group, FileMode::PROGRAM) }
    }

    fn made(&self) -> Action {
        let Directory { path, access } = self.directory();
        crate::FileAction::MakeDirectory { path, access }.into()
    }

    async fn take(&self, id: &str) -> Result<HeldLock, Error> {
        let holder = LockHolder::this_process("tester", "test");
        let wanted = LockWanted { id: id.to_owned(), holder, instead_of: None };
        Ok(self.lock(&LockRequest::acquire(&wanted)).await?.unwrap())
    }
}

#[async_trait]
impl Channel for Relocated {
    fn name(&self) -> String {
        UNIT.to_owned()
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        let request = Request::ask(probes, WITHIN);
        replies(UNIT, &self.run(&request).await, &request.nonce, probes)
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        let request = Request::act(action, payload, WITHIN, fence);
        done(UNIT, &self.run(&request).await, &request.nonce)
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        let request = Request::lock(request);
        lock(UNIT, &self.run(&request).await, &request.nonce)
    }
}

/// The simulator keeps the same contract (`sim/contract_tests.rs`).
#[tokio::test]
#[ignore = "needs python3"]
async fn python_keeps_the_contract_of_the_lock() {
    let unit = Relocated::new();
    let held = check_at(&unit, &unit.directory()).await.unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(held.len(), 5);
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(&unit.state()), mode(&unit.state().join("lock.json"))), (0o700, 0o600));
}

/// The unit's clock decides. What another version stored beside what is known stays.
#[tokio::test]
#[ignore = "needs python3"]
async fn python_refuses_a_lock_that_expired_and_keeps_unknown_fields() {
    let (unit, other) = (Relocated::new(), "of a later version");
    let lock = unit.take("one").await.unwrap();
    let fence = Fence { id: lock.id.clone(), token: lock.token };
    let mut stored = unit.stored();
    stored["later"] = other.into();
    stored["expires"] = "2026-01-01T00:00:00.5Z".into();
    unit.store(&stored);
    let made = unit.made();
    let late = unit.act(&made, Payload::Null, Some(&fence)).await.unwrap_err();
    assert_eq!(late.code(), Some(&FailureCode::Fenced), "{late}");
    let late = unit.lock(&LockRequest::Renew { fence }).await.unwrap_err();
    assert_eq!(late.code(), Some(&FailureCode::Fenced), "nobody took it, and yet it is lost");
    assert!(!unit.0.path().join("made").exists());
    let next = unit.take("two").await.unwrap();
    assert_eq!((next.token, unit.stored()["later"].as_str()), (lock.token + 1, Some(other)));
    let now = jiff::Timestamp::now();
    let lasts = next.expires.duration_since(now).unsigned_abs();
    assert!(lasts <= LOCK_LASTS && lasts > LOCK_LASTS.saturating_sub(WITHIN), "{lasts:?}");
}

#[tokio::test]
#[ignore = "needs python3"]
async fn python_refuses_every_action_while_the_lock_is_damaged() {
    let unit = Relocated::new();
    unit.take("one").await.unwrap();
    let made = unit.made();
    for text in [
        "",
        "{",
        "[]",
        "{\"token\": 1}",
        r#"{"token": 1, "id": "x", "holder": {}, "expires": "soon"}"#,
    ] {
        std::fs::write(unit.state().join("lock.json"), text).unwrap();
        for error in [
            unit.act(&made, Payload::Null, None).await.unwrap_err(),
            unit.take("two").await.unwrap_err(),
        ] {
            assert_eq!(error.code(), Some(&FailureCode::LockDamaged), "{text}: {error}");
        }
        let replies = unit.ask(&[Probe::Lock]).await.unwrap();
        assert!(matches!(&replies[0], Reply::Failed(why) if why.code == FailureCode::LockDamaged));
    }
    assert!(!unit.0.path().join("made").exists());
}

/// While an action runs, nobody takes the lock, even after its expiry; the action renews it.
#[tokio::test]
#[ignore = "needs python3"]
async fn python_lets_nobody_in_during_an_action() {
    let unit = Relocated::new();
    let lock = unit.take("one").await.unwrap();
    let mut stored = unit.stored();
    stored["expires"] = "2026-01-01T00:00:00.5Z".into();
    // What an action does: it keeps the flock until it ends.
    let path = unit.state().join("lock/act");
    let act = std::fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    act.lock().unwrap();
    let busy = unit.take("two").await.unwrap_err();
    assert_eq!(
        busy.code(),
        Some(&FailureCode::Held),
        "who holds it is more useful than that it is busy"
    );
    unit.store(&stored);
    let busy = unit.take("two").await.unwrap_err();
    assert_eq!(busy.code(), Some(&FailureCode::Busy), "{busy}");
    act.unlock().unwrap();
    assert_eq!(unit.take("two").await.unwrap().token, lock.token + 1);
}
