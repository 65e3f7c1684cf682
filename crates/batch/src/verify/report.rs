//! What a reconciliation found, and how it reads.

use std::fmt;

use anyhow::anyhow;
use pulso_model::{Layer, View};
use pulso_runtime::{Exit, FailureExt};

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

/// One layer's documents of a view, as far as they were compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub view: View,
    pub layer: Layer,
    /// How many documents were looked at, on either side.
    pub compared: u64,
    /// How many of these were found equal.
    pub equal: u64,
    pub left_out: Vec<LeftOut>,
}

/// What of a view was not compared, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The speed layer has closed no window yet.
    NoClosedWindow,
    /// Documents of the speed layer in which messages play a part that are gone.
    OfGoneMessages { documents: u64 },
    /// Documents of panes and windows that the speed layer closed after its checkpoint.
    AfterCheckpoint { documents: u64 },
    /// Sessions of the speed layer that may lack facts, as too many others were open.
    OfRefusedFacts { documents: u64 },
    /// Days that the batch layer has not completed.
    NotCompleted { days: usize },
    /// Days that have changed since the batch layer computed them, or that it never computed.
    Waiting { days: usize },
    /// Days that the batch layer completed and of which the lake has removed the messages.
    OfGoneDays { days: usize },
}

/// How a reconciliation came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Of each layer something was compared, and all of it is as it must be.
    Holds,
    Differs,
    /// Nothing differs, but of these layers there was nothing to compare.
    NothingCompared(Vec<Layer>),
}

/// What a reconciliation found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub checks: Vec<Check>,
    /// One for each view that a layer writes.
    pub comparisons: Vec<Comparison>,
    /// The first differences.
    pub differences: Vec<Difference>,
    /// All of them.
    pub difference_count: u64,
    /// The partitions of which messages are gone from the lake that the speed layer has read again.
    pub uncounted: Vec<u32>,
}

impl Comparison {
    fn is_left_out(&self) -> bool {
        self.compared == 0 && !self.left_out.is_empty()
    }

    fn is_partial(&self) -> bool {
        self.compared > 0 && !self.left_out.is_empty()
    }
}

impl Report {
    pub fn verdict(&self) -> Verdict {
        if self.difference_count > 0 || !self.checks.iter().all(Check::holds) {
            return Verdict::Differs;
        }
        let is_untouched = |layer: &Layer| self.compared(*layer) == 0;
        let untouched: Vec<_> =
            [Layer::Speed, Layer::Batch].into_iter().filter(is_untouched).collect();
        match untouched.is_empty() {
            true => Verdict::Holds,
            false => Verdict::NothingCompared(untouched),
        }
    }

    /// Whether both layers were compared, and every check and comparison came out right.
    pub fn holds(&self) -> bool {
        self.verdict() == Verdict::Holds
    }

    /// The verdict as the result of a command.
    ///
    /// # Errors
    /// With exit code 1 when something differs, 4 when of a layer there was nothing to compare.
    pub fn conclude(&self) -> anyhow::Result<()> {
        match self.verdict() {
            Verdict::Holds => Ok(()),
            Verdict::Differs => Err(anyhow!("the layers differ")).exit(Exit::Internal).hint(
                "each difference is listed above, with what is stored and what the master dataset \
                 gives",
            ),
            Verdict::NothingCompared(layers) => {
                let hint = match layers.contains(&Layer::Speed) {
                    true => "the speed layer has to show something first",
                    false => {
                        "the batch layer answers for a day once that is over and its jobs have run, as \
                         `pulso-batch run all` does"
                    }
                };
                Err(anyhow!(nothing_compared(&layers))).exit(Exit::NoInput).hint(hint)
            }
        }
    }

    /// How many documents were looked at.
    pub(crate) fn all_compared(&self) -> u64 {
        self.comparisons.iter().map(|comparison| comparison.compared).sum()
    }

    /// How many documents of a layer were looked at.
    fn compared(&self, layer: Layer) -> u64 {
        let of_layer = self.comparisons.iter().filter(|comparison| comparison.layer == layer);
        of_layer.map(|comparison| comparison.compared).sum()
    }

    /// How many of all partitions' messages were found, of those that a check counts.
    fn found(&self, what: &str) -> u64 {
        let checks = self.checks.iter().filter(|check| check.what == what);
        checks.map(|check| check.found).sum()
    }

