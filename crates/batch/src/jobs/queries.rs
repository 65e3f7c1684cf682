//! Queries that every stream has, filled in with its names.
//!
//! Only names of the descriptor come into a query as text, between quotes; they are lower-case letters,
//! digits and underscores. Values are bound as parameters.

use pulso_model::{
    ColumnType, FieldType, NUMBER_MAX, NumberPlace, Part, QUANTILES, ScopeField, Statistic, Stream,
};

use super::counts_actors;

const FACTS: &str = include_str!("../sql/single-facts.sql");
const ACTIVITY: &str = include_str!("../sql/activity.sql");
const STATISTICS: &str = include_str!("../sql/statistics.sql");
const STATISTICS_DAYS: &str = include_str!("../sql/statistics-days.sql");
const SCORED: &str = include_str!("../sql/scored.sql");
const BUSYNESS: &str = include_str!("../sql/busyness.sql");
const NAMED: &str = include_str!("../sql/named.sql");
const TRENDS: &str = include_str!("../sql/trends.sql");
const ENDED: &str = include_str!("../sql/ended.sql");
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

/// Statistics of a number in each pane, and on each day.
pub(super) fn statistics(stream: &Stream, statistic: &Statistic) -> [String; 2] {
    let scale = statistic.number.scale;
    let field = statistic.by_field(stream);
    let column = quoted(statistic.field);
    let is_float = |at: usize| stream.columns[at].column_type == ColumnType::Float;
    let number = match statistic.number.place {
        // A float that is too large for an integer is none, as one that is over the largest number.
        NumberPlace::Column(at) if is_float(at) => {
            format!("TRY_CAST(round({column} * {scale}.0) AS BIGINT)")
        }
        _ => column,
    };
    let told = |name: &str| format!("_told['{name}'] AS \"{name}\"");
    let in_units = |name: &str| match scale {
        1 => told(name),
        _ => format!("CAST(_told['{name}'] AS DOUBLE) / {scale}.0 AS \"{name}\""),
    };
    let mut shown: Vec<_> = field.map(quoted).into_iter().collect();
    shown.push(told("count"));
    shown.extend(["min", "max", "sum"].map(in_units));
    let floats = ["mean", "variance", "skewness", "kurtosis"];
    shown.extend(floats.into_iter().chain(QUANTILES.map(|(name, _)| name)).map(told));
    shown.push(told("power_sums"));
    let part = |part: &str| format!("_told['{part}'] AS \"histogram.{part}\"");
    shown.extend(["values", "counts"].map(part));
    let by = field.map(|field| format!("{}, ", quoted(field))).unwrap_or_default();
    let where_ = field.map(|field| format!(", for each {field}")).unwrap_or_default();
    [STATISTICS, STATISTICS_DAYS].map(|query| {
        query
            .replace("{field}", statistic.field)
            .replace("{where}", &where_)
            .replace("{shown}", &listed(&shown))
            .replace("{by}", &by)
            .replace("{scale}", &scale.to_string())
            .replace("{number}", &number)
            .replace("{number_max}", &NUMBER_MAX.to_string())
    })
}

/// The trends of a facet, worldwide or by scope.
pub(super) fn trends(stream: &Stream, at: usize, in_scopes: bool) -> String {
    let of = Scored::new(stream, at, in_scopes);
    let mut columns = vec!["rank", "unusual_rank", "since", "score", "ranked"];
    columns.extend(&of.sums);
    let of_list = if of.scope.is_some() { "$scope_" } else { "$" };
    let listed = TRENDS
        .replace("{terms_max}", &format!("{of_list}terms_max"))
        .replace("{unusual_max}", &format!("{of_list}unusual_max"))
        .replace("{shown}", &listed(&shown_of_trends(stream, at, in_scopes)));
    of.query(&listed, "listed", &columns, "")
}

/// The trends that ended, of all facets that have some, worldwide or by scope.
pub(super) fn ended(stream: &Stream, in_scopes: bool) -> String {
    let facets = stream.facets.iter().enumerate();
    let facets = facets.filter(|(_, facet)| !in_scopes || facet.by_scope_view.is_some());
    let of_facet = |(at, _)| {
        let of = Scored::new(stream, at, in_scopes);
        let facts = if of.actor.is_some() { "facts" } else { "ranked" };
        // Of the facts that carry a term, from the first pane on.
        let entering = if of.actor.is_some() { "facts" } else { "leaving" };
        let total = format!(
            ",\n    sum({entering}) OVER (PARTITION BY {{scope}}term ORDER BY pane ROWS BETWEEN \
             UNBOUNDED PRECEDING AND CURRENT ROW) AS total"
        );
        let shown = listed(&shown_of_ended(stream, at, in_scopes));
        let ended = ENDED.replace("{facts}", facts).replace("{shown}", &shown);
        let columns = ["began", "peak", "peak_score", "ranked", "count"];
        of.query(&ended, "ended", &columns, &total)
    };
    let parts: Vec<_> =
        facets.map(|part| format!("SELECT * FROM (\n{})", of_facet(part))).collect();
    let where_ = if in_scopes { "by scope" } else { "worldwide" };
    format!(
        "-- The trends of all facets that ended in the days, {where_}. Needs what their scores, and those of the \
         two baselines before, look back to: from `$lookback_day`, `$lookback_ms` on.\n{}",
        parts.join("\nUNION ALL\n")
    )
}

