//! Erasing a person from what servers hold: Kafka, Elasticsearch, and both beside stores of the other kind.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use pulso_model::{Layer, Renaming};
use pulso_pipeline::{Amend, Sink, Source};
use pulso_runtime::Config;
use pulso_runtime::config::{ConfigFile, Layers, LogStore, ViewStore as Views};
use pulso_runtime::stores::{LogReader, LogWriter, OwnStores, Reading, Topic, set_up};
use pulso_testkit::message::message;
use pulso_testkit::servers::{self, Elasticsearch, Generation};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::person::{Person, author, files, member, unnamed};

/// The most documents that the server gives at once.
const PAGE: usize = 10_000;

/// By which a run has few deleted documents merged away.
const MERGE_SETTING: &str = "index.merge.policy.expunge_deletes_allowed";

/// The same person in other stores.
async fn on_servers(person: Person, kafka: Option<&str>, elasticsearch: Option<&str>) -> Person {
    let store = |server: Option<&str>, name| if server.is_some() { name } else { "embedded" };
    let (kafka_there, name) = (store(kafka, "kafka"), servers::unique("erase"));
    let brokers: Vec<_> =
        kafka.unwrap_or("127.0.0.1:1").split(',').map(|broker| format!("{broker:?}")).collect();
    let text = format!(
        "[data]\ndirectory = {data:?}\n\
         [log]\nstore = \"{kafka_there}\"\n[views]\nstore = \"{views}\"\n\
         [kafka]\nbrokers = [{brokers}]\ntopic_prefix = \"{name}\"\n\
         [elasticsearch]\nurls = [{url:?}]\nindex_prefix = \"{name}\"\n\
         [streams.rsvps]\n[streams.posts]\nfacts = true\n",
        data = person.config.data.directory,
        views = store(elasticsearch, "elasticsearch"),
        brokers = brokers.join(","),
        url = elasticsearch.unwrap_or("http://127.0.0.1:1"),
    );
    let path = person.config.data.directory.with_extension("toml");
    fs::write(&path, &text).unwrap();
    let file = Some(ConfigFile { path: path.clone(), text });
    let config = Config::load(&Layers { file, ..Layers::default() }).unwrap();
    Box::pin(set_up(&config)).await.unwrap();
    let config = config.of_stream(&person.config.stream).unwrap();
    Person { config, file: path, ..person }
}

/// A member, with all that the layers make of the messages; `None` where there are no servers.
async fn stored_on_servers(folder: &TempDir) -> Option<Person> {
    let (kafka, url) = (servers::kafka()?, servers::elasticsearch()?);
    let person = member(&folder.path().join("data"));
    let person = on_servers(person, Some(kafka), Some(url)).await;
    person.store().await;
    Some(person)
}

