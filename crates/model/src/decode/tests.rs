use std::sync::Mutex;

use super::*;
use crate::Value;
use crate::stream::tests::{SIGHTINGS, sighting};

const NOW: WallTime = WallTime(1_700_000_000_000);

/// Says of each message what it is told to, and counts how many it was asked for.
#[derive(Debug)]
struct Told {
    answer: Result<Decoded<'static>, DeadLetter>,
    asked: Mutex<usize>,
}

impl Decode for Told {
    fn decode<'a>(&self, _: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        *self.asked.lock().unwrap() += 1;
        self.answer.clone()
    }

    fn head<'a>(&self, payload: &'a [u8]) -> Head<'a> {
        let key = std::str::from_utf8(payload).ok().map(|text| Key::Text(text.into()));
        let time = match &self.answer {
            Ok(Decoded::Fact(fact)) => Some(fact.time),
            _ => None,
        };
        Head { key, time }
    }
}

fn decoder(answer: Result<Decoded<'static>, DeadLetter>) -> (Arc<Told>, Decoder) {
    let told = Arc::new(Told { answer, asked: Mutex::default() });
    let program: Arc<dyn Decode> = Arc::<Told>::clone(&told);
    let limits = TimeLimits { ahead_max: Duration::from_secs(60), behind_max: None };
    (told, Decoder::new(&SIGHTINGS, program, limits))
}

fn fact(change: impl Fn(&mut Fact<'static>)) -> Decoder {
    let mut fact = sighting();
    change(&mut fact);
    decoder(Ok(Decoded::Fact(fact))).1
}

#[test]
fn what_the_program_says_is_passed_on() {
    let skipped = Ok(Decoded::Skipped("heartbeat".into()));
    let dead = Err(DeadLetter::new(Reason::ProgramError, "line 3"));
    for answer in [Ok(Decoded::Fact(sighting())), skipped, dead] {
        let (_, decoder) = decoder(answer.clone());
        assert_eq!(decoder.decode(b"x", NOW), answer);
    }
}

#[test]
fn a_message_that_is_too_long_never_reaches_the_program() {
    let (told, decoder) = decoder(Ok(Decoded::Skipped("x".into())));
    let longest = vec![b'x'; MAX_MESSAGE_BYTES];
    assert!(decoder.decode(&longest, NOW).is_ok());
    assert!(decoder.head(&longest).key.is_some());
    let long = vec![b'x'; MAX_MESSAGE_BYTES + 1];
    let dead = decoder.decode(&long, NOW).unwrap_err();
    assert_eq!(dead.reason, Reason::TooLarge);
    assert_eq!(dead.detail, "1048577 bytes, the limit is 1048576");
    assert_eq!(decoder.head(&long), Head::default());
    assert_eq!(*told.asked.lock().unwrap(), 1);
}

#[test]
fn a_time_too_far_from_that_of_the_log_is_refused() {
    let at = |millis| fact(move |fact| fact.time = EventTime(millis));
    let reason = |decoder: &Decoder| decoder.decode(b"x", NOW).map(drop).map_err(|d| d.reason);
    assert_eq!(reason(&at(NOW.0 + 60_000)), Ok(()));
    assert_eq!(reason(&at(NOW.0 + 60_001)), Err(Reason::FutureTime));
    assert_eq!(reason(&at(i64::MAX)), Err(Reason::FutureTime));
    assert_eq!(reason(&at(0)), Ok(()), "off");
    let near = TimeLimits { behind_max: Some(Duration::from_secs(5)), ..TimeLimits::NONE };
    assert_eq!(reason(&at(NOW.0 - 5_000).with_limits(near)), Ok(()));
    assert_eq!(reason(&at(NOW.0 - 5_001).with_limits(near)), Err(Reason::PastTime));
    assert_eq!(reason(&at(i64::MIN).with_limits(near)), Err(Reason::PastTime));
    for millis in [i64::MIN, i64::MAX] {
        assert_eq!(reason(&at(millis).with_limits(TimeLimits::NONE)), Ok(()));
    }
}

#[test]
fn a_time_is_plausible_when_it_could_be_that_of_a_fact() {
    let (_, decoder) = decoder(Ok(Decoded::Skipped("x".into())));
    assert!(decoder.is_plausible(EventTime(NOW.0 + 60_000), NOW));
    assert!(!decoder.is_plausible(EventTime(NOW.0 + 60_001), NOW));
}

#[test]
fn a_gap_in_the_identity_is_a_missing_field() {
    let decode = |column: usize| {
        let decoder = fact(move |fact| fact.columns[column] = Value::Null);
        decoder.decode(b"x", NOW).map(drop)
    };
    let detail = "`observer` is missing: it is part of the identity";
    assert_eq!(decode(0), Err(DeadLetter::new(Reason::MissingField, detail)));
    assert_eq!(decode(1), Ok(()), "no part of it");
}
