//! The names of indices and aliases, which are the only record of which layer answers when.
//! | index | documents |
//! |---|---|
//! | `pulso-VIEW-speed-2026.11.22` | of the speed layer, by UTC day |
//! | `pulso-VIEW-batch-2026.11.22-3` | of the batch layer's third attempt at that day |
//! | `pulso-VIEW-batch-now-3` | of its third attempt at a view as of now |
//! | `pulso-VIEW-2026.11` | of a journal, by month |
//! | `pulso-VIEW-empty` | none: the aliases exist before the first document does |
//!
//! | alias | points to |
//! |---|---|
//! | `pulso-VIEW` | for each day the index of the layer that answers |
//! | `pulso-VIEW-speed`, `pulso-VIEW-batch` | all that one layer wrote and published |
//! | `pulso-VIEW-day-2026.11.22` | the one index that answers for this day |
//! | `INDEX-write` | an index that takes documents |
//! | `pulso-VIEW-from-2026.11.01` | nothing: days before this one were removed for their age |
//!
//! All indices, and all aliases but the first, are hidden: a pattern such as `pulso-*` finds each
//! document that answers exactly once.
//!
//! `pulso-VIEW-day-…` marks its index as the one to write to, although nobody writes through it:
//! the cluster allows only one index of an alias to have that mark. Whoever comes second is
//! refused, whatever he read before. So both layers never answer for the same day, and no locks are
//! needed.

use std::sync::Arc;

use pulso_model::{Day, EventTime, Layer, View, ViewKind};
use pulso_pipeline::Part;

/// The time span that an index covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Slot {
    Day(Day),
    /// A month, by its first day.
    Month(Day),
    Now,
}

/// What an index of a view is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Empty,
    Speed(Slot),
    Batch(Slot, i64),
}

impl Place {
    pub(crate) fn slot(self) -> Option<Slot> {
        match self {
            Self::Empty => None,
            Self::Speed(slot) | Self::Batch(slot, _) => Some(slot),
        }
    }
}

impl Slot {
    /// The slot of a document that the sink writes.
    pub(crate) fn of(view: View, time: EventTime) -> Self {
        match view.kind() {
            ViewKind::Day | ViewKind::BatchDay => Self::Day(time.day()),
            ViewKind::Now => Self::Now,
            ViewKind::Journal => Self::Month(first_of_month(time.day())),
        }
    }

    /// The day after its last one.
    pub(crate) fn end(self) -> Option<Day> {
        match self {
            Self::Day(day) => Some(day.next()),
            // No month has more days, and the first of the month after next is not before its end.
            Self::Month(first) => Some(first_of_month(Day(first.0 + 31))),
            Self::Now => None,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Day(day) => dotted(day),
            Self::Month(first) => {
                let mut text = dotted(first);
                text.truncate(text.len() - ".01".len());
                text
            }
            Self::Now => "now".to_owned(),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let day = |text: &str| text.replace('.', "-").parse().ok();
        match text.split('.').count() {
            _ if text == "now" => Some(Self::Now),
            2 => day(&format!("{text}.01")).map(Self::Month),
            _ => day(text).map(Self::Day),
        }
    }
}

impl From<Part> for Slot {
    fn from(part: Part) -> Self {
        match part {
            Part::Day(day) => Self::Day(day),
            Part::Now => Self::Now,
        }
    }
}

fn dotted(day: Day) -> String {
    day.to_string().replace('-', ".")
}

fn first_of_month(day: Day) -> Day {
    let text = day.to_string();
    let of_month = text.rsplit('-').next().and_then(|number| number.parse::<i32>().ok());
    Day(day.0 - of_month.map_or(0, |number| number - 1))
}

/// The names that begin with one prefix. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: Arc<str>,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Points to the documents that answer; also the name of the view's template.
    pub(crate) fn answers(&self, view: View) -> String {
        format!("{}-{view}", self.prefix)
    }

    /// Points to all published documents of a layer. Journals belong to no layer.
    pub(crate) fn layer(&self, view: View, layer: Layer) -> String {
        match view.kind() {
            ViewKind::Journal => self.answers(view),
            _ => format!("{}-{view}-{layer}", self.prefix),
        }
    }

    /// Points to the one index that answers for a day.
    pub(crate) fn day(&self, view: View, day: Day) -> String {
        format!("{}-{view}-day-{}", self.prefix, dotted(day))
    }

    /// Tells from which day on documents are kept.
    pub(crate) fn from(&self, view: View, day: Day) -> String {
        format!("{}-{view}-from-{}", self.prefix, dotted(day))
    }

