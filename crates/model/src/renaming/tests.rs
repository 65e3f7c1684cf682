use std::sync::LazyLock;

use super::*;
use crate::document::FactWriter;
use crate::stream::tests::SIGHTINGS;
use crate::{Column, ColumnType, EventTime, Position, UNKNOWN_SCOPE};

const ANNA: &str = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const OTTO: &str = "did:plc:oooooooooooooooooooooooo";

/// With people in more columns.
static WATCHED: LazyLock<Stream> = LazyLock::new(|| {
    let mut stream = SIGHTINGS.clone();
    let column = |name| Column { name, column_type: ColumnType::Text };
    stream.columns.extend([column("alias"), column("answers")]);
    let columns = [0, 2, 4, 5, 6, 7, 8].map(Part::Column);
    let terms = [Part::TermKeys(0), Part::TermNames(0), Part::TermKeys(1), Part::TermNames(1)];
    stream.personal = columns.into_iter().chain(terms).collect();
    stream
});

/// The same with numbered people.
static NUMBERED: LazyLock<Stream> = LazyLock::new(|| {
    let mut stream = SIGHTINGS.clone();
    stream.actor = Some(4);
    stream.personal = vec![Part::Column(0), Part::Column(4)];
    stream
});

fn fact(who: &str, answers: &str) -> Fact<'static> {
    let text = |text: &str| Value::Text(text.to_owned().into());
    let term = |key: &str| Term { key: key.to_owned().into(), name: key.to_owned().into() };
    let columns = vec![
        text(who),
        Value::Boolean(true),
        Value::Float(1.5),
        Value::Float(2.5),
        Value::Integer(77),
        Value::Texts(vec!["tag".into()]),
        Value::Time(EventTime(5)),
        text("Anna Blum"),
        text(answers),
    ];
    Fact {
        time: EventTime(1_700_000_000_400),
        scope: UNKNOWN_SCOPE.into(),
        kind: 1,
        sums: [3, 0, 0, 0],
        place: None,
        terms: [vec![term("crane")], vec![term(answers)], vec![], vec![]],
        columns,
    }
}

fn anna(key: u8) -> Renaming {
    Renaming::new(&WATCHED, ANNA, [key; 32]).unwrap()
}

#[test]
fn only_what_says_who_somebody_is_changes_and_always_alike() {
    let fact = fact(ANNA, "at://did:plc:oooooooooooooooooooooooo/place/3kabc");
    let renamed = anna(1).fact(&fact).unwrap();
    assert_eq!(renamed, anna(1).fact(&fact).unwrap());
    assert_ne!(renamed, anna(2).fact(&fact).unwrap(), "the key decides");
    let Value::Text(who) = &renamed.columns[0] else { panic!("{renamed:?}") };
    assert!(who.starts_with("did:plc:") && who.len() == ANNA.len() && who != ANNA, "{who}");
    assert_eq!(**who, *anna(1).new_actor());
    assert_eq!(renamed.columns[1], Value::Boolean(true), "not personal");
    assert_eq!([&renamed.columns[2], &renamed.columns[6]], [&Value::Null; 2], "describes a person");
    assert_ne!(renamed.columns[4], fact.columns[4]);
    assert_ne!(renamed.columns[7], fact.columns[7]);
    assert_eq!(renamed.columns[8], fact.columns[8], "is somebody else's");
    assert_eq!((&renamed.terms, renamed.time), (&fact.terms, fact.time));
}

#[test]
fn others_keep_their_names_and_lose_that_of_the_person() {
    let renaming = anna(1);
    assert_eq!(renaming.fact(&fact(OTTO, "at://did:plc:zzz/place/3kabc")), None);
    let answer = fact(OTTO, "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/place/3kabc");
    let renamed = renaming.fact(&answer).unwrap();
    let expected = format!("at://{}/place/{}", renaming.new_actor(), renaming.new_text("3kabc"));
    assert_eq!(renamed.columns[8], Value::Text(expected.as_str().into()));
    assert_eq!(renamed.terms[1][0], Term { key: (&*expected).into(), name: (&*expected).into() });
    assert_eq!(renamed.columns[..8], answer.columns[..8]);
}

