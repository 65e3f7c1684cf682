//! The buckets of time that a series has.

use std::time::Duration;

use pulso_model::EventTime;
use pulso_model::duration::format_duration;
use pulso_pipeline::Interval;

/// The most buckets of a series: more than a screen has room for.
pub(crate) const BUCKETS_MAX: i64 = 1_000;

/// The most buckets of a series whose request does not say how wide they are.
const BUCKETS_USUAL: i64 = 300;

/// Widths of buckets, of which the first that is wide enough is taken. A few of the widest cover all
/// times that documents may have.
const WIDTHS: [u64; 18] = [
    1,
    10,
    30,
    60,
    5 * 60,
    10 * 60,
    30 * 60,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    30 * DAY,
    90 * DAY,
    365 * DAY,
    3_650 * DAY,
    WIDTH_SECONDS_MAX,
];

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The widest bucket: a century.
pub(crate) const WIDTH_SECONDS_MAX: u64 = 36_500 * DAY;

/// Equal buckets of time, one after the other, aligned to the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Buckets {
    pub(super) start: EventTime,
    pub(super) interval: Interval,
    pub(super) count: i64,
}

impl Buckets {
    /// Those of one width that cover `[from, to)`.
    fn of_width(interval: Interval, from: EventTime, to: EventTime) -> Self {
        let start = interval.start_of(from);
        let covered = if to > from { to.0.saturating_sub(start.0) } else { 0 };
        let cut = i64::from(covered % interval.millis() > 0);
        Self { start, interval, count: covered / interval.millis() + cut }
    }

    /// Those of the width that was asked for. The error says what is allowed.
    pub(super) fn asked(
        interval: Interval,
        from: EventTime,
        to: EventTime,
    ) -> Result<Self, String> {
        let buckets = Self::of_width(interval, from, to);
        if buckets.count <= BUCKETS_MAX {
            return Ok(buckets);
        }
        let least = Self::fitting(from, to, Duration::ZERO, BUCKETS_MAX).interval;
        let least = Duration::from_millis(least.millis().unsigned_abs());
        Err(format!(
            "at least `{}` for this range, as a series has at most {BUCKETS_MAX} buckets",
            format_duration(least)
        ))
    }

    /// Not too many for a chart, and none narrower than documents are apart.
    pub(super) fn usual(from: EventTime, to: EventTime, step: Duration) -> Self {
        Self::fitting(from, to, step, BUCKETS_USUAL)
    }

    fn fitting(from: EventTime, to: EventTime, step: Duration, count_max: i64) -> Self {
        let widths = WIDTHS.map(Duration::from_secs).into_iter().filter(|width| *width >= step);
        let mut fitting = widths.filter_map(Interval::new).map(|it| Self::of_width(it, from, to));
        let widest = Interval::new(Duration::from_secs(WIDTH_SECONDS_MAX));
        let widest = widest.expect("a century is longer than a millisecond");
        let found = fitting.find(|buckets| buckets.count <= count_max);
        found.unwrap_or_else(|| Self::of_width(widest, from, to))
    }

    /// The start of each.
    pub(super) fn starts(self) -> impl Iterator<Item = EventTime> {
        let Self { start, interval, count } = self;
        (0..count).map(move |number| EventTime(start.0 + number * interval.millis()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> EventTime {
        EventTime(seconds * 1_000)
    }

    fn seconds(seconds: u64) -> Interval {
        Interval::new(Duration::from_secs(seconds)).unwrap()
    }

    #[test]
    fn buckets_cover_the_range() {
        let check = |from, to, width, start, count| {
            let buckets = Buckets::asked(seconds(width), at(from), at(to)).unwrap();
            assert_eq!((buckets.start, buckets.count), (at(start), count), "{from} {to} {width}");
            assert_eq!(buckets.starts().count(), usize::try_from(count).unwrap());
        };
        check(0, 60, 10, 0, 6);
        check(0, 61, 10, 0, 7);
        check(5, 60, 10, 0, 6);
        check(9, 11, 10, 0, 2);
        check(-5, 5, 10, -10, 2);
        check(60, 60, 10, 60, 0);
        check(60, 0, 10, 60, 0);
        check(0, 10_000, 10, 0, 1_000);
    }

    #[test]
    fn too_many_buckets_are_refused_with_the_width_that_fits() {
        let refused = |to, width| Buckets::asked(seconds(width), at(0), at(to)).unwrap_err();
        assert_eq!(
            refused(10_001, 10),
            "at least `30s` for this range, as a series has at most 1000 buckets"
        );
        assert!(refused(365 * 86_400, 60).starts_with("at least `12h`"));
    }

    #[test]
    fn the_usual_width_fits_a_chart_and_the_documents() {
        let check = |span, step, width| {
            let buckets = Buckets::usual(at(0), at(span), Duration::from_secs(step));
            assert_eq!(buckets.interval, seconds(width), "{span}");
        };
        check(300, 1, 1);
        check(300, 10, 10);
        check(300, 7, 10);
        check(3_600, 10, 30);
        check(86_400, 10, 300);
        check(7 * 86_400, 10, 3_600);
        check(3_600, 86_400, 86_400);
        check(30 * 86_400, 86_400, 86_400);
        let whole = Buckets::usual(
            EventTime(*EventTime::RANGE.start()),
            EventTime(*EventTime::RANGE.end()),
            Duration::ZERO,
        );
        assert!(whole.count <= BUCKETS_USUAL);
    }
}
