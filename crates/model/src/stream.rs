//! Streams: what a descriptor says of one, and the views that follow from it.

mod deletion;
mod part;
mod personal;
mod session;
mod statistic;
#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

pub use deletion::Deletion;
pub(crate) use part::text as text_of;
pub use part::{Part, Position};
pub use personal::Personal;
pub use session::{SESSIONS_MAX, Session, SessionFacet};
pub use statistic::{By, Number, NumberPlace, STATISTICS_MAX, Statistic};

use crate::{DeadLetter, Fact, Identity, Reason, Value, View};

/// One kind of message, and what is made of it. Data: the same for streams that Pulso brings and for
/// those that users declare.
///
/// A stream lives as long as the program, so that its names need no copies.
#[derive(Clone, Debug)]
pub struct Stream {
    pub name: &'static str,
    /// For headings.
    pub title: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Urls of public servers that need no key, for trying the stream live; empty where there are none.
    pub live: Vec<&'static str>,
    /// What one fact is called, and many.
    pub fact: Names,
    /// The field that tells facts apart by kind.
    pub kind: KindField,
    pub scope: Option<ScopeField>,
    /// Non-negative integers that are added up.
    pub sums: Vec<&'static str>,
    /// Whether facts may have a place.
    pub place: bool,
    pub columns: Vec<Column>,
    /// The column that says who did it.
    pub actor: Option<usize>,
    /// The columns that tell one visitor of a UTC day from another; empty where nobody visits.
    pub visitor: Vec<usize>,
    /// What says who a person is: columns, and the keys or names of terms.
    pub personal: Vec<Part>,
    /// How facts are taken back.
    pub deletions: Vec<Deletion>,
    /// The column whose latest fact is the state, where later facts replace earlier ones.
    pub state: Option<usize>,
    /// What tells facts apart; empty where each message is a fact of its own.
    pub identity: Vec<Part>,
    /// How far apart the times of a fact and its echoes are at most, where the descriptor says so.
    pub echoes_within: Option<Duration>,
    pub facets: Vec<Facet>,
    /// Numbers whose distribution is told.
    pub statistics: Vec<Statistic>,
    /// Facts of one key that are close together.
    pub sessions: Vec<Session>,
    /// Single facts.
    pub facts_view: FactsView,
    /// What happened in each pane, by scope and kind.
    pub activity_view: View,
    /// The trends of all facets that have ended; `None` where there are no facets.
    pub trends_view: Option<View>,
    /// The same by scope, where a facet has trends by scope.
    pub trends_by_scope_view: Option<View>,
    /// Views that SQL of the stream's own makes.
    pub jobs: Vec<Job>,
}

/// A word in both numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names {
    pub one: &'static str,
    pub many: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindField {
    pub name: &'static str,
    /// In the order of [`Fact::kind`].
    pub values: Vec<&'static str>,
}

/// What "by …" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeField {
    pub name: &'static str,
    pub values: ScopeValues,
}

/// What a scope's texts are, for maps and names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScopeValues {
    /// ISO 3166-1 alpha-2, upper case.
    Country,
    /// BCP 47, the primary subtag.
    Language,
    Text,
}

/// A column of the lake that the stream declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub column_type: ColumnType,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    Boolean,
    Integer,
    Float,
    Text,
    Texts,
    Time,
}

/// A kind of terms that can trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facet {
    /// What one term is called, and many. The latter is also the lake's column of their keys.
    pub term: Names,
    /// The lake's column of the names beside the keys.
    pub names_column: &'static str,
    pub counts: Counts,
    pub view: View,
    /// Trends by scope, where the facet wants them.
    pub by_scope_view: Option<View>,
}

/// What makes a term trend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Facts that carry it.
    Facts,
    /// Distinct actors of such facts: one who repeats himself does not make a trend.
    Actors,
}

/// The view of single facts.
#[derive(Clone, Debug)]
pub struct FactsView {
    pub view: View,
    /// Whether it has documents. What a descriptor says of it, a configuration may override.
    pub shown: bool,
    /// Where the fields come from, in the order of [`View::fields`].
    pub parts: Vec<Part>,
}

/// A query over the facts of the lake, for one view.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    pub view: View,
    /// Fields that say who a person is, beside those that are called as a personal column or field.
    pub personal: &'static [&'static str],
    pub sql: &'static str,
}

/// A column of the lake, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LakeColumn {
    pub name: &'static str,
    pub column_type: ColumnType,
    pub part: Part,
}

