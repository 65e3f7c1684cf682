use std::collections::BTreeSet;
use std::path::Path;

use pulso_model::{Column, LakeColumn};

use super::*;

fn brought() -> Vec<&'static Stream> {
    Streams::brought().iter().map(|definition| definition.stream).collect()
}

#[test]
fn the_streams_that_pulso_brings_are_described_rightly() {
    let names: Vec<_> = brought().iter().map(|stream| stream.name).collect();
    let expected = ["rsvps", "posts", "requests", "clicks", "comments", "open-events", "calendar"];
    assert_eq!(names, expected);
    for stream in brought() {
        assert!(!stream.about.is_empty(), "{stream} has no `about`");
        assert_eq!(Streams::brought().get(stream.name).unwrap().stream, stream);
    }
}

#[test]
fn an_unknown_stream_is_named_with_those_that_are_known() {
    let unknown = Streams::brought().get("rsvp").unwrap_err();
    assert_eq!(unknown.to_string(), "there is no stream `rsvp`");
    assert_eq!(
        unknown.hint(),
        "there are rsvps, posts, requests, clicks, comments, open-events, calendar"
    );
}

#[test]
fn views_have_different_names_and_their_own_fields() {
    let streams = Streams::brought();
    let mut names = BTreeSet::new();
    for view in streams.views() {
        assert!(names.insert(view.name()), "there are two views `{view}`");
        assert_eq!(streams.view(view.name()), Some(view));
        let has = |name| view.fields().iter().any(|field| field.name == name);
        assert!(has("@timestamp"), "{view}");
        assert!(view.key().iter().all(|key| has(key.name())), "{view}");
        assert!(view.scope_field().is_none_or(has), "{view}");
        assert!(view.position_field().is_none_or(has), "{view}");
    }
    assert_eq!(streams.view("posts").and_then(View::stream), Some("posts"));
    assert_eq!(streams.view("health").and_then(View::stream), None);
    assert_eq!(streams.view("trends"), None);
}

#[test]
fn only_single_facts_may_be_left_to_the_lake() {
    for stream in brought() {
        for view in stream.views() {
            let name = view.name();
            let reason = ["posts", "requests"]
                .contains(&name)
                .then(|| format!("the stream `{name}` keeps single {name} in the lake only"));
            assert_eq!(stream.unwritten(view), reason, "{view}");
        }
    }
}

#[test]
fn columns_of_the_lake_have_different_names() {
    for stream in brought() {
        let columns = stream.lake_columns();
        let names: BTreeSet<_> = columns.iter().map(|LakeColumn { name, .. }| name).collect();
        assert_eq!(names.len(), columns.len(), "{stream}");
        assert!(stream.columns.iter().all(|Column { name, .. }| names.contains(name)), "{stream}");
    }
}

/// Each query says what it computes and what it needs; no file of a folder is forgotten.
#[test]
fn the_files_of_a_folder_are_those_of_the_stream() {
    for brought in BROUGHT {
        let stream = definition(brought).stream;
        for (file, sql) in brought.files.iter().filter(|(file, _)| file.ends_with(".sql")) {
            let comment: Vec<_> = sql.lines().take_while(|line| line.starts_with("-- ")).collect();
            assert!(comment.len() >= 2, "`{file}` begins without a comment");
            assert!(
                comment.iter().any(|line| line.starts_with("-- Needs ")),
                "{file}: {comment:?}"
            );
            assert!(stream.jobs.iter().any(|job| job.sql == *sql), "no view uses `{file}`");
        }
        let folder = std::fs::read_dir(Path::new(stream.name)).unwrap();
        let names = folder.map(|file| file.unwrap().file_name().into_string().unwrap());
        let is_code = |name: &String| {
            [".sql", ".vrl"].iter().any(|end| name.ends_with(end)) || name == "kibana.ndjson"
        };
        let mut queries: Vec<_> = names.filter(is_code).collect();
        queries.sort();
        let mut registered: Vec<_> = brought.files.iter().map(|(file, _)| *file).collect();
        registered.sort_unstable();
        assert_eq!(queries, registered);
    }
}

#[test]
fn some_streams_have_public_servers() {
    let live = |name| Streams::brought().get(name).unwrap().stream.live.len();
    assert_eq!((live("posts"), live("rsvps")), (2, 0));
}
