//! Writes documents as they come: the speed layer's and the journals.
//!
//! A call returns when everything is acknowledged. So requests are bounded in bytes and never wait
//! for more documents; the caller decides how old a document may become before it is sent.

use std::collections::BTreeSet;
use std::sync::Arc;

use pulso_model::{Day, Layer, View, ViewDocument, ViewKind};
use pulso_pipeline::{Sink, observe};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tracing::warn;

use crate::bulk::{Call, Item, Rest};
use crate::encode::{Action, net};
use crate::error::{Error, Operation, Refusal};
use crate::names::{Place, Slot, write_alias};
use crate::request::Request;
use crate::retry::Patience;
use crate::store::{Refresh, Store, ViewStore};

/// How often a call recreates indices that vanish while it writes.
const ATTEMPTS: usize = 5;

/// The component under which permanently refused documents are counted.
const COMPONENT: &str = "elasticsearch";

/// The reason of such documents, in metrics and dead letters.
const REJECTED: &str = "rejected_document";

/// How close to midnight a time must be for two responses of one rounded second to lie on two days.
const HALF_SECOND_MS: i64 = 500;

impl Sink<ViewDocument> for ViewStore {
    type Error = Error;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Error> {
        let store = &self.store;
        let mut items: Vec<_> = net(documents).into_iter().map(|one| store.item(one)).collect();
        // The next run of a job looks for the last one's record, and nobody is to be contacted twice.
        let asked_for = [View::BATCH_RUNS, View::CONTACTS];
        let at_once = items.iter().any(|item| asked_for.contains(&item.document.view));
        let refresh = if at_once { Refresh::AtOnce } else { store.options.refresh };
        let patience = Patience::new(store.write_patience());
        let call = Call { operation: Operation::Write, layer: Layer::Speed, refresh, patience };
        for _ in 0..ATTEMPTS {
            store.open_all(&items).await?;
            store.leave_out_known(&mut items).await?;
            let Rest { missing, rejected } = store.bulk(call, items).await?;
            items = missing;
            // A dead letter that is rejected is not tried as another one.
            let dead = rejected.iter().filter_map(|(document, why)| dead_letter(document, why));
            items.extend(dead.map(|document| store.item((Action::Index, document))));
            report(&rejected);
            if items.is_empty() {
                return Ok(());
            }
            store.forget(&items);
        }
        Err(Error::Contended { operation: Operation::Write, view: items[0].document.view })
    }
}

impl Store {
    fn item(&self, (action, document): (Action, ViewDocument)) -> Item {
        let slot = Slot::of(document.view, document.time);
        let index = self.names.index(document.view, Place::Speed(slot));
        Item { action, alias: write_alias(&index).into(), document }
    }

    /// Creates the indices that are not known to exist.
    async fn open_all(&self, items: &[Item]) -> Result<(), Error> {
        let slot =
            |item: &Item| (item.document.view, Slot::of(item.document.view, item.document.time));
        let wanted: BTreeSet<_> = items.iter().map(slot).collect();
        let unknown: Vec<_> = wanted.difference(&self.open()).copied().collect();
        for (view, slot) in unknown {
            self.open_slot(view, slot).await?;
            self.open().insert((view, slot));
        }
        Ok(())
    }

    /// Forgets indices that are gone, or not what they were thought to be.
    fn forget(&self, items: &[Item]) {
        let mut open = self.open();
        for Item { document, .. } in items {
            open.remove(&(document.view, Slot::of(document.view, document.time)));
        }
    }

    /// Leaves out documents whose id already exists in another day's index, in views where the
    /// first write wins. The key of a response is rounded to a second, which may be that of
    /// midnight.
    async fn leave_out_known(&self, items: &mut Vec<Item>) -> Result<(), Error> {
        let mut asked = Vec::new();
        let mut wanted = Vec::new();
        for (number, item) in items.iter().enumerate() {
            if let Some(day) = other_day(item) {
                let place = Place::Speed(Slot::Day(day));
                let index = self.names.index(item.document.view, place);
                asked.push(number);
                wanted.push(json!({ "_index": index, "_id": item.document.id }));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        #[derive(Deserialize)]
        struct Answer {
            docs: Vec<Found>,
        }
        #[derive(Deserialize)]
        struct Found {
            #[serde(default)]
            found: bool,
        }
        let request = Request::post("_mget").with("_source", "false");
        let request = request.json(&json!({ "docs": wanted }));
        let patience = self.write_patience();
        let response = self.client.ask(Operation::Write, &request, patience).await?;
        let answer: Answer = self.client.parse(Operation::Write, &response)?;
        let known = asked.into_iter().zip(answer.docs).filter(|(_, document)| document.found);
        let known: BTreeSet<usize> = known.map(|(number, _)| number).collect();
        let mut number = 0;
        items.retain(|_| {
            number += 1;
            !known.contains(&(number - 1))
        });
        Ok(())
    }
}

/// The other day on which a document with the same id may lie.
fn other_day(item: &Item) -> Option<Day> {
    let ViewDocument { view, time, .. } = item.document;
    if item.action != Action::Create || view.kind() != ViewKind::Day {
        return None;
    }
    let day = time.day();
    if time.0 - day.start().0 < HALF_SECOND_MS {
        return Some(day.previous());
    }
    (day.end().0 - time.0 <= HALF_SECOND_MS).then(|| day.next())
}

pub(crate) fn report(rejected: &[(ViewDocument, Refusal)]) {
    let Some((document, refusal)) = rejected.first() else { return };
    observe::rejected(COMPONENT, REJECTED, rejected.len() as u64);
    let (view, id) = (document.view, &*document.id);
    warn!(count = rejected.len(), %view, id, error = %refusal, "documents were rejected for good");
}

/// The dead letter for a document that the server will never accept.
///
/// It has no offset, because it is not a message. Its payload is the document.
pub(crate) fn dead_letter(document: &ViewDocument, refusal: &Refusal) -> Option<ViewDocument> {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(rename = "@timestamp")]
        time: String,
        stream: &'a str,
        source: &'a str,
        reason: &'a str,
        detail: String,
        payload: &'a str,
    }
    let view = View::DEAD_LETTERS;
    if document.view == view {
        return None;
    }
    let stream = document.view.stream().unwrap_or_default();
    let body = Body {
        time: document.time.to_string(),
        stream,
        source: document.view.name(),
        reason: REJECTED,
        detail: format!("`{}`: {refusal}", document.id),
        payload: &document.body,
    };
    let body = serde_json::to_string(&body).expect("texts are always JSON");
    // Of the form that messages have, but for the numbers.
    let id = view.id(&[stream.into(), document.view.name().into(), document.id.as_str().into()]);
    Some(ViewDocument { view, id, time: document.time, position: 0, scope: None, body })
}

/// The alias of an index as bulk items name it.
pub(crate) fn alias_of(index: &str) -> Arc<str> {
    write_alias(index).into()
}
