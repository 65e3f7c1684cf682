//! Erasing a person: nothing of them is left in any byte of the data directory, and everything else stays.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use pulso_batch::{Report, Selection, open};
use pulso_model::{ContactDocument, Layer, Renaming, View, WallTime};
use pulso_pipeline::{
    Checkpoints, Headers, LayerChoice, Message, Sink, Source, Views, speed_checkpoint,
};
use pulso_runtime::Config;
use pulso_runtime::stores::embedded;
use pulso_speed::{Processor, StreamSettings};
use pulso_sqlite::Spool;
use pulso_testkit::message::message;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::Bodies;

/// 2026-01-05T23:50:00Z: what follows goes over midnight.
const START: i64 = 1_767_657_000_000;
const SECONDS: i64 = 1_500;

/// Ids that occur nowhere by chance.
const MEMBER: i64 = 7_391_846_250_173;
const DID: &str = "did:plc:zq5xkw7vj3mzq5xkw7vj3mzq";

/// What must not be found, beside the id.
const NAME: &str = "Qwyx Zvobkin";
const RKEY: &str = "3lzq5xkw7vj2m";
const REV: &str = "3lzq5xkw7vj2n";

struct Person {
    config: Config,
    id: String,
    secrets: Vec<Vec<u8>>,
    messages: Vec<Bytes>,
}

/// A member among others, with echoes, late responses and messages that cannot be read.
fn member(data: &Path) -> Person {
    let mut messages = Vec::new();
    for second in 0..SECONDS {
        let mtime = START + second * 1_000 + second * 37 % 1_000;
        let own = second % 7 == 3;
        let someone = message(second % 900, mtime)
            .topics(&["art", if second % 2 == 0 { "go" } else { "wine" }]);
        let someone = match own {
            true => someone.member(MEMBER).set("/member/member_name", NAME.into()),
            false => someone,
        };
        messages.push(someone.bytes());
        if second % 11 == 0 {
            let rounded = (mtime + 500) / 1000 * 1000;
            messages.push(someone.clone().set("/mtime", rounded.into()).bytes());
        }
        if second % 40 == 3 {
            messages.push(someone.clone().set("/mtime", (mtime - 200_000).into()).bytes());
            messages.push(someone.clone().without("/mtime").bytes());
        }
    }
    messages.push(format!("{{\"member\":{{\"member_id\":{MEMBER},\"member_name\":\"{NAME}").into());
    messages.push([b"\xff\xfe".as_slice(), MEMBER.to_string().as_bytes(), b" "].concat().into());
    let mut config = Config::default();
    config.data.directory = data.to_owned();
    let id = MEMBER.to_string();
    let zigzag = |mut number: u64| {
        let mut bytes = Vec::new();
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push((number & 0x7f) as u8);
        bytes
    };
    let secrets = vec![
        id.clone().into_bytes(),
        NAME.into(),
        MEMBER.to_le_bytes().to_vec(),
        MEMBER.to_be_bytes()[2..].to_vec(),
        zigzag(MEMBER.cast_unsigned() << 1),
        zigzag(MEMBER.cast_unsigned()),
    ];
    Person { config, id, secrets, messages }
}

/// An author to whom others answer, with deletions and an account.
fn author(data: &Path) -> Person {
    let frame = |did: &str, second: i64, rest: (&str, Value)| {
        let mut frame =
            json!({"did": did, "time_us": (START + second * 1000) * 1000, "kind": rest.0});
        frame[rest.0] = rest.1;
        Bytes::from(frame.to_string())
    };
    let post = |did: &str, second: i64, reply: Option<&str>| {
        let own = did == DID;
        let key = |own: bool, secret: &str| match own {
            true => secret.to_owned(),
            false => format!("3aaaaaaa{second:05}"),
        };
        let mut record = json!({
            "$type": "app.bsky.feed.post", "createdAt": "2026-01-05T23:50:00Z", "langs": ["de"],
            "text": format!("{NAME} says hello"),
            "facets": [
                {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "Kranich"}]},
                {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": DID}]},
            ],
        });
        if let Some(uri) = reply {
            record["reply"] =
                json!({"root": {"uri": uri, "cid": "x"}, "parent": {"uri": uri, "cid": "x"}});
        }
        let rkey = if own { format!("{}{}", key(true, RKEY), second) } else { key(false, "") };
        let rev = key(own, REV);
        let commit = json!({
            "rev": rev, "operation": "create", "collection": "app.bsky.feed.post", "rkey": rkey,
            "record": record,
        });
        frame(did, second, ("commit", commit))
    };
    let mut messages = Vec::new();
    for second in 0..SECONDS {
        let other = format!("did:plc:{:024}", second % 50);
        match second % 5 {
            0 => {
                messages.push(post(DID, second, None));
                messages.push(post(DID, second, None));
            }
            1 => {
                let uri = format!("at://{DID}/app.bsky.feed.post/{RKEY}{}", second - 1);
                messages.push(post(&other, second, Some(&uri)));
            }
            _ => messages.push(post(&other, second, None)),
        }
    }
    let handle = json!({"did": DID, "handle": format!("{RKEY}.example.org")});
    messages.push(frame(DID, SECONDS, ("identity", handle)));
    let deleted = json!({"rev": REV, "operation": "delete", "collection": "app.bsky.feed.post", "rkey": RKEY});
    messages.push(frame(DID, SECONDS, ("commit", deleted)));
    let mut config = Config::default().of_stream("posts").unwrap();
    config.data.directory = data.to_owned();
    config.facts = Some(true);
    let secrets = [DID, RKEY, REV].map(|secret| secret.as_bytes().to_vec()).to_vec();
    Person { config, id: DID.to_owned(), secrets, messages }
}

