//! Queries that every stream has, filled in with its names.
//!
//! Only names of the descriptor come into a query as text, between quotes; they are lower-case letters,
//! digits and underscores. Values are bound as parameters.

use pulso_model::{FieldType, Part, Stream};

use super::counts_actors;

const FACTS: &str = include_str!("../sql/single-facts.sql");
const ACTIVITY: &str = include_str!("../sql/activity.sql");
const TRENDS: &str = include_str!("../sql/trends.sql");
const PANES_BY_FACTS: &str = include_str!("../sql/panes-by-facts.sql");
const PANES_BY_ACTORS: &str = include_str!("../sql/panes-by-actors.sql");
const ECHOES: &str = include_str!("../sql/echoes.sql");
const SUPERSEDED: &str = include_str!("../sql/superseded.sql");
const TERMS: &str = include_str!("../sql/terms.sql");
const NAMES: &str = include_str!("../sql/names.sql");
const VALUES: &str = include_str!("../sql/values.sql");

/// Single facts.
pub(super) fn facts(stream: &Stream) -> String {
    let view = &stream.facts_view;
    let mut fields = Vec::new();
    for (field, part) in view.view.fields().iter().zip(&view.parts) {
        match (field.field_type, *part) {
            (FieldType::Location, Part::Columns(latitude, longitude)) => {
                let [latitude, longitude] =
                    [latitude, longitude].map(|at| quoted(stream.columns[at].name));
                fields.extend(location(field.name, &latitude, &longitude));
            }
            (FieldType::Location, _) => {
                fields.extend(location(field.name, "latitude", "longitude"));
            }
            (_, part) => {
                fields.push(format!("{} AS {}", expression(stream, part), quoted(field.name)));
            }
        }
    }
    FACTS.replace("{fields}", &listed(&fields))
}

/// What happened in each pane.
pub(super) fn activity(stream: &Stream) -> String {
    let scope = stream.scope.map(|scope| quoted(scope.name));
    let by: Vec<_> = scope.into_iter().chain([quoted(stream.kind.name)]).collect();
    let mut sums = vec![format!("count(*) AS {}", quoted(stream.fact.many))];
    sums.extend(stream.sums.iter().map(|sum| format!("sum({0}) AS {0}", quoted(sum))));
    if stream.place {
        // The mean in whole microdegrees.
        let mean = |degrees: &str, field: &str| {
            let micro = format!("CAST(round({degrees} * 1e6) AS BIGINT)");
            format!(
                "round(CAST(sum({micro}) AS DOUBLE) / count({degrees})) / 1e6 AS \"location.{field}\""
            )
        };
        sums.extend([mean("latitude", "lat"), mean("longitude", "lon")]);
    }
    ACTIVITY.replace("{by}", &by.join(", ")).replace("{sums}", &listed(&sums))
}