impl Stream {
    /// The typed columns of the lake's table that hold a fact.
    pub fn lake_columns(&self) -> Vec<LakeColumn> {
        let column = |name, column_type, part| LakeColumn { name, column_type, part };
        let mut columns = vec![column("time", ColumnType::Time, Part::Time)];
        columns.push(column(self.kind.name, ColumnType::Text, Part::Kind));
        columns.extend(self.scope.map(|scope| column(scope.name, ColumnType::Text, Part::Scope)));
        let sums = self.sums.iter().enumerate();
        columns.extend(sums.map(|(at, name)| column(name, ColumnType::Integer, Part::Sum(at))));
        if self.place {
            columns.push(column("latitude", ColumnType::Float, Part::Latitude));
            columns.push(column("longitude", ColumnType::Float, Part::Longitude));
        }
        for (at, facet) in self.facets.iter().enumerate() {
            columns.push(column(facet.term.many, ColumnType::Texts, Part::TermKeys(at)));
            columns.push(column(facet.names_column, ColumnType::Texts, Part::TermNames(at)));
        }
        let own = self.columns.iter().enumerate();
        columns.extend(own.map(|(at, own)| column(own.name, own.column_type, Part::Column(at))));
        columns
    }

    /// All views of the stream: what both layers make first, then those of its jobs.
    pub fn views(&self) -> Vec<View> {
        let mut views = vec![self.facts_view.view, self.activity_view];
        views.extend(self.statistics.iter().map(|statistic| statistic.view));
        views.extend(self.sessions.iter().map(|session| session.view));
        views.extend(self.facets.iter().flat_map(|f| [Some(f.view), f.by_scope_view]).flatten());
        views.extend(self.trends_view.into_iter().chain(self.trends_by_scope_view));
        views.extend(self.statistics.iter().map(|statistic| statistic.days_view));
        views.extend(self.jobs.iter().map(|job| job.view));
        views
    }

    /// Whether documents of single facts or of sessions name the stream's actors.
    pub fn names_actors(&self) -> bool {
        let by_actor = |session: &Session| session.by.iter().any(|at| Some(*at) == self.actor);
        self.facts_view.shown || self.sessions.iter().any(by_actor)
    }

    /// Why no layer writes a view of the stream, if that is so.
    pub fn unwritten(&self, view: View) -> Option<String> {
        let left_out = view == self.facts_view.view && !self.facts_view.shown;
        let (name, many) = (self.name, self.fact.many);
        left_out.then(|| format!("the stream `{name}` keeps single {many} in the lake only"))
    }

    /// What tells a fact from others; `None` where each message is a fact of its own.
    pub fn identity(&self, fact: &Fact<'_>) -> Option<Identity> {
        part::identity(&self.identity, self, fact)
    }

    /// A fact whose identity has a gap could be another one as well.
    pub(crate) fn check_identity(&self, fact: &Fact<'_>) -> Result<(), DeadLetter> {
        for part in &self.identity {
            if let Part::Column(at) = *part
                && fact.columns[at] == Value::Null
            {
                let detail =
                    format!("`{}` is missing: it is part of the identity", self.columns[at].name);
                return Err(DeadLetter::new(Reason::MissingField, detail));
            }
        }
        Ok(())
    }

    /// How far apart the times of a fact and its echoes may be; `None`: as far as they like.
    pub fn echo_reach(&self) -> Option<Duration> {
        match self.echoes_have_its_time() {
            // Two times of one nearest second are less than this apart.
            true => Some(Duration::from_secs(1)),
            false => self.echoes_within,
        }
    }

    /// Whether a fact and its echoes have nearly the same time, or there are no echoes.
    pub fn echoes_have_its_time(&self) -> bool {
        let timed = |part: &Part| matches!(part, Part::Second | Part::Time);
        self.identity.is_empty() || self.identity.iter().any(timed)
    }

    /// Whether a facet counts actors.
    pub fn counts_actors(&self) -> bool {
        self.facets.iter().any(|facet| facet.counts == Counts::Actors)
    }

    /// Who did it, as text.
    pub fn actor<'f>(&self, fact: &'f Fact<'_>) -> Option<Cow<'f, str>> {
        part::text(fact.columns.get(self.actor?)?)
    }
}

impl PartialEq for Stream {
    /// There is one stream of a name.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Stream {}

impl fmt::Display for Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}
