//! What holds for RSVPs holds for any stream: SQL, a naive recount and the speed layer agree.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use pulso_batch::{Days, Job, Reconciliation, Report, shown};
use pulso_model::{
    DeadLetter, Decode, Decoded, Decoder, EventTime, Fact, Head, Key, Layer, Reason, Stream, Term,
    TimeLimits, UNKNOWN_SCOPE, Value as Column, View, ViewDocument, ViewKind,
};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Checkpoint, Record, Sink};
use pulso_speed::{Processor, StreamSettings};
use pulso_streams::descriptor;
use pulso_window::{EchoSettings, ListMax, Settings, Shape, SlidingWindow, TrendSettings};
use serde_json::{Value, json};

use crate::naive::{self, Counted, Trends};
use crate::support::{Bodies, LOG_TIME, TestLake, bodies, records_of, run, small_windows, written};
use crate::{sessions, statistics};

/// Each makes two lakes on disk.
const CASES: u32 = 16;

/// 2017-03-20T00:00:00Z; notes lie around it.
const MIDNIGHT: i64 = 1_489_968_000_000;

/// Long enough for every test: nothing is late, and every echo is remembered.
const LONG: Duration = Duration::from_hours(100);

const FACTS: &str = r#"
    [fact]
    one = "note"
    many = "notes"
    kinds = ["note", "reply"]
    scope = { name = "room" }
    sums = ["letters"]

    [[statistics]]
    field = "letters"
    by = "scope"

    [[statistics]]
    field = "number"
    by = "kind"

    [[statistics]]
    field = "minutes"
    scale = 1000

    [[facets]]
    one = "word"
    many = "words"
    count = "actors"
    by_scope = true

    [[facets]]
    one = "link"
    many = "links"
    count = "actors"

    [[facets]]
    one = "tag"
    many = "tags"
    by_scope = true
"#;

const SESSIONS: &str = r#"
    [[sessions]]
    gap = "20s"
    max = "60s"
    facets = ["tags"]
"#;

/// Notes that are told apart by their number, whenever they come, by authors with a name.
fn numbered() -> Decoder {
    numbered_with("")
}

/// The same with more keys of the descriptor.
pub(crate) fn numbered_with(keys: &str) -> Decoder {
    let columns = "[columns]\nnumber = \"integer\"\nauthor = \"text\"\nminutes = \"float\"";
    let all = format!("identity = [\"number\"]\n{keys}\n{FACTS}\n{columns}\n{SESSIONS}");
    notes(&all, Author::Named)
}

/// The same with sessions of authors of this gap and this longest one.
pub(crate) fn sessions_of(gap: &str, max: &str) -> Decoder {
    let columns = "[columns]\nnumber = \"integer\"\nauthor = \"text\"\nminutes = \"float\"";
    let sessions = SESSIONS.replace("20s", gap).replace("60s", max);
    notes(&format!("identity = [\"number\"]\n{FACTS}\n{columns}\n{sessions}"), Author::Named)
}

/// Notes each of which is one of its own, by authors with a number.
fn unnumbered() -> Decoder {
    let columns = "[columns]\nnumber = \"integer\"\nauthor = \"integer\"\nminutes = \"float\"";
    notes(&format!("{FACTS}\n{columns}"), Author::Numbered)
}

fn notes(descriptor: &str, author: Author) -> Decoder {
    let text = format!("name = \"notes\"\nactor = \"author\"\n{descriptor}");
    let read = descriptor::read(&text, &|_| None).expect("the stream is described well");
    let stream = Box::leak(Box::new(read.stream));
    Decoder::new(stream, Arc::new(Notes { author }), TimeLimits::NONE)
}

/// How the stream tells authors apart.
#[derive(Clone, Copy, Debug)]
enum Author {
    Named,
    Numbered,
}

/// Decodes [`Note`]s.
#[derive(Debug)]
struct Notes {
    author: Author,
}

impl Decode for Notes {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        let note: Value = serde_json::from_slice(payload)
            .map_err(|error| DeadLetter::new(Reason::InvalidJson, error.to_string()))?;
        let Some(time) = note["time"].as_i64() else {
            return Ok(Decoded::Skipped("no_note".into()));
        };
        let author = match (note["author"].as_i64(), self.author) {
            (None, _) => Column::Null,
            (Some(number), Author::Numbered) => Column::Integer(number),
            (Some(number), Author::Named) => Column::Text(format!("author {number}").into()),
        };
        let minutes = (time - MIDNIGHT) as f64 / 60_000.0;
        Ok(Decoded::Fact(Fact {
            time: EventTime(time),
            scope: note["room"].as_str().unwrap_or(UNKNOWN_SCOPE).to_owned().into(),
            kind: u8::from(note["reply"] == true),
            sums: [payload.len() as u64, 0, 0, 0],
            place: None,
            terms: [terms(&note["words"]), terms(&note["links"]), terms(&note["tags"]), vec![]],
            columns: vec![note["number"].as_i64().into(), author, Column::Float(minutes)],
        }))
    }

    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        let note: Value = serde_json::from_slice(payload).unwrap_or_default();
        Head { key: note["number"].as_i64().map(Key::Integer), time: None }
    }
}