    pub(super) fn add(&mut self, difference: Difference) {
        self.difference_count += 1;
        if self.differences.len() < DIFFERENCES_MAX {
            self.differences.push(difference);
        }
    }

    /// The last line: it says what the report proves, and what it does not.
    fn conclusion(&self) -> String {
        let failed = self.checks.iter().filter(|check| !check.holds()).count() as u64;
        let mut untouched = Vec::new();
        let mut conclusion = match self.verdict() {
            Verdict::Differs => counted(self.difference_count + failed, "difference"),
            Verdict::Holds => {
                let documents: u64 = self.comparisons.iter().map(|one| one.equal).sum();
                let documents = counted(documents, "document");
                format!("{}; the layers agree in {documents}", self.accounted())
            }
            Verdict::NothingCompared(layers) => {
                let conclusion = format!("{}; {}", self.accounted(), nothing_compared(&layers));
                untouched = layers;
                conclusion
            }
        };
        let touched = self.comparisons.iter().filter(|one| !untouched.contains(&one.layer));
        let left_out = touched.clone().filter(|one| one.is_left_out()).count() as u64;
        let partial = touched.filter(|one| one.is_partial()).count() as u64;
        if left_out > 0 {
            conclusion += &format!("; {} not compared", counted(left_out, "view"));
        }
        if partial > 0 {
            conclusion += &format!("; {} compared in part", counted(partial, "view"));
        }
        conclusion
    }

    fn accounted(&self) -> String {
        match self.uncounted.len() as u64 {
            0 => "every message is accounted for once".to_owned(),
            count => format!("the messages of {} were not counted", counted(count, "partition")),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            "messages in the lake",
            "counted",
            "echoes",
            "late",
            "skipped in the lake",
            "dead letters in the lake",
        ];
        let [messages, counted, echoes, late, skipped, dead_letters] =
            names.map(|what| self.found(what));
        writeln!(
            formatter,
            "lake: {messages} messages = {counted} counted + {echoes} echoes + {late} late \
             + {skipped} skipped + {dead_letters} dead letters"
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
        for comparison in &self.comparisons {
            writeln!(formatter, "{comparison}")?;
        }
        for Difference { view, layer, id, field, stored, computed } in &self.differences {
            let show = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".into());
            let field = field.as_ref().map(|name| format!(", `{name}`")).unwrap_or_default();
            let (stored, computed) = (show(stored), show(computed));
            writeln!(formatter, "{view} ({layer}) `{id}`{field}: {stored}, computed {computed}")?;
        }
        writeln!(formatter, "{}", self.conclusion())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, layer, equal, left_out, .. } = self;
        write!(formatter, "{view} ({layer}): ")?;
        let left_out: Vec<_> = left_out.iter().map(LeftOut::to_string).collect();
        let left_out = left_out.join(", ");
        if self.is_left_out() {
            write!(formatter, "not compared: {left_out}")
        } else if self.is_partial() {
            let equal = counted(*equal, "document");
            write!(formatter, "{equal} as computed; not compared: {left_out}")
        } else if self.compared == 0 {
            write!(formatter, "there are no documents, and none are computed")
        } else {
            write!(formatter, "{} as computed", counted(*equal, "document"))
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let documents = |count: u64| counted(count, "document");
        let of_days = |count: usize| counted(count as u64, "day");
        match *self {
            Self::NoClosedWindow => write!(formatter, "no window has closed yet"),
            Self::OfGoneMessages { documents: count } => {
                write!(
                    formatter,
                    "{} in which messages play a part that are gone",
                    documents(count)
                )
            }
            Self::AfterCheckpoint { documents: count } => {
                write!(formatter, "{} from after the checkpoint", documents(count))
            }
            Self::OfRefusedFacts { documents: count } => write!(
                formatter,
                "{} that may lack facts, as `sessions.keys_max` was reached",
                documents(count)
            ),
            Self::NotCompleted { days } => {
                write!(formatter, "{} that the batch layer has not completed", of_days(days))
            }
            Self::Waiting { days } => {
                write!(formatter, "{} to be computed by the next `run`", of_days(days))
            }
            Self::OfGoneDays { days } => {
                write!(formatter, "{} gone from the lake", of_days(days))
            }
        }
    }
}

fn nothing_compared(layers: &[Layer]) -> String {
    match layers {
        [layer] => format!("nothing of the {layer} layer was compared"),
        _ => "nothing of either layer was compared".to_owned(),
    }
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
