//! How much later (or earlier) things happen, in milliseconds of event time.

use crate::random::Random;

/// An echo follows its original: p50 3.5 s, p90 15 s, at most 325 s.
const ECHO_MS_MIN: f64 = 600.0;
const ECHO_MS_P50: f64 = 3_500.0;
const ECHO_MS_P90: f64 = 15_000.0;
const ECHO_MS_MAX: f64 = 325_000.0;
const REPEAT_MS_MIN: i64 = 100;
const REPEAT_MS_MAX: i64 = 5_000;
/// The shortest delay of a change of mind. Jitter takes at most 135 ms off the original's `mtime`,
/// so the two states of an RSVP can never share a rounded second.
const CHANGE_MS_MIN: f64 = 3_000.0;
const CHANGE_MS_MAX: f64 = 600_000.0;
/// Delays of late messages: from a minute to the worst on record, 75 days.
const LATE_MS_MIN: f64 = 60_000.0;
const LATE_MS_MAX: f64 = 75.0 * 86_400_000.0;

pub(super) fn echo_ms(random: &mut Random) -> i64 {
    let roll = random.unit();
    let ms = if roll < 0.5 {
        ECHO_MS_MIN + (ECHO_MS_P50 - ECHO_MS_MIN) * roll * 2.0
    } else if roll < 0.9 {
        between_logarithms(ECHO_MS_P50, ECHO_MS_P90, (roll - 0.5) / 0.4)
    } else {
        between_logarithms(ECHO_MS_P90, ECHO_MS_MAX, (roll - 0.9) / 0.1)
    };
    whole(ms)
}

pub(super) fn repeat_ms(random: &mut Random) -> i64 {
    random.between(REPEAT_MS_MIN, REPEAT_MS_MAX)
}

pub(super) fn change_ms(random: &mut Random) -> i64 {
    whole(between_logarithms(CHANGE_MS_MIN, CHANGE_MS_MAX, random.unit()))
}

/// The `mtime` of a late message sent at `now_ms`: a whole second, like all late ones in the
/// recordings.
pub(super) fn late_mtime(random: &mut Random, now_ms: i64) -> i64 {
    let behind_ms = whole(between_logarithms(LATE_MS_MIN, LATE_MS_MAX, random.unit()));
    (now_ms - behind_ms).div_euclid(1000) * 1000
}

/// Interpolates from `low` (at 0) to `high` (at 1) on a logarithmic scale.
fn between_logarithms(low: f64, high: f64, at: f64) -> f64 {
    low * (high / low).powf(at)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "all delays are below a hundred days, far inside an i64"
)]
fn whole(ms: f64) -> i64 {
    ms as i64
}
