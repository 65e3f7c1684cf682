//! What people delete goes from the lake, and what was counted stays.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;
use pulso_batch::{Job, Selection};
use pulso_lake::Lake;
use pulso_model::{Decoder, Layer, TimeLimits};
use pulso_pipeline::memory::{MemoryLog, MemoryViews};
use pulso_pipeline::{ManualClock, Sink};
use pulso_runtime::config::Retention;
use pulso_streams::Streams;
use pulso_testkit::message::received;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Bodies, LOG_TIME, batch_layer_of, bodies, written};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Three days before the log stored anything, at noon.
const BEGIN: i64 = (LOG_TIME.0 / DAY_MS - 3) * DAY_MS + DAY_MS / 2;

const ANNA: &str = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BERT: &str = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";
const CARL: &str = "did:plc:cccccccccccccccccccccccc";

/// A lake with its batch layer.
struct World {
    folder: TempDir,
    log: MemoryLog<ManualClock>,
    decoder: Decoder,
}

impl World {
    fn new() -> Self {
        let decoder = Streams::brought().get("posts").unwrap().decoder(TimeLimits::NONE);
        let log = MemoryLog::new(1, ManualClock::at(LOG_TIME));
        Self { folder: TempDir::new().unwrap(), log, decoder }
    }

    /// Archives messages, computes views, and takes out what was deleted; returns how many messages changed.
    async fn archive_and_honour(&mut self, messages: impl IntoIterator<Item = String>) -> u64 {
        let messages = messages.into_iter().map(|text| received("test", LOG_TIME, text));
        self.log.write(messages.collect()).await.unwrap();
        let views = MemoryViews::default();
        let (folder, log) = (self.folder.path(), self.log.source(100));
        let mut layer =
            batch_layer_of(&self.decoder, folder, log, &views, Retention::default()).await;
        layer.archive(|_| ()).await.unwrap();
        layer.honour_deletions().await.unwrap()
    }

    /// All that the jobs make of the lake.
    async fn documents(&self) -> BTreeMap<&'static str, Bodies> {
        let views = MemoryViews::default();
        let (folder, log) = (self.folder.path(), self.log.source(100));
        let mut layer =
            batch_layer_of(&self.decoder, folder, log, &views, Retention::default()).await;
        let jobs = Job::all(self.decoder.stream());
        layer.run_jobs(&jobs, Selection::Everything, |_| ()).await.unwrap();
        let mut documents = BTreeMap::new();
        for view in jobs.iter().map(|job| job.view) {
            documents.insert(view.name(), bodies(&written(&views, view, Layer::Batch).await));
        }
        documents
    }

    /// Each message with who it is of, as text.
    async fn messages(&self) -> Vec<String> {
        let lake = Lake::open(self.folder.path().join("messages"), &self.decoder).await.unwrap();
        let session = SessionContext::new();
        session.register_table("lake", lake.table_provider().await.unwrap()).unwrap();
        let sql =
            "SELECT CAST(payload AS VARCHAR) || coalesce(did, '') FROM lake ORDER BY \"offset\"";
        let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
        let text = |row, column| array_value_to_string(column, row).unwrap();
        let rows = batches
            .iter()
            .flat_map(|batch| (0..batch.num_rows()).map(move |row| text(row, batch.column(0))));
        rows.collect()
    }

    /// The offsets of messages that hold a text.
    async fn with(&self, text: &str) -> Vec<usize> {
        let messages = self.messages().await.into_iter().enumerate();
        messages.filter(|(_, message)| message.contains(text)).map(|(offset, _)| offset).collect()
    }
}

/// A post of version 1 of the protocol, some seconds after the beginning.
fn post(did: &str, rkey: &str, second: i64) -> String {
    let record = json!({
        "text": format!("secret words of {rkey}"),
        "langs": ["de"],
        "tags": ["storks"],
    });
    let commit = json!({
        "rev": format!("rev-{rkey}"), "operation": "create", "collection": "app.bsky.feed.post",
        "rkey": rkey, "record": record,
    });
    let time_us = (BEGIN + second * 1000) * 1000;
    json!({"did": did, "time_us": time_us, "kind": "commit", "commit": commit}).to_string()
}

fn delete(did: &str, rkey: &str, second: i64) -> String {
    let mut message: Value = serde_json::from_str(&post(did, rkey, second)).unwrap();
    message["commit"]["operation"] = json!("delete");
    message["commit"].as_object_mut().unwrap().remove("record");
    message.to_string()
}

