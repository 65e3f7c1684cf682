use std::os::fd::OwnedFd;

use pulso_model::{EventTime, View};

use super::*;

fn document(id: &str, body: &str) -> ViewDocument {
    ViewDocument {
        view: View::HEALTH,
        id: id.to_owned(),
        time: EventTime(0),
        position: 0,
        scope: None,
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn every_document_is_a_line_and_there_when_it_is_acknowledged() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "what was there").unwrap();
    let output: NdjsonOutput = file.path().to_str().unwrap().parse().unwrap();
    let mut sink = NdjsonSink::create(output).unwrap();
    let written = || std::fs::read_to_string(file.path()).unwrap();
    assert_eq!(written(), "");
    let odd = "a\"b\\c\u{1}/é";
    sink.write(vec![document("a/b", "{\"count\":6}"), document(odd, "{}")]).await.unwrap();
    let first = "{\"_view\":\"health\",\"_id\":\"a/b\",\"count\":6}\n";
    let lines = written();
    assert!(lines.starts_with(first), "{lines}");
    let last: serde_json::Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(last, serde_json::json!({"_view": "health", "_id": odd}));
    sink.write(vec![document("a/b", "")]).await.unwrap();
    let removed = "{\"_view\":\"health\",\"_id\":\"a/b\",\"_removed\":true}\n";
    assert!(written().ends_with(removed), "{}", written());
    sink.sync().await.unwrap();
}

#[tokio::test]
async fn documents_of_any_size_go_through_the_buffer() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sink = NdjsonSink::create(NdjsonOutput::Path(file.path().into())).unwrap();
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(BUFFER_BYTES / 2));
    let documents: Vec<_> = (0..7).map(|id| document(&id.to_string(), &body)).collect();
    sink.write(documents).await.unwrap();
    let lines = std::fs::read_to_string(file.path()).unwrap();
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["name"].as_str().unwrap().len(), BUFFER_BYTES / 2);
        line["_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(lines.lines().map(id).collect::<Vec<_>>(), ["0", "1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn errors_name_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing/views.ndjson");
    let error = NdjsonSink::create(NdjsonOutput::Path(missing.clone())).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to create `{}`", missing.display()));
    let full = std::path::Path::new("/dev/full");
    if full.exists() {
        let mut sink = NdjsonSink::create(NdjsonOutput::Path(full.into())).unwrap();
        let error = sink.write(vec![document("1", "{}")]).await.unwrap_err();
        assert_eq!(error.to_string(), "failed to write to `/dev/full`");
        sink.sync().await.unwrap();
    }
}

#[tokio::test]
async fn a_reader_that_has_gone_is_told_apart() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let file = Some(Arc::new(File::from(OwnedFd::from(writer))));
    let mut sink = NdjsonSink { output: NdjsonOutput::Standard, file, buffer: String::new() };
    let error = sink.write(vec![document("1", "{}")]).await.unwrap_err();
    assert!(matches!(error, NdjsonError::Closed { .. }), "{error:?}");
}
