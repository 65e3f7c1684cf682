//! The table has the columns that its stream declares, whatever the stream is.

use std::borrow::Cow;
use std::sync::Arc;

use pulso_lake::{Error, Lake, SegmentBuilder};
use pulso_model::{
    DeadLetter, Decode, Decoded, Decoder, EventTime, Fact, Head, Reason, SUM_MAX, Term, TimeLimits,
    Value,
};
use pulso_pipeline::{AdapterError, Record};
use pulso_streams::descriptor;

use crate::support::{DAY_MS, NOON, append, decoder, query, record};

/// A column of each type, no place, and no identity.
const VISITS: &str = r#"
    name = "visits"
    actor = "visitor"

    [fact]
    one = "visit"
    many = "visits"
    kinds = ["page", "image"]
    scope = { name = "site" }
    sums = ["bytes", "pages"]

    [columns]
    visitor = "text"
    number = "integer"
    seconds = "float"
    crawler = "boolean"
    languages = "texts"
    first_seen = "time"

    [[facets]]
    one = "path"
    many = "paths"

    [[facets]]
    one = "word"
    many = "words"
    names = "spellings"
"#;

/// Reads lines such as `1489924800000 example.org Ada`; those with `#` are no visits.
#[derive(Debug)]
struct Visits;

impl Decode for Visits {
    fn decode<'a>(&self, payload: &'a [u8]) -> Result<Decoded<'a>, DeadLetter> {
        let invalid = || DeadLetter::new(Reason::InvalidValue, "no visit".to_owned());
        let line = std::str::from_utf8(payload).map_err(|_| invalid())?;
        if line.starts_with('#') {
            return Ok(Decoded::Skipped("comment".into()));
        }
        let mut words = line.split(' ');
        let time = words.next().and_then(|word| word.parse().ok()).ok_or_else(invalid)?;
        let (site, visitor) = words.next().zip(words.next()).ok_or_else(invalid)?;
        let full = visitor != "nobody";
        let columns = if full { all_columns(visitor, time) } else { vec![Value::Null; 6] };
        let term = |key: &'a str| Term { key: key.into(), name: key.to_uppercase().into() };
        Ok(Decoded::Fact(Fact {
            time: EventTime(time),
            scope: Cow::Borrowed(site),
            kind: u8::from(!full),
            sums: [SUM_MAX, 1, 0, 0],
            place: None,
            terms: [words.map(term).collect(), vec![term(visitor)], Vec::new(), Vec::new()],
            columns,
        }))
    }

    fn head<'a>(&self, _payload: &'a [u8]) -> Head<'a> {
        Head::default()
    }
}

fn all_columns(visitor: &str, time: i64) -> Vec<Value<'_>> {
    vec![
        Value::Text(visitor.into()),
        Value::Integer(i64::MIN),
        Value::Float(-0.5),
        Value::Boolean(true),
        Value::Texts(vec!["de".into(), "en".into()]),
        Value::Time(EventTime(time - 1)),
    ]
}

/// Decodes visits of any time.
fn visits() -> Decoder {
    let read = descriptor::read(VISITS, &|_| None);
    let stream = Box::leak(Box::new(read.expect("the stream is described well").stream));
    Decoder::new(stream, Arc::new(Visits), TimeLimits::NONE)
}

async fn lake_of(lines: &[String]) -> (tempfile::TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &visits()).await.unwrap();
    let mut segment = lake.segment(&[0].into());
    for (offset, line) in (0..).zip(lines) {
        let mut record: Record = record(0, offset, line.as_str());
        record.headers.cursor = Some(format!("line {offset}").into());
        segment.push(&record).unwrap();
    }
    lake.append(segment.finish()).await.unwrap();
    (folder, lake)
}