/// The trends of a facet, worldwide or by scope.
pub(super) fn trends(stream: &Stream, at: usize, in_scopes: bool) -> String {
    let facet = &stream.facets[at];
    let scope = stream.scope.filter(|_| in_scopes);
    let actor = stream.actor.filter(|_| counts_actors(facet));
    let place = stream.place && scope.is_some();
    let mut recent = vec![
        format!("{} AS keys", quoted(facet.term.many)),
        format!("{} AS names", quoted(facet.names_column)),
    ];
    let (mut carried, mut numbered, mut named) =
        ("pane".to_owned(), "recent".to_owned(), "named".to_owned());
    if let Some(actor) = actor {
        recent.push(format!("{} AS actor", quoted(stream.columns[actor].name)));
        carried += ", actors.number AS actor";
        numbered = format!("(actors RIGHT JOIN {numbered} ON actors.value = recent.actor)");
    }
    if let Some(scope) = scope {
        recent.push(format!("{} AS scope", quoted(scope.name)));
        carried += ", scopes.number AS scope";
        numbered = format!("scopes JOIN {numbered} ON scopes.value = recent.scope");
        named = format!("(scopes RIGHT JOIN {named} ON scopes.number = named.scope)");
    }
    let mut sums: Vec<&str> = Vec::new();
    if place {
        recent.extend(places());
        carried += ", places, latitude, longitude";
        sums.extend(["places", "latitude", "longitude"]);
    }
    let summed = each(&sums, |sum| format!("sum({sum}) AS {sum}"));
    // Where facts are what ranks, that is their number.
    sums.extend(actor.map(|_| "facts"));
    let in_slot =
        each(&sums, |sum| format!("CASE WHEN slot = pane THEN {sum} ELSE 0 END AS {sum}"));
    let in_window =
        each(&sums, |sum| format!("sum_within({sum}, slot, $reach_ms, 0) OVER by_slot AS {sum}"));
    // As many as the columns beside: the end of the window, both ranks, score and what it is ranked by.
    let nulls = vec!["NULL"; 5 + usize::from(scope.is_some()) + sums.len()].join(", ");
    let panes = if actor.is_some() { PANES_BY_ACTORS } else { PANES_BY_FACTS };
    let where_ = scope.map_or("worldwide".to_owned(), |scope| format!("in each {}", scope.name));
    let (by_scope, same_scope) = match scope {
        Some(_) => ("PARTITION BY scope ", "compared.scope = busyness.scope AND "),
        None => ("", ""),
    };
    let of_list = if scope.is_some() { "$scope_" } else { "$" };
    TRENDS
        .replace("{panes}", panes)
        .replace("{recent}", &recent.join(",\n    "))
        .replace("{carried}", &carried)
        .replace("{numbered}", &numbered)
        .replace("{scope}", if scope.is_some() { "scope, " } else { "" })
        .replace("{busyness}", &busyness(scope.is_some(), actor.is_some()))
        .replace("{by_scope}", by_scope)
        .replace("{same_scope}", same_scope)
        .replace("{sums}", &summed)
        .replace("{in_slot}", &in_slot)
        .replace("{in_window}", &in_window)
        .replace("{columns}", &each(&sums, |&sum| sum.to_owned()))
        .replace("{nulls}", &nulls)
        .replace("{named}", &named)
        .replace("{shown}", &listed(&shown_of_trends(stream, at, in_scopes)))
        .replace("{terms}", &format!("terms_{at}"))
        .replace("{names}", &format!("names_{at}"))
        .replace("{where}", &where_)
        .replace("{terms_max}", &format!("{of_list}terms_max"))
        .replace("{unusual_max}", &format!("{of_list}unusual_max"))
}

/// How busy each pane is.
fn busyness(by_scope: bool, of_actors: bool) -> String {
    let number = match of_actors {
        true => "count(DISTINCT actor) FILTER (WHERE array_length(keys) > 0) AS busyness",
        false => "count(*) AS busyness",
    };
    match by_scope {
        true => format!(
            "(\n    SELECT scopes.number AS scope, pane, busyness\n    FROM scopes\n    \
             JOIN (SELECT scope, pane, {number} FROM recent GROUP BY scope, pane) AS counted\n      \
             ON counted.scope = scopes.value\n  )"
        ),
        false => format!("(SELECT pane, {number} FROM recent GROUP BY pane)"),
    }
}

/// The fields of a trend.
fn shown_of_trends(stream: &Stream, at: usize, by_scope: bool) -> Vec<String> {
    let facet = &stream.facets[at];
    let scope = stream.scope.filter(|_| by_scope);
    let mut shown = Vec::new();
    shown.extend(scope.map(|scope| format!("scopes.value AS {}", quoted(scope.name))));
    shown.push(format!("terms.term AS {}", quoted(facet.term.one)));
    shown.push("coalesce(terms.name, names.name) AS name".to_owned());
    let counts: &[&str] = match counts_actors(facet) {
        true => &["facts AS count", "ranked AS actors"],
        false => &["ranked AS count"],
    };
    shown.extend(
        counts.iter().chain(&["rank", "unusual_rank", "score"]).map(|&field| field.to_owned()),
    );
    if scope.is_some() {
        // Without places both are NULL.
        let mean = |sum: &str, field: &str| match stream.place {
            true => format!("round(CAST({sum} AS DOUBLE) / places) / 1e6 AS \"location.{field}\""),
            false => format!("CAST(NULL AS DOUBLE) AS \"location.{field}\""),
        };
        shown.extend([mean("latitude", "lat"), mean("longitude", "lon")]);
    }
    shown
}

