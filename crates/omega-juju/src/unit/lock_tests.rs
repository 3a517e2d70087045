use omega_core::{Diagnostic as _, Retry, Touched};

use super::*;
use crate::{
    Action, Payload,
    sim::{Start, Unit},
};

/// A machine whose answers to so many requests about the lock are lost after it has executed them.
#[derive(Debug)]
struct Loses {
    unit: Unit,
    left: AtomicUsize,
}

#[async_trait]
impl Channel for Loses {
    fn name(&self) -> String {
        "juju".to_owned()
    }
    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        self.unit.ask(probes).await
    }
    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        self.unit.act(action, payload, fence).await
    }
    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        let answer = self.unit.lock(request).await;
        let fewer = |left: usize| left.checked_sub(1);
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer).is_err() {
            return answer;
        }
        let (unit, via, why) = ("magnum/0".to_owned(), "juju".to_owned(), "closed".to_owned());
        let (next, touched, retry) = (None, Touched::Nothing, Retry::Transient);
        Err(Error::Unreachable { unit, via, why, next, touched, retry })
    }
}

fn losing(unit: &Unit, times: usize) -> UnitLock {
    let channel = Loses { unit: unit.clone(), left: AtomicUsize::new(times) };
    UnitLock::new("magnum/0", Arc::new(channel))
}

fn wanted(id: &str) -> LockWanted {
    LockWanted { id: id.to_owned(), ..LockWanted::default() }
}

/// It names its lock: it has its effect once, however often it is sent.
#[tokio::test(start_paused = true)]
async fn a_request_whose_answer_was_lost_is_sent_again() {
    let unit = Start::Fresh.unit("magnum/0");
    let lock = losing(&unit, 2);
    let held = lock.acquire(&wanted("one")).await.unwrap();
    assert_eq!((held.token, lock.requests()), (1, 3));
    assert_eq!(unit.held().unwrap().id, "one");
    lock.release().await.unwrap();
    assert_eq!(unit.held(), None);
    let LockRefusal::Failed(failure) = losing(&unit, 3).acquire(&wanted("two")).await.unwrap_err()
    else {
        panic!("nobody holds it")
    };
    assert!(failure.retry() == Retry::Transient && failure.touched == Touched::Nothing);
}
