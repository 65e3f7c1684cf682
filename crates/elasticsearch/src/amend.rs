//! Changing for good what indices hold.
//!
//! A document that is replaced or deleted stays in its segment until a merge writes that anew, and a merge
//! keeps it for as long as some copy of the shard may ask for it. So at the end every such copy is waited
//! for, and then the segments with such documents are merged.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use pulso_model::{Layer, View, ViewDocument};
use pulso_pipeline::{Amend, Change, Row};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use crate::bulk::{Call, Item};
use crate::encode::Action;
use crate::error::{Error, Operation};
use crate::names::Place;
use crate::request::Request;
use crate::retry::Patience;
use crate::scan::Scan;
use crate::store::{Refresh, Store, ViewStore};

const OPERATION: Operation = Operation::Amend;

/// How long one index may take to be merged.
const MERGE_PATIENCE: Duration = Duration::from_hours(1);

/// After how long the reader is told why it may take so long.
const MERGE_SLOW: Duration = Duration::from_secs(10);

/// How long the copies of a shard may take to let go of what was deleted. They tell each other twice a
/// minute what they may still ask for.
const COPIES_PATIENCE: Duration = Duration::from_mins(5);

/// How often they are asked.
const LOOK: Duration = Duration::from_secs(1);

/// How many indices one request names: the line of a request holds 4,096 bytes.
const NAMES_AT_ONCE: usize = 16;

impl Amend for ViewStore {
    type Error = Error;

    /// The place of a row is its index.
    async fn rows_with(&mut self, view: View, text: &str) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        for (place, index) in self.store.state(OPERATION, view).await?.indices {
            let layer = if let Place::Batch(..) = place { Layer::Batch } else { Layer::Speed };
            let mut scan = Scan::begin(&self.store, view, &index.name).await?;
            loop {
                let (documents, ended) = scan.take();
                let with = documents.into_iter().map(|stored| stored.document);
                let with = with.filter(|with| with.body.contains(text) || with.id.contains(text));
                let row = |document| Row { layer, place: index.name.clone(), document };
                rows.extend(with.map(row));
                if ended {
                    break;
                }
                scan.next().await?;
            }
            scan.end().await;
        }
        Ok(rows)
    }

    /// New documents come before old ones go.
    async fn amend(&mut self, changes: &[Change]) -> Result<(), Error> {
        for layer in [Layer::Speed, Layer::Batch] {
            let of_layer = || changes.iter().filter(move |(row, _)| row.layer == layer);
            let written = of_layer().filter_map(|(row, new)| {
                new.as_ref().map(|new| item(Action::Index, &row.place, new))
            });
            self.store.amend(layer, written.collect()).await?;
            let gone = of_layer()
                .filter(|(row, new)| new.as_ref().is_none_or(|new| new.id != row.document.id));
            let deleted = gone.map(|(row, _)| item(Action::Delete, &row.place, &row.document));
            self.store.amend(layer, deleted.collect()).await?;
        }
        Ok(())
    }

    async fn finish(self, views: &[View]) -> Result<(), Error> {
        let store = &self.store;
        let mut own = BTreeSet::from([store.names.checkpoints()]);
        for view in views {
            let indices = store.state(OPERATION, *view).await?.indices;
            own.extend(indices.into_values().map(|index| index.name));
        }
        let refresh = Request::post(format!("{}-*/_refresh", store.names.prefix()));
        let refresh = refresh.with("expand_wildcards", "all");
        store.client.ask(OPERATION, &refresh, store.write_patience()).await?;
        let found = store.shards().await?.into_iter();
        let deleted = |shards: &Shards| shards.values().flatten().any(|copy| copy.docs.deleted > 0);
        let mut waiting: BTreeMap<String, Shards> =
            found.filter(|(index, shards)| own.contains(index) && deleted(shards)).collect();
        let touched: Vec<String> = waiting.keys().cloned().collect();
        // Otherwise segments with few deleted documents are left as they are.
        let merged = async {
            for index in &touched {
                store.set(index, json!(0)).await?;
            }
            store.wait_for_copies(&mut waiting).await?;
            for index in &touched {
                store.merge(index).await?;
            }
            Ok(())
        };
        let merged = merged.await;
        merged.and(store.unset(&own).await)
    }
}

fn item(action: Action, index: &str, document: &ViewDocument) -> Item {
    Item { action, alias: Arc::from(index), document: document.clone() }
}

/// The copies of each shard of an index, by its number.
type Shards = BTreeMap<String, Vec<Copy>>;

#[derive(Debug, Deserialize)]
struct Copy {
    docs: Docs,
    seq_no: Sequence,
    #[serde(default)]
    retention_leases: Leases,
}

