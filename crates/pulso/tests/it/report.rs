//! `pulso report`: the numbers inside the file are those of a naive recount, whatever stands in the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use pulso_testkit::{recordings, view};
use serde_json::Value;

use crate::support::{check, export, pulso, recorded_posts, recording, replay, replay_stream, run};

/// What is inside a report, read as the page reads it.
struct Report {
    html: String,
    header: Value,
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    /// Minutes since the epoch.
    time: i64,
    person: Option<u64>,
    /// By name of the dimension.
    values: BTreeMap<String, Vec<String>>,
    facts: u64,
    sums: Vec<u64>,
}

impl Report {
    fn read(path: &Path) -> Self {
        let html = fs::read_to_string(path).unwrap();
        let begin = r#"id="data">"#;
        let data = html.split_once(begin).unwrap().1.split_once('<').unwrap().0;
        let packed = STANDARD.decode(data).unwrap();
        let mut bytes = Vec::new();
        GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).unwrap();
        let (header, rest) = text(&bytes);
        let (_world, rest) = text(rest);
        let header: Value = serde_json::from_slice(header).unwrap();
        let rows = rows(&header["layout"], rest);
        Self { html, header, rows }
    }

    fn total(&self) -> u64 {
        self.rows.iter().map(|row| row.facts).sum()
    }

    fn sum(&self, at: usize) -> u64 {
        self.rows.iter().map(|row| row.sums[at]).sum()
    }

    fn people(&self) -> usize {
        self.rows.iter().map(|row| row.person.unwrap()).collect::<BTreeSet<_>>().len()
    }

    /// Facts by the values of a dimension.
    fn by(&self, dimension: &str) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for row in &self.rows {
            for value in &row.values[dimension] {
                *found.entry(value.clone()).or_default() += row.facts;
            }
        }
        found
    }
}

fn text(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (length, rest) = bytes.split_at(4);
    rest.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize)
}

fn rows(layout: &Value, bytes: &[u8]) -> Vec<Row> {
    let mut bytes = bytes.iter();
    let mut number = || {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = *bytes.next().unwrap();
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        number
    };
    let count = layout["rows"].as_u64().unwrap();
    let mut column = |length: u64| (0..length).map(|_| number()).collect::<Vec<_>>();
    let differences = |column: Vec<u64>| -> Vec<i64> {
        let signed = column.into_iter().map(|number| {
            let half = (number >> 1).cast_signed();
            if number & 1 == 0 { half } else { !half }
        });
        let mut before = 0;
        signed
            .map(|difference| {
                before += difference;
                before
            })
            .collect()
    };
    let unit = layout["unit_minutes"].as_i64().unwrap();
    let times = differences(column(count));
    let people = layout["people"].as_u64();
    let persons = people.map(|_| differences(column(count)));
    let dimensions = layout["dimensions"].as_array().unwrap();
    let mut sets = BTreeMap::new();
    for dimension in dimensions.iter().filter(|one| one["by_person"] == false) {
        sets.insert(dimension["name"].as_str().unwrap(), column(count));
    }
    let facts = column(count);
    let sums: Vec<_> = layout["sums"].as_array().unwrap().iter().map(|_| column(count)).collect();
    for dimension in dimensions.iter().filter(|one| one["by_person"] == true) {
        let of_people = column(people.unwrap());
        let of_row = |person: &i64| of_people[usize::try_from(*person).unwrap()];
        let column = persons.as_ref().unwrap().iter().map(of_row).collect();
        sets.insert(dimension["name"].as_str().unwrap(), column);
    }
    let row = |at: usize| Row {
        time: times[at] * unit,
        person: persons.as_ref().map(|persons| persons[at].cast_unsigned()),
        values: dimensions
            .iter()
            .map(|dimension| {
                let name = dimension["name"].as_str().unwrap();
                (name.to_owned(), values(dimension, sets[name][at]))
            })
            .collect(),
        facts: facts[at],
        sums: sums.iter().map(|column| column[at]).collect(),
    };
    let rows = (0..facts.len()).map(row).collect();
    assert_eq!(bytes.next(), None, "nothing is left over");
    rows
}