/// Somebody who goes to events of others, or announces them.
fn of_the_calendar(data: &Path, id: &str) -> Person {
    let sample = include_str!("../../../streams/calendar/sample.ndjson");
    let messages = sample.lines().map(|line| Bytes::from_static(line.as_bytes())).collect();
    let mut config = Config::default().of_stream("calendar").unwrap();
    config.data.directory = data.to_owned();
    Person { config, id: id.to_owned(), secrets: vec![id.as_bytes().to_vec()], messages }
}

impl Person {
    /// All stores, as programs that were stopped leave them.
    async fn store(&self) {
        let Self { config, id, messages, .. } = self;
        let decoder = config.decoder();
        let message = |payload: &Bytes| Message {
            headers: Headers {
                source: "test".into(),
                received_time: WallTime(START),
                cursor: None,
            },
            key: decoder.head(payload).key.map(|key| key.into_owned()),
            payload: payload.clone(),
        };
        let mut log = embedded::log(config).unwrap();
        log.write(messages.iter().map(message).collect()).await.unwrap();
        let views = embedded::views(config).unwrap();
        let mut processor = Processor::new(
            &StreamSettings::new(config),
            pulso_speed::settings(config),
            config.log.partitions,
        );
        let mut source = log.source(10_000).unwrap();
        loop {
            let records = source.next_batch().await.unwrap().records;
            if records.is_empty() {
                break;
            }
            let read = processor.process(&records, WallTime(START));
            views.clone().write([read.documents, read.closed].concat()).await.unwrap();
        }
        let contact = ContactDocument {
            stream: &config.stream,
            time: WallTime(START),
            event: "e1",
            event_name: None,
            actor: id,
            name: Some(NAME),
            choice: "group",
            by: "somebody",
            note: NAME,
            reasons: &[],
            km: None,
            converted: None,
        };
        views.clone().write(vec![contact.render()]).await.unwrap();
        let mut checkpoints = views.checkpoints(&speed_checkpoint(&config.stream));
        checkpoints.save(processor.checkpoint()).await.unwrap();
        fs::create_dir_all(config.spool_directory()).unwrap();
        let spool = Spool::open(&config.spool_path(), u64::MAX).unwrap();
        spool.append(messages[..50].iter().map(message).collect()).await.unwrap();
        self.run_batch().await;
    }

    /// Archives the log, and computes all views.
    async fn run_batch(&self) {
        let config = &self.config;
        let log = embedded::log(config).unwrap().source(10_000).unwrap();
        let views = embedded::views(config).unwrap();
        let mut batch = open(config, log, views, CancellationToken::new()).await.unwrap();
        batch.archive(|_| ()).await.unwrap();
        batch.run_jobs(&batch.jobs(), Selection::Everything, |_| ()).await.unwrap();
    }

    async fn verify(&self) -> Report {
        let config = &self.config;
        let log = embedded::log(config).unwrap().source(10_000).unwrap();
        let views = embedded::views(config).unwrap();
        let checkpoint = views.checkpoints(&speed_checkpoint(&config.stream)).load().await.unwrap();
        let mut batch = open(config, log, views, CancellationToken::new()).await.unwrap();
        batch.verify(&checkpoint.unwrap()).await.unwrap()
    }

    /// Every document of every view of the stream.
    async fn documents(&self) -> BTreeMap<(View, Layer), Bodies> {
        let views = embedded::views(&self.config).unwrap();
        let mut all = BTreeMap::new();
        let own = self.config.stream().views();
        for view in own.into_iter().chain([View::DEAD_LETTERS, View::LATE_FACTS]) {
            for layer in [Layer::Speed, Layer::Batch] {
                let mut chunks = views.scan(view, LayerChoice::Only(layer)).await.unwrap();
                let mut bodies = Bodies::new();
                while let Some(chunk) = chunks.recv().await {
                    for stored in chunk.unwrap() {
                        let body = serde_json::from_str(&stored.document.body).unwrap();
                        bodies.insert(stored.document.id, body);
                    }
                }
                all.insert((view, layer), bodies);
            }
        }
        all
    }