#[derive(Debug, Deserialize)]
struct Docs {
    deleted: u64,
}

#[derive(Debug, Deserialize)]
struct Sequence {
    max_seq_no: i64,
}

#[derive(Debug, Default, Deserialize)]
struct Leases {
    #[serde(default)]
    leases: Vec<Lease>,
}

/// Somebody may ask for the operations from this one on.
#[derive(Debug, Deserialize)]
struct Lease {
    retaining_seq_no: i64,
}

/// Whether nobody asks any more for what a shard had done before.
fn let_go(before: &Shards, now: &Shards) -> bool {
    before.iter().all(|(shard, copies)| {
        let done = copies.iter().map(|copy| copy.seq_no.max_seq_no).max();
        let leases = now.get(shard).into_iter().flatten().flat_map(|c| &c.retention_leases.leases);
        leases.map(|lease| lease.retaining_seq_no).min().is_none_or(|from| Some(from) > done)
    })
}

impl Store {
    async fn amend(&self, layer: Layer, items: Vec<Item>) -> Result<(), Error> {
        let patience = Patience::new(self.write_patience());
        let call = Call { operation: OPERATION, layer, refresh: Refresh::Soon, patience };
        let rest = self.bulk(call, items).await?;
        let missing = rest.missing.into_iter().map(|item| (item.alias.to_string(), item.document));
        let left = rest.rejected.into_iter().map(|(document, _)| (String::new(), document));
        match missing.chain(left).next() {
            None => Ok(()),
            Some((index, document)) => Err(Error::Amend { index, id: document.id }),
        }
    }

    async fn shards(&self) -> Result<BTreeMap<String, Shards>, Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            indices: BTreeMap<String, Index>,
        }
        #[derive(Deserialize)]
        struct Index {
            shards: Shards,
        }
        let request = Request::get(format!("{}-*/_stats/docs", self.names.prefix()))
            .with("expand_wildcards", "all")
            .with("level", "shards");
        let response = self.client.ask(OPERATION, &request, self.write_patience()).await?;
        let answer: Answer = self.client.parse(OPERATION, &response)?;
        Ok(answer.indices.into_iter().map(|(name, index)| (name, index.shards)).collect())
    }

    async fn wait_for_copies(&self, waiting: &mut BTreeMap<String, Shards>) -> Result<(), Error> {
        let until = Instant::now() + COPIES_PATIENCE;
        loop {
            let now = self.shards().await?;
            waiting.retain(|index, before| now.get(index).is_some_and(|now| !let_go(before, now)));
            let Some(index) = waiting.keys().next() else { return Ok(()) };
            if Instant::now() >= until {
                return Err(Error::Retained { index: index.clone() });
            }
            sleep(LOOK).await;
        }
    }

    /// Says how large a part of a segment may be deleted for it to be left alone, in percent; without one,
    /// the server does.
    async fn set(&self, index: &str, percent: Value) -> Result<(), Error> {
        let setting = json!({ "index.merge.policy.expunge_deletes_allowed": percent });
        let request = Request::put(format!("{index}/_settings")).json(&setting);
        let request = request.with("ignore_unavailable", "true");
        self.client.ask(OPERATION, &request, self.write_patience()).await.map(drop)
    }

    /// Of every index: an earlier run that was broken off may have left one so. Each by its name, as a
    /// pattern would also find those of an installation whose prefix begins like this one.
    async fn unset(&self, own: &BTreeSet<String>) -> Result<(), Error> {
        let names: Vec<&str> = own.iter().map(String::as_str).collect();
        for names in names.chunks(NAMES_AT_ONCE) {
            self.set(&names.join(","), Value::Null).await?;
        }
        Ok(())
    }

    /// A merge keeps what the last commit does not know to be deleted everywhere.
    async fn merge(&self, index: &str) -> Result<(), Error> {
        let flush = Request::post(format!("{index}/_flush")).with("wait_if_ongoing", "true");
        self.client.ask(OPERATION, &flush, self.write_patience()).await?;
        let merge = Request::post(format!("{index}/_forcemerge"));
        let merge = merge.with("only_expunge_deletes", "true");
        let mut merged = pin!(self.client.ask(OPERATION, &merge, MERGE_PATIENCE));
        if let Ok(merged) = timeout(MERGE_SLOW, &mut merged).await {
            return merged.map(drop);
        }
        warn!(
            index,
            "still waiting for a merge; Elasticsearch puts merges off while its disk is nearly full: see \
             `indices.merge.disk.watermark.high`"
        );
        merged.await.map(drop)
    }
}
