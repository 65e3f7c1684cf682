//! A stream in a form that helps to query it and to change it.

use pulso_model::duration::format_duration;
use pulso_model::{Counts, Part, ScopeValues, Session, Statistic, Stream, View, ViewKind};
use pulso_streams::Definition;
use pulso_streams::descriptor::column_type_name;

use super::{origin, table};

pub(super) fn show(definition: &Definition) -> String {
    let stream = definition.stream;
    let mut text = format!("{}: {}\n", stream.name, stream.title);
    if !stream.about.is_empty() {
        text.push_str(&format!("{}\n", stream.about));
    }
    text.push('\n');
    text.push_str(&table(&facts(definition), ""));
    let columns = stream.columns.iter();
    let columns = columns
        .map(|column| [column.name.to_owned(), column_type_name(column.column_type).to_owned()]);
    section(&mut text, "columns", &columns.collect::<Vec<_>>());
    section(&mut text, "facets", &facets(stream));
    section(&mut text, "statistics", &statistics(stream));
    section(&mut text, "sessions", &sessions(definition.whole()));
    text.push_str("\nviews\n");
    for view in definition.whole().views() {
        text.push_str(&shown_view(stream, view));
    }
    for job in &stream.jobs {
        text.push_str(&format!("\nquery of {}\n", job.view));
        job.sql.lines().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text
}

fn section<const CELLS: usize>(text: &mut String, title: &str, rows: &[[String; CELLS]]) {
    if !rows.is_empty() {
        text.push_str(&format!("\n{title}\n{}", table(rows, "  ")));
    }
}

/// What one fact is.
fn facts(definition: &Definition) -> Vec<[String; 2]> {
    let stream = definition.stream;
    let decoder = match definition.program() {
        Some(program) => format!("by the program {}", program.file()),
        None => "in Rust".to_owned(),
    };
    let mut rows = vec![
        ["from".to_owned(), origin(definition)],
        ["decoded".to_owned(), decoder],
        ["fact".to_owned(), format!("{}, many: {}", stream.fact.one, stream.fact.many)],
        [stream.kind.name.to_owned(), format!("one of {}", stream.kind.values.join(", "))],
    ];
    if let Some(scope) = stream.scope {
        let values = match scope.values {
            ScopeValues::Country => "country (ISO 3166)",
            ScopeValues::Language => "language (BCP 47)",
            ScopeValues::Text => "text",
        };
        rows.push(["scope".to_owned(), format!("{}, a {values}", scope.name)]);
    }
    if !stream.sums.is_empty() {
        rows.push(["sums".to_owned(), stream.sums.join(", ")]);
    }
    rows.push(["place".to_owned(), if stream.place { "yes" } else { "no" }.to_owned()]);
    let identity: Vec<_> = stream.identity.iter().map(|part| part_name(stream, *part)).collect();
    let identity = if identity.is_empty() {
        "none: every message is a fact of its own".to_owned()
    } else {
        identity.join(", ")
    };
    rows.push(["identity".to_owned(), identity]);
    if let Some(actor) = stream.actor {
        rows.push(["actor".to_owned(), stream.columns[actor].name.to_owned()]);
    }
    if !stream.visitor.is_empty() {
        let columns: Vec<_> = stream.visitor.iter().map(|at| stream.columns[*at].name).collect();
        rows.push(["visitor".to_owned(), format!("of a day: {}", columns.join(", "))]);
    }
    rows
}

fn part_name(stream: &Stream, part: Part) -> &'static str {
    if part == Part::Second {
        return "second";
    }
    let columns = stream.lake_columns();
    columns.iter().find(|column| column.part == part).map_or("", |column| column.name)
}

fn facets(stream: &Stream) -> Vec<[String; 3]> {
    let row = |facet: &pulso_model::Facet| {
        let by = match facet.counts {
            Counts::Facts => format!("by {}", stream.fact.many),
            Counts::Actors => "by distinct actors".to_owned(),
        };
        let scope = stream.scope.filter(|_| facet.by_scope_view.is_some());
        let scope = scope.map_or(String::new(), |scope| format!("worldwide and by {}", scope.name));
        [facet.term.many.to_owned(), by, scope]
    };
    stream.facets.iter().map(row).collect()
}

fn statistics(stream: &Stream) -> Vec<[String; 2]> {
    let row = |statistic: &Statistic| {
        let by = statistic.by_field(stream);
        let by = by.map_or_else(|| format!("of all {}", stream.fact.many), |by| format!("by {by}"));
        [statistic.field.to_owned(), by]
    };
    stream.statistics.iter().map(row).collect()
}

fn sessions(stream: &Stream) -> Vec<[String; 3]> {
    let row = |session: &Session| {
        let by: Vec<_> = session.by.iter().map(|at| stream.columns[*at].name).collect();
        let gap = format!("ends after {}", format_duration(session.gap));
        [session.view.name().to_owned(), format!("by {}", by.join(", ")), gap]
    };
    stream.sessions.iter().map(row).collect()
}

fn shown_view(stream: &Stream, view: View) -> String {
    let kind = match view.kind() {
        ViewKind::Day => "both layers",
        ViewKind::BatchDay => "batch layer, by day",
        ViewKind::Now => "batch layer, as of now",
        ViewKind::Journal => "journal",
    };
    let hidden = view == stream.facts_view.view && !stream.facts_view.shown;
    let off = hidden || !stream.views().contains(&view);
    let off = if off { "; off unless the configuration shows it" } else { "" };
    let key: Vec<_> = view.key().iter().map(|key| key.name()).collect();
    let fields: Vec<_> = view
        .fields()
        .iter()
        .map(|field| format!("{} {}", field.name, field.field_type.name()))
        .collect();
    let rows = [["key".to_owned(), key.join(", ")], ["fields".to_owned(), fields.join(", ")]];
    format!("  {view} ({kind}{off})\n{}", table(&rows, "    "))
}
