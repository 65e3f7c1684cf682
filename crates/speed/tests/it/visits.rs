//! A small stream that is unlike the others: lines of text, each a fact of its own, without scope
//! and place, with a facet that counts actors beside one that counts facts.

use std::borrow::Cow;
use std::sync::Arc;

use pulso_model::{
    DeadLetter, Decode, Decoded, Decoder, EventTime, Fact, Head, Key, Reason, Stream, Term,
    TimeLimits, UNKNOWN_SCOPE, Value,
};
use pulso_runtime::{Config, Exit, Explain};
use pulso_speed::{Processor, RestoreError, StreamSettings, settings};
use pulso_streams::descriptor;
use pulso_testkit::message::EPOCH;
use pulso_window::{Settings, Shape};

const DESCRIPTOR: &str = r#"
name = "visits"
title = "Visits"
message = "text"
actor = "visitor"
[fact]
one = "visit"
many = "visits"
kinds = ["page", "error"]
sums = ["bytes"]
[columns]
visitor = "text"
[[facets]]
one = "page"
many = "pages"
count = "actors"
[[facets]]
one = "site"
many = "sites"
"#;

/// Reads `1500 ann page /a,/b example.org 200`: milliseconds after [`EPOCH`], the visitor, the kind,
/// pages, sites and bytes; `-` stands for none. A line that begins with `#` is a remark.
///
/// The pages are the key, so that the visits of one visitor are in several partitions.
#[derive(Debug)]
struct Visits;

impl Decode for Visits {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        let invalid = |detail: &'static str| DeadLetter::new(Reason::InvalidValue, detail);
        let text = std::str::from_utf8(payload)
            .map_err(|_| DeadLetter::new(Reason::InvalidText, "it is not UTF-8"))?;
        if text.starts_with('#') {
            return Ok(Decoded::Skipped("remark".into()));
        }
        let parts: Vec<&str> = text.split(' ').collect();
        let [_, visitor, kind, pages, sites, bytes] = parts[..] else {
            return Err(DeadLetter::new(Reason::MissingField, "a visit has six parts"));
        };
        let kind = ["page", "error"].iter().position(|name| *name == kind);
        let kind = kind.ok_or_else(|| invalid("there is no such kind"))?;
        Ok(Decoded::Fact(Fact {
            time: self.head(payload).time.ok_or_else(|| invalid("the time is not a number"))?,
            scope: UNKNOWN_SCOPE.into(),
            kind: u8::try_from(kind).unwrap(),
            sums: [bytes.parse().map_err(|_| invalid("bytes are a number"))?, 0, 0, 0],
            place: None,
            terms: [terms(pages), terms(sites), Vec::new(), Vec::new()],
            columns: vec![present(visitor).into()],
        }))
    }

    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        let mut parts = std::str::from_utf8(payload).unwrap_or_default().split(' ');
        let millis = parts.next().and_then(|millis| millis.parse::<i64>().ok());
        let time = millis.map(|millis| EventTime(EPOCH + millis));
        Head { key: parts.nth(2).map(|pages| Key::Text(pages.into())), time }
    }
}

fn present(part: &str) -> Option<Cow<'_, str>> {
    (part != "-").then(|| part.into())
}

fn terms(list: &str) -> Vec<Term<'_>> {
    let all = list.split(',').filter(|part| *part != "-");
    let mut terms: Vec<_> = all.map(|part| Term { key: part.into(), name: part.into() }).collect();
    Term::distinct(&mut terms);
    terms
}

pub(crate) fn decoder(limits: TimeLimits) -> Decoder {
    let described = descriptor::read(DESCRIPTOR, &|_| None).unwrap();
    let stream: &'static Stream = Box::leak(Box::new(described.stream));
    Decoder::new(stream, Arc::new(Visits), limits)
}

#[test]
fn a_line_is_a_fact_or_a_remark_or_neither() {
    let decoder = decoder(TimeLimits::NONE);
    let line = b"1500 ann error /b,/a,/b - 20";
    let Ok(Decoded::Fact(fact)) = decoder.decode(line, Default::default()) else { panic!() };
    assert_eq!((fact.time, fact.kind, fact.sums[0]), (EventTime(EPOCH + 1500), 1, 20));
    assert_eq!(fact.columns, [Value::Text("ann".into())]);
    let pages: Vec<_> = fact.terms[0].iter().map(|term| &*term.key).collect();
    assert_eq!((pages, fact.terms[1].len()), (vec!["/a", "/b"], 0));
    assert_eq!(decoder.stream().identity(&fact), None);
    let remark = decoder.decode(b"# later", Default::default());
    assert_eq!(remark, Ok(Decoded::Skipped("remark".into())));
    assert_eq!(
        decoder.decode(b"1500", Default::default()).unwrap_err().reason,
        Reason::MissingField
    );
}

#[test]
fn p3_a_checkpoint_of_a_stream_with_other_facets_is_refused() {
    let config = Config::default();
    let usual = settings(&config);
    let rsvps = Processor::new(&StreamSettings::new(&config), usual.clone(), 1);
    let visits = StreamSettings { decoder: decoder(TimeLimits::NONE), shows_facts: true };
    let shape = Shape::of(visits.decoder.stream());
    let error = Processor::restore(&visits, &rsvps.checkpoint(), &Settings { shape, ..usual }, 1)
        .unwrap_err();
    assert!(matches!(error, RestoreError::Shape), "{error}");
    assert_eq!(error.exit(), Exit::Usage);
    assert!(error.hint().unwrap().starts_with("to start anew, "), "{error}");
}

#[test]
fn p3_facts_may_be_hidden_at_any_time_and_shown_from_the_beginning_only() {
    let settings = settings(&Config::default());
    let visits = |shows_facts| StreamSettings { decoder: decoder(TimeLimits::NONE), shows_facts };
    let restored = |before, now| {
        let checkpoint = Processor::new(&visits(before), settings.clone(), 1).checkpoint();
        Processor::restore(&visits(now), &checkpoint, &settings, 1)
    };
    for (before, now) in [(true, true), (true, false), (false, false)] {
        assert!(restored(before, now).is_ok(), "{before} {now}");
    }
    let error = restored(false, true).unwrap_err();
    assert!(matches!(error, RestoreError::FactsHidden), "{error}");
    assert_eq!(error.exit(), Exit::Usage);
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("set `facts` of the stream back to false; to start anew, "), "{hint}");
}
