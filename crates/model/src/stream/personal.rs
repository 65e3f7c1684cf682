//! What says who a person is, in the documents of each view.

use std::ops::RangeInclusive;

use super::{Facet, Part, Stream};
use crate::{Field, FieldType, View};

/// What becomes of a field where it must not say who a person is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Personal {
    /// It tells people or what is theirs apart, so it becomes a pseudonym.
    Id,
    /// It is left out.
    Detail,
}

impl Stream {
    /// The fields of a view of this stream that say who a person is.
    pub fn personal_fields(&self, view: View) -> Vec<(&'static Field, Personal)> {
        let fields = view.fields().iter();
        fields.filter_map(|field| Some((field, self.personal_field(view, field)?))).collect()
    }

    fn personal_field(&self, view: View, field: &Field) -> Option<Personal> {
        if view == self.facts_view.view {
            return self.personal_in_facts(field.name);
        }
        if let Some(job) = self.jobs.iter().find(|job| job.view == view) {
            return self.personal_in_job(view, field, job.personal);
        }
        if self.sessions.iter().any(|session| session.view == view) {
            return self.personal_in_job(view, field, &[]);
        }
        let of_facet =
            |facet: &Facet| facet.view == view || facet.by_scope_view.is_some_and(|by| by == view);
        if let Some(at) = self.facets.iter().position(of_facet) {
            let term = self.facets[at].term.one;
            return self.personal_in_trends(field.name, term, at..=at);
        }
        let ended = [self.trends_view, self.trends_by_scope_view].contains(&Some(view));
        let facets = 0..=self.facets.len().checked_sub(1)?;
        ended.then(|| self.personal_in_trends(field.name, "term", facets))?
    }

    fn personal_in_facts(&self, name: &str) -> Option<Personal> {
        let shown = &self.facts_view;
        let at = shown.view.fields().iter().position(|field| field.name == name)?;
        match shown.parts[at] {
            // A name may be the key itself.
            Part::TermNames(facet) if self.personal.contains(&Part::TermKeys(facet)) => {
                Some(Personal::Id)
            }
            Part::Columns(one, other) => {
                let either = [one, other].map(Part::Column);
                either.iter().any(|part| self.personal.contains(part)).then_some(Personal::Detail)
            }
            part => self.personal_part(part),
        }
    }

    /// What a query made of a personal column is personal.
    fn personal_in_job(&self, view: View, field: &Field, more: &[&str]) -> Option<Personal> {
        let column = self.columns.iter().position(|column| column.name == field.name);
        let of_column = column.and_then(|at| self.personal_part(Part::Column(at)));
        let listed = more.contains(&field.name).then_some(Personal::Detail);
        let found = of_column.or_else(|| self.personal_in_facts(field.name)).or(listed)?;
        // Documents must stay apart.
        let in_key = view.key().iter().any(|key| key.name() == field.name);
        Some(if in_key { Personal::Id } else { found })
    }

    fn personal_in_trends(
        &self,
        name: &str,
        term: &str,
        facets: RangeInclusive<usize>,
    ) -> Option<Personal> {
        let any =
            |part: fn(usize) -> Part| facets.clone().any(|at| self.personal.contains(&part(at)));
        let keys = any(Part::TermKeys);
        match name {
            _ if name == term => keys.then_some(Personal::Id),
            // A name may be the key itself.
            "name" if keys => Some(Personal::Id),
            "name" => any(Part::TermNames).then_some(Personal::Detail),
            _ => None,
        }
    }

    /// The actor, what makes the identity and terms tell people apart; the rest describes them.
    fn personal_part(&self, part: Part) -> Option<Personal> {
        if !self.personal.contains(&part) {
            return None;
        }
        let actor = self.actor.map(Part::Column) == Some(part);
        let tells_apart =
            actor || self.identity.contains(&part) || matches!(part, Part::TermKeys(_));
        Some(if tells_apart { Personal::Id } else { Personal::Detail })
    }
}

impl Personal {
    /// The type of the field as it is shown; `None` where it is left out.
    pub fn shown_as(self, field_type: FieldType) -> Option<FieldType> {
        match (self, field_type) {
            (Self::Detail, _) => None,
            (Self::Id, FieldType::TextList) => Some(FieldType::TextList),
            (Self::Id, _) => Some(FieldType::Text),
        }
    }
}
