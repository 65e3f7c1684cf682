//! The batch layer's write side: stages beside what readers see, and the switch.
//!
//! A stage is an index that has its `-write` alias. Whoever removes that alias decides the fate of
//! the stage: `publish` makes it visible in the same step, and `begin` of a later attempt gives it
//! up. The cluster lets only one of them succeed. So if two attempts at one part run at the same
//! time, in any processes, at most one is published, and a reader never sees only part of one.

use std::collections::{BTreeMap, HashMap};

use pulso_model::{Day, Layer, View, ViewDocument, ViewKind};
use pulso_pipeline::{BatchViews, Part, Sink, Stage};
use serde::Deserialize;
use serde_json::{Map, json};
use tracing::warn;

use crate::bulk::{Call, Item};
use crate::encode::Action;
use crate::error::{Error, Operation};
use crate::indices::{Actions, Made};
use crate::names::{Place, Slot, write_alias};
use crate::request::Request;
use crate::retry::Patience;
use crate::sink::{alias_of, dead_letter, report};
use crate::state::{Index, State};
use crate::store::{READ_PATIENCE, Refresh, Store, ViewStore};

/// How often a step is tried again when others get in its way.
const ATTEMPTS: usize = 20;

impl BatchViews for ViewStore {
    type Error = Error;

    async fn begin(&self, view: View, part: Part) -> Result<Stage, Error> {
        let store = &self.store;
        for _ in 0..ATTEMPTS {
            let slot = Slot::from(part);
            let before = store.state(Operation::Stage, view).await?;
            let newest = before.of_batch(slot).map(|(generation, _)| generation).max();
            let generation = newest.map_or(1, |newest| newest.saturating_add(1));
            if !store.make_stage(view, slot, generation).await? {
                continue;
            }
            // Whoever begins after this sees the new index; all that was before is seen here.
            let now = store.state(Operation::Stage, view).await?;
            if now.of_batch(slot).any(|(other, _)| other > generation) {
                let own = store.names.index(view, Place::Batch(slot, generation));
                store.delete_index(Operation::Stage, &own).await?;
                continue;
            }
            store.give_up_earlier(&now, slot, generation).await?;
            store.sweep(view).await;
            return Ok(Stage { view, part, generation });
        }
        Err(Error::Contended { operation: Operation::Stage, view })
    }

    async fn stage(&self, stage: Stage, documents: Vec<ViewDocument>) -> Result<(), Error> {
        let store = &self.store;
        let alias = alias_of(&store.index_of(stage));
        let action = |document: &ViewDocument| {
            if document.removes() { Action::Delete } else { Action::Index }
        };
        let item = |document: ViewDocument| Item {
            action: action(&document),
            alias: std::sync::Arc::clone(&alias),
            document,
        };
        let items = last_of_each(documents).into_iter().map(item).collect();
        let call = Call {
            operation: Operation::Stage,
            layer: Layer::Batch,
            refresh: Refresh::Soon,
            patience: Patience::new(store.write_patience()),
        };
        let rest = store.bulk(call, items).await?;
        if !rest.missing.is_empty() {
            return Err(gone(stage));
        }
        report(&rest.rejected);
        let dead: Vec<_> =
            rest.rejected.iter().filter_map(|(document, why)| dead_letter(document, why)).collect();
        if dead.is_empty() { Ok(()) } else { self.clone().write(dead).await }
    }

    async fn publish(&self, stage: Stage, completes: bool) -> Result<(), Error> {
        let store = &self.store;
        let refresh = format!("{}/_refresh", store.index_of(stage));
        let refresh = Request::post(refresh).with("ignore_unavailable", "true");
        store.client.ask(Operation::Publish, &refresh, store.write_patience()).await?;
        for _ in 0..ATTEMPTS {
            let state = store.state(Operation::Publish, stage.view).await?;
            let place = Place::Batch(stage.part.into(), stage.generation);
            let Some(own) = state.indices.get(&place) else { return Err(gone(stage)) };
            if own.published {
                // A caller may not have heard that it was done.
                return Ok(());
            }
            if !own.open {
                return Err(gone(stage));
            }
            let actions = store.switch(stage, completes, &state, own);
            if store.try_change(Operation::Publish, actions).await? {
                return Ok(());
            }
        }
        Err(Error::Contended { operation: Operation::Publish, view: stage.view })
    }

    async fn remove_before(&self, view: View, layer: Layer, before: Day) -> Result<u64, Error> {
        Ok(self.retain(view, layer, before).await?.len() as u64)
    }
}

impl Store {
    fn index_of(&self, stage: Stage) -> String {
        self.names.index(stage.view, Place::Batch(stage.part.into(), stage.generation))
    }