#[tokio::test]
async fn a_table_has_the_columns_of_its_stream() {
    let (_folder, lake) = lake_of(&[]).await;
    let found = query(&lake, "describe messages").await;
    let names: Vec<_> = found.iter().map(|column| column.split('|').next().unwrap()).collect();
    let of_every_stream = [
        "day",
        "partition",
        "offset",
        "log_time",
        "received_time",
        "source",
        "payload",
        "cursor",
        "outcome",
        "reason",
        "detail",
        "time",
    ];
    let of_this_one = [
        "kind",
        "site",
        "bytes",
        "pages",
        "paths",
        "path_names",
        "words",
        "spellings",
        "visitor",
        "number",
        "seconds",
        "crawler",
        "languages",
        "first_seen",
    ];
    assert_eq!(names, [&of_every_stream[..], &of_this_one].concat());
}

#[tokio::test]
async fn every_type_of_column_reads_back() {
    let lines = [format!("{NOON} example.org Ada /a /b"), format!("{NOON} example.net nobody")];
    let (_folder, lake) = lake_of(&lines).await;
    let check = async |columns: &str, expected: [&str; 2]| {
        let sql = format!("select {columns} from messages order by \"offset\"");
        assert_eq!(query(&lake, &sql).await, expected, "{columns}");
    };
    check("outcome, cursor", ["fact|line 0", "fact|line 1"]).await;
    check("kind, site", ["page|example.org", "image|example.net"]).await;
    check("bytes, pages", ["1000000000000|1"; 2]).await;
    check("paths, path_names", ["[/a, /b]|[/A, /B]", "[]|[]"]).await;
    check("words, spellings", ["[Ada]|[ADA]", "[nobody]|[NOBODY]"]).await;
    check("visitor, number", ["Ada|-9223372036854775808", "|"]).await;
    check("seconds, crawler", ["-0.5|true", "|"]).await;
    check("languages, first_seen", ["[de, en]|2017-03-19T11:59:59.999Z", "|"]).await;
    assert_eq!(query(&lake, "select sum(bytes) from messages").await, ["2000000000000"]);
}

#[tokio::test]
async fn what_is_not_of_the_stream_is_kept_with_the_reason() {
    let lines =
        ["# a comment".to_owned(), "no time".to_owned(), format!("{} s Ada", NOON - DAY_MS)];
    let (folder, mut lake) = lake_of(&lines).await;
    let sql = "select day, outcome, reason, detail, cast(payload as varchar), kind, bytes, paths \
               from messages where outcome <> 'fact' order by \"offset\"";
    let expected = [
        "2017-03-19|skipped|comment||# a comment|||",
        "2017-03-19|dead_letter|invalid_value|no visit|no time|||",
    ];
    assert_eq!(query(&lake, sql).await, expected);
    // Of each day its facts alone have event times.
    let times = lake.event_times().unwrap().unwrap();
    let times: Vec<_> = times.iter().map(|(day, times)| (day.to_string(), times.first)).collect();
    assert_eq!(times, [("2017-03-18".to_owned(), EventTime(NOON - DAY_MS))]);

    let mut segment = SegmentBuilder::new(&visits(), &lake.next_offsets(1).await.unwrap());
    segment.push(&record(0, 3, "# another")).unwrap();
    let written = lake.writer().write(segment.finish()).unwrap();
    assert_eq!((written.rows(), written.dead_letters()), (1, 0));
    lake.commit(written).await.unwrap();
    let lake = Lake::open(folder.path(), &visits()).await.unwrap();
    assert_eq!(query(&lake, "select count(*) from messages where reason = 'comment'").await, ["2"]);
}

#[tokio::test]
async fn a_table_of_another_stream_is_refused() {
    let (folder, _lake) = lake_of(&[]).await;
    let error = Lake::open_or_create(folder.path(), &decoder()).await.unwrap_err();
    assert!(matches!(error, Error::OtherColumns { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("a folder of its own"));

    let folder = tempfile::tempdir().unwrap();
    let mut lake = Lake::open_or_create(folder.path(), &decoder()).await.unwrap();
    append(&mut lake, 1).await;
    let error = Lake::open(folder.path(), &visits()).await.unwrap_err();
    assert!(matches!(error, Error::OtherColumns { .. }), "{error:?}");
}
