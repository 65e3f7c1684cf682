//! Which stretches of event time a run reads, and so which days.

use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::utils::disjunction;
use datafusion::prelude::{SessionContext, col, lit};
use pulso_model::{Day, DayRange, EventTime};

use super::bind::{Parameter, Parameters};
use super::{ECHO_REACH_MS, WindowSettings};

/// With more stretches than these apart from each other, all days between them are read, too: conditions
/// are not to become long.
const STRETCHES_MAX: usize = 64;

/// A stretch of event time, `[from, to)`, and the days that hold it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl Span {
    pub(super) const ALL: Self =
        Self { from_ms: *EventTime::RANGE.start(), to_ms: *EventTime::RANGE.end() + 1 };

    /// Cut to the times that there are.
    pub(super) fn new(from_ms: i64, to_ms: i64) -> Self {
        let Self { from_ms: first, to_ms: last } = Self::ALL;
        Self { from_ms: from_ms.clamp(first, last), to_ms: to_ms.clamp(first, last) }
    }

    pub(super) fn around(spans: &[Self]) -> Self {
        let from_ms = spans.iter().map(|span| span.from_ms).min();
        let to_ms = spans.iter().map(|span| span.to_ms).max();
        Self::new(from_ms.unwrap_or(0), to_ms.unwrap_or(0))
    }

    pub(super) fn put_into(self, parameters: &mut Parameters) {
        let last = EventTime((self.to_ms - 1).max(self.from_ms)).day();
        parameters.insert("from_day", Parameter::Day(EventTime(self.from_ms).day()));
        parameters.insert("to_day", Parameter::Day(last));
        parameters.insert("from_ms", Parameter::Integer(self.from_ms));
        parameters.insert("to_ms", Parameter::Integer(self.to_ms));
    }
}

/// What jobs over some days read; and if the first window of all can play a part in theirs, the stretch in
/// which the oldest response is, which is read, too. Windows later than that look back in full, wherever in
/// this stretch it is.
pub(super) fn of_days(
    windows: &WindowSettings,
    days: &[DayRange],
    oldest: EventTime,
) -> (Vec<Span>, Option<Span>) {
    let mut spans: Vec<Span> = days.iter().map(|days| windows.reach(*days)).collect();
    let start = Span::new(oldest.0, oldest.0 + 2 * ECHO_REACH_MS);
    let reached = spans.iter().any(|span| span.from_ms <= start.to_ms);
    spans.extend(reached.then_some(start));
    (spans, reached.then_some(start))
}

/// Leaves only the days of these spans in a view, so that what reads all of it opens no other file.
pub(super) async fn keep_days(
    session: &SessionContext,
    view: &str,
    spans: &[Span],
) -> DataFusionResult<()> {
    let date = |day: Day| lit(ScalarValue::Date32(Some(day.0)));
    let within = |days: DayRange| col("day").between(date(days.first), date(days.last));
    let rows = session.table(view).await?;
    session.deregister_table(view)?;
    let rows = match disjunction(stretches(spans).into_iter().map(within)) {
        Some(condition) => rows.filter(condition)?,
        None => rows,
    };
    session.register_table(view, rows.into_view())?;
    Ok(())
}

fn days_of(span: &Span) -> DayRange {
    let last = EventTime((span.to_ms - 1).max(span.from_ms)).day();
    DayRange { first: EventTime(span.from_ms).day(), last }
}

/// The days of the spans, those next to each other together.
fn stretches(spans: &[Span]) -> Vec<DayRange> {
    let mut days: Vec<DayRange> = spans.iter().map(days_of).collect();
    days.sort_unstable_by_key(|days| days.first);
    let mut stretches: Vec<DayRange> = Vec::new();
    for days in days {
        match stretches.last_mut() {
            Some(last) if days.first <= last.last.next() => last.last = last.last.max(days.last),
            _ => stretches.push(days),
        }
    }
    match (stretches.first(), stretches.last()) {
        (Some(first), Some(last)) if stretches.len() > STRETCHES_MAX => {
            vec![DayRange { first: first.first, last: last.last }]
        }
        _ => stretches,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_next_to_each_other_are_one_stretch() {
        let span = |first: i32, last: i32| Span::new(Day(first).start().0, Day(last).end().0);
        let check = |spans: &[Span], expected: &[(i32, i32)]| {
            let found = stretches(spans).into_iter().map(|days| (days.first.0, days.last.0));
            assert_eq!(found.collect::<Vec<_>>(), expected);
        };
        check(&[], &[]);
        check(&[span(5, 6), span(1, 2)], &[(1, 2), (5, 6)]);
        check(&[span(1, 2), span(3, 4), span(6, 8), span(7, 7)], &[(1, 4), (6, 8)]);
        let many: Vec<_> = (0..100).map(|day| span(day * 3, day * 3)).collect();
        check(&many, &[(0, 297)]);
    }
}
