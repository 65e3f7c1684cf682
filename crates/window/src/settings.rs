//! What can be chosen about windows, echoes and trends, and what is added up.

use std::collections::BTreeSet;
use std::time::Duration;

use pulso_model::{By, Comparison, Counts, Facet, Number, Session, Statistic, Stream};
use serde::{Deserialize, Serialize};

use crate::SlidingWindow;

/// All settings of an [`Windows`](crate::Windows).
///
/// They are part of its state: a checkpoint made with others would mix two definitions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub window: SlidingWindow,
    /// How long the watermark waits behind the largest event time.
    pub max_out_of_orderness: Duration,
    /// How long a closed pane may still change.
    pub allowed_lateness: Duration,
    pub echo: EchoSettings,
    pub trends: TrendSettings,
    /// The most keys with open sessions.
    pub sessions_max: usize,
    pub shape: Shape,
}

/// What of a stream's facts is added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// How many kinds there are.
    pub kinds: usize,
    pub facets: Vec<FacetShape>,
    pub statistics: Vec<StatisticShape>,
    pub sessions: Vec<SessionShape>,
}

/// Which facts make sessions, and what is remembered of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionShape {
    /// The columns of the key.
    pub by: Vec<usize>,
    /// The place of the actor among them.
    pub actor: Option<usize>,
    /// At least 1, and at most `half_ms`.
    pub gap_ms: i64,
    /// Half of the longest session.
    pub half_ms: i64,
    pub kinds: usize,
    pub facets: Vec<usize>,
    pub columns: Vec<usize>,
}

/// Which numbers are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticShape {
    pub number: Number,
    pub by: By,
}

/// How the terms of a facet are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetShape {
    #[serde(with = "CountsName")]
    pub counts: Counts,
    pub by_scope: bool,
}

/// Serialises [`Counts`].
#[derive(Serialize, Deserialize)]
#[serde(remote = "Counts")]
enum CountsName {
    Facts,
    Actors,
}

impl Shape {
    pub fn of(stream: &Stream) -> Self {
        let facet = |facet: &Facet| FacetShape {
            counts: facet.counts,
            by_scope: facet.by_scope_view.is_some(),
        };
        let statistic =
            |statistic: &Statistic| StatisticShape { number: statistic.number, by: statistic.by };
        let kinds = stream.kind.values.len();
        let session = |session: &Session| SessionShape {
            by: session.by.clone(),
            actor: session.by.iter().position(|column| Some(*column) == stream.actor),
            gap_ms: session.gap_ms(),
            half_ms: session.half_ms(),
            kinds,
            facets: session.facets.iter().map(|facet| facet.facet).collect(),
            columns: session.columns.clone(),
        };
        Self {
            kinds,
            facets: stream.facets.iter().map(facet).collect(),
            statistics: stream.statistics.iter().map(statistic).collect(),
            sessions: stream.sessions.iter().map(session).collect(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EchoSettings {
    /// How far back in event time echoes are recognised.
    pub horizon: Duration,
    /// The most keys remembered, over all partitions; open panes may need more.
    pub keys_max: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrendSettings {
    /// A term is listed when more facts, or actors, than this carry it.
    pub count_above: u32,
    /// The keys of terms that are never listed. They are counted like all others.
    ///
    /// No part of a checkpoint: it may change at any time.
    #[serde(skip)]
    pub mute: BTreeSet<String>,
    /// A term is unusual from this score on.
    pub unusual_from: f64,
    /// The most terms of a facet listed for a window.
    pub worldwide: ListMax,
    /// The same in each scope.
    pub by_scope: ListMax,
    /// How far back the windows end that say what is usual; a multiple of the slide, and no shorter than
    /// a window.
    pub baseline: Duration,
}

/// How many terms are listed at most: the largest, and the most unusual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListMax {
    pub terms: usize,
    pub unusual: usize,
}

impl Settings {
    /// Which windows the score compares.
    pub(crate) fn comparison(&self) -> Comparison {
        let millis = |millis: i64| Duration::from_millis(millis.unsigned_abs());
        let (size, slide) = (millis(self.window.size()), millis(self.window.slide()));
        Comparison::new(size, slide, self.trends.baseline)
    }

    /// The usual settings for a stream.
    pub fn usual(shape: Shape) -> Self {
        Self {
            window: SlidingWindow::default(),
            max_out_of_orderness: Duration::from_secs(2),
            allowed_lateness: Duration::ZERO,
            echo: EchoSettings { horizon: Duration::from_secs(10 * 60), keys_max: 4_000_000 },
            trends: TrendSettings {
                count_above: 5,
                mute: BTreeSet::new(),
                unusual_from: 4.4,
                worldwide: ListMax { terms: 100, unusual: 20 },
                by_scope: ListMax { terms: 20, unusual: 10 },
                baseline: Duration::from_secs(60 * 60),
            },
            sessions_max: 1_000_000,
            shape,
        }
    }
}

/// Whole milliseconds; settings are far below the 292 million years that fit.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
