//! Decides when a quiet connection is asked for a sign of life, and when it counts as dead.
//!
//! Pure; the session tells it what happened when.

use std::time::Duration;

use pulso_runtime::config::Acquisition;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask for a sign of life.
    Ping,
    /// The sign of life did not come.
    Dead,
    /// It lives, but sends nothing of its own.
    Idle,
}

#[derive(Debug)]
pub(super) struct Liveness {
    idle_timeout: Duration,
    ping_interval: Duration,
    pong_timeout: Duration,
    /// When anything came.
    heard: Instant,
    /// When something came that is not an answer.
    heard_own: Instant,
    /// When a sign of life was asked for, unless something came since.
    asked: Option<Instant>,
}

impl Liveness {
    pub(super) fn new(options: &Acquisition, now: Instant) -> Self {
        let Acquisition { idle_timeout, ping_interval, pong_timeout, .. } = *options;
        let (heard, heard_own, asked) = (now, now, None);
        Self { idle_timeout, ping_interval, pong_timeout, heard, heard_own, asked }
    }

    /// What is to be done next, and when, if nothing comes before.
    pub(super) fn due(&self) -> (Instant, Due) {
        let idle = (self.heard_own + self.idle_timeout, Due::Idle);
        let quiet = match self.asked {
            Some(asked) => (asked + self.pong_timeout, Due::Dead),
            None => (self.heard + self.ping_interval, Due::Ping),
        };
        if quiet.0 < idle.0 { quiet } else { idle }
    }

    /// Something came. Anything is a sign of life: the answer to a ping comes after all the messages
    /// that were on their way, and a slow log may keep those from being read for long.
    pub(super) fn heard(&mut self, own: bool, now: Instant) {
        (self.heard, self.asked) = (now, None);
        if own {
            self.heard_own = now;
        }
    }

    /// That nothing of its own came is no sign of death.
    pub(super) fn excuse(&mut self, now: Instant) {
        self.heard_own = now;
    }

    pub(super) fn asked(&mut self, now: Instant) {
        self.asked = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// With a ping after 20 s, a pong within 10 s, and something of its own within 60 s.
    fn liveness(now: Instant) -> Liveness {
        let mut options = pulso_runtime::Config::default().acquisition;
        options.ping_interval = 20 * SECOND;
        options.pong_timeout = 10 * SECOND;
        options.idle_timeout = 60 * SECOND;
        Liveness::new(&options, now)
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_connection_is_asked_and_then_dead() {
        let begin = Instant::now();
        let mut liveness = liveness(begin);
        assert_eq!(liveness.due(), (begin + 20 * SECOND, Due::Ping));
        liveness.asked(begin + 20 * SECOND);
        assert_eq!(liveness.due(), (begin + 30 * SECOND, Due::Dead));
        liveness.heard(false, begin + 25 * SECOND);
        assert_eq!(liveness.due(), (begin + 45 * SECOND, Due::Ping));
    }

    #[tokio::test(start_paused = true)]
    async fn answers_alone_do_not_keep_a_connection() {
        let begin = Instant::now();
        let mut liveness = liveness(begin);
        liveness.heard(true, begin + 30 * SECOND);
        liveness.heard(false, begin + 80 * SECOND);
        assert_eq!(liveness.due(), (begin + 90 * SECOND, Due::Idle));
    }
}
