//! The query of sessions, filled in with what a declaration says.

use pulso_model::{Part, Session, Stream};

use super::queries::{expression, listed, quoted};

const SESSIONS: &str = include_str!("../sql/sessions.sql");

pub(super) fn sessions(stream: &Stream, session: &Session) -> String {
    let column = |at: &usize| quoted(stream.columns[*at].name);
    let by: Vec<_> = session.by.iter().map(column).collect();
    let keyed: Vec<_> = by.iter().map(|by| format!("{by} IS NOT NULL")).collect();
    let mut shown = by.clone();
    // A key has no gap.
    let mut read: Vec<_> = by.iter().map(|by| format!("coalesce({by}, '') AS {by}")).collect();
    let mut told = by.clone();
    let of_first = stream.scope.iter().map(|scope| quoted(scope.name));
    for (at, column) in of_first.chain(session.columns.iter().map(column)).enumerate() {
        read.push(format!("{column} AS _first_{at}"));
        told.push(format!("first_value(_first_{at} ORDER BY version) AS _first_{at}"));
        shown.push(format!("_first_{at} AS {column}"));
    }
    let kind = quoted(stream.kind.name);
    read.push(format!("{kind} AS _kind"));
    told.push("count(*) AS _facts".to_owned());
    shown.push(format!("_facts AS {}", quoted(stream.fact.many)));
    for (at, kind) in stream.kind.values.iter().enumerate() {
        told.push(format!("sum(CASE WHEN _kind = '{kind}' THEN 1 ELSE 0 END) AS _kind_{at}"));
        shown.push(format!("_kind_{at} AS {}", quoted(&format!("kinds.{kind}"))));
    }
    for (at, sum) in stream.sums.iter().map(|sum| quoted(sum)).enumerate() {
        read.push(format!("{sum} AS _sum_{at}"));
        told.push(format!("sum(_sum_{at}) AS _sum_{at}"));
        shown.push(format!("_sum_{at} AS {sum}"));
    }
    for (at, facet) in session.facets.iter().enumerate() {
        // The smallest: terms are in order.
        let terms = expression(stream, Part::TermKeys(facet.facet));
        read.push(format!("{terms}[1] AS _term_{at}"));
        for (which, name) in [("first", facet.first), ("last", facet.last)] {
            told.push(format!("{which}_value(_term_{at} ORDER BY version) AS _{which}_term_{at}"));
            shown.push(format!("_{which}_term_{at} AS {}", quoted(name)));
        }
    }
    let names: Vec<_> = session.by.iter().map(|at| stream.columns[*at].name).collect();
    SESSIONS
        .replace("{many}", stream.fact.many)
        .replace("{key}", &names.join(", "))
        .replace("{by}", &by.join(", "))
        .replace("{keyed}", &keyed.join(" OR "))
        .replace("{read}", &listed(&read))
        .replace("{told}", &listed(&told))
        .replace("{shown}", &listed(&shown))
        .replace("{gap}", &session.gap_ms().to_string())
        .replace("{half}", &session.half_ms().to_string())
}
