use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::CancelToken;

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("busy")]
    Busy,
    #[error("no")]
    No,
}

impl Diagnostic for Trouble {
    fn retry(&self) -> Retry {
        match self {
            Self::Busy => Retry::Transient,
            Self::No => Retry::Final,
        }
    }
}

const POLICY: PollPolicy = PollPolicy::new(Duration::from_secs(1), Duration::from_secs(10));

/// Reads 0, 1, 2, ... and waits until `limit`; `odd` is what a read answers instead.
async fn count_to(
    limit: usize,
    policy: PollPolicy,
    ctx: &Context,
    odd: impl Fn(usize) -> Option<Trouble> + Send + Sync,
) -> Result<usize, WaitError<usize, Trouble>> {
    let reads = AtomicUsize::new(0);
    let read = || {
        let nth = reads.fetch_add(1, Ordering::Relaxed);
        let answer = odd(nth).map_or(Ok(nth), Err);
        async move { answer }
    };
    let condition = |seen: &usize| {
        if *seen >= limit { Check::Met } else { Check::Pending(format!("{seen} of {limit}")) }
    };
    wait_for(ctx, policy, read, &condition, |_, _| {}).await
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_no_answer_and_a_final_one_ends_it() {
    let ctx = Context::default();
    let busy = |nth| (nth == 1).then_some(Trouble::Busy);
    assert_eq!(count_to(3, POLICY, &ctx, busy).await.unwrap(), 3);
    let no = |nth| (nth == 1).then_some(Trouble::No);
    let error = count_to(3, POLICY, &ctx, no).await.unwrap_err();
    assert!(matches!(error, WaitError::Read(Trouble::No)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn it_ends_in_time_and_says_what_is_missing() {
    let start = Instant::now();
    let error = count_to(99, POLICY, &Context::default(), |_| None).await.unwrap_err();
    let WaitError::TimedOut(late) = error else { panic!("{error:?}") };
    assert_eq!((late.stalled, late.why.as_str(), late.seen), (false, "10 of 99", Some(10)));
    assert_eq!(start.elapsed(), POLICY.within);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nothing_changes_any_more_and_not_while_something_does() {
    let policy = POLICY.stalled(Duration::from_secs(3));
    let ctx = Context::default();
    // From the third read on nothing but the same error.
    let stuck = |nth| (nth >= 2).then_some(Trouble::Busy);
    let error = count_to(99, policy, &ctx, stuck).await.unwrap_err();
    let WaitError::TimedOut(late) = error else { panic!("{error:?}") };
    assert_eq!((late.stalled, late.why.as_str()), (true, "busy"));
    assert_eq!(count_to(8, policy, &ctx, |_| None).await.unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_nobody_answers_any_more_and_not_after_a_short_silence() {
    let policy = POLICY.unanswered(Duration::from_secs(3));
    let ctx = Context::default();
    let gone = |nth| (nth >= 2).then_some(Trouble::Busy);
    let start = Instant::now();
    let error = count_to(99, policy, &ctx, gone).await.unwrap_err();
    let WaitError::TimedOut(late) = error else { panic!("{error:?}") };
    assert_eq!((late.stalled, late.why.as_str()), (false, "busy"));
    assert_eq!(start.elapsed(), Duration::from_secs(4), "three after the last answer");
    let for_a_moment = |nth| [2, 3, 5, 6].contains(&nth).then_some(Trouble::Busy);
    assert_eq!(count_to(8, policy, &ctx, for_a_moment).await.unwrap(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_stop_and_a_deadline_end_it_at_once() {
    let cancel = CancelToken::default();
    let ctx = Context::default().with_cancel(cancel.clone());
    let (waited, ()) = tokio::join!(count_to(99, POLICY, &ctx, |_| None), async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        cancel.cancel();
    });
    assert!(matches!(waited, Err(WaitError::Cancelled)), "{waited:?}");
    let ctx = Context::default().with_deadline(Instant::now() + Duration::from_secs(2));
    let error = count_to(99, POLICY, &ctx, |_| None).await.unwrap_err();
    let WaitError::TimedOut(late) = error else { panic!("{error:?}") };
    assert_eq!(late.after, Duration::from_secs(2));
}

#[test]
fn conditions_compose() {
    let at_least = |limit: u32| {
        move |seen: &u32| {
            if *seen >= limit { Check::Met } else { Check::Pending(format!("below {limit}")) }
        }
    };
    let not_above = |limit: u32| {
        move |seen: &u32| {
            if *seen > limit { Check::Failed(format!("above {limit}")) } else { Check::Met }
        }
    };
    let between = at_least(2).and(not_above(3));
    assert_eq!(between.check(&1), Check::Pending("below 2".into()));
    assert_eq!(between.check(&3), Check::Met);
    assert_eq!(between.check(&4), Check::Failed("above 3".into()));
    let either = not_above(1).or(at_least(5));
    assert_eq!(either.check(&1), Check::Met);
    assert_eq!(either.check(&2), Check::Pending("below 5".into()));
    assert_eq!(either.check(&5), Check::Met);
    let neither = not_above(1).or(not_above(2));
    assert_eq!(neither.check(&9), Check::Failed("above 1; above 2".into()));
}