/// The scores of a facet's terms, of which lists and lives are made.
struct Scored<'a> {
    stream: &'a Stream,
    at: usize,
    scope: Option<ScopeField>,
    /// Who is counted, if not facts.
    actor: Option<usize>,
    /// What is added up over a window besides what ranks.
    sums: Vec<&'static str>,
}

impl<'a> Scored<'a> {
    fn new(stream: &'a Stream, at: usize, in_scopes: bool) -> Self {
        let scope = stream.scope.filter(|_| in_scopes);
        let actor = stream.actor.filter(|_| counts_actors(&stream.facets[at]));
        let mut sums = Vec::new();
        if stream.place && scope.is_some() {
            sums.extend(["places", "latitude", "longitude"]);
        }
        // Where facts are what ranks, that is their number.
        sums.extend(actor.map(|_| "facts"));
        Self { stream, at, scope, actor, sums }
    }

    /// Fills in a query that names the rows `chosen`, with these columns beside term and end of the window;
    /// `total` is one more column of each window.
    fn query(&self, query: &str, chosen: &str, columns: &[&str], total: &str) -> String {
        let Self { at, scope, actor, ref sums, .. } = *self;
        let in_slot =
            each(sums, |sum| format!("CASE WHEN slot = pane THEN {sum} ELSE 0 END AS {sum}"));
        let in_window = each(sums, |sum| {
            format!("sum_within({sum}, slot, $reach_ms, 0) OVER by_slot AS {sum}")
        });
        let [recent, carried, numbered, named_rows] = self.rows();
        let places = sums.iter().copied().filter(|sum| *sum != "facts").collect::<Vec<_>>();
        // As many as the columns beside: the end of the window, and the scope.
        let nulls = vec!["NULL"; 1 + usize::from(scope.is_some()) + columns.len()].join(", ");
        let panes = if actor.is_some() { PANES_BY_ACTORS } else { PANES_BY_FACTS };
        let where_ =
            scope.map_or("worldwide".to_owned(), |scope| format!("in each {}", scope.name));
        let (by_scope, same_scope) = match scope {
            Some(_) => ("PARTITION BY scope ", "compared.scope = busyness.scope AND "),
            None => ("", ""),
        };
        query
            .replace("{scored}", SCORED)
            .replace("{named}", NAMED)
            .replace("{panes}", panes)
            .replace("{facts}", &busy_panes(None, false))
            .replace("{total}", total)
            .replace("{recent}", &recent)
            .replace("{carried}", &carried)
            .replace("{numbered}", &numbered)
            .replace("{scope}", if scope.is_some() { "scope, " } else { "" })
            .replace("{busyness}", &busy_panes(actor.map(|_| at), scope.is_some()))
            .replace("{by_scope}", by_scope)
            .replace("{same_scope}", same_scope)
            .replace("{sums}", &each(&places, |sum| format!("sum({sum}) AS {sum}")))
            .replace("{in_slot}", &in_slot)
            .replace("{in_window}", &in_window)
            .replace("{chosen}", chosen)
            .replace("{columns}", &each(columns, |&column| column.to_owned()))
            .replace("{nulls}", &nulls)
            .replace("{named_rows}", &named_rows)
            .replace("{terms}", &format!("terms_{at}"))
            .replace("{names}", &format!("names_{at}"))
            .replace("{where}", &where_)
    }

    /// What is read of each fact, what of that goes with each mention, where it is from, and where the
    /// named rows are from: with numbers instead of texts.
    fn rows(&self) -> [String; 4] {
        let Self { stream, at, scope, actor, ref sums } = *self;
        let facet = &stream.facets[at];
        let mut recent = vec![
            format!("{} AS keys", quoted(facet.term.many)),
            format!("{} AS names", quoted(facet.names_column)),
        ];
        let mut carried = "pane".to_owned();
        let (mut numbered, mut named) = ("recent".to_owned(), "named".to_owned());
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
        if sums.contains(&"places") {
            recent.extend(places());
            carried += ", places, latitude, longitude";
        }
        [recent.join(",\n    "), carried, numbered, named]
    }
}

