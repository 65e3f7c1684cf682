//! Several streams in one data folder.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use pulso_model::{View, ViewKind};
use pulso_testkit::view;
use serde_json::Value;

use crate::support::{
    assert_same, check, export, exports, pulso, recorded_posts, recording, replay, replay_stream,
    run, verify, verify_stream,
};

/// Every view of the stream posts that a layer writes.
fn exports_of_posts(data: &Path) -> Vec<(String, String)> {
    let streams = pulso_streams::Streams::brought();
    let posts = streams.get("posts").unwrap().stream;
    let mut all = Vec::new();
    // Single posts are not shown, and a trend of some minutes does not end.
    let empty = [Some(posts.facts_view.view), posts.trends_view, posts.trends_by_scope_view];
    for view in posts.views().into_iter().filter(|view| !empty.contains(&Some(*view))) {
        let layers: &[&str] = match view.kind() {
            ViewKind::Day => &["speed", "batch", "current"],
            _ => &["batch"],
        };
        for layer in layers {
            all.push((format!("{view} {layer}"), export(view, layer, data)));
        }
    }
    all
}

/// How many documents of a journal each stream has.
fn by_stream(journal: View, data: &Path) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in export(journal, "current", data).lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        *counts.entry(document["stream"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn posts_are_counted_once_by_both_layers() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let posts = recorded_posts(folder.path(), 7, 10_000, 20);
    let summary = replay_stream("posts", &posts, &data);
    let log = &summary["log"];
    let part = |name: &str| log[name].as_u64().unwrap();
    let parts = ["counted", "echoes", "late", "skipped", "dead_letters"];
    assert_eq!(summary["messages"], 10_000);
    assert_eq!(parts.iter().map(|name| part(name)).sum::<u64>(), 10_000, "{log}");
    assert!(parts.iter().all(|name| part(name) > 0), "the stream has all of them: {log}");
    let report = verify_stream("posts", 0, &data);
    let last = report.lines().last().unwrap();
    let holds = "every message is accounted for once; the layers agree in ";
    assert!(last.starts_with(holds) && last.ends_with(" documents"), "{report}");
    let file = folder.path().join("posts.csv");
    for args in [vec![], vec!["--format", "csv", "--output", file.to_str().unwrap()]] {
        let args = [&["export", "posts", "--data", data.to_str().unwrap()], &args[..]].concat();
        check(
            4,
            &args,
            &[
                "the view `posts` is empty: the stream `posts` keeps single posts in the lake only",
                "hint: ",
            ],
        );
    }
    assert!(!file.exists());

    let before = exports_of_posts(&data);
    assert!(before.iter().all(|(name, text)| !text.is_empty() || panic!("{name} is empty")));
    let again = replay_stream("posts", &posts, &data);
    assert_eq!(again["log"]["counted"], log["counted"], "the same messages again are echoes");
    assert_same(&exports_of_posts(&data), &before);
}

/// The samples of streams, each in the folder of its stream.
#[test]
fn the_sample_of_every_stream_that_has_one_is_counted_once_by_both_layers() {
    let streams = pulso_streams::Streams::brought();
    for stream in streams.iter() {
        let (declared, stream) = (stream.program().is_some(), stream.stream);
        let name = match stream.name {
            "requests" => "sample.log",
            _ if declared => "sample.ndjson",
            _ => continue,
        };
        let folder = tempfile::tempdir().unwrap();
        let sample = Path::new("../streams").join(stream.name).join(name);
        let sample = std::fs::canonicalize(env!("CARGO_MANIFEST_DIR")).unwrap().join(sample);
        let lines = std::fs::read_to_string(&sample).unwrap().lines().count();
        let summary = replay_stream(stream.name, &sample, folder.path());
        let part = |name: &str| usize::try_from(summary["log"][name].as_u64().unwrap()).unwrap();
        let parts = ["counted", "echoes", "late", "skipped", "dead_letters"].map(part);
        assert_eq!((part("late"), parts.iter().sum::<usize>()), (0, lines), "{stream}: {summary}");
        assert!(part("counted") > 100 && part("dead_letters") > 1, "{stream}: {summary}");
        assert_eq!(part("echoes") > 0, !stream.identity.is_empty(), "{stream}: {summary}");
        let report = verify_stream(stream.name, 0, folder.path());
        let last = report.lines().last().unwrap();
        assert!(
            last.starts_with("every message is accounted for once; the layers agree"),
            "{report}"
        );
        // The samples are too short for a trend to begin.
        let ended = [stream.trends_view, stream.trends_by_scope_view];
        let written = |view: &View| stream.unwritten(*view).is_none();
        let views = stream.views().into_iter().filter(written);
        for view in views.filter(|view| !ended.contains(&Some(*view))) {
            let shown = export(view, "batch", folder.path());
            assert!(!shown.is_empty(), "{stream}: {view} is empty");
        }
    }
}

/// What one stream has written is not another's, whichever was there first.
#[test]
fn streams_in_one_folder_leave_each_other_alone() {
    let folder = tempfile::tempdir().unwrap();
    let rsvps = recording(folder.path(), 9, 2_000, 20);
    let posts = recorded_posts(folder.path(), 7, 10_000, 20);
    for recording in [&rsvps, &posts] {
        // So that both have a dead letter.
        let mut file = std::fs::File::options().append(true).open(recording).unwrap();
        file.write_all(b"no json\n").unwrap();
    }
    let [alone, other, both] = ["rsvps", "posts", "both"].map(|name| folder.path().join(name));
    let summary = replay(&rsvps, &alone);
    let summary_of_posts = replay_stream("posts", &posts, &other);
    let of_rsvps = exports(&alone);
    let of_posts = exports_of_posts(&other);

    let path = both.to_str().unwrap();
    assert_eq!(replay(&rsvps, &both)["log"], summary["log"]);
    // Nothing of the other stream is there yet, and none of it is missing.
    let listen = ["--set", "web.listen=127.0.0.1:0"];
    run(0, pulso().args(["check", "--stream", "posts", "--data", path]).args(listen));
    check(4, &["verify", "--stream", "posts", "--data", path], &[]);
    let replayed = replay_stream("posts", &posts, &both);
    assert_eq!(replayed["log"], summary_of_posts["log"]);
    let reasons = "dead_letters_by_reason";
    assert_eq!(replayed[reasons], summary_of_posts[reasons], "not those of RSVPs");
    assert_same(&exports(&both), &of_rsvps);
    assert_same(&exports_of_posts(&both), &of_posts);
    verify(0, &both);
    verify_stream("posts", 0, &both);
    let all = run(0, pulso().args(["verify", "--data", path]));
    let all = String::from_utf8(all.stdout).unwrap();
    let names: Vec<_> = all.lines().filter_map(|line| line.strip_prefix("stream ")).collect();
    assert_eq!(names, ["rsvps", "posts"], "all are verified where none is named: {all}");
    let all = run(0, pulso().args(["verify", "--data", path]));
    let all = String::from_utf8(all.stdout).unwrap();
    let names: Vec<_> = all.lines().filter_map(|line| line.strip_prefix("stream ")).collect();
    assert_eq!(names, ["rsvps", "posts"], "both are verified where none is named: {all}");
    for journal in [View::DEAD_LETTERS, View::LATE_FACTS] {
        let mut expected = by_stream(journal, &alone);
        expected.extend(by_stream(journal, &other));
        assert_eq!(expected.len(), 2, "both streams have {journal}");
        assert_eq!(by_stream(journal, &both), expected, "{journal}");
    }
    let streams = ["--stream", "rsvps", "--stream", "posts"];
    run(0, pulso().args(["check", "--data", path]).args(streams).args(listen));
}

/// A stream that has none is not an error, unless it is named.
#[test]
fn verify_looks_at_the_streams_that_have_data() {
    let folder = tempfile::tempdir().unwrap();
    let posts = recorded_posts(folder.path(), 7, 2_000, 20);
    let data = folder.path().join("data");
    replay_stream("posts", &posts, &data);
    let path = data.to_str().unwrap();
    let verified = run(0, pulso().args(["verify", "--data", path]));
    let report = String::from_utf8(verified.stdout).unwrap();
    assert!(report.contains("the layers agree in "), "{report}");
    assert!(!data.join("log/rsvps.db").exists(), "nothing is made for a stream without data");
    let both = ["verify", "--stream", "rsvps", "--stream", "posts", "--data", path];
    check(4, &both, &["the speed layer has no checkpoint of `rsvps`", "hint:"]);
}

#[test]
fn single_facts_are_a_view_where_the_configuration_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let posts = recorded_posts(folder.path(), 7, 2_000, 20);
    let data = folder.path().join("data");
    let facts = ["--set", "streams.posts.facts=true", "--data", data.to_str().unwrap()];
    // The only stream that is served is meant.
    run(0, pulso().arg("replay").arg(&posts).args(facts));
    let [speed, batch] = ["speed", "batch"].map(|layer| export(view("posts"), layer, &data));
    assert!(!speed.is_empty() && speed == batch, "{} {}", speed.len(), batch.len());
    run(0, pulso().arg("verify").args(facts));
}

#[test]
fn a_stream_that_is_not_there_is_named_with_those_that_are() {
    for args in [vec!["check"], vec!["replay", "x"], vec!["verify"], vec!["serve"], vec!["demo"]] {
        let args = [&args[..], &["--stream", "tweets"]].concat();
        check(
            2,
            &args,
            &[
                "there is no stream `tweets`",
                "hint: there are rsvps, posts, requests, clicks, comments, open-events, calendar",
            ],
        );
    }
    let two = ["replay", "x", "--stream", "rsvps", "--stream", "posts"];
    check(2, &two, &["one stream is needed, not 2", "hint: name one with `--stream`"]);
}
