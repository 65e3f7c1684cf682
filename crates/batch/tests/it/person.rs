//! People who are in all stores, and where they are found.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bytes::Bytes;
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use pulso_batch::{BatchLayer, Report, Selection, open};
use pulso_model::{ContactDocument, Layer, Position, View, WallTime};
use pulso_pipeline::{
    Checkpoint, Checkpoints, Headers, LayerChoice, Message, Sink, Source, SystemClock, Views,
};
use pulso_runtime::Config;
use pulso_runtime::config::LogStore;
use pulso_runtime::stores::{DeadLetters, LogReader, LogWriter, Reading, ViewStore};
use pulso_speed::{Processor, StreamSettings};
use pulso_sqlite::Spool;
use pulso_testkit::message::message;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::Bodies;

/// The defaults.
const NO_FILE: &str = "/dev/null";

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

pub(crate) struct Person {
    pub(crate) config: Config,
    /// What the program is to read it from.
    pub(crate) file: PathBuf,
    pub(crate) id: String,
    pub(crate) secrets: Vec<Vec<u8>>,
    pub(crate) messages: Vec<Bytes>,
}

/// A member among others, with echoes, late responses and messages that cannot be read.
pub(crate) fn member(data: &Path) -> Person {
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
    Person { config, file: NO_FILE.into(), id, secrets, messages }
}

/// An author to whom others answer, with deletions and an account.
pub(crate) fn author(data: &Path) -> Person {
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
    config.show_sessions = Some(true);
    let secrets = [DID, RKEY, REV].map(|secret| secret.as_bytes().to_vec()).to_vec();
    Person { config, file: NO_FILE.into(), id: DID.to_owned(), secrets, messages }
}

/// Somebody who goes to events of others, or announces them.
pub(crate) fn of_the_calendar(data: &Path, id: &str) -> Person {
    let sample = include_str!("../../../streams/calendar/sample.ndjson");
    let messages = sample.lines().map(|line| Bytes::from_static(line.as_bytes())).collect();
    let mut config = Config::default().of_stream("calendar").unwrap();
    config.data.directory = data.to_owned();
    let (id, secrets) = (id.to_owned(), vec![id.as_bytes().to_vec()]);
    Person { config, file: NO_FILE.into(), id, secrets, messages }
}

impl Person {
    /// All stores, as programs that were stopped leave them.
    pub(crate) async fn store(&self) {
        let Self { config, id, messages, .. } = self;
        let mut log = LogWriter::open(config).unwrap();
        log.write(messages.iter().map(|payload| self.message(payload)).collect()).await.unwrap();
        let mut views = ViewStore::open(config).await.unwrap();
        let mut processor = Processor::new(
            &StreamSettings::new(config),
            pulso_speed::settings(config),
            config.log.partitions,
        );
        let mut source = LogReader::open(config, Reading::Shared).await.unwrap();
        let mut sink = DeadLetters::beside(views.clone(), config).unwrap();
        loop {
            let records = source.next_batch().await.unwrap().records;
            if records.is_empty() {
                break;
            }
            let read = processor.process(&records, WallTime(START));
            sink.write([read.documents, read.closed].concat()).await.unwrap();
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
        views.write(vec![contact.render()]).await.unwrap();
        views.speed_checkpoints(config).save(processor.checkpoint()).await.unwrap();
        fs::create_dir_all(config.spool_directory()).unwrap();
        let spool = Spool::open(&config.spool_path(), u64::MAX).unwrap();
        spool
            .append(messages[..50].iter().map(|payload| self.message(payload)).collect())
            .await
            .unwrap();
        self.run_batch().await;
    }

    pub(crate) fn message(&self, payload: &Bytes) -> Message {
        Message {
            headers: Headers {
                source: "test".into(),
                received_time: WallTime(START),
                cursor: None,
            },
            key: self.config.decoder().head(payload).key.map(|key| key.into_owned()),
            payload: payload.clone(),
        }
    }

    async fn batch(&self) -> BatchLayer<LogReader, ViewStore, SystemClock> {
        let log = LogReader::open(&self.config, Reading::Shared).await.unwrap();
        let views = ViewStore::open(&self.config).await.unwrap();
        open(&self.config, log, views, CancellationToken::new()).await.unwrap()
    }

    async fn checkpoint(&self) -> Checkpoint {
        let views = ViewStore::open(&self.config).await.unwrap();
        views.speed_checkpoints(&self.config).load().await.unwrap().unwrap()
    }

    /// Archives the log, and computes all views.
    pub(crate) async fn run_batch(&self) {
        let mut batch = self.batch().await;
        batch.archive(|_| ()).await.unwrap();
        batch.run_jobs(&batch.jobs(), Selection::Everything, |_| ()).await.unwrap();
    }

    pub(crate) async fn verify(&self) -> Report {
        self.batch().await.verify(&self.checkpoint().await).await.unwrap()
    }

    /// Every document of every view of the stream.
    pub(crate) async fn documents(&self) -> BTreeMap<(View, Layer), Bodies> {
        let views = ViewStore::open(&self.config).await.unwrap();
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

    pub(crate) fn erase(&self, arguments: &[&str]) -> Output {
        self.erasing(arguments).output().unwrap()
    }

    pub(crate) fn erasing(&self, arguments: &[&str]) -> Command {
        let Self { config, file, id, .. } = self;
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulso-batch"));
        command.arg("--config").arg(file).args(["erase", "--actor", &config.stream, id]);
        command.arg("--data").arg(&config.data.directory).args(arguments);
        command.env("PULSO__STREAMS__POSTS__FACTS", "true");
        command
    }

    #[track_caller]
    pub(crate) fn erased(&self, arguments: &[&str]) -> String {
        let output = self.erase(arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where the person is still found: in the bytes of any file, and in what its own reader makes of it.
    pub(crate) async fn traces(&self) -> Vec<String> {
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
        if config.log.store == LogStore::Embedded {
            for (position, payload) in self.logged().await {
                look(format!("{position:?}"), &payload);
            }
        }
        for ((view, layer), bodies) in self.documents().await {
            for (id, body) in bodies {
                look(format!("{view} {layer}"), format!("{id} {body}").as_bytes());
            }
        }
        look("the checkpoint".into(), &self.checkpoint().await.state);
        found
    }

    /// The messages that the log has.
    pub(crate) async fn logged(&self) -> Vec<(Position, Bytes)> {
        let mut source = LogReader::open(&self.config, Reading::Shared).await.unwrap();
        let mut all = Vec::new();
        loop {
            let records = source.next_batch().await.unwrap().records;
            if records.is_empty() {
                return all;
            }
            all.extend(records.into_iter().map(|record| (record.position(), record.payload)));
        }
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The same but for what says who somebody is; in order, as new ids are in another.
pub(crate) fn unnamed(documents: &BTreeMap<(View, Layer), Bodies>, person: &Person) -> Vec<String> {
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
