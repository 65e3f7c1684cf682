//! Creates the indices that documents go to.

use pulso_model::{Layer, View, ViewKind};
use serde_json::{Map, Value, json};

use crate::error::{Error, Operation};
use crate::names::{Place, Slot, write_alias};
use crate::request::Request;
use crate::response::Response;
use crate::state::State;
use crate::store::Store;
use crate::templates::{HISTOGRAM, without_histograms};

/// The outcome of an attempt to create an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    Yes,
    Exists,
    /// Another index answers for the day.
    DayTaken,
}

/// Changes of aliases that are made in one step.
#[derive(Clone, Debug)]
pub(crate) struct Actions(Vec<Value>);

impl Actions {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, index: &str, alias: &str) {
        self.0.push(json!({ "add": { "index": index, "alias": alias } }));
    }

    pub(crate) fn add_hidden(&mut self, index: &str, alias: &str) {
        self.0.push(json!({ "add": { "index": index, "alias": alias, "is_hidden": true } }));
    }

    /// Takes the day. The whole step fails if another index holds it.
    pub(crate) fn hold_day(&mut self, index: &str, alias: &str) {
        let add = json!({
            "index": index, "alias": alias, "is_hidden": true, "is_write_index": true
        });
        self.0.push(json!({ "add": add }));
    }

    /// Removes the alias. The whole step fails if the index does not have it.
    pub(crate) fn remove(&mut self, index: &str, alias: &str) {
        let remove = json!({ "index": index, "alias": alias, "must_exist": true });
        self.0.push(json!({ "remove": remove }));
    }

    pub(crate) fn delete(&mut self, index: &str) {
        self.0.push(json!({ "remove_index": { "index": index } }));
    }
}

impl Store {
    /// Makes sure that the sink can write documents for this time.
    ///
    /// A new index of a day answers for the day, unless the batch layer does (the server refuses to
    /// give a second index the day's mark) or the day was removed because of its age.
    pub(crate) async fn open_slot(&self, view: View, slot: Slot) -> Result<(), Error> {
        let operation = Operation::OpenIndex;
        let place = Place::Speed(slot);
        let name = self.names.index(view, place);
        let state = self.state(operation, view).await?;
        if let Some(index) = state.indices.get(&place) {
            return self.reopen(view, &name, index.open).await;
        }
        let mut aliases = Map::new();
        aliases.insert(write_alias(&name), json!({ "is_hidden": true }));
        if view.kind() != ViewKind::Journal {
            aliases.insert(self.names.layer(view, Layer::Speed), json!({ "is_hidden": true }));
        }
        let aside = aliases.clone();
        if !expired(&state, slot) {
            aliases.insert(self.names.answers(view), json!({}));
            if let (ViewKind::Day, Slot::Day(day)) = (view.kind(), slot) {
                let mark = json!({ "is_hidden": true, "is_write_index": true });
                aliases.insert(self.names.day(view, day), mark);
            }
        }
        let made = self.make(operation, &name, self.mappings(view), aliases).await?;
        let made = match made {
            Made::DayTaken => self.make(operation, &name, self.mappings(view), aside).await?,
            made => made,
        };
        if made == Made::Exists { self.reopen(view, &name, true).await } else { Ok(()) }
    }

    /// Adds the fields that the index lacks: a declared stream may have more than when it was made.
    async fn reopen(&self, view: View, name: &str, open: bool) -> Result<(), Error> {
        self.update_mapping(name, &self.mappings(view)).await?;
        if !open {
            let mut actions = Actions::new();
            actions.add_hidden(name, &write_alias(name));
            self.change(Operation::OpenIndex, actions).await?;
        }
        Ok(())
    }

    /// Adds new fields to the mapping of an index.
    ///
    /// # Errors
    /// [`Error::Conflict`] when fields have other types.
    pub(crate) async fn update_mapping(&self, name: &str, mappings: &Value) -> Result<(), Error> {
        let path = format!("{name}/_mapping");
        let response = self.put_mapped(Operation::OpenIndex, &path, mappings).await?;
        if response.succeeded() {
            return Ok(());
        }
        let refusal = response.refusal();
        if response.status == 400 {
            return Err(Error::Conflict { index: name.to_owned(), source: refusal });
        }
        Err(self.client.refused(Operation::OpenIndex, &response))
    }

    /// Sends a body that has mappings. A server without Elastic's own modules has no histograms: there they are
    /// kept as they are, and only shown.
    pub(crate) async fn put_mapped(
        &self,
        operation: Operation,
        path: &str,
        body: &Value,
    ) -> Result<Response, Error> {
        let send = async |body: &Value| {
            let request = Request::put(path).json(body);
            self.client.send_patiently(operation, &request, self.write_patience()).await
        };
        let response = send(body).await?;
        if response.status == 400 && response.refusal().reason.contains(HISTOGRAM) {
            return send(&without_histograms(body)).await;
        }
        Ok(response)
    }

    /// Creates an index with its mapping and aliases, in one step.
    pub(crate) async fn make(
        &self,
        operation: Operation,
        name: &str,
        mappings: Value,
        aliases: Map<String, Value>,
    ) -> Result<Made, Error> {
        let body = json!({
            "settings": self.layout.settings(), "mappings": mappings, "aliases": aliases
        });
        let response = self.put_mapped(operation, name, &body).await?;
        if response.succeeded() {
            return Ok(Made::Yes);
        }
        match &*response.refusal().kind {
            "resource_already_exists_exception" => Ok(Made::Exists),
            "illegal_state_exception" if taken(&response) => Ok(Made::DayTaken),
            _ => Err(self.client.refused(operation, &response)),
        }
    }

    /// Changes aliases in one step. `false` means that something the change relied on is no longer
    /// true.
    pub(crate) async fn try_change(
        &self,
        operation: Operation,
        actions: Actions,
    ) -> Result<bool, Error> {
        let request = Request::post("_aliases").json(&json!({ "actions": actions.0 }));
        let sent = self.client.send_patiently(operation, &request, self.write_patience());
        let response = sent.await?;
        if response.succeeded() {
            return Ok(true);
        }
        let refusal = response.refusal();
        match &*refusal.kind {
            "aliases_not_found_exception" | "index_not_found_exception" => Ok(false),
            "illegal_state_exception" if taken(&response) => Ok(false),
            _ => Err(self.client.refused(operation, &response)),
        }
    }

    /// Changes aliases that nobody else changes.
    pub(crate) async fn change(&self, operation: Operation, actions: Actions) -> Result<(), Error> {
        self.try_change(operation, actions).await.map(drop)
    }

    pub(crate) async fn delete_index(&self, operation: Operation, name: &str) -> Result<(), Error> {
        let request = Request::delete(name);
        let sent = self.client.send_patiently(operation, &request, self.write_patience());
        let response = sent.await?;
        // Another process may have been faster.
        let gone = response.succeeded() || response.status == 404;
        if gone { Ok(()) } else { Err(self.client.refused(operation, &response)) }
    }
}

/// Whether the request would have marked a second index as the one that answers for a day. The
/// server uses one error type for everything that is in a state it must not be in.
fn taken(response: &Response) -> bool {
    response.refusal().reason.contains("more than one write index")
}

fn expired(state: &State, slot: Slot) -> bool {
    let from = state.from.last();
    from.zip(slot.end()).is_some_and(|(from, end)| end <= *from)
}
