use futures::{StreamExt as _, stream};

/// Runs these futures, at most `most` at the same time, and returns their results in their order.
///
/// A slow one delays no other. (A stream that is `buffered` begins nothing new while the oldest one goes on.)
pub async fn join_at_most<F: Future>(futures: Vec<F>, most: usize) -> Vec<F::Output> {
    let numbered: Vec<_> = futures
        .into_iter()
        .enumerate()
        .map(|(nth, future)| async move { (nth, future.await) })
        .collect();
    let mut done: Vec<_> = stream::iter(numbered).buffer_unordered(most.max(1)).collect().await;
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    /// With one slow future in 100, two at the same time, the others are over as if it were not there.
    #[tokio::test(start_paused = true)]
    async fn a_slow_one_delays_no_other_and_the_order_is_kept() {
        let began = Instant::now();
        let one = |nth: usize| async move {
            sleep(Duration::from_secs(if nth == 0 { 99 } else { 1 })).await;
            (nth, began.elapsed().as_secs())
        };
        let done = join_at_most((0..100).map(one).collect(), 2).await;
        assert!(done.iter().enumerate().all(|(nth, (one, _))| nth == *one), "{done:?}");
        assert_eq!(done.iter().map(|(_, at)| *at).max(), Some(99), "{done:?}");
        assert_eq!(join_at_most(vec![async { 1 }], 0).await, [1], "no limit is no deadlock");
    }
}