/// The positions of facts that are not the state; `None` where facts do not replace each other.
pub(crate) fn superseded(stream: &Stream) -> Option<String> {
    let state = quoted(stream.columns[stream.state?].name);
    Some(SUPERSEDED.replace("{state}", &state))
}

/// The positions of echoes; `None` where each message is a fact of its own.
pub(crate) fn echoes(stream: &Stream) -> Option<String> {
    let column = |part: &Part| match part {
        Part::Second => "second".to_owned(),
        part => expression(stream, *part),
    };
    let columns: Vec<_> = stream.identity.iter().map(column).collect();
    if columns.is_empty() {
        return None;
    }
    let repeated: Vec<_> = columns.iter().map(|column| format!("repeated.{column}")).collect();
    let equal: Vec<_> = columns
        .iter()
        .zip(&repeated)
        .map(|(column, same)| format!("valid.{column} = {same}"))
        .collect();
    let (within, near) = match stream.echoes_within {
        Some(within) => {
            let millis = within.as_millis();
            let range = format!("RANGE BETWEEN {millis} PRECEDING AND {millis} FOLLOWING");
            (format!(", and at most {millis} ms apart"), format!(" ORDER BY valid.millis {range}"))
        }
        None => Default::default(),
    };
    let query = ECHOES.replace("{columns}", &columns.join(", ")).replace("{within}", &within);
    let query = query.replace("{repeated}", &repeated.join(", ")).replace("{near}", &near);
    Some(query.replace("{equal}", &equal.join(" AND ")))
}

/// The numbered names of a facet's terms.
pub(crate) fn names(stream: &Stream, at: usize) -> String {
    let facet = &stream.facets[at];
    NAMES
        .replace("{keys}", &quoted(facet.term.many))
        .replace("{names}", &quoted(facet.names_column))
}

/// The numbered terms of a facet, from their names.
pub(crate) fn terms(at: usize) -> String {
    TERMS.replace("{names}", &format!("names_{at}"))
}

/// The numbered values of a column.
pub(crate) fn values(column: &str) -> String {
    VALUES.replace("{column}", &quoted(column))
}

/// The places that a mean is made of, in whole microdegrees.
fn places() -> [String; 3] {
    let micro =
        |degrees: &str| format!("coalesce(CAST(round({degrees} * 1e6) AS BIGINT), 0) AS {degrees}");
    let places = "CASE WHEN latitude IS NULL THEN 0 ELSE 1 END AS places".to_owned();
    [places, micro("latitude"), micro("longitude")]
}

/// A pair of columns as a location; what is no coordinate is none.
fn location(field: &str, latitude: &str, longitude: &str) -> [String; 2] {
    let usable = format!(
        "{latitude} BETWEEN -90 AND 90 AND {longitude} BETWEEN -180 AND 180 \
         AND NOT ({latitude} = 0 AND {longitude} = 0)"
    );
    let degrees = |column: &str, name: &str| {
        let field = quoted(&format!("{field}.{name}"));
        format!("CASE WHEN {usable} THEN {column} END AS {field}")
    };
    [degrees(latitude, "lat"), degrees(longitude, "lon")]
}

/// A part of a fact in a query of `facts`.
fn expression(stream: &Stream, part: Part) -> String {
    match part {
        Part::Partition => "\"partition\"".to_owned(),
        Part::Offset => "\"offset\"".to_owned(),
        part => {
            let column = stream.lake_columns().into_iter().find(|column| column.part == part);
            quoted(column.expect("descriptors name parts that have a column").name)
        }
    }
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn listed(items: &[String]) -> String {
    items.join(",\n  ")
}

/// More columns after others.
fn each(columns: &[&str], expression: impl Fn(&&str) -> String) -> String {
    columns.iter().map(|column| format!(", {}", expression(column))).collect()
}