/// Asks Elasticsearch directly.
fn ask(url: &str, request: &str) -> Value {
    let (status, body) = servers::ask(url, request, "").unwrap();
    assert_eq!(status, 200, "{request}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// Every index of the server, hidden ones too, with all of its documents.
fn indices(url: &str) -> BTreeMap<String, String> {
    let all = ask(url, "GET /*/_alias?expand_wildcards=all");
    let names = all.as_object().unwrap().keys();
    let documents = |name: &String| {
        let page = ask(url, &format!("GET /{name}/_search?size={PAGE}"));
        let hits = page["hits"]["hits"].as_array().unwrap();
        assert!(hits.len() < PAGE, "{name} has more documents than one answer");
        page.to_string()
    };
    names.map(|name| (name.clone(), documents(name))).collect()
}

/// The indices in which documents are replaced or deleted and still there. That of runs is not looked at: a
/// run is recorded twice, and names nobody.
fn with_ghosts(url: &str) -> Vec<String> {
    let stats = ask(url, "GET /*/_stats/docs?expand_wildcards=all");
    let deleted = |index: &Value| index["total"]["docs"]["deleted"].as_u64().unwrap();
    let all = stats["indices"].as_object().unwrap().iter();
    let with = all.filter(|(name, index)| deleted(index) > 0 && !name.contains("-batch-runs-"));
    with.map(|(name, index)| format!("{name}: {}", deleted(index))).collect()
}

/// Until it is set to `None`, Elasticsearch merges as little as if its disk were full.
fn set_merge_watermark(url: &str, percent: Option<&str>) {
    let settings = json!({ "persistent": { "indices.merge.disk.watermark.high": percent } });
    let request = "PUT /_cluster/settings";
    let (status, body) = servers::ask(url, request, &settings.to_string()).unwrap();
    assert_eq!(status, 200, "{body}");
}

/// The person is erased while Elasticsearch does not merge, until the program has said so.
fn erased_when_there_is_room(person: &Person, url: &str) -> String {
    set_merge_watermark(url, Some("0%"));
    let mut erasing = person.erasing(&["--yes"]);
    let mut erasing = erasing.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(erasing.stderr.take().unwrap()).lines();
    let said = lines.any(|line| line.unwrap().contains("indices.merge.disk.watermark.high"));
    assert!(said, "it ended without a word");
    set_merge_watermark(url, None);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = erasing.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{rest:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Sets what an earlier run that was broken off may have left in one index, and what somebody wants in an
/// index of theirs whose name begins alike.
fn leave_merge_settings(url: &str, ours: &str, theirs: &str) {
    let setting = json!({ MERGE_SETTING: 0 });
    let requests = [
        (format!("PUT /{ours}/_settings"), setting.clone()),
        (format!("PUT /{theirs}"), json!({ "settings": setting })),
    ];
    for (request, body) in requests {
        let (status, body) = servers::ask(url, &request, &body.to_string()).unwrap();
        assert_eq!(status, 200, "{request}: {body}");
    }
}

/// The indices that have a merge setting of their own.
fn with_merge_setting(url: &str) -> Vec<String> {
    let all = ask(url, "GET /*/_settings?expand_wildcards=all&flat_settings=true");
    let all = all.as_object().unwrap().iter();
    let with = all.filter(|(_, index)| !index["settings"][MERGE_SETTING].is_null());
    with.map(|(name, _)| name.clone()).collect()
}

/// The files of a server in which any of these is found as it is.
fn files_with(folder: &Path, secrets: &[Vec<u8>]) -> Vec<String> {
    let has = |path: &Path| {
        // A server removes files at any time.
        let bytes = fs::read(path).unwrap_or_default();
        secrets.iter().any(|secret| bytes.windows(secret.len()).any(|window| window == secret))
    };
    let with = files(&folder.join("data")).into_iter().filter(|path| has(path));
    with.map(|path| path.display().to_string()).collect()
}

/// Where the log, and the copy of dead letters, still name the person.
async fn traces_in_kafka(person: &Person) -> usize {
    let named = |payload: &[u8]| {
        person.secrets[..2].iter().any(|secret| payload.windows(secret.len()).any(|w| w == secret))
    };
    let mut found = person.logged().await.iter().filter(|(_, payload)| named(payload)).count();
    if let Some((_, mut reader)) = Topic::of_dead_letters(&person.config).await.unwrap() {
        loop {
            let records = reader.next_batch().await.unwrap().records;
            if records.is_empty() {
                break;
            }
            found += records.iter().filter(|record| named(&record.payload)).count();
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_member_on_servers() {
    let Some(kafka) = servers::kafka() else { return };
    let Some(server) = Elasticsearch::start(Generation::newest()) else { return };
    let (folder, url) = (TempDir::new().unwrap(), server.url());
    let person = member(&folder.path().join("data"));
    let person = on_servers(person, Some(kafka), Some(&url)).await;
    person.store().await;
    assert!(person.verify().await.holds());
    let before = person.documents().await;
    assert!(person.traces().await.len() > 10, "the person is there");
    assert!(indices(&url).values().any(|documents| documents.contains(&person.id)));
    assert!(!files_with(server.folder(), &person.secrets[..2]).is_empty());

    let said = person.erased(&["--dry-run"]);
    assert!(said.contains("-rsvps-messages: partition ") && said.contains("`--cut-log`"), "{said}");
    assert!(said.contains(" messages, of all people"), "{said}");
    assert_eq!(person.documents().await, before);

    let prefix = &person.config.elasticsearch.index_prefix;
    let theirs = format!("{prefix}-two-groups");
    leave_merge_settings(&url, &format!("{prefix}-checkpoints"), &theirs);
    let said = match Generation::newest() {
        Generation::Nine => erased_when_there_is_room(&person, &url),
        // It merges whatever there is room for.
        Generation::Eight => person.erased(&["--yes"]),
    };
    assert!(!said.contains(&person.id), "{said}");
    assert_eq!(with_merge_setting(&url), [theirs]);
    assert_eq!(person.traces().await, Vec::<String>::new());
    for (name, documents) in indices(&url) {
        let found = |secret: &Vec<u8>| documents.contains(str::from_utf8(secret).unwrap());
        assert!(!person.secrets[..2].iter().any(found), "{name}");
    }
    assert_eq!(with_ghosts(&url), Vec::<String>::new(), "what was replaced is gone");
    assert_eq!(files_with(server.folder(), &person.secrets[..2]), Vec::<String>::new());
    let after = person.documents().await;
    assert_eq!(unnamed(&before, &person), unnamed(&after, &person));
    let report = person.verify().await;
    assert!(report.holds(), "{report}");

    assert!(traces_in_kafka(&person).await > 10, "nobody can change a message there");
    let output = person.erase(&["--yes"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(4) && said.contains("names them up to offset"), "{said}");
    person.erased(&["--yes", "--cut-log"]);
    assert_eq!(traces_in_kafka(&person).await, 0);
    assert_eq!(
        person.erase(&["--yes", "--cut-log"]).status.code(),
        Some(4),
        "nothing is left to do"
    );

    person.run_batch().await;
    assert_eq!(person.documents().await, after, "computed anew it is the same");
    let report = person.verify().await;
    assert!(report.holds(), "{report}");
}

/// The layers of other programs would write the person again.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_erased_while_the_layers_run_or_are_behind() {
    let folder = TempDir::new().unwrap();
    let Some(person) = stored_on_servers(&folder).await else { return };
    let before = person.documents().await;
    let refused = async |part: &str| {
        let output = person.erase(&["--yes", "--cut-log"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(3) && stderr.contains(part), "{stderr}");
        assert_eq!(person.documents().await, before);
        assert!(!person.config.data.directory.join("erase.key").exists());
    };
    let mut speed = LogReader::open(&person.config, Reading::OneAtATime).await.unwrap();
    speed.acquire().await.unwrap();
    refused("the speed layer of the stream `rsvps` is running").await;
    drop(speed);
    let batch = fs::File::create(person.config.scratch_path().join("batch.lock")).unwrap();
    batch.lock().unwrap();
    refused("another program is running batch jobs").await;
    drop(batch);
    let id: i64 = person.id.parse().unwrap();
    let late = person.message(&message(7, 1_767_657_000_000).member(id).bytes());
    LogWriter::open(&person.config).unwrap().write(vec![late]).await.unwrap();
    refused("the speed layer has read partition").await;
    assert!(traces_in_kafka(&person).await > 10);
}

/// Whatever was changed before the program was killed, the next run ends the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_on_servers_that_was_broken_off_is_finished_by_the_next() {
    let folder = TempDir::new().unwrap();
    let Some(person) = stored_on_servers(&folder).await else { return };
    let before = person.documents().await;
    let (key, stream) = ([7; 32], person.config.stream());
    let renaming = Renaming::new(stream, &person.id, key).unwrap();
    let kept = [key.as_slice(), format!("{stream}/{}", renaming.new_actor()).as_bytes()].concat();
    let path = person.config.data.directory.join("erase.key");
    fs::write(&path, &kept).unwrap();
    let mut views = OwnStores::open(&person.config).await.unwrap().views.unwrap();
    let view = stream.facts_view.view;
    let mut changes = Vec::new();
    for row in views.rows_with(view, &person.id).await.unwrap() {
        let new = renaming.document(&row.document).unwrap().unwrap();
        changes.push((row, Some(new)));
    }
    assert!(changes.iter().any(|(row, _)| row.layer == Layer::Batch) && changes.len() > 100);
    views.amend(&changes[50..]).await.unwrap();
    drop(views);

    person.erased(&["--yes"]);
    assert!(!path.exists());
    assert_eq!(person.traces().await, Vec::<String>::new());
    let after = person.documents().await;
    assert_eq!(unnamed(&before, &person), unnamed(&after, &person));
    assert!(person.verify().await.holds());
    // All was done, but for the last step.
    fs::write(&path, &kept).unwrap();
    person.erased(&["--yes"]);
    assert!(!path.exists());
    assert_eq!(person.documents().await, after);
}

async fn nothing_is_left_of(person: Person) {
    person.store().await;
    assert!(person.verify().await.holds());
    let before = person.documents().await;
    assert!(person.traces().await.len() > 10, "the person is there");
    person.erased(&["--yes"]);
    assert_eq!(person.traces().await, Vec::<String>::new());
    let after = person.documents().await;
    assert_eq!(unnamed(&before, &person), unnamed(&after, &person));
    let report = person.verify().await;
    assert!(report.holds(), "{report}");
    assert_eq!(person.erase(&["--yes"]).status.code(), Some(4), "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_elasticsearch_beside_an_embedded_log() {
    let Some(url) = servers::elasticsearch() else { return };
    let folder = TempDir::new().unwrap();
    let person = on_servers(author(&folder.path().join("data")), None, Some(url)).await;
    assert_eq!(person.config.log.store, LogStore::Embedded);
    nothing_is_left_of(person).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_in_embedded_views_beside_kafka() {
    let Some(kafka) = servers::kafka() else { return };
    let folder = TempDir::new().unwrap();
    let person = on_servers(member(&folder.path().join("data")), Some(kafka), None).await;
    assert_eq!(person.config.views.store, Views::Embedded);
    nothing_is_left_of(person).await;
}