    /// Creates the index of a stage. `false` means that another attempt has taken its number.
    async fn make_stage(&self, view: View, slot: Slot, generation: i64) -> Result<bool, Error> {
        let name = self.names.index(view, Place::Batch(slot, generation));
        let mut aliases = Map::new();
        aliases.insert(write_alias(&name), json!({ "is_hidden": true }));
        let made = self.make(Operation::Stage, &name, self.mappings(view), aliases).await?;
        Ok(made == Made::Yes)
    }

    /// Closes the stages of earlier attempts that nobody has published.
    async fn give_up_earlier(
        &self,
        state: &State,
        slot: Slot,
        generation: i64,
    ) -> Result<(), Error> {
        let earlier = state.of_batch(slot).filter(|(other, _)| *other < generation);
        for (_, Index { name, .. }) in earlier.filter(|(_, index)| index.open) {
            let mut actions = Actions::new();
            actions.remove(name, &write_alias(name));
            if self.try_change(Operation::Stage, actions).await? {
                self.delete_index(Operation::Stage, name).await?;
            }
        }
        Ok(())
    }

    /// The changes that make a stage visible, all in one step. Every alias that is removed must
    /// exist, and a day that is taken must be free by then. So if anything has changed since
    /// `state`, the whole step fails.
    fn switch(&self, stage: Stage, completes: bool, state: &State, own: &Index) -> Actions {
        let Stage { view, part, .. } = stage;
        let (slot, names) = (Slot::from(part), &self.names);
        let (answers, layer) = (names.answers(view), names.layer(view, Layer::Batch));
        let previous = state.published(slot);
        let completed = completes || previous.is_some_and(|previous| previous.holds_day);
        let mut actions = Actions::new();
        actions.remove(&own.name, &write_alias(&own.name));
        if let Some(previous) = previous {
            actions.remove(&previous.name, &layer);
        }
        let visible = view.kind() != ViewKind::Day || completed;
        let speed = state.indices.get(&Place::Speed(slot)).filter(|_| view.kind() == ViewKind::Day);
        for replaced in previous.into_iter().chain(speed.filter(|_| completed)) {
            if replaced.answers {
                actions.remove(&replaced.name, &answers);
            }
            if let (Part::Day(day), true) = (part, replaced.holds_day) {
                actions.remove(&replaced.name, &names.day(view, day));
            }
        }
        actions.add_hidden(&own.name, &layer);
        if visible {
            actions.add(&own.name, &answers);
        }
        if let (Part::Day(day), true) = (part, completed) {
            actions.hold_day(&own.name, &names.day(view, day));
        }
        actions
    }

    /// Deletes what was replaced or given up, unless somebody still reads it. If that fails, what
    /// came before has still succeeded: the next call tries again.
    pub(crate) async fn sweep(&self, view: View) {
        if let Err(error) = self.try_sweep(view).await {
            warn!(%view, %error, "indices that were replaced are left for later");
        }
    }

    async fn try_sweep(&self, view: View) -> Result<(), Error> {
        let state = self.state(Operation::Stage, view).await?;
        let left = state.indices.iter().filter(|(place, index)| {
            matches!(place, Place::Batch(..)) && !index.open && !index.published
        });
        for (_, Index { name, .. }) in left {
            if self.readers(name).await? == 0 {
                self.delete_index(Operation::Stage, name).await?;
            }
        }
        Ok(())
    }

    /// How many searches and points in time an index has open.
    async fn readers(&self, name: &str) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            indices: BTreeMap<String, Totals>,
        }
        #[derive(Deserialize)]
        struct Totals {
            total: Search,
        }
        #[derive(Deserialize)]
        struct Search {
            search: Contexts,
        }
        #[derive(Deserialize)]
        struct Contexts {
            open_contexts: u64,
        }
        let request = Request::get(format!("{name}/_stats/search"))
            .with("filter_path", "indices.*.total.search.open_contexts");
        let sent = self.client.send_patiently(Operation::Stage, &request, READ_PATIENCE);
        let response = sent.await?;
        if response.status == 404 {
            return Ok(0);
        }
        if !response.succeeded() {
            return Err(self.client.refused(Operation::Stage, &response));
        }
        let answer: Answer = self.client.parse(Operation::Stage, &response)?;
        Ok(answer.indices.values().map(|totals| totals.total.search.open_contexts).sum())
    }
}

fn gone(stage: Stage) -> Error {
    Error::StageGone { view: stage.view, generation: stage.generation }
}

/// Keeps only the last document of each id, even in views where the first write wins.
fn last_of_each(documents: Vec<ViewDocument>) -> Vec<ViewDocument> {
    let last: HashMap<&str, usize> =
        documents.iter().enumerate().map(|(index, document)| (&*document.id, index)).collect();
    let keep: Vec<bool> =
        documents.iter().enumerate().map(|(index, d)| last.get(&*d.id) == Some(&index)).collect();
    documents
        .into_iter()
        .zip(keep)
        .filter_map(|(document, keep)| keep.then_some(document))
        .collect()
}
