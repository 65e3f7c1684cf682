//! Reads `[[sessions]]`: which facts belong together, and what is told of them.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::time::Duration;

use pulso_model::{
    Column, ColumnType, Facet, Field, FieldType, Part, SESSIONS_MAX, Session, SessionFacet, View,
    ViewDescriptor,
};

use super::RawFact;
use super::parts::Parts;
use super::table::{OneOrMany, Placed, Table};
use super::views::by_day;
use super::words::{capitalised, check_name, leak, view_name};

/// A session is filed under the day of its last fact, or the next.
const GAP_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How much longer than a gap sessions usually may be.
const USUAL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A day is computed from twice as long before it.
const LONGEST: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// What the sessions of a stream have in common.
pub(super) struct Reader<'a> {
    pub(super) stream: &'static str,
    pub(super) fact: &'a RawFact,
    pub(super) facets: &'a [Facet],
    pub(super) parts: &'a Parts,
}

/// What a key can be made of.
pub(super) struct Keys<'a> {
    pub(super) columns: &'a [Column],
    pub(super) actor: Option<usize>,
    pub(super) visitor: &'a [usize],
}

impl Reader<'_> {
    pub(super) fn sessions(
        &self,
        tables: Vec<Table<'_, '_>>,
        keys: &Keys<'_>,
        personal: &[Part],
    ) -> Vec<Session> {
        if let Some(over) = tables.get(SESSIONS_MAX) {
            let message = format!(
                "sessions are declared {} times; at most {SESSIONS_MAX} can be",
                tables.len()
            );
            over.problem(over.span(), message);
        }
        tables.into_iter().filter_map(|table| self.session(table, keys, personal)).collect()
    }

    fn session(
        &self,
        mut table: Table<'_, '_>,
        keys: &Keys<'_>,
        personal: &[Part],
    ) -> Option<Session> {
        let named = table.text("view");
        if let Some(name) = &named {
            check_name(&table, name);
        }
        let title = table.text("title");
        let by = self.by(&mut table, keys, personal);
        let [gap, max] = lengths(&mut table);
        let facets = self.facets(&mut table, personal);
        let columns = table.texts("columns");
        let columns: Vec<usize> = columns
            .iter()
            .filter_map(|name| {
                let at = self.text_column(&table, name, keys.columns)?;
                not_personal(&table, name, Part::Column(at), personal);
                Some(at)
            })
            .collect();
        let shown = table.boolean("shown").unwrap_or(true);
        table.finish();
        let usual = || view_name(&format!("{}-sessions", self.fact.names.one));
        let name = leak(&named.map_or_else(usual, |name| name.value.to_owned()));
        let title = leak(&title.map_or_else(|| capitalised(name), |title| title.value.to_owned()));
        let by = by?;
        let view = self.view([name, title], [&by, &columns], &facets, keys.columns);
        Some(Session { by, gap: gap?, max: max?, facets, columns, view, shown })
    }

    /// The columns of the key.
    fn by(
        &self,
        table: &mut Table<'_, '_>,
        keys: &Keys<'_>,
        personal: &[Part],
    ) -> Option<Vec<usize>> {
        let whole = table.span().clone();
        let (by, span) = match table.text_or_texts("by") {
            Some(OneOrMany::Many(names)) => {
                let span = names.first().map_or(whole, |name| name.span.clone());
                let found = names.iter().map(|name| self.text_column(table, name, keys.columns));
                (found.collect::<Option<Vec<_>>>()?, span)
            }
            Some(OneOrMany::One(Placed { value: "visitor", span })) => {
                (keys.visitor.to_vec(), span)
            }
            Some(OneOrMany::One(Placed { value: "actor", span })) => {
                (keys.actor.into_iter().collect(), span)
            }
            None => (keys.actor.into_iter().collect(), whole),
            Some(OneOrMany::One(other)) => {
                let message = format!(
                    "`by` is `{}`; it can be `actor`, `visitor` or a list of columns of texts",
                    other.value
                );
                table.problem(&other.span, message);
                return None;
            }
        };
        if by.is_empty() {
            let message = "sessions need a key: declare `actor` or `visitor` of the stream, or list \
                           columns of texts in `by`";
            table.problem(&span, message);
            return None;
        }
        for at in by.iter().filter(|at| Some(**at) != keys.actor) {
            if personal.contains(&Part::Column(*at)) {
                let name = keys.columns[*at].name;
                let message = format!(
                    "`{name}` says who a person is: of such columns `by` can have the actor only"
                );
                table.problem(&span, message);
            }
        }
        let texts = by.iter().all(|at| is_text(table, &span, keys.columns[*at]));
        texts.then_some(by)
    }

    fn text_column(
        &self,
        table: &Table<'_, '_>,
        name: &Placed<&str>,
        columns: &[Column],
    ) -> Option<usize> {
        let at = self.parts.column(table, name)?;
        is_text(table, &name.span, columns[at]).then_some(at)
    }

    fn facets(&self, table: &mut Table<'_, '_>, personal: &[Part]) -> Vec<SessionFacet> {
        let names = table.texts("facets");
        let facet = |name: &Placed<&str>| {
            let at = self.facets.iter().position(|facet| facet.term.many == name.value);
            let Some(facet) = at else {
                let there: Vec<_> =
                    self.facets.iter().map(|facet| format!("`{}`", facet.term.many)).collect();
                let message =
                    format!("there is no facet `{}`; there are {}", name.value, there.join(", "));
                table.problem(&name.span, message);
                return None;
            };
            not_personal(table, name, Part::TermKeys(facet), personal);
            let term = self.facets[facet].term.one;
            let [first, last] = ["first", "last"].map(|which| leak(&format!("{which}_{term}")));
            Some(SessionFacet { facet, first, last })
        };
        names.iter().filter_map(facet).collect()
    }

    fn view(
        &self,
        [name, title]: [&'static str; 2],
        [by, columns]: [&[usize]; 2],
        facets: &[SessionFacet],
        all: &[Column],
    ) -> View {
        use FieldType::{Boolean, Integer, Text, Time};
        let scope = self.fact.scope.map(|scope| scope.name);
        let names = |columns: &[usize]| columns.iter().map(|at| all[*at].name).collect::<Vec<_>>();
        let mut list = vec![("@timestamp", Time), ("started", Time), ("ended", Time)];
        list.push(("duration_ms", Integer));
        let by = names(by);
        let texts = by.iter().copied().chain(scope).chain(names(columns));
        list.extend(texts.map(|name| (name, Text)));
        list.push((self.fact.names.many, Integer));
        let kinds = self.fact.kind.values.iter().map(|kind| leak(&format!("kinds.{kind}")));
        list.extend(kinds.chain(self.fact.sums.iter().copied()).map(|name| (name, Integer)));
        list.extend(facets.iter().flat_map(|facet| [(facet.first, Text), (facet.last, Text)]));
        list.push(("open", Boolean));
        let key: Vec<_> = ["started"].into_iter().chain(by).collect();
        let view: ViewDescriptor = by_day(self.stream, name, title, &list, &key, scope);
        debug_assert!(view.fields.iter().any(|field: &Field| field.name == "open"), "as listed");
        View::new(view)
    }
}

