use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;

const LIMIT: usize = 1 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// Reads all lines of a file with this content. Also returns how the reading ended.
async fn read_file(content: &[u8], limit: usize) -> (Vec<Bytes>, Result<(), FileError>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    let mut reader = FileReader::open(FileInput::Path(file.path().into()), limit).unwrap();
    assert_eq!(reader.total_bytes(), Some(content.len() as u64));
    let mut lines = Vec::new();
    let mut bytes_read = 0;
    let result = loop {
        match reader.next_batch().await {
            Ok(Some(batch)) => {
                assert!(!batch.lines.is_empty());
                lines.extend(batch.lines);
                bytes_read = batch.bytes_read;
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    assert!(bytes_read <= content.len() as u64);
    (lines, result)
}

#[track_caller]
fn check(content: &[u8], expected: &[&str]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (lines, result) = runtime.block_on(read_file(content, LIMIT));
    result.unwrap();
    assert_eq!(lines, expected);
}

#[test]
fn lines_are_found_whatever_their_ends() {
    check(b"", &[]);
    check(b"\n\r\n\n", &[]);
    check(b"a\nb\n", &["a", "b"]);
    check(b"a\nb", &["a", "b"]);
    check(b"a\r\n\r\n\nb\r\n c \n", &["a", "b", " c "]);
    check(b"a\r", &["a"]);
    check(b"a\rb\n\r\r\n", &["a\rb", "\r"]);
}

#[test]
fn compression_is_told_by_the_content() {
    check(&gzip(b"a\nb\n"), &["a", "b"]);
    check(&zstd(b"a\nb\n"), &["a", "b"]);
    check(&[gzip(b"a\nb"), gzip(b"c\n"), gzip(b"d")].concat(), &["a", "bc", "d"]);
    check(&[zstd(b"a\nb"), zstd(b"c\n")].concat(), &["a", "bc"]);
    check(&gzip(b""), &[]);
    check(b"\x1f", &["\x1f"]);
}

#[tokio::test]
async fn a_file_that_ends_too_early_gives_its_whole_lines_and_an_error() {
    let lines: Vec<String> = (0..20_000_u32).map(|n| format!("{{\"n\":{}}}", n * n)).collect();
    let text = lines.join("\n");
    for whole in [gzip(text.as_bytes()), zstd(text.as_bytes())] {
        let (read, result) = read_file(&whole[..whole.len() / 2], LIMIT).await;
        assert!(read.len() > 5_000, "{} lines", read.len());
        assert_eq!(read, lines[..read.len()]);
        let error = result.unwrap_err();
        assert!(error.to_string().ends_with(&format!("after line {}", read.len())), "{error}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_an_error() {
    let mut damaged = gzip(&b"a message\n".repeat(100_000));
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    let (lines, result) = read_file(&damaged, LIMIT).await;
    result.unwrap_err();
    assert!(lines.len() < 100_000);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_cut_and_those_around_it_are_not() {
    for long in [11, 12, 300_000, 1_000_000] {
        let text = format!("first\n{}\nlast\n{}", "x".repeat(long), "y".repeat(long));
        let (lines, result) = read_file(text.as_bytes(), 10).await;
        result.unwrap();
        assert_eq!(lines, ["first", "xxxxxxxxxx", "last", "yyyyyyyyyy"], "{long}");
    }
}

#[test]
fn cut_lines_are_named() {
    let text = format!("a\n{}\n\n{}\nb\n", "x".repeat(600_000), "y".repeat(20));
    let mut lines = Lines::new(Cursor::new(text), 10);
    let mut cut = Vec::new();
    while let Some(chunk) = lines.next_chunk().unwrap() {
        cut.extend(chunk.cut);
    }
    assert_eq!((cut, lines.line()), (vec![2, 4], 5));
}

#[test]
fn what_cannot_be_opened_is_named() {
    let open = |path: &str| FileReader::open(path.parse().unwrap(), LIMIT).unwrap_err().to_string();
    assert_eq!(open("/no/such/file"), "failed to open `/no/such/file`");
    assert_eq!(open("/"), "failed to open `/`");
}

#[test]
fn a_look_at_an_input_finds_what_opening_it_would() {
    let look = |path: &Path| FileInput::Path(path.to_owned()).check();
    let folder = tempfile::tempdir().unwrap();
    let why = |path: &Path| match look(path).unwrap_err() {
        FileError::Open { source, .. } => source.to_string(),
        other => panic!("{other}"),
    };
    assert_eq!(why(folder.path()), "it is a folder");
    assert!(why(&folder.path().join("none")).contains("No such file"));
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(look(&file).is_ok());
    // Opening a pipe would wait for its writer, and then leave it alone.
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(look(&pipe).is_ok());
}

#[test]
fn a_dash_is_standard_input() {
    assert_eq!("-".parse(), Ok(FileInput::Standard));
    assert_eq!("./-".parse(), Ok(FileInput::Path("./-".into())));
}

/// A reader that gives a few bytes at a time, like a pipe.
struct Trickle<'a>(std::slice::Iter<'a, Vec<u8>>);

impl Read for Trickle<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Some(part) = self.0.next() else { return Ok(0) };
        bytes[..part.len()].copy_from_slice(part);
        Ok(part.len())
    }
}

proptest! {
    #[test]
    fn lines_do_not_depend_on_how_they_are_read(
        parts in prop::collection::vec("[ab\r\n]{1,6}", 0..12),
        limit in 1_usize..8,
    ) {
        let parts: Vec<Vec<u8>> = parts.into_iter().map(String::into_bytes).collect();
        let whole = parts.concat();
        let mut expected = Vec::new();
        for line in whole.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            expected.extend((!line.is_empty()).then(|| line[..line.len().min(limit)].to_vec()));
        }
        let mut lines = Lines::new(Trickle(parts.iter()), limit);
        let mut found = Vec::new();
        while let Some(chunk) = lines.next_chunk().unwrap() {
            prop_assert!(!chunk.lines.is_empty());
            found.extend(chunk.lines.into_iter().map(Vec::from));
        }
        prop_assert_eq!(found, expected);
    }
}