    fn erase(&self, arguments: &[&str]) -> Output {
        let Self { config, id, .. } = self;
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulso-batch"));
        command.args(["erase", "--config", "/dev/null", "--actor", &config.stream, id]);
        command.arg("--data").arg(&config.data.directory).args(arguments);
        command.env("PULSO__STREAMS__POSTS__FACTS", "true").output().unwrap()
    }

    #[track_caller]
    fn erased(&self, arguments: &[&str]) -> String {
        let output = self.erase(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where the person is still found: in the bytes of any file, and in what its own reader makes of it.
    async fn traces(&self) -> Vec<String> {
        let (config, mut found) = (&self.config, Vec::new());
        let mut look = |place: String, bytes: &[u8]| {
            for secret in &self.secrets {
                if bytes.windows(secret.len()).any(|window| window == secret) {
                    found.push(format!("{} in {place}", secret.escape_ascii()));
                }
            }
        };
        for path in files(&config.data.directory) {
            look(path.display().to_string(), &fs::read(&path).unwrap());
            if path.extension().is_some_and(|extension| extension == "parquet") {
                let table = SessionContext::new()
                    .read_parquet(path.to_str().unwrap(), Default::default())
                    .await
                    .unwrap();
                let rows =
                    pretty_format_batches(&table.collect().await.unwrap()).unwrap().to_string();
                look(format!("rows of {}", path.display()), rows.as_bytes());
                // Payloads are shown as hexadecimal digits.
                let hex = |secret: &Vec<u8>| {
                    secret.iter().map(|b| format!("{b:02x}")).collect::<String>()
                };
                for secret in self.secrets.iter().filter(|secret| rows.contains(&hex(secret))) {
                    look(format!("payloads of {}", path.display()), secret);
                }
            }
        }
        let mut source = embedded::log(config).unwrap().source(100_000).unwrap();
        loop {
            let records = source.next_batch().await.unwrap().records;
            if records.is_empty() {
                break;
            }
            records
                .iter()
                .for_each(|record| look(format!("{:?}", record.position()), &record.payload));
        }
        for ((view, layer), bodies) in self.documents().await {
            for (id, body) in bodies {
                look(format!("{view} {layer}"), format!("{id} {body}").as_bytes());
            }
        }
        let views = embedded::views(config).unwrap();
        let checkpoint = views.checkpoints(&speed_checkpoint(&config.stream)).load().await.unwrap();
        look("the checkpoint".into(), &checkpoint.unwrap().state);
        found
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The same but for what says who somebody is; in order, as new ids are in another.
fn unnamed(documents: &BTreeMap<(View, Layer), Bodies>, person: &Person) -> Vec<String> {
    let stream = person.config.stream();
    let mut all = Vec::new();
    for ((view, layer), bodies) in documents {
        for body in bodies.values() {
            let mut body = body.clone();
            let mut hidden: Vec<&str> =
                stream.personal_fields(*view).into_iter().map(|(field, _)| field.name).collect();
            hidden.extend(["payload", "payload_hex", "detail"]);
            for name in hidden {
                let (parent, name) = name.rsplit_once('.').unwrap_or(("", name));
                let pointer = if parent.is_empty() { String::new() } else { format!("/{parent}") };
                if let Some(Value::Object(object)) = body.pointer_mut(&pointer) {
                    object.remove(name);
                }
            }
            all.push(format!("{view} {layer} {body}"));
        }
    }
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

async fn nothing_is_left_and_all_else_stays(person: Person) {
    person.store().await;
    assert!(person.verify().await.holds());
    let before = person.documents().await;
    let traces = person.traces().await;
    assert!(traces.len() > 10, "the person is there: {traces:?}");

    let said = person.erased(&["--dry-run"]);
    assert!(said.ends_with("nothing was changed\n"), "{said}");
    assert_eq!(person.documents().await, before);
    let refused = person.erase(&[]);
    assert_eq!(refused.status.code(), Some(2), "nobody can be asked");

    let said = person.erased(&["--yes"]);
    assert!(!said.contains(&person.id), "{said}");
    assert_eq!(person.traces().await, Vec::<String>::new());
    let after = person.documents().await;
    assert_ne!(before, after);
    assert_eq!(unnamed(&before, &person), unnamed(&after, &person));
    let report = person.verify().await;
    assert!(report.holds(), "{report}");
    assert_eq!(person.erase(&["--yes"]).status.code(), Some(4), "nothing is left to do");

    person.run_batch().await;
    assert_eq!(person.documents().await, after, "computed anew it is the same");
    let report = person.verify().await;
    assert!(report.holds(), "{report}");
}

#[tokio::test]
async fn nothing_is_left_of_a_member() {
    let data = TempDir::new().unwrap();
    nothing_is_left_and_all_else_stays(member(data.path())).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_author() {
    let data = TempDir::new().unwrap();
    nothing_is_left_and_all_else_stays(author(data.path())).await;
}

#[tokio::test]
async fn nothing_is_left_of_who_goes_to_an_event_and_who_announces_it_is_refused() {
    let data = TempDir::new().unwrap();
    let organiser = of_the_calendar(data.path(), "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
    let guest = of_the_calendar(data.path(), "did:plc:pppppppppppppppppppppppp");
    nothing_is_left_and_all_else_stays(guest).await;
    let before = organiser.documents().await;
    let output = organiser.erase(&["--yes"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("terms"), "{stderr}");
    assert_eq!(organiser.documents().await, before);
    assert!(!data.path().join("erase.key").exists());
}

/// Whatever was changed before the program was killed, the next run ends the same.
#[tokio::test]
async fn a_run_that_was_broken_off_is_finished_by_the_next() {
    let (before, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let person = member(before.path());
    person.store().await;
    let (key, stream) = ([7; 32], person.config.stream());
    let new_actor = Renaming::new(stream, &person.id, key).unwrap().new_actor();
    let kept = [key.as_slice(), format!("{stream}/{new_actor}").as_bytes()].concat();
    fs::write(before.path().join("erase.key"), &kept).unwrap();
    copy(before.path(), whole.path());
    let finished = member(whole.path());
    finished.erased(&["--yes"]);
    assert!(!whole.path().join("erase.key").exists());
    let expected = finished.documents().await;
    let steps = ["lake", "views.db", "spool", "log"];
    for done in (1..=steps.len()).map(|done| &steps[..done]) {
        let half = TempDir::new().unwrap();
        copy(before.path(), half.path());
        for name in done {
            let (from, to) = (whole.path().join(name), half.path().join(name));
            if from.is_dir() {
                fs::remove_dir_all(&to).unwrap();
                copy(&from, &to);
            } else {
                fs::copy(from, to).unwrap();
            }
        }
        let person = member(half.path());
        person.erased(&["--yes"]);
        assert_eq!(person.traces().await, Vec::<String>::new(), "{done:?}");
        assert_eq!(person.documents().await, expected, "{done:?}");
        assert!(person.verify().await.holds(), "{done:?}");
    }
    let other = before.path();
    let output = Person { id: "1".to_owned(), ..member(other) }.erase(&["--yes"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && stderr.contains("another person"), "{stderr}");
}

#[tokio::test]
async fn a_person_is_erased_only_while_nobody_else_uses_the_stores() {
    let data = TempDir::new().unwrap();
    let person = member(data.path());
    let log = embedded::log(&person.config).unwrap();
    let output = person.erase(&["--yes"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("stop all programs of Pulso"), "{stderr}");
    drop(log);
    assert_eq!(person.erase(&["--yes"]).status.code(), Some(4), "nothing is stored");
    let group = Person { config: person.config.of_stream("open-events").unwrap(), ..person };
    let stderr = String::from_utf8(group.erase(&["--yes"]).stderr).unwrap();
    assert!(stderr.contains("no actor who is a person"), "{stderr}");
}

/// Numbers are short ids, and stand in documents for other things: where a message is, and what is wrong
/// there.
#[tokio::test]
async fn a_number_that_only_tells_where_a_dead_letter_is_means_nobody() {
    let data = TempDir::new().unwrap();
    let person = member(data.path());
    person.store().await;
    let before = person.documents().await;
    let dead_letters = &before[&(View::DEAD_LETTERS, Layer::Speed)];
    let text = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let payloads: String = dead_letters
        .values()
        .flat_map(|body| ["payload", "payload_hex"].map(|f| text(body, f)))
        .collect();
    let offsets = dead_letters.values().map(|body| body["offset"].to_string());
    let id = offsets.into_iter().find(|offset| !payloads.contains(offset.as_str())).unwrap();
    let nobody = Person { id, ..person };
    assert_eq!(nobody.erase(&["--yes"]).status.code(), Some(4));
    assert_eq!(nobody.documents().await, before);
}

#[test]
fn a_stream_beside_that_of_the_person_is_refused() {
    let data = TempDir::new().unwrap();
    let output = member(data.path()).erase(&["--stream", "posts", "--dry-run"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("--stream"), "{stderr}");
}