/// The gap and the longest session, those that are wrong with a word on what is right.
fn lengths(table: &mut Table<'_, '_>) -> [Option<Duration>; 2] {
    if !table.has("gap") {
        table.required_text("gap");
    }
    let gap = table.duration("gap");
    let max = table.duration("max");
    let milliseconds =
        |of: &Duration, even: u32| of.subsec_nanos().is_multiple_of(even * 1_000_000);
    if let Some(gap) =
        gap.as_ref().filter(|gap| gap.value > GAP_MAX || !milliseconds(&gap.value, 1))
    {
        table.problem(&gap.span, "`gap` is at most \"1d\", in whole milliseconds");
    }
    let gap = gap.map(|gap| gap.value);
    let Some(max) = max else { return [gap, gap.map(|gap| USUAL_MAX.max(gap * 2))] };
    let shortest = gap.is_none_or(|gap| max.value >= gap * 2);
    if !shortest || max.value > LONGEST || !milliseconds(&max.value, 2) {
        let message =
            "`max` is at least two gaps and at most \"31d\", in an even number of milliseconds";
        table.problem(&max.span, message);
    }
    [gap, Some(max.value)]
}

fn is_text(table: &Table<'_, '_>, span: &Range<usize>, column: Column) -> bool {
    let text = column.column_type == ColumnType::Text;
    if !text {
        let message = format!("`{}` is no text: sessions tell columns of texts only", column.name);
        table.problem(span, message);
    }
    text
}

fn not_personal(table: &Table<'_, '_>, name: &Placed<&str>, part: Part, personal: &[Part]) {
    if personal.contains(&part) {
        let message =
            format!("`{}` says who a person is: sessions have that in `by` only", name.value);
        table.problem(&name.span, message);
    }
}
