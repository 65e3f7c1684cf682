//! One RSVP, as the few values that determine everything in its message.

use crate::random::Random;

/// Share of fresh RSVPs that are a yes; changes of mind bring it down to three quarters.
const YES_SHARE: f64 = 0.765;
/// Share of yes answers that bring guests.
const GUESTS_SHARE: f64 = 0.075;
const GUESTS_MAX: u8 = 10;
const MEMBERS: u64 = 500_000;

/// What one message says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Response {
    pub(super) rsvp_id: i64,
    pub(super) mtime_ms: i64,
    /// Index into the world's groups.
    pub(super) group: usize,
    /// Number of the week in which the event takes place; with the group it identifies the event.
    pub(super) event_week: i64,
    /// 1 to 500,000.
    pub(super) member: i64,
    pub(super) yes: bool,
    /// 0 to 10, and 0 for a no.
    pub(super) guests: u8,
}

pub(super) const WEEK_MS: i64 = 7 * 86_400_000;

impl Response {
    pub(super) fn new(random: &mut Random, rsvp_id: i64, group: usize, mtime_ms: i64) -> Self {
        let yes = random.chance(YES_SHARE);
        Self {
            rsvp_id,
            mtime_ms,
            group,
            // Answers go to the next event, or to one of the two behind it.
            event_week: mtime_ms.div_euclid(WEEK_MS) + 1 + random.between(0, 2),
            member: 1_i64.saturating_add_unsigned(random.below(MEMBERS)),
            yes,
            guests: if yes && random.chance(GUESTS_SHARE) { some_guests(random) } else { 0 },
        }
    }

    /// Changes the response or the number of guests, so that the state is certainly different.
    pub(super) fn change(&mut self, random: &mut Random) {
        if !self.yes {
            self.yes = true;
            self.guests = if random.chance(GUESTS_SHARE) { some_guests(random) } else { 0 };
        } else if random.chance(0.5) {
            self.yes = false;
            self.guests = 0;
        } else if self.guests == 0 {
            self.guests = some_guests(random);
        } else {
            self.guests -= 1;
        }
    }
}

/// Returns 1 to 10; each number is much rarer than the one before.
fn some_guests(random: &mut Random) -> u8 {
    let mut guests = 1;
    while guests < GUESTS_MAX && random.chance(0.4) {
        guests += 1;
    }
    guests
}
