//! Who came when, and after a contact or without.

use std::collections::BTreeSet;

use pulso_model::EventTime;

use crate::contacts::Conversion;
use crate::history::History;
use crate::own::Choice;

/// The members who decided in one interval to come, and still do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bar {
    /// Without a contact before.
    pub others: usize,
    /// After a contact.
    pub converted: usize,
}

/// One bar for each interval of `step_ms` from `start` on. All of the organiser's events count, also
/// those that are over.
pub fn chart(
    history: &History,
    choice: &Choice,
    conversions: &[Conversion],
    start: EventTime,
    step_ms: i64,
    bars: usize,
) -> Vec<Bar> {
    let key = |conversion: &Conversion| (conversion.member, conversion.event.clone());
    let converted: BTreeSet<_> = conversions.iter().map(key).collect();
    let mut chart = vec![Bar::default(); bars];
    for event in history.events().filter(|event| choice.owns(event, history)) {
        for (id, member) in history.answered(&event.id) {
            let Some(time) = member.coming_since(&event.id) else { continue };
            let at = time.0.saturating_sub(start.0).div_euclid(step_ms.max(1));
            let Some(bar) = usize::try_from(at).ok().and_then(|at| chart.get_mut(at)) else {
                continue;
            };
            match converted.contains(&(id, event.id.clone())) {
                true => bar.converted += 1,
                false => bar.others += 1,
            }
        }
    }
    chart
}
