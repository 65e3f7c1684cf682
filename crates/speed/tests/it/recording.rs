//! Real messages through the speed layer, against a recount of the whole recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use bytes::Bytes;
use pulso_model::{Decoded, Decoder, EventTime, Identity, View, ViewDocument, WallTime};
use pulso_pipeline::{Headers, Progress, Record};
use pulso_runtime::Config;
use pulso_speed::{Processor, StreamSettings, settings};
use pulso_testkit::view;
use pulso_window::Settings;

use crate::recount::{self, recount};

/// Long after all recordings.
const LOG_TIME: WallTime = WallTime(1_700_000_000_000);

fn decoder() -> Decoder {
    Config::default().decoder()
}

fn records(path: &Path) -> Vec<Record> {
    let text = std::fs::read(path).unwrap();
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let record = |(offset, line): (u64, &[u8])| Record {
        partition: 0,
        offset,
        log_time: LOG_TIME,
        headers: Headers { source: "recording".into(), received_time: LOG_TIME, cursor: None },
        payload: Bytes::copy_from_slice(line),
    };
    (0..).zip(lines).map(record).collect()
}

/// What the speed layer makes of the records: the last document under every id.
fn documents(
    records: &[Record],
    batch: usize,
    settings: &Settings,
) -> (Processor, Vec<ViewDocument>) {
    let stream = StreamSettings { decoder: decoder(), shows_facts: true };
    let mut processor = Processor::new(&stream, settings.clone(), 1);
    let mut documents: BTreeMap<(View, String), ViewDocument> = BTreeMap::new();
    let mut store = |written: Vec<ViewDocument>| {
        for document in written {
            let key = (document.view, document.id.clone());
            if document.view.first_write_wins() {
                documents.entry(key).or_insert(document);
            } else {
                documents.insert(key, document);
            }
        }
    };
    for records in records.chunks(batch) {
        store(processor.process(records, LOG_TIME).documents);
        let checkpoint = processor.checkpoint();
        processor = Processor::restore(&stream, &checkpoint, settings, 1).unwrap();
    }
    store(processor.finish().closed);
    (processor, documents.into_values().collect())
}

/// When a response was given, and what tells it from others; `None` for a dead letter.
fn response(decoder: &Decoder, record: &Record) -> Option<(EventTime, Identity)> {
    match decoder.decode(&record.payload, record.log_time) {
        Ok(Decoded::Fact(fact)) => Some((fact.time, decoder.stream().identity(&fact).unwrap())),
        Ok(Decoded::Skipped(reason)) => panic!("skipped: {reason}"),
        Err(_) => None,
    }
}

/// The places of messages that are late by definition, and of those that a reader which remembers
/// echoes for ever would know as such.
fn late_and_echoes(records: &[Record], settings: &Settings) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let slide = settings.window.slide();
    let behind = i64::try_from(settings.max_out_of_orderness.as_millis()).unwrap();
    let (mut late, mut echoes) = (BTreeSet::new(), BTreeSet::new());
    let (mut seen, decoder) = (BTreeSet::new(), decoder());
    let mut watermark = i64::MIN;
    for record in records {
        let Some((EventTime(time), identity)) = response(&decoder, record) else { continue };
        if !seen.insert(identity) {
            echoes.insert(record.offset);
        } else if (time.div_euclid(slide) + 1) * slide <= watermark {
            late.insert(record.offset);
        }
        watermark = watermark.max(time - behind);
    }
    (late, echoes)
}

fn check(records: &[Record], settings: &Settings) {
    let (processor, found) = documents(records, 100, settings);
    let (late, echoes) = late_and_echoes(records, settings);
    let of = |view: View| found.iter().filter(move |document| document.view == view);

    let recorded: BTreeSet<u64> = of(View::LATE_FACTS)
        .map(|document| document.id.strip_prefix("rsvps/0/").unwrap().parse().unwrap())
        .collect();
    assert!(late.is_subset(&recorded), "{:?} are late", late.difference(&recorded));
    let forgotten: BTreeSet<u64> = recorded.difference(&late).copied().collect();
    assert!(forgotten.is_subset(&echoes), "{:?} are not late", forgotten.difference(&echoes));

    let (mut identities, decoder) = (BTreeSet::new(), decoder());
    let mut dead_letters = 0;
    for record in records {
        match response(&decoder, record) {
            Some((_, identity)) => drop(identities.insert(identity)),
            None => dead_letters += 1,
        }
    }
    assert_eq!(of(view("responses")).count(), identities.len());
    assert_eq!(of(View::DEAD_LETTERS).count() as u64, dead_letters);
    let expected = Progress {
        first_offset: 0,
        next_offset: records.len() as u64,
        counted: (identities.len() - late.len()) as u64,
        echoes: (echoes.len() - forgotten.len()) as u64,
        late: recorded.len() as u64,
        skipped: 0,
        dead_letters,
    };
    assert_eq!(processor.progress(), [expected]);

    let places = late.iter().map(|&offset| (0, offset)).collect();
    let expected = recount(&decoder, records, &places, settings, EventTime(i64::MAX));
    let views = recount::views(decoder.stream());
    let counted = found.iter().filter(|document| views.contains(&document.view));
    let counted =
        counted.map(|document| ((document.view, document.id.clone()), document.body.clone()));
    let difference = recount::difference(&expected, &counted.collect());
    assert!(difference.is_none(), "{}", difference.unwrap());
    println!("{} documents of panes and windows are as counted again", expected.len());
}

#[test]
fn a_real_stream_equals_a_recount() {
    let Some(folder) = pulso_testkit::recordings() else { return };
    let default = settings(&Config::default());
    for name in ["wbaa-2017-03-19.jsonl", "linksim-2018-03-29.jsonl"] {
        let records = records(&folder.join("rsvps").join(name));
        check(&records, &default);
    }
}

#[test]
fn odd_and_malformed_messages_are_each_accounted_for() {
    let Some(folder) = pulso_testkit::recordings() else { return };
    let default = settings(&Config::default());
    for name in ["odd.jsonl", "malformed.txt"] {
        check(&records(&folder.join("rsvps").join(name)), &default);
    }
}