fn values(dimension: &Value, set: u64) -> Vec<String> {
    let value =
        |at: u64| dimension["values"][usize::try_from(at).unwrap()].as_str().unwrap().to_owned();
    match dimension["sets"].as_array() {
        None if set == 0 => vec![],
        None => vec![value(set - 1)],
        Some(sets) => {
            let set = sets[usize::try_from(set).unwrap()].as_array().unwrap();
            set.iter().map(|at| value(at.as_u64().unwrap())).collect()
        }
    }
}

#[track_caller]
fn report(args: &[&str], input: &Path) -> (Report, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("report.html");
    let mut command = pulso();
    command.arg("report").args(args).arg(input).arg("-o").arg(&output);
    let said = String::from_utf8(run(0, &mut command).stderr).unwrap();
    (Report::read(&output), said)
}

fn log(folder: &Path, lines: &[&str]) -> PathBuf {
    let path = folder.join("access.log");
    fs::write(&path, lines.join("\n")).unwrap();
    path
}

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0";

fn line(address: &str, time: &str, path: &str, status: u16, agent: &str) -> String {
    format!(r#"{address} - - [{time} +0000] "GET {path} HTTP/1.1" {status} 100 "-" "{agent}""#)
}

#[test]
fn an_access_log_needs_no_stream_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [
        line("192.0.2.1", "17/May/2015:10:05:03", "/a", 200, FIREFOX),
        line("192.0.2.77", "17/May/2015:10:05:43", "/a", 404, FIREFOX),
        line("192.0.2.1", "18/May/2015:10:05:43", "/b?q=1", 200, FIREFOX),
        line("198.51.100.1", "18/May/2015:11:00:00", "/b", 200, "curl/8"),
        "not a line of an access log".to_owned(),
    ];
    let path = log(folder.path(), &lines.each_ref().map(String::as_str));
    let (report, said) = report(&[], &path);
    assert!(said.contains("stream: requests"), "{said}");
    assert!(said.contains("4 requests of 5 messages; 1 cannot be read"), "{said}");
    assert_eq!((report.total(), report.sum(0)), (4, 400));
    assert_eq!(report.by("path"), BTreeMap::from([("/a".into(), 2), ("/b".into(), 2)]));
    assert_eq!(report.by("kind"), BTreeMap::from([("2xx".into(), 3), ("4xx".into(), 1)]));
    // Two addresses of one network and one browser are one visitor of a day, and another one of the next.
    assert_eq!((report.people(), &report.header["people"]), (3, &3.into()));
    let outcomes = &report.header["outcomes"];
    assert_eq!(outcomes["dead_letters"]["invalid_text"], 1);
    assert_eq!(outcomes["examples"][0]["place"], "access.log, line 5");
    assert!(!report.html.contains("192.0.2."), "no address is in the file");
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["access.log"]);
}

/// Whatever a client sends stands in the log: none of it may become a part of the page.
#[test]
fn hostile_text_stays_text() {
    let folder = tempfile::tempdir().unwrap();
    let hostile = "/</script><script>alert(1)</script>";
    let agent = "</script><img src=x onerror=alert(1)>";
    let path =
        log(folder.path(), &[&line("192.0.2.1", "17/May/2015:10:05:03", hostile, 200, agent)]);
    let (report, _) = report(&[], &path);
    assert_eq!(report.by("path"), BTreeMap::from([(hostile.to_owned(), 1)]));
    assert!(!report.html.contains("alert(1)"));
    assert_eq!(report.html.matches("</script>").count(), 2, "the data and the script");
}

