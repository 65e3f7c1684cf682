//! What is remembered from one connection to the next.

use std::time::Duration;

use super::{Follower, LOG_INTERVAL, Lost};
use crate::testing::{options, source};

/// Of an outage that was written about the end is, too, even when its last failures were not.
#[tokio::test(start_paused = true)]
async fn a_connection_is_logged_after_a_loss_that_was() {
    let (source, options) = (source("a"), options());
    let mut follower = Follower::new(&source, "rsvps", &options);
    let request = follower.resume.request(None);
    assert!(follower.logged, "the first connection is news");
    follower.connected(&request);
    assert!(!follower.logged);
    let lost = || Lost::ConnectTimeout { limit: Duration::from_secs(1) };
    follower.lost(&lost(), 0, &request);
    follower.lost(&lost(), 0, &request);
    assert!(follower.logged);
    follower.connected(&request);
    follower.lost(&lost(), 0, &request);
    assert!(!follower.logged, "a connection that comes and goes does not fill the log");
    follower.connected(&request);
    tokio::time::sleep(LOG_INTERVAL).await;
    follower.lost(&lost(), 0, &request);
    assert!(follower.logged);
}
