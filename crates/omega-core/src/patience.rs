//! How often a read by a program or on a machine is made, and when.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{Diagnostic, Retry};

/// How often at most: a remote execution costs seconds.
const TRIES: u32 = 3;

/// The pause after the first try; each is twice the one before.
const FIRST: Duration = Duration::from_millis(200);

/// When no other try is begun: what took so long takes as long again.
const MOST: Duration = Duration::from_secs(20);

/// Makes a read, and again while that may help ([`Retry::Transient`]). It is for reads only: a write is
/// made once.
///
/// A read that met its deadline is not made again, since whoever was asked has had the time.
///
/// # Errors
///
/// The error of the last try.
pub async fn patiently<T, E, F>(read: impl Fn() -> F + Send) -> Result<T, E>
where
    E: Diagnostic + Send,
    F: Future<Output = Result<T, E>> + Send,
{
    let (start, mut pause) = (Instant::now(), FIRST);
    for _ in 1..TRIES {
        match read().await {
            Err(error) if may_again(&error) && start.elapsed() + pause <= MOST => {}
            answer => return answer,
        }
        sleep(pause).await;
        pause *= 2;
    }
    read().await
}

fn may_again(error: &impl Diagnostic) -> bool {
    error.retry() == Retry::Transient && !error.timed_out()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Clone, Debug, thiserror::Error)]
    #[error("trouble")]
    struct Trouble {
        retry: Retry,
        late: bool,
    }

    impl Diagnostic for Trouble {
        fn retry(&self) -> Retry {
            self.retry
        }
        fn timed_out(&self) -> bool {
            self.late
        }
    }

    /// Fails so often; returns whether it succeeded in the end, and how often it was asked.
    async fn asked(times: u32, trouble: Trouble) -> (bool, u32) {
        let count = AtomicU32::new(0);
        let answer = patiently(|| {
            let nth = count.fetch_add(1, Ordering::Relaxed);
            let answer = if nth < times { Err(trouble.clone()) } else { Ok(()) };
            async move { answer }
        });
        let good = answer.await.is_ok();
        (good, count.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_made_again_when_that_may_help() {
        let passing = || Trouble { retry: Retry::Transient, late: false };
        assert_eq!(asked(0, passing()).await, (true, 1));
        assert_eq!(asked(2, passing()).await, (true, 3));
        assert_eq!(asked(9, passing()).await, (false, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn and_not_when_it_does_not() {
        assert_eq!(asked(9, Trouble { retry: Retry::Final, late: false }).await, (false, 1));
        assert_eq!(asked(9, Trouble { retry: Retry::Transient, late: true }).await, (false, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_is_not_begun_again_and_again() {
        let count = AtomicU32::new(0);
        let slow = patiently(|| {
            count.fetch_add(1, Ordering::Relaxed);
            async {
                sleep(MOST).await;
                Err::<(), _>(Trouble { retry: Retry::Transient, late: false })
            }
        });
        assert!(slow.await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