    /// The day of an alias made by [`Names::from`].
    pub(crate) fn parse_from(&self, view: View, alias: &str) -> Option<Day> {
        match Slot::parse(self.of_view(view, alias)?.strip_prefix("from-")?)? {
            Slot::Day(day) => Some(day),
            _ => None,
        }
    }

    pub(crate) fn index(&self, view: View, place: Place) -> String {
        let start = self.answers(view);
        match place {
            Place::Empty => format!("{start}-empty"),
            Place::Speed(slot) if view.kind() == ViewKind::Journal => {
                format!("{start}-{}", slot.text())
            }
            Place::Speed(slot) => format!("{start}-speed-{}", slot.text()),
            Place::Batch(slot, generation) => {
                format!("{start}-batch-{}-{generation}", slot.text())
            }
        }
    }

    /// What an index of a view is for. `None` if it belongs to another view, or is not Pulso's.
    pub(crate) fn parse_index(&self, view: View, index: &str) -> Option<Place> {
        let rest = self.of_view(view, index)?;
        if rest == "empty" {
            return Some(Place::Empty);
        }
        if let Some(rest) = rest.strip_prefix("batch-") {
            let (slot, generation) = rest.rsplit_once('-')?;
            return Some(Place::Batch(Slot::parse(slot)?, generation.parse().ok()?));
        }
        let slot = match view.kind() {
            ViewKind::Journal => rest,
            _ => rest.strip_prefix("speed-")?,
        };
        Slot::parse(slot).map(Place::Speed)
    }

    fn of_view<'a>(&self, view: View, name: &'a str) -> Option<&'a str> {
        name.strip_prefix(&*self.prefix)?
            .strip_prefix('-')?
            .strip_prefix(view.name())?
            .strip_prefix('-')
    }

    /// The patterns of the indices that a view's template applies to. One view's name may be the
    /// beginning of another's, so a star after the name alone would match too much.
    pub(crate) fn patterns(&self, view: View) -> Vec<String> {
        let start = self.answers(view);
        let slots: &[&str] = match view.kind() {
            // Years begin with a digit.
            ViewKind::Journal => &["0*", "1*", "2*", "3*", "4*", "5*", "6*", "7*", "8*", "9*"],
            _ => &["speed-*", "batch-*"],
        };
        slots.iter().chain(&["empty"]).map(|slot| format!("{start}-{slot}")).collect()
    }

    pub(crate) fn checkpoints(&self) -> String {
        format!("{}-checkpoints", self.prefix)
    }
}

/// The alias through which an index takes documents. Bulk requests require an alias, so a request
/// to an index that is gone never creates it again without its mapping.
pub(crate) fn write_alias(index: &str) -> String {
    format!("{index}-write")
}

#[cfg(test)]
mod tests {
    use pulso_testkit::view;

    use super::*;

    #[test]
    fn names_are_read_back() {
        let names = Names::new("pulso");
        let day = Day(20_779);
        let check = |view, place, expected: &str| {
            assert_eq!(names.index(view, place), expected);
            assert_eq!(names.parse_index(view, expected), Some(place));
        };
        let slot = Slot::Day(day);
        check(view("responses"), Place::Speed(slot), "pulso-responses-speed-2026.11.22");
        check(view("responses"), Place::Batch(slot, 12), "pulso-responses-batch-2026.11.22-12");
        check(view("groups"), Place::Batch(Slot::Now, 1), "pulso-groups-batch-now-1");
        check(view("groups"), Place::Speed(Slot::Now), "pulso-groups-speed-now");
        check(view("events"), Place::Empty, "pulso-events-empty");
        let month = Slot::of(View::DEAD_LETTERS, day.start());
        check(View::DEAD_LETTERS, Place::Speed(month), "pulso-dead-letters-2026.11");
        let other = "pulso-trending-topics-by-country-speed-2026.11.22";
        assert_eq!(names.parse_index(view("trending-topics"), other), None);
        assert_eq!(names.parse_index(view("responses"), "pulso-responses"), None);
        let alias = names.day(view("responses"), day);
        assert_eq!(alias, "pulso-responses-day-2026.11.22");
        assert_eq!(names.parse_from(view("responses"), &alias), None);
        let from = names.from(view("responses"), day);
        assert_eq!(names.parse_from(view("responses"), &from), Some(day));
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        let month = |text: &str| Slot::of(View::LATE_FACTS, text.parse::<Day>().unwrap().start());
        let check = |day: &str, end: &str| assert_eq!(month(day).end(), end.parse().ok());
        check("2026-11-22", "2026-12-01");
        check("2026-12-31", "2027-01-01");
        check("2024-02-29", "2024-03-01");
        check("2026-01-31", "2026-02-01");
    }
}
