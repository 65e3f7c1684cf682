//! The indices of a view and their roles, as the cluster reports them at one moment.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{Day, View};

use crate::error::{Error, Operation};
use crate::names::{Place, Slot, write_alias};
use crate::request::Request;
use crate::response::Aliases;
use crate::store::{READ_PATIENCE, Store};

/// One index of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) name: String,
    /// Whether it takes documents. For a batch index: it is a stage that nobody has published or
    /// given up.
    pub(crate) open: bool,
    /// Whether readers of the view, or of its layer, see it.
    pub(crate) published: bool,
    /// Whether readers of the view see it.
    pub(crate) answers: bool,
    /// Whether it is marked as the one that answers for its day. For a batch index: the day is
    /// completed.
    pub(crate) holds_day: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) indices: BTreeMap<Place, Index>,
    /// Days before these were removed because of their age, according to the aliases that say so.
    pub(crate) from: BTreeSet<Day>,
}

impl State {
    pub(crate) fn of_batch(&self, slot: Slot) -> impl Iterator<Item = (i64, &Index)> {
        self.indices.iter().filter_map(move |(place, index)| match place {
            Place::Batch(of, generation) if *of == slot => Some((*generation, index)),
            _ => None,
        })
    }

    /// The index of the batch layer that readers see.
    pub(crate) fn published(&self, slot: Slot) -> Option<&Index> {
        self.of_batch(slot).map(|(_, index)| index).find(|index| index.published)
    }

    pub(crate) fn completed_days(&self) -> BTreeSet<Day> {
        let completed = self.indices.iter().filter(|(_, index)| index.holds_day);
        completed
            .filter_map(|(place, _)| match place {
                Place::Batch(Slot::Day(day), _) => Some(*day),
                _ => None,
            })
            .collect()
    }
}

impl Store {
    pub(crate) async fn state(&self, operation: Operation, view: View) -> Result<State, Error> {
        let names = &self.names;
        let path = format!("{}-*/_alias", names.answers(view));
        let request = Request::get(path).with("expand_wildcards", "all");
        let response = self.client.ask(operation, &request, READ_PATIENCE).await?;
        let found: Aliases = self.client.parse(operation, &response)?;
        let mut state = State::default();
        for (name, aliases) in found {
            let Some(place) = names.parse_index(view, &name) else { continue };
            let has = |alias: &str| aliases.aliases.iter().any(|found| found == alias);
            let of_layer = match place {
                Place::Batch(..) => has(&names.layer(view, pulso_model::Layer::Batch)),
                _ => has(&names.layer(view, pulso_model::Layer::Speed)),
            };
            let index = Index {
                open: has(&write_alias(&name)),
                published: of_layer,
                answers: has(&names.answers(view)),
                holds_day: matches!(place.slot(), Some(Slot::Day(day)) if has(&names.day(view, day))),
                name,
            };
            state.from.extend(aliases.aliases.iter().filter_map(|a| names.parse_from(view, a)));
            state.indices.insert(place, index);
        }
        Ok(state)
    }

    /// The days of a view that the batch layer has completed, and so answers for.
    pub(crate) async fn completed_days_of(&self, view: View) -> Result<BTreeSet<Day>, Error> {
        Ok(self.state(Operation::Query, view).await?.completed_days())
    }
}