fn terms(list: &Value) -> Vec<Term<'static>> {
    let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
    let term = |word: &str| Term { key: word.to_lowercase().into(), name: word.to_owned().into() };
    let mut terms: Vec<_> = words.map(term).collect();
    Term::distinct(&mut terms);
    terms
}

#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub(crate) number: i64,
    /// After midnight.
    pub(crate) millis: i64,
    /// Some are nobody's.
    pub(crate) author: Option<i64>,
    pub(crate) room: Option<&'static str>,
    pub(crate) reply: bool,
    pub(crate) terms: [Vec<&'static str>; 3],
}

impl Note {
    pub(crate) fn bytes(&self) -> Bytes {
        let [words, links, tags] = &self.terms;
        let note = json!({
            "number": self.number, "time": MIDNIGHT + self.millis, "author": self.author,
            "room": self.room, "reply": self.reply, "words": words, "links": links, "tags": tags,
        });
        note.to_string().into()
    }
}

fn note() -> impl Strategy<Value = Note> {
    let author = proptest::option::weighted(0.9, 0..4_i64);
    let room = select(vec![Some("hall"), Some("yard"), None]);
    let words = || vec(select(vec!["go", "GO", "Rust", "rust", "wine"]), 0..3);
    let terms = [words(), words(), words()];
    (0..60_i64, -130_000..130_000_i64, author, room, any::<bool>(), terms).prop_map(
        |(number, millis, author, room, reply, terms)| Note {
            number,
            millis,
            author,
            room,
            reply,
            terms,
        },
    )
}

/// The speed layer over the records, with windows like those of the batch layer.
fn processor(decoder: &Decoder, max_out_of_orderness: Duration, partitions: u32) -> Processor {
    let windows = small_windows();
    let settings = Settings {
        window: SlidingWindow::new(windows.size, windows.slide).unwrap(),
        max_out_of_orderness,
        echo: EchoSettings { horizon: LONG, keys_max: 1_000_000 },
        trends: TrendSettings {
            count_above: windows.count_above,
            mute: windows.mute.clone(),
            unusual_from: windows.unusual_from,
            worldwide: ListMax {
                terms: windows.terms_max as usize,
                unusual: windows.unusual_max as usize,
            },
            by_scope: ListMax {
                terms: windows.scope_terms_max as usize,
                unusual: windows.scope_unusual_max as usize,
            },
            baseline: windows.baseline,
        },
        ..Settings::usual(Shape::of(decoder.stream()))
    };
    let stream = StreamSettings { decoder: decoder.clone(), shows_facts: true };
    Processor::new(&stream, settings, partitions)
}

/// The documents, and the end of the last window that closed.
fn speed_documents(
    decoder: &Decoder,
    records: &[Record],
    partitions: u32,
) -> (Vec<ViewDocument>, Option<EventTime>) {
    let mut processor = processor(decoder, LONG, partitions);
    let (read, end) = (processor.process(records, LOG_TIME), processor.finish());
    let documents = [read.documents, read.closed, end.documents, end.closed].concat();
    (documents, processor.checkpoint().closed_until)
}