/// News of an account in version 2 of the protocol.
fn account(did: &str, status: &str, second: i64) -> String {
    let time = pulso_model::EventTime(BEGIN + second * 1000).to_string();
    let event = "network.bsky.jetstream.subscribeEvents#account";
    let payload = json!({"$type": event, "did": did, "time": time, "status": status});
    json!({"$type": "message", "payload": payload}).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn words_go_at_once_and_accounts_when_nothing_more_of_them_can_come() {
    let mut world = World::new();
    let messages = [
        post(ANNA, "one", 0),
        post(ANNA, "two", 1),
        post(BERT, "three", 2),
        post(BERT, "four", 3),
        post(CARL, "five", 4),
        delete(ANNA, "one", 5),
        account(BERT, "deleted", 6),
        account(CARL, "deactivated", 7),
    ];
    assert_eq!(world.archive_and_honour(messages).await, 3);
    let before = world.documents().await;
    assert!(before["trending-hashtags"].values().any(|body| body["actors"] == 3), "{before:?}");
    assert_eq!(world.with("secret words").await, [1, 4], "what nobody deleted");
    assert_eq!(world.with(BERT).await, [2, 3, 6], "an echo must still be known as one");

    // Both are echoes, and so is what has been deleted with them.
    let echoes = [post(ANNA, "one", 8), post(BERT, "four", 8)];
    assert_eq!(world.archive_and_honour(echoes).await, 2);
    assert_eq!(world.with("secret words").await, [1, 4]);
    assert_eq!(world.documents().await, before);
    assert_eq!(world.archive_and_honour([]).await, 0, "all is done");

    // A day later, nothing more of them can come. What tells of deletions has done its work.
    let later = 2 * DAY_MS / 1000;
    assert_eq!(world.archive_and_honour([post(CARL, "six", later)]).await, 5);
    assert_eq!(world.with(BERT).await, Vec::<usize>::new());
    assert_eq!(world.with(ANNA).await, [0, 1, 8]);
    assert_eq!(world.with("secret words").await, [1, 4, 10]);
    let messages = world.messages().await;
    let of = |offset: usize| messages[offset].rsplit_once("did:plc:").unwrap().1;
    assert!(of(2) == of(3) && of(3) == of(9), "it is one person still");
    let after = world.documents().await;
    for (view, documents) in &before {
        for (id, body) in documents {
            assert_eq!(after[view].get(id), Some(body), "{view}");
        }
    }
    assert_eq!(world.archive_and_honour([]).await, 0, "all is done");
}

/// The messages of a simulated network, of whose posts every third is deleted.
#[tokio::test(flavor = "multi_thread")]
async fn deleted_posts_of_a_recording_lose_their_words() {
    let folder = Path::new("../../../shared/data/jetstream");
    if !folder.exists() {
        eprintln!("skipped: no recordings at `{}`", folder.display());
        return;
    }
    for (file, place) in [("v1-simulated.jsonl", "commit"), ("v2-simulated.jsonl", "payload")] {
        let recorded = std::fs::read_to_string(folder.join(file)).unwrap();
        let mut lines: Vec<String> = recorded.lines().map(str::to_owned).collect();
        let (mut deleted, mut kept) = (Vec::new(), Vec::new());
        for line in recorded.lines() {
            let mut message: Value = serde_json::from_str(line).unwrap();
            let commit = &mut message[place];
            if commit["operation"] != "create" || commit["collection"] != "app.bsky.feed.post" {
                continue;
            }
            let text = json!({"text": commit["record"]["text"]}).to_string();
            let text = text.trim_matches(['{', '}']).to_owned();
            if (deleted.len() + kept.len()) % 3 > 0 {
                kept.push(text);
                continue;
            }
            deleted.push(text);
            commit["operation"] = json!("delete");
            let commit = commit.as_object_mut().unwrap();
            commit.retain(|name, _| !["record", "cid"].contains(&name.as_str()));
            lines.push(message.to_string());
        }
        let mut world = World::new();
        let changed = world.archive_and_honour(lines).await;
        assert_eq!(changed, deleted.len() as u64, "{file}");
        assert!(deleted.len() > 50, "{file}");
        let messages = world.messages().await;
        let is_there = |text: &String| messages.iter().any(|message| message.contains(text));
        assert!(!deleted.iter().any(is_there) && kept.iter().all(is_there), "{file}");
    }
}
