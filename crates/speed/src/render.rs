//! From what the windows say to documents.

use std::sync::Arc;

use pulso_model::{ActivityDocument, TrendDocument, View, ViewDocument};
use pulso_window::{ClosedPane, Firing, Output, Trend, Unlisted};

/// Appends the documents of one output.
pub(crate) fn render(output: &Output, documents: &mut Vec<ViewDocument>) {
    match output {
        Output::Pane(pane) => render_pane(pane, documents),
        Output::Window(firing) => render_firing(firing, documents),
    }
}

fn render_pane(ClosedPane { start, aggregate }: &ClosedPane, documents: &mut Vec<ViewDocument>) {
    for entry in aggregate.activity() {
        let document = ActivityDocument {
            pane_start: *start,
            country: entry.country,
            response: entry.kind,
            responses: entry.activity.responses,
            guests: entry.activity.guests,
            attendees: entry.activity.attendees,
            location: entry.activity.location.mean(),
        };
        documents.push(document.render());
    }
}

fn render_firing(firing: &Firing, documents: &mut Vec<ViewDocument>) {
    for trend in &firing.worldwide {
        documents.push(trend_document(firing, None, trend).render());
    }
    for (country, list) in &firing.by_country {
        for trend in list {
            documents.push(trend_document(firing, Some(country), trend).render());
        }
    }
    for unlisted in &firing.unlisted {
        documents.push(removal(firing, unlisted));
    }
}

fn trend_document<'a>(
    firing: &Firing,
    country: Option<&'a str>,
    trend: &'a Trend,
) -> TrendDocument<'a> {
    TrendDocument {
        window_end: firing.end,
        window_start: firing.start,
        country,
        topic: &trend.topic,
        name: &trend.name,
        count: u64::from(trend.count),
        rank: trend.rank,
        score: trend.score,
        // A point for the whole world would mean nothing.
        location: country.and(trend.location),
    }
}

fn removal(firing: &Firing, (country, topic): &Unlisted) -> ViewDocument {
    let time = firing.end;
    let country: Option<&Arc<str>> = country.as_ref();
    match country {
        None => View::TrendingTopics.removal(time, &[time.into(), (&**topic).into()]),
        Some(country) => {
            let key = [time.into(), (&**country).into(), (&**topic).into()];
            View::TrendingTopicsByCountry.removal(time, &key)
        }
    }
}
