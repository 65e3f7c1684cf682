//! The views that follow from what a descriptor says of facts and facets.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use pulso_model::{
    Counts, Facet, FieldType, Names, ScopeField, Stream, View, ViewDescriptor, ViewKind,
};

use super::RawFact;
use super::fields::{self, clash};
use super::table::Table;
use super::words::{self, leak};

/// The trends of a facet.
pub(super) fn trends_view(
    stream: &'static str,
    view_name: &str,
    term: Names,
    counts: Counts,
    scope: Option<ScopeField>,
) -> View {
    use pulso_model::FieldType::{Float, Integer, Location, Text, Time};
    let mut list = vec![("@timestamp", Time), ("window_start", Time)];
    list.extend(scope.map(|scope| (scope.name, Text)));
    list.extend([(term.one, Text), ("name", Text), ("count", Integer)]);
    list.extend((counts == Counts::Actors).then_some(("actors", Integer)));
    list.extend([("rank", Integer), ("unusual_rank", Integer), ("since", Time), ("score", Float)]);
    list.extend(scope.map(|_| ("location", Location)));
    let key: Vec<_> =
        ["@timestamp"].into_iter().chain(scope.map(|scope| scope.name)).chain([term.one]).collect();
    let name = match scope {
        None => view_name.to_owned(),
        Some(scope) => format!("{view_name}-by-{}", words::view_name(scope.name)),
    };
    let scope = scope.map(|scope| scope.name);
    let view = by_day(stream, leak(&name), leak(&words::capitalised(&name)), &list, &key, scope);
    View::new(ViewDescriptor { position_field: Some("rank"), ..view })
}

/// The trends of all facets that have ended, worldwide and by scope.
pub(super) fn ended_views(
    stream: &'static str,
    view_name: &str,
    facets: &[Facet],
    scope: Option<ScopeField>,
) -> [Option<View>; 2] {
    let scope = scope.filter(|_| facets.iter().any(|facet| facet.by_scope_view.is_some()));
    let view = |scope| ended_view(stream, view_name, facets, scope);
    [(!facets.is_empty()).then(|| view(None)), scope.map(|scope| view(Some(scope)))]
}

fn ended_view(
    stream: &'static str,
    view_name: &str,
    facets: &[Facet],
    scope: Option<ScopeField>,
) -> View {
    use pulso_model::FieldType::{Float, Integer, Text, Time};
    let scope = scope.map(|scope| scope.name);
    let mut list = vec![("@timestamp", Time)];
    list.extend(scope.map(|scope| (scope, Text)));
    list.extend([("facet", Text), ("term", Text), ("name", Text), ("began", Time), ("peak", Time)]);
    list.extend([("peak_score", Float), ("ended", Time), ("duration_seconds", Float)]);
    list.push(("count", Integer));
    let actors = facets.iter().any(|facet| facet.counts == Counts::Actors);
    list.extend(actors.then_some(("actors", Integer)));
    let key: Vec<_> = ["@timestamp"].into_iter().chain(scope).chain(["facet", "term"]).collect();
    let name = match scope {
        None => view_name.to_owned(),
        Some(scope) => format!("{view_name}-by-{}", words::view_name(scope)),
    };
    let title = leak(&words::capitalised(&name));
    View::new(by_day(stream, leak(&name), title, &list, &key, scope))
}

/// What happened in each pane.
pub(super) fn activity_view(stream: &'static str, title: &str, fact: &RawFact) -> View {
    use pulso_model::FieldType::{Integer, Location, Text, Time};
    let scope = fact.scope.map(|scope| scope.name);
    let mut list = vec![("@timestamp", Time)];
    list.extend(scope.map(|scope| (scope, Text)));
    list.extend([(fact.kind.name, Text), (fact.names.many, Integer)]);
    list.extend(fact.sums.iter().map(|sum| (*sum, Integer)));
    list.extend(fact.place.then_some(("location", Location)));
    let key: Vec<_> = ["@timestamp"].into_iter().chain(scope).chain([fact.kind.name]).collect();
    let title = leak(&format!("{title}: activity"));
    View::new(by_day(stream, fact.activity, title, &list, &key, scope))
}

/// What the views of this module have in common: both layers write them, a day at a time.
pub(super) fn by_day(
    stream: &'static str,
    name: &'static str,
    title: &'static str,
    fields: &[(&'static str, FieldType)],
    key: &[&'static str],
    scope_field: Option<&'static str>,
) -> ViewDescriptor {
    ViewDescriptor {
        name,
        title,
        stream: Some(stream),
        kind: ViewKind::Day,
        fields: fields::list(fields).leak(),
        key: fields::values(key).leak(),
        scope_field,
        aliases: &[],
        position_field: None,
        first_write_wins: false,
        edges: None,
    }
}

/// Views have different names, and each view different fields. Those that `[fields]` and jobs declare
/// were checked where they stand; `by_default`: those of single facts were not declared.
pub(super) fn check(whole: &Table<'_, '_>, stream: &Stream, by_default: bool) {
    let mut names: BTreeSet<_> = View::JOURNALS.into_iter().map(View::name).collect();
    for view in stream.views() {
        if !names.insert(view.name()) {
            whole.problem(whole.span(), format!("there are two views `{}`", view.name()));
        }
    }
    let mut made = vec![stream.activity_view];
    made.extend(stream.facets.iter().flat_map(|f| [Some(f.view), f.by_scope_view]).flatten());
    made.extend(stream.trends_view.into_iter().chain(stream.trends_by_scope_view));
    made.extend(stream.statistics.iter().flat_map(|of| [of.view, of.days_view]));
    made.extend(stream.sessions.iter().map(|session| session.view));
    made.extend(by_default.then_some(stream.facts_view.view));
    for view in made {
        let fields: Vec<_> = view.fields().iter().map(|field| field.name).collect();
        for (at, name) in fields.iter().enumerate() {
            if let Some(clash) = clash(&fields[..at], name) {
                whole.problem(whole.span(), format!("in the view `{}` {clash}", view.name()));
            }
        }
    }
}
