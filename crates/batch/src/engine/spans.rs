//! Which stretches of event time a run reads, and so which days.

use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::utils::disjunction;
use datafusion::prelude::{SessionContext, col, lit};
use pulso_model::{Day, DayRange, EventTime};

use super::bind::{Parameter, Parameters};

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

    /// Some days, and what is looked back to from them.
    pub(super) fn reach(days: DayRange, lookback_ms: i64) -> Self {
        Self::new(days.first.start().0.saturating_sub(lookback_ms), days.last.end().0)
    }

    fn wider(self, by_ms: i64) -> Self {
        Self::new(self.from_ms.saturating_sub(by_ms), self.to_ms.saturating_add(by_ms))
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

/// What a run reads.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) facts: Vec<Span>,
    /// Where the echoes among these facts have their originals.
    pub(super) echoes: Vec<Span>,
    /// The stretch in which the oldest fact is, if the first window of all can play a part in these.
    pub(super) first: Option<Span>,
}

impl Spans {
    pub(super) fn all() -> Self {
        Self { facts: vec![Span::ALL], echoes: vec![Span::ALL], first: Some(Span::ALL) }
    }

    /// For jobs over some days that look back so far, with echoes as far from their originals as `reach_ms`.
    /// Windows that begin after the stretch of the oldest fact look back in full, wherever in it that is.
    pub(super) fn of_days(
        lookback_ms: i64,
        reach_ms: Option<i64>,
        days: &[DayRange],
        oldest: EventTime,
    ) -> Self {
        let mut facts: Vec<Span> =
            days.iter().map(|days| Span::reach(*days, lookback_ms)).collect();
        let first = match reach_ms {
            Some(reach_ms) => {
                Span::new(oldest.0, oldest.0.saturating_add(reach_ms.saturating_mul(2)))
            }
            None => Span::ALL,
        };
        let reached = facts.iter().any(|span| span.from_ms <= first.to_ms);
        let first = reached.then_some(first);
        facts.extend(first);
        let echoes = match reach_ms {
            Some(reach_ms) => facts.iter().map(|span| span.wider(reach_ms)).collect(),
            None => vec![Span::ALL],
        };
        Self { facts, echoes, first }
    }
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
