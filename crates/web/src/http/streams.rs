//! What each stream is, so that a client can show any of them without knowing it.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use pulso_model::{
    Counts, Facet, Names, ScopeValues, Session, SessionFacet, Statistic, Stream, View,
};
use pulso_pipeline::Views;
use serde::Serialize;

use super::parameters;
use super::{Error, Shared, cache, kept};

#[derive(Debug, Serialize)]
struct StreamList {
    streams: Vec<StreamEntry>,
}

#[derive(Debug, Serialize)]
struct StreamEntry {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    fact: Words,
    kind: KindEntry,
    scope: Option<ScopeEntry>,
    sums: &'static [&'static str],
    place: bool,
    facets: Vec<FacetEntry>,
    statistics: Vec<StatisticEntry>,
    sessions: Vec<SessionEntry>,
    activity_view: &'static str,
    trends_view: Option<&'static str>,
    trends_by_scope_view: Option<&'static str>,
    facts_view: FactsViewEntry,
    /// Whether there is an organiser's desk.
    organiser: bool,
}

#[derive(Debug, Serialize)]
struct Words {
    one: &'static str,
    many: &'static str,
}

#[derive(Debug, Serialize)]
struct KindEntry {
    name: &'static str,
    values: &'static [&'static str],
}

#[derive(Debug, Serialize)]
struct ScopeEntry {
    name: &'static str,
    values: &'static str,
}

#[derive(Debug, Serialize)]
struct FacetEntry {
    term: Words,
    counts: &'static str,
    view: &'static str,
    by_scope_view: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct StatisticEntry {
    field: &'static str,
    /// The field that says which facts a document is about.
    by: Option<&'static str>,
    view: &'static str,
    days_view: &'static str,
}

#[derive(Debug, Serialize)]
struct SessionEntry {
    view: &'static str,
    /// The columns of the key.
    by: Vec<&'static str>,
    gap_seconds: f64,
    facets: Vec<SessionFacetEntry>,
    /// What else is told of the first fact.
    columns: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct SessionFacetEntry {
    term: Words,
    /// The fields of the first and of the last fact's term.
    first: &'static str,
    last: &'static str,
}

#[derive(Debug, Serialize)]
struct FactsViewEntry {
    name: &'static str,
    shown: bool,
}

/// The streams that readers see, whether or not they have data.
pub(super) async fn list<V: Views>(State(app): Shared<V>, uri: Uri) -> Result<Response, Error> {
    parameters::none(&uri)?;
    let streams = app.options.streams.iter().map(|served| StreamEntry::of(served.stream)).collect();
    Ok(kept(cache::ASK, serde_json::to_string(&StreamList { streams }).expect("the list is text")))
}

/// One stream, as it is in the list.
pub(crate) fn described(stream: &'static Stream) -> serde_json::Value {
    serde_json::to_value(StreamEntry::of(stream)).expect("an entry is text")
}

impl StreamEntry {
    fn of(stream: &'static Stream) -> Self {
        let Stream { name, title, about, ref kind, ref sums, place, .. } = *stream;
        let scope = stream
            .scope
            .map(|scope| ScopeEntry { name: scope.name, values: scope_values_name(scope.values) });
        let facts_view =
            FactsViewEntry { name: stream.facts_view.view.name(), shown: stream.facts_view.shown };
        Self {
            name,
            title,
            about,
            fact: Words::of(stream.fact),
            kind: KindEntry { name: kind.name, values: &kind.values },
            scope,
            sums,
            place,
            facets: stream.facets.iter().map(FacetEntry::of).collect(),
            statistics: stream.statistics.iter().map(|of| StatisticEntry::of(stream, of)).collect(),
            sessions: stream.sessions.iter().map(|of| SessionEntry::of(stream, of)).collect(),
            activity_view: stream.activity_view.name(),
            trends_view: stream.trends_view.map(View::name),
            trends_by_scope_view: stream.trends_by_scope_view.map(View::name),
            facts_view,
            organiser: crate::organiser::fits(stream),
        }
    }
}

impl Words {
    fn of(Names { one, many }: Names) -> Self {
        Self { one, many }
    }
}

impl FacetEntry {
    fn of(facet: &Facet) -> Self {
        Self {
            term: Words::of(facet.term),
            counts: match facet.counts {
                Counts::Facts => "facts",
                Counts::Actors => "actors",
            },
            view: facet.view.name(),
            by_scope_view: facet.by_scope_view.map(View::name),
        }
    }
}

impl StatisticEntry {
    fn of(stream: &Stream, statistic: &Statistic) -> Self {
        Self {
            field: statistic.field,
            by: statistic.by_field(stream),
            view: statistic.view.name(),
            days_view: statistic.days_view.name(),
        }
    }
}

impl SessionEntry {
    fn of(stream: &Stream, session: &Session) -> Self {
        let names = |columns: &[usize]| columns.iter().map(|at| stream.columns[*at].name).collect();
        let facet = |facet: &SessionFacet| SessionFacetEntry {
            term: Words::of(stream.facets[facet.facet].term),
            first: facet.first,
            last: facet.last,
        };
        Self {
            view: session.view.name(),
            by: names(&session.by),
            gap_seconds: session.gap.as_secs_f64(),
            facets: session.facets.iter().map(facet).collect(),
            columns: names(&session.columns),
        }
    }
}

fn scope_values_name(values: ScopeValues) -> &'static str {
    match values {
        ScopeValues::Country => "country",
        ScopeValues::Language => "language",
        ScopeValues::Text => "text",
    }
}
