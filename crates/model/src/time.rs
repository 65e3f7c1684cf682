//! Event time, wall time and UTC days, all on the same millisecond scale.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{DateTime, Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// When a response happened, from the message itself: milliseconds since the Unix epoch, UTC.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventTime(pub i64);

/// What a clock showed: milliseconds since the Unix epoch, UTC.
///
/// The log stamps each message with one; it is never used to place a response in a window.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct WallTime(pub i64);

impl EventTime {
    /// The earliest and latest event time that ISO 8601 with a four-digit year can show.
    pub const RANGE: RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

    /// Nearest whole second, half up, in seconds since the epoch.
    pub fn nearest_second(self) -> i64 {
        (self.0 + 500).div_euclid(1000)
    }

    /// The UTC day that contains this time.
    pub fn day(self) -> Day {
        Day::containing(self.0)
    }
}

impl fmt::Display for EventTime {
    /// ISO 8601, UTC, milliseconds: `2017-03-19T12:11:10.960Z`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(IsoTime::new(self.0).as_str())
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(IsoTime::new(self.0).as_str())
    }
}

impl WallTime {
    /// The UTC day that contains this time.
    pub fn day(self) -> Day {
        Day::containing(self.0)
    }
}

/// The text of a time. Made without any formatter: each response has several.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsoTime([u8; 24]);

impl IsoTime {
    /// What cannot be shown with a four-digit year is shown as the nearest time that can.
    pub(crate) fn new(millis: i64) -> Self {
        let millis = millis.clamp(*EventTime::RANGE.start(), *EventTime::RANGE.end());
        let day = Day::containing(millis).date();
        let in_day = u32::try_from(millis.rem_euclid(DAY_MS)).expect("a day has 86.4 million ms");
        let year = day.year().unsigned_abs();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text, 0, year / 100);
        put(&mut text, 2, year % 100);
        put(&mut text, 5, day.month());
        put(&mut text, 8, day.day());
        put(&mut text, 11, in_day / 3_600_000);
        put(&mut text, 14, in_day / 60_000 % 60);
        put(&mut text, 17, in_day / 1000 % 60);
        put(&mut text, 20, in_day % 1000 / 10);
        text[22] = DIGITS[(in_day % 10) as usize];
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and separators are text")
    }
}

const DIGITS: &[u8; 10] = b"0123456789";

/// Writes a number below 100.
fn put(text: &mut [u8; 24], at: usize, number: u32) {
    text[at] = DIGITS[(number / 10) as usize];
    text[at + 1] = DIGITS[(number % 10) as usize];
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not an ISO 8601 time such as `2017-03-19T12:00:00Z`")]
pub struct ParseTimeError {
    text: String,
}

impl FromStr for EventTime {
    type Err = ParseTimeError;

    /// Reads RFC 3339 (`2017-03-19T12:00:00Z`), or a bare day as its midnight (`2017-03-19`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self(time.timestamp_millis()));
        }
        text.parse::<Day>().map(Day::start).map_err(|_| ParseTimeError { text: text.into() })
    }
}

/// A UTC calendar day, as days since 1970-01-01.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Day(pub i32);

impl Day {
    fn containing(millis: i64) -> Self {
        let days = millis.div_euclid(DAY_MS);
        Self(i32::try_from(days).unwrap_or(if days < 0 { i32::MIN } else { i32::MAX }))
    }

    /// Midnight at which the day begins.
    pub fn start(self) -> EventTime {
        EventTime(i64::from(self.0) * DAY_MS)
    }

    /// Midnight at which the day ends (exclusive).
    pub fn end(self) -> EventTime {
        EventTime((i64::from(self.0) + 1) * DAY_MS)
    }

    /// The day after.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The day before.
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    fn date(self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.0).unwrap_or_default()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(formatter, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not a day such as `2017-03-19`")]
pub struct ParseDayError {
    text: String,
}

impl FromStr for Day {
    type Err = ParseDayError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| ParseDayError { text: text.into() })?;
        let days = (date - NaiveDate::default()).num_days();
        i32::try_from(days).map(Self).map_err(|_| ParseDayError { text: text.into() })
    }
}

/// Days from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayRange {
    pub first: Day,
    pub last: Day,
}

impl DayRange {
    /// Each day of the range in order.
    pub fn days(self) -> impl Iterator<Item = Day> {
        (self.first.0..=self.last.0).map(Day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_iso_8601_with_milliseconds() {
        let check = |millis, text: &str| assert_eq!(EventTime(millis).to_string(), text);
        check(0, "1970-01-01T00:00:00.000Z");
        check(1_489_925_470_960, "2017-03-19T12:11:10.960Z");
        check(-1, "1969-12-31T23:59:59.999Z");
        check(*EventTime::RANGE.end(), "9999-12-31T23:59:59.999Z");
        check(*EventTime::RANGE.start(), "0001-01-01T00:00:00.000Z");
        check(i64::MAX, "9999-12-31T23:59:59.999Z");
        check(i64::MIN, "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn half_a_second_rounds_up_also_before_1970() {
        let check = |millis, second| assert_eq!(EventTime(millis).nearest_second(), second);
        check(499, 0);
        check(500, 1);
        check(-500, 0);
        check(-501, -1);
        check(1500, 2);
    }

    #[test]
    fn days_and_times_read_back() {
        let day: Day = "2017-03-19".parse().unwrap();
        assert_eq!(day.to_string(), "2017-03-19");
        assert_eq!(day.start().to_string(), "2017-03-19T00:00:00.000Z");
        assert_eq!(EventTime(day.end().0 - 1).day(), day);
        assert_eq!("2017-03-19T02:00:00+02:00".parse(), Ok(day.start()));
        assert_eq!("2017-03-19".parse(), Ok(day.start()));
        assert!("19.3.2017".parse::<EventTime>().is_err());
        assert!("2017-02-30".parse::<Day>().is_err());
    }
}