#[test]
fn only_what_was_asked_for_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let days = ["17", "18", "19"]
        .map(|day| line("192.0.2.1", &format!("{day}/May/2015:10:00:00"), "/a", 200, "curl/8"));
    let path = log(folder.path(), &days.each_ref().map(String::as_str));
    let (report, _) = report(&["--from", "2015-05-18", "--to", "2015-05-19T12:00:00+02:00"], &path);
    assert_eq!((report.total(), &report.header["outcomes"]["outside"]), (1, &2.into()));
    let path = path.to_str().unwrap();
    check(2, &["report", path, "--from", "2015-05-19", "--to", "2015-05-18"], &["is not before"]);
    check(4, &["report", path, "--from", "2016-01-01"], &["none of 3 messages", "3 are outside"]);
}

#[test]
fn wrong_use_of_reports_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.log");
    fs::write(&empty, "\n\n").unwrap();
    let text = log(folder.path(), &["Hello,", "this is no log."]);
    let (empty, text) = (empty.to_str().unwrap(), text.to_str().unwrap());
    check(4, &["report", empty, "--stream", "requests"], &["contains no messages"]);
    check(4, &["report", empty], &["contains no messages"]);
    check(2, &["report", text], &["no stream knows the first lines", "--stream NAME"]);
    check(
        4,
        &["report", text, "--stream", "requests"],
        &["none of 2 messages is a request", "access.log, line 1: invalid_text"],
    );
    check(2, &["report", text, "--stream", "tweets"], &["there is no stream `tweets`"]);
    check(4, &["report", "/no/such/file"], &["failed to open `/no/such/file`"]);
    check(2, &["report", text, "--data", "x"], &["cannot be used with"]);
    let none = folder.path().join("none");
    check(4, &["report", "--data", none.to_str().unwrap()], &["there is no pulso data"]);
    let good = folder.path().join("good.log");
    fs::write(&good, line("192.0.2.1", "17/May/2015:10:00:00", "/a", 200, "curl/8")).unwrap();
    check(
        2,
        &["report", good.to_str().unwrap(), "--max-size", "1KiB"],
        &["larger than `--max-size 1KiB`", "hint:"],
    );
}

#[test]
fn an_existing_report_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path =
        log(folder.path(), &[&line("192.0.2.1", "17/May/2015:10:00:00", "/a", 200, "curl/8")]);
    let output = folder.path().join("report.html");
    fs::write(&output, "an older one").unwrap();
    run(0, pulso().arg("report").arg(&path).arg("-o").arg(&output));
    assert_eq!(Report::read(&output).total(), 1);
}

/// Times become coarser, then rare terms are put together, then people are no longer told apart. Totals stay.
#[test]
fn what_does_not_fit_is_made_coarser_and_totals_stay_exact() {
    let folder = tempfile::tempdir().unwrap();
    let lines = (0..20_000_u32).map(|number| {
        let (hour, minute, second) = (number / 3600, number / 60 % 60, number % 60);
        let time = format!("17/May/2015:{hour:02}:{minute:02}:{second:02}");
        let path = format!("/page-{}", number * 7919 % 5003 % (number % 997 + 3));
        line(&format!("192.0.{}.1", number * 31 % 211), &time, &path, 200, "curl/8")
    });
    let lines: Vec<_> = lines.collect();
    let path = log(folder.path(), &lines.iter().map(String::as_str).collect::<Vec<_>>());
    // What the page itself takes is there in any case.
    let alone = folder.path().join("alone.log");
    fs::write(&alone, &lines[0]).unwrap();
    let page = report(&[], &alone).0.html.len();
    let mut seen = BTreeSet::new();
    for room in [1_000_000, 41_000, 30_000, 13_000] {
        let size = format!("{}B", page + room);
        let (report, said) = report(&["--max-size", &size], &path);
        let layout = &report.header["layout"];
        let unit = layout["unit_minutes"].as_u64().unwrap();
        let rare = report.header["rare_below"].as_u64().unwrap();
        let people = layout["people"].is_u64();
        seen.insert((unit, rare > 0, people));
        assert!(report.html.len() <= page + room, "{size}");
        assert_eq!((report.total(), report.sum(0)), (20_000, 2_000_000), "{size}");
        assert_eq!(
            (&report.header["total"], &report.header["people"]),
            (&20_000.into(), &211.into())
        );
        assert_eq!(said.contains("to stay small"), unit > 1, "{said}");
        assert_eq!(said.contains("put together"), rare > 0, "{said}");
        if people {
            assert_eq!(report.people(), 211);
        }
    }
    let all = [(1, false, true), (60, false, true), (60, true, true), (60, true, false)];
    assert_eq!(seen, BTreeSet::from(all));
}