/// What [`busyness`] gave, as far as the scores of a job look back.
fn busy_panes(counted: Option<usize>, in_scopes: bool) -> String {
    let table = busyness_table(counted, in_scopes);
    format!("(SELECT * FROM {table} WHERE pane >= $lookback_ms AND pane < $to_ms)")
}

/// The name of the answer to [`busyness`].
pub(crate) fn busyness_table(counted: Option<usize>, in_scopes: bool) -> String {
    let of = counted.map_or("facts".to_owned(), |at| format!("actors_{at}"));
    format!("pane_{of}{}", if in_scopes { "_by_scope" } else { "" })
}

/// The facts of each pane worldwide, from those in each scope.
pub(crate) fn facts_of_scopes() -> String {
    let table = busyness_table(None, true);
    format!("SELECT pane, sum(busyness) AS busyness FROM {table} GROUP BY pane")
}

/// How busy each pane is, worldwide or in each scope: its facts or, of the facet that is `counted`, the
/// actors who mention any of its terms.
pub(crate) fn busyness(stream: &Stream, counted: Option<usize>, in_scopes: bool) -> String {
    let scope = stream.scope.filter(|_| in_scopes).map(|scope| quoted(scope.name));
    let actor = counted.zip(stream.actor).map(|(at, actor)| {
        let [actor, terms] = [stream.columns[actor].name, stream.facets[at].term.many].map(quoted);
        format!(", CASE WHEN array_length({terms}) > 0 THEN {actor} END AS actor")
    });
    // Not `count(DISTINCT actor)`: its sets, one for each pane, took gigabytes for a day of posts.
    let (counts, distinct, counted) = match actor {
        Some(_) => ("the actors who mention any term", "DISTINCT ", "count(actor)"),
        None => ("its facts", "", "count(*)"),
    };
    let query = BUSYNESS
        .replace("{counts}", counts)
        .replace("{distinct}", distinct)
        .replace("{actor}", actor.as_deref().unwrap_or_default())
        .replace("{counted}", counted);
    let Some(scope) = scope else {
        let parts = ["{where}", "{number_of_scope}", "{scopes}", "{scope}", "{same_scope}"];
        return parts.iter().fold(query, |query, part| query.replace(part, ""));
    };
    query
        .replace("{where}", " in each scope")
        .replace("{number_of_scope}", "scopes.number AS scope, ")
        .replace("{scopes}", "scopes RIGHT JOIN ")
        .replace("{scope}", &format!("{scope}, "))
        .replace("{same_scope}", &format!(" ON scopes.value = counted.{scope}"))
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
    let since = "to_timestamp_millis(since) AS since";
    let ranks = ["rank", "unusual_rank", since, "score"];
    shown.extend(counts.iter().chain(&ranks).map(|&field| field.to_owned()));
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

/// The fields of a trend that ended.
fn shown_of_ended(stream: &Stream, at: usize, by_scope: bool) -> Vec<String> {
    let facet = &stream.facets[at];
    let mut shown = Vec::new();
    let scope = stream.scope.filter(|_| by_scope);
    shown.extend(scope.map(|scope| format!("scopes.value AS {}", quoted(scope.name))));
    shown.push(format!("'{}' AS facet", facet.term.many));
    let time =
        |expression: &str, field: &str| format!("to_timestamp_millis({expression}) AS {field}");
    shown.extend([
        "terms.term AS term".to_owned(),
        "coalesce(terms.name, names.name) AS name".to_owned(),
        time("began", "began"),
        time("peak", "peak"),
        "peak_score".to_owned(),
        time("window_end", "ended"),
        "CAST(window_end - began AS DOUBLE) / 1000.0 AS duration_seconds".to_owned(),
        "count".to_owned(),
    ]);
    if stream.counts_actors() {
        let actors = if counts_actors(facet) { "ranked" } else { "CAST(NULL AS BIGINT)" };
        shown.push(format!("{actors} AS actors"));
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

/// The numbered terms of a facet that may be listed, from their names.
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
pub(super) fn expression(stream: &Stream, part: Part) -> String {
    match part {
        Part::Partition => "\"partition\"".to_owned(),
        Part::Offset => "\"offset\"".to_owned(),
        part => {
            let column = stream.lake_columns().into_iter().find(|column| column.part == part);
            quoted(column.expect("descriptors name parts that have a column").name)
        }
    }
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

pub(super) fn listed(items: &[String]) -> String {
    items.join(",\n  ")
}

/// More columns after others.
fn each(columns: &[&str], expression: impl Fn(&&str) -> String) -> String {
    columns.iter().map(|column| format!(", {}", expression(column))).collect()
}