fn naive_documents(
    stream: &'static Stream,
    counted: &[Counted<'_>],
    view: View,
) -> Vec<ViewDocument> {
    let windows = &small_windows();
    if view == stream.facts_view.view {
        naive::fact_documents(stream, counted)
    } else if view == stream.activity_view {
        naive::activity(stream, counted, 10_000)
    } else if [stream.trends_view, stream.trends_by_scope_view].contains(&Some(view)) {
        let by_scope = stream.trends_by_scope_view == Some(view);
        let facets = stream.facets.iter().enumerate();
        let facets = facets.filter(|(_, facet)| !by_scope || facet.by_scope_view.is_some());
        let ended = |(facet, _)| Trends { stream, facet, windows, by_scope }.ended(counted);
        facets.flat_map(ended).collect()
    } else if let Some(of) = stream.sessions.iter().find(|of| of.view == view) {
        sessions::documents(stream, counted, of)
    } else if let Some(of) = stream.statistics.iter().find(|of| of.view == view) {
        statistics::documents(stream, counted, of, Some(10_000))
    } else if let Some(of) = stream.statistics.iter().find(|of| of.days_view == view) {
        statistics::documents(stream, counted, of, None)
    } else {
        let of = |(_, facet): &(usize, &pulso_model::Facet)| {
            facet.view == view || facet.by_scope_view == Some(view)
        };
        let (facet, found) = stream.facets.iter().enumerate().find(of).unwrap();
        let by_scope = found.view != view;
        Trends { stream, facet, windows, by_scope }.documents(counted)
    }
}

/// Computes every view of the stream in three ways; returns its bodies by name of the view.
async fn check(
    decoder: &Decoder,
    messages: &[Bytes],
    partitions: u32,
) -> BTreeMap<&'static str, Bodies> {
    let stream = decoder.stream();
    let records = records_of(decoder, messages, partitions);
    let counted = naive::facts(decoder, &records);
    let lake = TestLake::of_stream(decoder, &records).await;
    let jobs = Job::all(stream);
    let sql = run(&lake.engine(small_windows()).await, &jobs, &lake.days()).await;
    let (speed, closed_until) = speed_documents(decoder, &records, partitions);
    let mut all = BTreeMap::new();
    for job in jobs {
        let expected = naive_documents(stream, &counted, job.view);
        let by_sql = bodies(&written(&sql, job.view, Layer::Batch).await);
        assert_eq!(by_sql, bodies(&expected), "{} by SQL", job.name());
        // A trend is over a window after its last one, which need not have closed.
        let closed = expected.iter().filter(|document| Some(document.time) <= closed_until);
        let closed = bodies(&closed.cloned().collect::<Vec<_>>());
        // The input ends before the last sessions do.
        let of_view = speed.iter().filter(|document| document.view == job.view);
        let of_view =
            of_view.filter(|it| !it.removes() && !it.body.contains("\"open\":true")).cloned();
        let by_speed = bodies(&of_view.collect::<Vec<_>>());
        if job.view.kind() == ViewKind::BatchDay {
            assert!(by_speed.is_empty(), "{} is the batch layer's", job.name());
            continue;
        }
        assert_eq!(by_speed, closed, "{} of the speed layer", job.name());
        all.insert(job.name(), closed);
    }
    all
}

#[test]
fn trends_by_actors_agree_between_sql_a_recount_and_the_speed_layer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(Config { cases: CASES, ..Config::default() });
    let decoders = [numbered(), unnumbered()];
    let result = runner.run(&(vec(note(), 1..90), 1..4_u32), |(notes, partitions)| {
        let mut messages: Vec<_> = notes.iter().map(Note::bytes).collect();
        messages.extend(["{", "{}"].map(|text| Bytes::from_static(text.as_bytes())));
        for decoder in &decoders {
            runtime.block_on(check(decoder, &messages, partitions));
        }
        Ok(())
    });
    result.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_repeats_himself_does_not_make_a_trend() {
    let note = |number: i64, author: i64, word: &'static str| Note {
        number,
        millis: number * 1_000,
        author: Some(author),
        room: Some("hall"),
        reply: false,
        terms: [vec![word], vec![], vec![word]],
    };
    let mut notes: Vec<_> = (0..9).map(|number| note(number, 7, "spam")).collect();
    notes.extend([note(10, 1, "rust"), note(11, 2, "rust"), note(12, 3, "rust")]);
    notes.push(note(13, 3, "Rust"));
    let messages: Vec<_> = notes.iter().map(Note::bytes).collect();
    let views = check(&numbered(), &messages, 2).await;
    for view in ["trending-words", "trending-words-by-room"] {
        assert!(views[view].values().all(|trend| trend["word"] == "rust"), "{view}");
        let most = views[view].values().max_by_key(|trend| trend["count"].as_i64()).unwrap();
        let found = ["count", "actors", "rank"].map(|field| most[field].as_i64().unwrap());
        assert_eq!(found, [4, 3, 1], "{view}");
        assert_eq!(most["name"], "Rust");
    }
    let most = views["trending-tags"].values().max_by_key(|trend| trend["count"].as_i64()).unwrap();
    assert_eq!((&most["tag"], &most["count"]), (&json!("spam"), &json!(9)));
    assert_eq!(most.get("actors"), None);
    assert!(views["trending-links"].is_empty());
}

