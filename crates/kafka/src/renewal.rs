//! Giving a client up for a new one.
//!
//! A client that finds no broker may never find one again: when the brokers have told it of no leaders,
//! or of no brokers at all, as they do while one is cut off from the controller, it may never ask again
//! (<https://github.com/confluentinc/librdkafka/issues/5301> and
//! <https://github.com/confluentinc/librdkafka/issues/5430>).

use tokio::task::spawn_blocking;
use tracing::warn;

use crate::error::{Cause, Error};

/// Has `exchange` put a new client in the place of one whose call failed, if the cause of that asks for
/// it. Without a new one the old one stays.
///
/// `exchange` returns what is needed no more. Dropping that waits for the client's threads, so it is
/// done away from the threads of the runtime.
pub(crate) fn after<C: Send + 'static>(
    cause: Option<Cause>,
    client: &'static str,
    exchange: impl FnOnce() -> Result<C, Error>,
) {
    if !cause.is_some_and(Cause::asks_for_new_client) {
        return;
    }
    match exchange() {
        Ok(stuck) => drop(spawn_blocking(move || drop(stuck))),
        Err(error) => warn!(client, %error, "keeping a client that finds no broker"),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn only_a_cause_that_a_new_client_may_not_have_asks_for_one() {
        let check = |cause, renewed| {
            let asked = Cell::new(false);
            after(cause, "test", || {
                asked.set(true);
                Ok(())
            });
            assert_eq!(asked.get(), renewed, "{cause:?}");
        };
        check(Some(Cause::Unreachable), true);
        check(Some(Cause::MissingTopic), true);
        check(Some(Cause::Authentication), false);
        check(Some(Cause::Passing), false);
        check(None, false);
    }

    /// Ends when its thread does, as a client.
    struct Stuck(mpsc::Receiver<()>);

    impl Drop for Stuck {
        fn drop(&mut self) {
            self.0.recv().expect_err("nothing is sent");
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_the_threads_of_the_old_client() {
        let (end, ended) = mpsc::channel();
        after(Some(Cause::Unreachable), "test", || Ok(Stuck(ended)));
        drop(end);
    }
}
