//! What a reconciliation found, and how it reads.

use std::fmt;

use pulso_model::{Layer, View};

/// How many differences a report keeps; all are counted.
const DIFFERENCES_MAX: usize = 100;

/// A number that must be another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub partition: u32,
    /// What is counted.
    pub what: &'static str,
    pub expected: u64,
    pub found: u64,
}

impl Check {
    pub fn holds(&self) -> bool {
        self.expected == self.found
    }
}

/// A document, or a field of it, that is not as it is computed from the lake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub view: View,
    /// Whose document it is.
    pub layer: Layer,
    pub id: String,
    /// The field that differs; `None` when there is no such document on one side.
    pub field: Option<String>,
    /// In the view store.
    pub stored: Option<String>,
    /// By SQL over the lake.
    pub computed: Option<String>,
}

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub checks: Vec<Check>,
    /// How many documents of each view and layer were found equal.
    pub equal: Vec<(View, Layer, u64)>,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// All of them.
    pub difference_count: u64,
    /// The partitions of which messages are gone from the lake that the speed layer has read again.
    pub uncounted: Vec<u32>,
    /// The batch layer's views that were not compared, or not in whole, and how many days they wait
    /// for the next run to compute again.
    pub waiting: Vec<(View, usize)>,
}

impl Report {
    /// Whether every check and comparison came out right.
    pub fn holds(&self) -> bool {
        self.difference_count == 0 && self.checks.iter().all(Check::holds)
    }

    pub(super) fn add(&mut self, difference: Difference) {
        self.difference_count += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = |what| {
            let checks = self.checks.iter().filter(|check| check.what == what);
            checks.map(|check| check.found).sum::<u64>()
        };
        let names =
            ["messages in the lake", "counted", "echoes", "late", "dead letters in the lake"];
        let [messages, counted, echoes, late, dead_letters] = names.map(total);
        writeln!(
            formatter,
            "lake: {messages} messages = {counted} counted + {echoes} echoes + {late} late \
             + {dead_letters} dead letters"
        )?;
        for Check { partition, what, expected, found } in
            self.checks.iter().filter(|check| !check.holds())
        {
            writeln!(formatter, "partition {partition}: {what}: {found}, not {expected}")?;
        }
        for partition in &self.uncounted {
            writeln!(
                formatter,
                "partition {partition}: not counted, as messages that are gone from the lake were read again"
            )?;
        }
        for (view, layer, count) in &self.equal {
            writeln!(formatter, "{view} ({layer}): {count} documents as computed")?;
        }
        for (view, days) in &self.waiting {
            let of = if *days == 1 { "day has" } else { "days have" };
            writeln!(
                formatter,
                "{view} (batch): {days} {of} changed; not compared before the next `run`"
            )?;
        }
        for Difference { view, layer, id, field, stored, computed } in &self.differences {
            let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
            let field = field.as_ref().map(|name| format!(", `{name}`")).unwrap_or_default();
            let (stored, computed) = (show(stored), show(computed));
            writeln!(formatter, "{view} ({layer}) `{id}`{field}: {stored}, computed {computed}")?;
        }
        let count =
            self.difference_count + self.checks.iter().filter(|c| !c.holds()).count() as u64;
        match count {
            0 => writeln!(formatter, "every message is accounted for once, and the layers agree"),
            1 => writeln!(formatter, "1 difference"),
            _ => writeln!(formatter, "{count} differences"),
        }
    }
}
