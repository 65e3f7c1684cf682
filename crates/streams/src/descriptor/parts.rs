//! The parts of a fact by the names of their columns.

use std::collections::BTreeSet;

use pulso_model::{Column, ColumnType, Facet, KindField, Part, ScopeField};

use super::table::{Placed, Table};

/// The lake's columns that every stream has, and words with a meaning of their own.
pub(crate) const RESERVED: [&str; 16] = [
    "day",
    "partition",
    "offset",
    "log_time",
    "received_time",
    "source",
    "cursor",
    "payload",
    "outcome",
    "reason",
    "detail",
    "time",
    "second",
    "latitude",
    "longitude",
    "place",
];

/// Says that a column cannot have one of [`RESERVED`].
pub(super) fn reserved(name: &str) -> String {
    format!("`{name}` is a name of Pulso's own columns; choose another")
}

/// What can be named where a part is meant.
#[derive(Debug)]
pub(super) struct Parts {
    known: Vec<(&'static str, Part, ColumnType)>,
    place: bool,
}

impl Parts {
    pub(super) fn new(
        kind: &KindField,
        scope: Option<ScopeField>,
        sums: &[&'static str],
        place: bool,
        columns: &[Column],
    ) -> Self {
        let mut known =
            vec![("time", Part::Time, ColumnType::Time), (kind.name, Part::Kind, ColumnType::Text)];
        known.extend(scope.map(|scope| (scope.name, Part::Scope, ColumnType::Text)));
        let sums = sums.iter().enumerate();
        known.extend(sums.map(|(at, name)| (*name, Part::Sum(at), ColumnType::Integer)));
        if place {
            known.push(("latitude", Part::Latitude, ColumnType::Float));
            known.push(("longitude", Part::Longitude, ColumnType::Float));
        }
        let columns = columns.iter().enumerate();
        known.extend(
            columns.map(|(at, column)| (column.name, Part::Column(at), column.column_type)),
        );
        Self { known, place }
    }

    pub(super) fn add_facet(&mut self, at: usize, facet: &Facet) {
        self.known.push((facet.term.many, Part::TermKeys(at), ColumnType::Texts));
        self.known.push((facet.names_column, Part::TermNames(at), ColumnType::Texts));
    }

    /// Two columns of one name would be one.
    pub(super) fn check_unique(&self, whole: &Table<'_, '_>) {
        let mut names = BTreeSet::new();
        for (name, part, _) in &self.known {
            let own = matches!(part, Part::Time | Part::Latitude | Part::Longitude);
            if !own && RESERVED.contains(name) {
                whole.problem(whole.span(), reserved(name));
            }
            if !names.insert(name) {
                whole.problem(whole.span(), format!("there are two columns `{name}`; names of kinds, scope, sums, facets and columns differ"));
            }
        }
    }

    pub(super) fn all(&self) -> &[(&'static str, Part, ColumnType)] {
        &self.known
    }

    pub(super) fn has_place(&self) -> bool {
        self.place
    }

    /// The part of a name, and its type.
    pub(super) fn named(
        &self,
        table: &Table<'_, '_>,
        name: &Placed<&str>,
    ) -> Option<(Part, ColumnType)> {
        let found = self.known.iter().find(|(known, ..)| *known == name.value);
        if found.is_none() {
            let names: Vec<_> = self.known.iter().map(|(name, ..)| format!("`{name}`")).collect();
            let message =
                format!("there is no column `{}`; there are {}", name.value, names.join(", "));
            table.problem(&name.span, message);
        }
        found.map(|(_, part, column_type)| (*part, *column_type))
    }

    /// A declared column.
    pub(super) fn column(&self, table: &Table<'_, '_>, name: &Placed<&str>) -> Option<usize> {
        match self.named(table, name)? {
            (Part::Column(at), _) => Some(at),
            _ => {
                table.problem(&name.span, format!("`{}` is not one of `[columns]`", name.value));
                None
            }
        }
    }

    /// The same of several.
    pub(super) fn columns(&self, table: &Table<'_, '_>, names: &[Placed<&str>]) -> Vec<usize> {
        names.iter().filter_map(|name| self.column(table, name)).collect()
    }

    /// What says who people are: the parts listed, else the actor.
    pub(super) fn of_people(
        &self,
        table: &Table<'_, '_>,
        listed: Option<Vec<Placed<&str>>>,
        actor: Option<usize>,
    ) -> Vec<Part> {
        match listed {
            Some(names) => names.iter().filter_map(|name| self.of_person(table, name)).collect(),
            None => actor.map(Part::Column).into_iter().collect(),
        }
    }

    /// A part that says who a person is. Kinds, scopes, sums and places are of many.
    fn of_person(&self, table: &Table<'_, '_>, name: &Placed<&str>) -> Option<Part> {
        let (part, _) = self.named(table, name)?;
        let personal = matches!(part, Part::Column(_) | Part::TermKeys(_) | Part::TermNames(_));
        if !personal {
            let message = format!(
                "`{}` cannot be personal: only `[columns]`, and the terms of a facet or their names, can",
                name.value
            );
            table.problem(&name.span, message);
        }
        personal.then_some(part)
    }

    /// A part that tells facts apart: exact and comparable.
    pub(super) fn of_identity(&self, table: &Table<'_, '_>, name: &Placed<&str>) -> Option<Part> {
        if name.value == "second" {
            return Some(Part::Second);
        }
        let (part, column_type) = self.named(table, name)?;
        let comparable = !matches!(column_type, ColumnType::Float | ColumnType::Texts);
        if !comparable {
            let message = format!(
                "`{}` cannot be a part of the identity: floats and lists do not compare exactly",
                name.value
            );
            table.problem(&name.span, message);
        }
        comparable.then_some(part)
    }
}