/// The same log from a file and from a data folder: the same numbers, and those of the batch layer's view.
#[test]
fn a_data_folder_gives_what_its_file_gives_and_what_the_views_say() {
    let Some(recordings) = recordings() else { return };
    let input = recordings.join("access-logs/elastic-examples.apache_logs");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    replay_stream("requests", &input, &data);
    let (from_file, _) = report(&[], &input);
    let (from_folder, said) = report(&["--data"], &data);
    assert!(said.contains("stream: requests"), "{said}");
    assert_eq!(from_file.header["layout"], from_folder.header["layout"]);
    let mut hours: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    for document in export(view("traffic-hours"), "batch", &data).lines() {
        let document: Value = serde_json::from_str(document).unwrap();
        let text = |name: &str| document[name].as_str().unwrap().to_owned();
        // Which family is not known, no facet says.
        let browser = Some(text("browser")).filter(|name| name != "Unknown").unwrap_or_default();
        *hours.entry((text("hour"), browser, text("country"))).or_default() +=
            document["requests"].as_u64().unwrap();
    }
    for report in [&from_file, &from_folder] {
        let mut found: BTreeMap<(String, String, String), u64> = BTreeMap::new();
        for row in &report.rows {
            let hour = pulso_model::EventTime(row.time.div_euclid(60) * 3_600_000).to_string();
            let value = |name: &str| row.values[name].first().cloned().unwrap_or_default();
            *found.entry((hour, value("browser"), value("country"))).or_default() += row.facts;
        }
        assert_eq!(found, hours);
    }
    let visitors = export(view("visitor-days"), "batch", &data);
    let visitors = visitors.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let visitors: u64 = visitors.map(|line| line["visitors"].as_u64().unwrap()).sum();
    assert_eq!(from_file.people() as u64, visitors);
}

/// The streams of others: facts that come again count once, and terms are those of the batch layer.
#[test]
fn every_stream_has_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let rsvps = recording(folder.path(), 5, 3000, 10);
    let summary = replay(&rsvps, &data);
    let posts = recorded_posts(folder.path(), 5, 3000, 10);
    replay_stream("posts", &posts, &data);
    check(2, &["report", "--data", data.to_str().unwrap()], &["has rsvps, posts", "--stream NAME"]);
    let (from_folder, _) = report(&["--stream", "rsvps", "--data"], &data);
    let (from_file, said) = report(&[], &rsvps);
    assert!(said.contains("stream: rsvps"), "{said}");
    assert_eq!(from_file.header["layout"], from_folder.header["layout"]);
    let documents = export(view("responses"), "batch", &data);
    assert_eq!(from_file.total(), documents.lines().count() as u64, "{summary}");
    let mut countries: BTreeMap<String, u64> = BTreeMap::new();
    let mut topics: BTreeMap<String, u64> = BTreeMap::new();
    for document in documents.lines() {
        let document: Value = serde_json::from_str(document).unwrap();
        let group = &document["group"];
        *countries.entry(group["country"].as_str().unwrap().to_owned()).or_default() += 1;
        for topic in group["topics"].as_array().into_iter().flatten() {
            *topics.entry(topic.as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(from_file.by("country"), countries);
    let (posts, _) = report(&["--stream", "posts"], &posts);
    assert!(posts.total() > 0 && !posts.by("hashtag").is_empty());
    assert_eq!(posts.people() as u64, posts.header["people"].as_u64().unwrap());
    if !topics.is_empty() {
        assert_eq!(from_file.by("topic"), topics);
    }
}