#[test]
fn an_id_is_one_only_as_a_whole_word() {
    let renaming = anna(1);
    for other in [format!("x{ANNA}"), format!("{ANNA}a"), format!("{ANNA}-b"), "did:plc:".into()] {
        assert_eq!(renaming.mention(&other), None, "{other}");
        assert!(!renaming.is_named_in(other.as_bytes()), "{other}");
    }
    assert!(renaming.is_named_in(&[b"\xff", ANNA.as_bytes()].concat()));
    let new = renaming.new_actor();
    for (text, expected) in [
        (format!("({ANNA}), {ANNA}."), format!("({new}), {new}.")),
        (format!("\"{ANNA}\""), format!("\"{new}\"")),
    ] {
        assert_eq!(renaming.mention(&text), Some(expected));
        assert!(renaming.is_named_in(text.as_bytes()));
    }
}

#[test]
fn numbers_mean_the_person_in_their_own_messages_only() {
    let renaming = Renaming::new(&NUMBERED, "77", [1; 32]).unwrap();
    let mut own = fact("somebody", "");
    let renamed = renaming.fact(&own).unwrap();
    let Value::Integer(number) = renamed.columns[4] else { panic!("{renamed:?}") };
    assert!((1_000_000_000_000_000..=9_007_199_254_740_991).contains(&number), "{number}");
    assert_eq!(number.to_string(), renaming.new_actor());
    assert_eq!(renaming.mention("see 77"), None);
    assert!(renaming.is_named_in(b"{\"ring\":77}") && !renaming.is_named_in(b"{\"ring\":775}"));
    own.columns[4] = Value::Integer(78);
    assert_eq!(renaming.fact(&own), None);
}

#[test]
fn a_personal_value_that_is_the_id_means_the_person_however_short_it_is() {
    let renaming = Renaming::new(&WATCHED, "anna", [1; 32]).unwrap();
    let answer = fact(OTTO, "anna");
    let renamed = renaming.fact(&answer).unwrap();
    let new = renaming.new_actor();
    assert_eq!(renamed.columns[8], Value::Text(new.as_str().into()));
    assert_eq!(renamed.terms[1][0], Term { key: (&*new).into(), name: (&*new).into() });
    assert_eq!(renaming.fact(&fact(OTTO, "see anna")), None);
}

#[test]
fn streams_without_people_have_nobody_to_rename() {
    static OF_THINGS: LazyLock<Stream> =
        LazyLock::new(|| Stream { personal: vec![], ..SIGHTINGS.clone() });
    assert!(Renaming::new(&OF_THINGS, ANNA, [1; 32]).is_none());
}

/// The speed layer's documents become what both layers will make of the renamed messages.
#[test]
fn a_document_becomes_that_of_the_renamed_fact() {
    for (stream, actor) in [(&WATCHED, ANNA), (&NUMBERED, "77")] {
        let renaming = Renaming::new(stream, actor, [1; 32]).unwrap();
        let mut writer = FactWriter::new(stream);
        let position = Position { partition: 0, offset: 1 };
        let fact = fact(ANNA, "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/place/3kabc");
        let document = writer.render(&fact, position);
        let expected = writer.render(&renaming.fact(&fact).unwrap(), position);
        assert_eq!(renaming.document(&document), Ok(Some(expected)));
        let mut other = fact.clone();
        other.columns[0] = Value::Text(OTTO.into());
        other.columns[4] = Value::Integer(5);
        assert_eq!(renaming.document(&writer.render(&other, position)), Ok(None));
        let odd = crate::ViewDocument { id: "?".into(), ..document };
        assert!(renaming.document(&odd).is_err());
    }
}
