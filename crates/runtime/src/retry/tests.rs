use pulso_pipeline::ErrorKind;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::*;

const INITIAL: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(1);
const POLICY: RetryPolicy =
    RetryPolicy { component: "test", stream: "posts", stage: "send", initial: INITIAL, max: MAX };

#[derive(Debug, thiserror::Error, PartialEq)]
#[error("busy")]
struct Busy(Retry);

impl AdapterError for Busy {
    fn retry(&self) -> Retry {
        self.0
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn hint(&self) -> Option<String> {
        None
    }
}

/// Does an operation with the given outcomes; tells how often it was done, and how it ended.
async fn attempts(
    shutdown: &CancellationToken,
    outcomes: impl IntoIterator<Item = Retry>,
) -> (u32, Result<(), Busy>) {
    let mut retries = Retries::new(POLICY, shutdown.clone());
    let mut count = 0;
    for outcome in outcomes {
        count += 1;
        if let Err(error) = retries.after(Busy(outcome)).await {
            return (count, Err(error));
        }
    }
    (count + 1, Ok(()))
}

#[test]
fn pauses_double_up_to_the_longest_and_begin_anew() {
    let mut random = StdRng::seed_from_u64(7);
    let mut backoff = Backoff::new(INITIAL, MAX);
    let mut longest = [Duration::ZERO; 6];
    for _ in 0..1000 {
        backoff.reset();
        for longest in &mut longest {
            *longest = backoff.next_delay(&mut random).max(*longest);
        }
    }
    for (longest, ceiling_ms) in longest.into_iter().zip([100, 200, 400, 800, 1000, 1000]) {
        let ceiling = Duration::from_millis(ceiling_ms);
        assert!((ceiling.mul_f64(0.98)..=ceiling).contains(&longest), "{longest:?} of {ceiling:?}");
    }
}

#[test]
fn the_first_pause_is_not_longer_than_the_longest() {
    let mut backoff = Backoff::new(MAX, INITIAL);
    let mut random = StdRng::seed_from_u64(7);
    assert!((0..100).all(|_| backoff.next_delay(&mut random) <= INITIAL));
}

#[tokio::test(start_paused = true)]
async fn an_operation_is_done_until_it_succeeds() {
    let shutdown = CancellationToken::new();
    assert_eq!(attempts(&shutdown, vec![Retry::Backoff; 20]).await, (21, Ok(())));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_stays_is_returned_at_once() {
    let shutdown = CancellationToken::new();
    let (count, result) = attempts(&shutdown, [Retry::Backoff, Retry::No, Retry::No]).await;
    assert_eq!((count, result), (2, Err(Busy(Retry::No))));
}

#[tokio::test(start_paused = true)]
async fn the_delay_of_the_other_side_is_kept() {
    let (begin, delay) = (Instant::now(), Duration::from_secs(90));
    let shutdown = CancellationToken::new();
    assert_eq!(attempts(&shutdown, [Retry::After(delay)]).await, (2, Ok(())));
    assert_eq!(begin.elapsed(), delay);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_pause_and_bounds_what_is_left() {
    let shutdown = CancellationToken::new();
    let begin = Instant::now();
    let hour = Retry::After(Duration::from_hours(1));
    let (outcome, ()) = tokio::join!(attempts(&shutdown, vec![hour; 100]), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        shutdown.cancel();
    });
    assert_eq!(outcome, (1 + ATTEMPTS_AT_SHUTDOWN, Err(Busy(hour))));
    assert!(begin.elapsed() < Duration::from_secs(10));
}
