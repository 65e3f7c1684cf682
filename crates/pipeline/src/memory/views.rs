//! A view store that lives as long as the process.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pulso_model::{Day, Layer, View, ViewDocument, ViewKind};
use tokio::sync::mpsc;

use super::aggregate::{aggregate, passes};
use crate::{
    Aggregate, Aggregation, BatchViews, Cursor, Documents, LayerChoice, Page, Part, Query, Sink,
    Stage, StoredDocument, Views,
};

type Places = BTreeMap<String, ViewDocument>;

#[derive(Debug, Default)]
struct Store {
    speed: BTreeMap<View, Places>,
    batch: BTreeMap<(View, Part), Places>,
    staged: BTreeMap<i64, Places>,
    completed: BTreeSet<(View, Day)>,
    generations: i64,
}

/// Clones share one store.
#[derive(Clone, Debug, Default)]
pub struct MemoryViews {
    store: Arc<Mutex<Store>>,
}

impl MemoryViews {
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    fn documents(&self, view: View, choice: LayerChoice) -> Vec<StoredDocument> {
        let speed = self.speed.get(&view).into_iter().flat_map(BTreeMap::values);
        let speed = speed.map(|document| (Layer::Speed, document));
        let batch = self.batch.iter().filter(|((of, _), _)| *of == view);
        let batch = batch.flat_map(|(_, places)| places.values());
        let batch = batch.map(|document| (Layer::Batch, document));
        speed
            .chain(batch)
            .filter(|(layer, document)| match choice {
                LayerChoice::Only(only) => only == *layer,
                LayerChoice::Current => self.answers(*layer, document),
            })
            .map(|(layer, document)| StoredDocument { layer, document: document.clone() })
            .collect()
    }

    fn answers(&self, layer: Layer, document: &ViewDocument) -> bool {
        let completed = || self.completed.contains(&(document.view, document.time.day()));
        document.view.kind() != ViewKind::Day || (layer == Layer::Batch) == completed()
    }
}

impl Sink<ViewDocument> for MemoryViews {
    type Error = Infallible;

    async fn write(&mut self, documents: Vec<ViewDocument>) -> Result<(), Infallible> {
        let mut store = self.lock();
        for document in documents {
            let places = store.speed.entry(document.view).or_default();
            if document.removes() {
                places.remove(&document.id);
            } else if !(document.view.first_write_wins() && places.contains_key(&document.id)) {
                places.insert(document.id.clone(), document);
            }
        }
        Ok(())
    }
}

impl Views for MemoryViews {
    type Error = Infallible;

    async fn query(&self, query: Query) -> Result<Page, Infallible> {
        let mut documents = self.lock().documents(query.view, query.layer);
        documents.retain(|StoredDocument { document, .. }| {
            query.from.is_none_or(|from| document.time >= from)
                && query.to.is_none_or(|to| document.time < to)
                && query.scope.as_ref().is_none_or(|c| document.scope.as_ref() == Some(c))
                && query.after.as_ref().is_none_or(|after| place(document) > cursor_place(after))
                && (query.filters.is_empty()
                    || serde_json::from_str(&document.body)
                        .is_ok_and(|body| passes(&body, &query.filters)))
        });
        documents.sort_by(|a, b| place(&a.document).cmp(&place(&b.document)));
        let more = documents.len() > query.limit;
        documents.truncate(query.limit);
        let next = documents.last().filter(|_| more).map(|StoredDocument { document, .. }| {
            let ViewDocument { time, position, id, .. } = document.clone();
            Cursor { time, position, id }
        });
        Ok(Page { documents, next })
    }

    async fn scan(
        &self,
        view: View,
        layer: LayerChoice,
    ) -> Result<Documents<Infallible>, Infallible> {
        let mut documents = self.lock().documents(view, layer);
        documents.sort_by_cached_key(|stored| stored.document.sort_key());
        let (sender, receiver) = mpsc::channel(1);
        sender.try_send(Ok(documents)).expect("the channel has room for one chunk");
        Ok(receiver)
    }

    async fn aggregate(&self, question: Aggregation) -> Result<Aggregate, Infallible> {
        let documents = self.lock().documents(question.view, question.layer);
        Ok(aggregate(documents.iter().map(|stored| &stored.document), &question))
    }

    async fn completed_days(&self, view: View) -> Result<BTreeSet<Day>, Infallible> {
        let store = self.lock();
        Ok(store.completed.iter().filter(|(of, _)| *of == view).map(|(_, day)| *day).collect())
    }
}

fn place(document: &ViewDocument) -> (Reverse<i64>, u32, &str) {
    (Reverse(document.time.0), document.position, &document.id)
}

fn cursor_place(cursor: &Cursor) -> (Reverse<i64>, u32, &str) {
    (Reverse(cursor.time.0), cursor.position, &cursor.id)
}

impl BatchViews for MemoryViews {
    type Error = Infallible;

    async fn begin(&self, view: View, part: Part) -> Result<Stage, Infallible> {
        let mut store = self.lock();
        store.generations += 1;
        let generation = store.generations;
        store.staged.insert(generation, Places::new());
        Ok(Stage { view, part, generation })
    }

    async fn stage(&self, stage: Stage, documents: Vec<ViewDocument>) -> Result<(), Infallible> {
        let mut store = self.lock();
        let places = store.staged.entry(stage.generation).or_default();
        places.extend(documents.into_iter().map(|document| (document.id.clone(), document)));
        Ok(())
    }

    async fn publish(&self, stage: Stage, completes: bool) -> Result<(), Infallible> {
        let mut store = self.lock();
        let places = store.staged.remove(&stage.generation).unwrap_or_default();
        store.batch.insert((stage.view, stage.part), places);
        if let (Part::Day(day), true) = (stage.part, completes) {
            store.completed.insert((stage.view, day));
        }
        Ok(())
    }

    /// It lives as long as the process, and keeps everything.
    async fn remove_before(&self, _: View, _: Layer, _: Day) -> Result<u64, Infallible> {
        Ok(0)
    }
}