/// Five minutes over midnight with echoes, late notes, dead letters and what is no note, as both layers
/// leave it behind.
struct World {
    decoder: Decoder,
    lake: TestLake,
    views: MemoryViews,
    speed: Vec<ViewDocument>,
    checkpoint: Checkpoint,
}

impl World {
    async fn of(decoder: Decoder) -> Self {
        let records = records_of(&decoder, &Self::messages(), 2);
        let lake = TestLake::of_stream(&decoder, &records).await;
        let complete_until = Some(EventTime(MIDNIGHT));
        let days = Days { complete_until, ..lake.days() };
        let engine = lake.engine(small_windows()).await;
        let views = run(&engine, &Job::all(decoder.stream()), &days).await;
        let mut processor = processor(&decoder, Duration::from_secs(2), 2);
        let read = processor.process(&records, LOG_TIME);
        assert!(read.decided.is_none(), "all of it follows from the log");
        let checkpoint = processor.checkpoint();
        Self { decoder, lake, views, speed: read.documents, checkpoint }
    }

    fn messages() -> Vec<Bytes> {
        let mut messages = Vec::new();
        for number in 0..300_i64 {
            let words = [["go", "rust"], ["rust", "wine"], ["Go", "Wine"]];
            let words = words[usize::try_from(number % 3).unwrap()].to_vec();
            let note = Note {
                number,
                millis: number * 1_000 - 150_000,
                author: (number % 10 != 0).then_some(number % 7),
                room: [Some("hall"), Some("yard"), None][usize::try_from(number % 3).unwrap()],
                reply: number % 2 == 0,
                terms: [words.clone(), words.clone(), words],
            };
            messages.push(note.bytes());
            if number % 6 == 0 {
                messages.push(note.bytes());
            }
            if number % 25 == 7 {
                let late = Note { number: number + 1000, millis: note.millis - 90_000, ..note };
                messages.push(late.bytes());
                // These have no number, and are in the first partition.
                messages.extend(["{", "{}", "{}"].map(|text| Bytes::from_static(text.as_bytes())));
            }
        }
        messages
    }

    async fn verify(&self) -> Report {
        let engine = self.lake.engine(small_windows()).await;
        let mut views = self.views.clone();
        views.write(self.speed.clone()).await.unwrap();
        let shown = shown(self.decoder.stream(), &views).await.unwrap();
        let (engine, checkpoint, views) = (&engine, &self.checkpoint, &views);
        let waiting = BTreeMap::new();
        Reconciliation { engine, checkpoint, views, shown, waiting }.run().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_layers_of_another_stream_are_verified() {
    for (decoder, echoes) in [(numbered(), 50), (unnumbered(), 0)] {
        let world = World::of(decoder).await;
        let report = world.verify().await;
        assert!(report.holds(), "{report}");
        let ended =
            [world.decoder.stream().trends_view, world.decoder.stream().trends_by_scope_view];
        for one in &report.comparisons {
            let (least, none) = match ended.contains(&Some(one.view)) {
                // The completed day is too short for one of a room.
                true => (3, one.layer == Layer::Batch),
                false if one.view.kind() == ViewKind::BatchDay => (1, false),
                false => (11, false),
            };
            assert!(none || one.equal >= least, "{}, {}: {report}", one.view, one.layer);
        }
        let progress = &world.checkpoint.progress;
        assert_eq!(progress.iter().map(|one| one.echoes).sum::<u64>(), echoes);
        assert!(progress.iter().all(|one| one.late > 0), "{progress:?}");
        assert_eq!(progress.iter().map(|one| one.skipped).sum::<u64>(), 24);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_another_stream_is_found() {
    let mut world = World::of(numbered()).await;
    for damage in [-1, 1] {
        let skipped = &mut world.checkpoint.progress[0].skipped;
        *skipped = skipped.saturating_add_signed(damage);
        let report = world.verify().await;
        assert!(report.checks.iter().any(|check| !check.holds()), "{damage}: {report}");
        let skipped = &mut world.checkpoint.progress[0].skipped;
        *skipped = skipped.saturating_add_signed(-damage);
    }

    let trend = |document: &&mut ViewDocument| document.view.name() == "trending-words-by-room";
    let changed = world.speed.iter_mut().find(trend).unwrap();
    changed.body = changed.body.replacen("\"actors\":", "\"actors\":1", 1);
    let id = changed.id.clone();
    let report = world.verify().await;
    assert_eq!(report.difference_count, 1, "{report}");
    let difference = &report.differences[0];
    assert_eq!((&difference.id, difference.field.as_deref()), (&id, Some("actors")), "{report}");
}
