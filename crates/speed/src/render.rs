//! From what the windows say to documents.

use pulso_model::{
    ActivityDocument, EndedTrendDocument, Facet, SessionDocument, StatisticsDocument, Stream,
    TrendDocument, TrendWindow, ViewDocument,
};
use pulso_window::{ClosedPane, EndedTrend, Firing, Group, Output, ShownSession, Trend, Unlisted};

/// Appends the documents of one output.
pub(crate) fn render(stream: &Stream, output: &Output, documents: &mut Vec<ViewDocument>) {
    match output {
        Output::Pane(pane) => render_pane(stream, pane, documents),
        Output::Window(firing) => render_firing(stream, firing, documents),
        Output::Session(session) => render_session(stream, session, documents),
    }
}

fn render_pane(stream: &Stream, pane: &ClosedPane, documents: &mut Vec<ViewDocument>) {
    for entry in pane.aggregate.activity() {
        let location = entry.activity.location.mean();
        let document = ActivityDocument {
            stream,
            pane_start: pane.start,
            scope: entry.scope,
            kind: stream.kind.values[entry.kind],
            facts: entry.activity.facts,
            sums: &entry.activity.sums,
            location: location.filter(|_| stream.place),
        };
        documents.push(document.render());
    }
    for (at, statistic) in stream.statistics.iter().enumerate() {
        for (group, statistics) in pane.aggregate.statistics(at) {
            let group = match group {
                Group::All => None,
                Group::Kind(kind) => Some(stream.kind.values[kind]),
                Group::Scope(scope) => Some(scope),
            };
            let pane_start = pane.start;
            let document = StatisticsDocument { stream, statistic, pane_start, group, statistics };
            documents.extend(document.render());
        }
    }
}

fn render_session(stream: &Stream, shown: &ShownSession, documents: &mut Vec<ViewDocument>) {
    let ShownSession { declared, end, open, started, ended, .. } = *shown;
    let ShownSession { key, scope, columns, kinds, sums, terms, .. } = shown;
    let session = &stream.sessions[declared];
    SessionDocument {
        stream,
        session,
        end,
        open,
        started,
        ended,
        key,
        scope,
        columns,
        kinds,
        sums,
        terms,
    }
    .render(documents);
}

fn render_firing(stream: &Stream, firing: &Firing, documents: &mut Vec<ViewDocument>) {
    let window = TrendWindow::new(firing.start, firing.end);
    for (facet, lists) in stream.facets.iter().zip(&firing.lists) {
        let trend = |scope, trend| trend_document(stream, facet, &window, scope, trend).render();
        documents.extend(lists.worldwide.iter().map(|listed| trend(None, listed)));
        for (scope, list) in &lists.by_scope {
            documents.extend(list.iter().map(|listed| trend(Some(scope), listed)));
        }
        documents
            .extend(lists.ended.iter().map(|trend| render_ended(stream, facet, firing, trend)));
    }
    for Unlisted { facet, scope, term, ended } in &firing.unlisted {
        let (facet, scope) = (&stream.facets[*facet], scope.as_deref());
        documents.push(match ended {
            true => EndedTrendDocument::removal(stream, facet, firing.end, scope, term),
            false => TrendDocument::removal(facet, &window, scope, term),
        });
    }
}

fn trend_document<'a>(
    stream: &'a Stream,
    facet: &'a Facet,
    window: &'a TrendWindow,
    scope: Option<&'a str>,
    trend: &'a Trend,
) -> TrendDocument<'a> {
    TrendDocument {
        stream,
        facet,
        window,
        scope,
        term: &trend.term,
        name: &trend.name,
        count: u64::from(trend.count),
        actors: u64::from(trend.actors),
        rank: trend.rank,
        unusual_rank: trend.unusual_rank,
        since: trend.since,
        score: trend.score,
        // A point for the whole world would mean nothing.
        location: scope.and(trend.location),
    }
}

fn render_ended(
    stream: &Stream,
    facet: &Facet,
    firing: &Firing,
    trend: &EndedTrend,
) -> ViewDocument {
    EndedTrendDocument {
        stream,
        facet,
        time: firing.end,
        scope: trend.scope.as_deref(),
        term: &trend.term,
        name: &trend.name,
        began: trend.began,
        peak: trend.peak,
        peak_score: trend.peak_score,
        ended: trend.ended,
        count: trend.count,
        actors: u64::from(trend.actors),
    }
    .render()
}
