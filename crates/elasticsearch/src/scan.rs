//! Reads a whole view in key order, as of one moment.

use std::sync::Arc;

use pulso_model::{FieldType, View, ViewKind};
use pulso_pipeline::{Documents, LayerChoice, StoredDocument};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::error::{Error, Operation};
use crate::request::Request;
use crate::store::{READ_PATIENCE, Store};
use crate::views::{Found, Target, chunk, vanished};

/// How many chunks wait for the reader.
const CHUNKS_AHEAD: usize = 2;

/// How often a scan starts over when an index vanishes before anything was read.
const ATTEMPTS: usize = 5;

const OPERATION: Operation = Operation::Scan;

pub(crate) async fn start(
    store: &Arc<Store>,
    view: View,
    choice: LayerChoice,
) -> Result<Documents<Error>, Error> {
    let (sender, receiver) = mpsc::channel(CHUNKS_AHEAD);
    let Some(alias) = store.alias(view, choice) else { return Ok(receiver) };
    let mut scan = Scan::begin(store, view, &alias).await?;
    drop(tokio::spawn(async move {
        loop {
            let (documents, ended) = scan.take();
            if sender.send(Ok(documents)).await.is_err() || ended {
                break;
            }
            if let Err(error) = scan.next().await {
                // Nobody is left to tell when the receiver is gone.
                drop(sender.send(Err(error)).await);
                break;
            }
        }
        scan.end().await;
    }));
    Ok(receiver)
}

/// A read of all documents of one view that an alias points to, or an index has.
pub(crate) struct Scan {
    store: Arc<Store>,
    view: View,
    target: Target,
    found: Found,
    after: Option<Value>,
}

impl Scan {
    /// Reads the first chunk too, because until then the scan may start over.
    pub(crate) async fn begin(store: &Arc<Store>, view: View, alias: &str) -> Result<Self, Error> {
        let refresh = Request::post(format!("{alias}/_refresh")).with("ignore_unavailable", "true");
        let mut attempt = 0;
        loop {
            attempt += 1;
            match Self::try_begin(store, view, alias, &refresh).await {
                Err(error) if attempt < ATTEMPTS && vanished(&error) => {}
                scan => return scan,
            }
        }
    }

    async fn try_begin(
        store: &Arc<Store>,
        view: View,
        alias: &str,
        refresh: &Request,
    ) -> Result<Self, Error> {
        store.client.ask(OPERATION, refresh, READ_PATIENCE).await?;
        let target = store.point_in_time(OPERATION, Target::Alias(alias.to_owned())).await?;
        let store = Arc::clone(store);
        let mut scan = Self { store, view, target, found: Found::default(), after: None };
        scan.next().await?;
        Ok(scan)
    }

    /// What was read, and whether that was the last of it.
    pub(crate) fn take(&mut self) -> (Vec<StoredDocument>, bool) {
        let Found { documents, .. } = std::mem::take(&mut self.found);
        let ended = documents.len() < chunk(self.view);
        (documents, ended)
    }

    pub(crate) async fn end(self) {
        self.store.close(self.target).await;
    }

    /// Reads the next chunk.
    pub(crate) async fn next(&mut self) -> Result<(), Error> {
        let mut body = json!({ "size": chunk(self.view), "sort": order(self.view) });
        if let Some(after) = &self.after {
            body["search_after"] = after.clone();
        }
        let found = self.store.search(OPERATION, self.view, &mut self.target, body).await?;
        self.after.clone_from(&found.last);
        self.found = found;
        Ok(())
    }
}

/// The order of the view's key. Where both layers have a document, the speed layer's comes first.
fn order(view: View) -> Value {
    let of_key = view.key().iter().map(|key| {
        let field = view.fields().iter().find(|field| field.name == key.name());
        let sort = match field.map(|field| field.field_type) {
            Some(FieldType::Time | FieldType::Day) => {
                json!({ "order": "asc", "format": "strict_date_optional_time", "unmapped_type": "date" })
            }
            Some(FieldType::Integer) => json!({ "order": "asc", "unmapped_type": "long" }),
            _ => json!({ "order": "asc", "unmapped_type": "keyword" }),
        };
        json!({ key.name(): sort })
    });
    let mut order: Vec<Value> = of_key.collect();
    if view.kind() != ViewKind::Journal {
        order.push(json!({ "layer": { "order": "desc", "unmapped_type": "keyword" } }));
    }
    order.push(json!({ "pulso.id": { "order": "asc", "unmapped_type": "keyword" } }));
    order.into()
}
