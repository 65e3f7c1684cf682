//! Against real files, without time: a search follows whenever there is nothing more to read.

mod acquiring;
mod crashes;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::files::{Files, Step};
use super::place::Places;

/// A folder of files, and one who follows them.
struct Folder {
    folder: tempfile::TempDir,
    files: Option<Files>,
    skips: bool,
    bytes_max: usize,
    /// What the log has.
    last: Option<Places>,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut new = Self { folder, files: None, skips: false, bytes_max: 1000, last: None };
        new.restart();
        new
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path(name));
        file.as_mut().unwrap().write_all(text.as_ref()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn copy_and_truncate(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
        fs::OpenOptions::new().write(true).truncate(true).open(self.path(from)).unwrap();
    }

    /// As gzip does it: the original is there until the other is whole.
    fn compress(&self, name: &str) {
        fs::write(self.path(&format!("{name}.gz")), gzip(&fs::read(self.path(name)).unwrap()))
            .unwrap();
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Goes on from what the log has.
    fn restart(&mut self) {
        let pattern = self.path("*").to_str().unwrap().to_owned();
        let name = ("rsvps", "files".into());
        let last = self.last.clone();
        self.files = Some(Files::new(name, &[pattern], self.bytes_max, self.skips, last));
    }

    /// One step, of which all is stored.
    fn step(&mut self) -> (Vec<String>, bool) {
        let step = self.files.as_mut().unwrap().step();
        (self.store(&step, usize::MAX), step.idle)
    }

    /// Stores the first lines of a step.
    fn store(&mut self, step: &Step, count: usize) -> Vec<String> {
        let lines = &step.lines[..count.min(step.lines.len())];
        if let Some(line) = lines.last() {
            let places = std::iter::once(&line.place).chain(&step.others).cloned().collect();
            let number = step.number + lines.len() as u64 - 1;
            let places = Places { number, places };
            self.last = Some(places.to_string().parse().unwrap());
        }
        let text = |line: &super::followed::Line| String::from_utf8_lossy(&line.bytes).into_owned();
        lines.iter().map(text).collect()
    }

    /// All lines that there are now, after so many searches that found nothing.
    fn read_on(&mut self, searches: usize) -> Vec<String> {
        let (mut lines, mut idle) = (Vec::new(), 0);
        while idle < searches {
            let (more, is_idle) = self.step();
            idle = if more.is_empty() { idle + usize::from(is_idle) } else { 0 };
            lines.extend(more);
        }
        lines
    }

    #[track_caller]
    fn expect(&mut self, lines: &[&str]) {
        assert_eq!(self.read_on(5), lines);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

const NONE: [&str; 0] = [];

/// Otherwise what stands in them would be late.
#[test]
fn older_files_are_read_before_newer_ones_at_the_start() {
    // The same times as of copies, and times that tell.
    for seconds in [[5000; 5], [1000, 2000, 3000, 4000, 5000]] {
        let mut folder = Folder::new();
        for name in ["a.log.10", "a.log.2", "a.log.1", "a.log"] {
            folder.append(name, format!("{name}\n").repeat(3));
        }
        folder.compress("a.log.10");
        folder.compress("a.log.2");
        folder.append("a.log-20261127", "of a day\n");
        let names = ["a.log.10.gz", "a.log.2.gz", "a.log-20261127", "a.log.1", "a.log"];
        for (name, seconds) in names.into_iter().zip(seconds) {
            let file = fs::OpenOptions::new().append(true).open(folder.path(name)).unwrap();
            file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        }
        let lines = folder.read_on(5);
        let mut files = lines.clone();
        files.dedup();
        assert_eq!(files, ["a.log.10", "a.log.2", "of a day", "a.log.1", "a.log"]);
        assert_eq!(lines.len(), 13);
    }
}

#[test]
fn lines_come_once_they_have_an_end() {
    let mut folder = Folder::new();
    folder.expect(&NONE);
    folder.append("a.log", "one\r\n\n\ntwo\nthr");
    folder.expect(&["one", "two"]);
    folder.append("a.log", "ee");
    folder.expect(&NONE);
    folder.restart();
    folder.expect(&NONE);
    folder.append("a.log", "\nfour\n");
    folder.expect(&["three", "four"]);
    folder.restart();
    folder.expect(&NONE);
}

#[test]
fn a_file_is_followed_through_its_renaming() {
    for restarts in [false, true] {
        let mut folder = Folder::new();
        for number in 0..5 {
            folder.append("a.log", format!("{number} first\n"));
            folder.expect(&[&format!("{number} first")]);
            folder.append("a.log", format!("{number} unread\n{number} half"));
            for old in (1..number + 1).rev() {
                folder.rename(&format!("a.log.{old}"), &format!("a.log.{}", old + 1));
            }
            folder.rename("a.log", "a.log.1");
            folder.append("a.log", format!("{number} new\n"));
            folder.append("a.log.1", " line\n");
            if restarts {
                folder.restart();
            }
            let mut lines = folder.read_on(5);
            lines.sort();
            let expected = ["half line", "new", "unread"].map(|text| format!("{number} {text}"));
            assert_eq!(lines, expected);
        }
    }
}

#[test]
fn a_file_that_is_copied_and_cut_is_read_on_in_its_copy() {
    let mut folder = Folder::new();
    for restarts in [false, true, false, true] {
        let mark = if restarts { "r" } else { "" };
        folder.append("a.log", format!("{mark}one\n{mark}two\n"));
        folder.expect(&[&format!("{mark}one"), &format!("{mark}two")]);
        folder.append("a.log", format!("{mark}three\n"));
        if folder.path("a.log.1").exists() {
            folder.rename("a.log.1", "a.log.2");
        }
        folder.copy_and_truncate("a.log", "a.log.1");
        folder.append("a.log", format!("{mark}four, which is longer than all that was before\n"));
        if restarts {
            folder.restart();
        }
        let mut lines = folder.read_on(5);
        lines.sort();
        let four = format!("{mark}four, which is longer than all that was before");
        assert_eq!(lines, [four, format!("{mark}three")]);
    }
}

#[test]
fn a_copy_that_is_not_cut_yet_is_left_out() {
    let mut folder = Folder::new();
    folder.append("a.log", "one\ntwo\n");
    folder.expect(&["one", "two"]);
    folder.append("a.log.1", "one\n");
    folder.expect(&NONE);
    folder.append("a.log.1", "two\n");
    folder.append("a.log", "three\n");
    folder.expect(&["three"]);
    folder.append("a.log.1", "other\n");
    folder.expect(&["one", "two", "other"]);
}

#[test]
fn a_file_that_is_compressed_afterwards_does_not_come_again() {
    for restarts in [false, true] {
        let mut folder = Folder::new();
        folder.append("a.log", "one\ntwo\n");
        folder.expect(&["one", "two"]);
        folder.append("a.log", "three\nfour without an end");
        folder.rename("a.log", "a.log.1");
        folder.append("a.log", "five\n");
        if restarts {
            folder.restart();
        }
        folder.compress("a.log.1");
        let mut lines = folder.read_on(50);
        lines.sort();
        assert_eq!(lines, ["five", "four without an end", "three"]);
        folder.restart();
        assert_eq!(folder.read_on(50), NONE);
    }
}

#[test]
fn compressed_files_of_others_are_read_once() {
    let mut folder = Folder::new();
    let text: String = (0..50_000).map(|number| format!("line {number}\n")).collect();
    fs::write(folder.path("b.gz"), gzip(text.as_bytes())).unwrap();
    fs::write(folder.path("c.zst"), zstd(text.as_bytes())).unwrap();
    let mut lines = Vec::new();
    for _ in 0..8 {
        lines.extend(folder.step().0);
        folder.restart();
        for _ in 0..3 {
            lines.extend(folder.step().0);
        }
    }
    lines.extend(folder.read_on(5));
    lines.sort();
    let mut expected: Vec<_> = text.lines().flat_map(|line| [line, line]).collect();
    expected.sort_unstable();
    assert_eq!(lines, expected);
    folder.restart();
    folder.expect(&NONE);
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[test]
fn a_source_may_begin_at_the_end() {
    let mut folder = Folder::new();
    let long = format!("old {}\n", "x".repeat(100_000));
    folder.append("a.log", format!("{long}old\nhalf"));
    fs::write(folder.path("b.gz"), gzip(b"old\n")).unwrap();
    folder.skips = true;
    folder.restart();
    folder.expect(&NONE);
    folder.append("c.log", "new\n");
    folder.append("a.log", " a line\n");
    let mut lines = folder.read_on(5);
    lines.sort();
    assert_eq!(lines, ["half a line", "new"]);
    folder.append("d.log", "while it was stopped\n");
    folder.restart();
    folder.expect(&["while it was stopped"]);
}

/// Content alone would not tell these files apart.
#[test]
fn files_with_the_same_lines_are_told_apart() {
    let mut folder = Folder::new();
    folder.append("a.log", "x\nx\nx\n");
    folder.append("b.log", "x\nx\n");
    folder.expect(&["x"; 5]);
    for restarts in [false, true] {
        folder.rename("a.log", if restarts { "a.log.1" } else { "a.log.2" });
        folder.append("a.log", "x\n");
        if restarts {
            folder.restart();
        }
        folder.expect(&["x"]);
        folder.append("a.log", "x\n");
        folder.expect(&["x"]);
    }
}

#[test]
fn the_last_line_of_a_file_that_is_deleted_needs_no_end() {
    let mut folder = Folder::new();
    folder.append("a.log", "one\ntwo");
    folder.expect(&["one"]);
    fs::remove_file(folder.path("a.log")).unwrap();
    assert_eq!(folder.read_on(50), ["two"]);
    folder.append("a.log", "three\n");
    folder.expect(&["three"]);
}

#[test]
fn a_line_that_is_too_long_is_cut_off_and_the_next_is_whole() {
    let mut folder = Folder::new();
    folder.bytes_max = 10;
    let long = "0123456789".repeat(1_000_000);
    for name in ["a.log", "b.gz"] {
        folder.restart();
        let text = format!("1\n{long}\n2\n012345678901\n0123456789\r\n");
        let bytes = if name == "b.gz" { gzip(text.as_bytes()) } else { text.into_bytes() };
        fs::write(folder.path(name), bytes).unwrap();
        folder.expect(&["1", "0123456789", "2", "0123456789", "0123456789"]);
        folder.restart();
        folder.expect(&NONE);
    }
    // One whose end comes later.
    folder.append("a.log", format!("abc{long}"));
    folder.expect(&NONE);
    folder.append("a.log", "d\n3\n");
    folder.expect(&["abc0123456", "3"]);
}

#[test]
fn a_line_of_the_longest_length_is_whole() {
    let mut folder = Folder::new();
    folder.bytes_max = 16 * 1024 * 1024;
    folder.restart();
    let line = "y".repeat(folder.bytes_max);
    folder.append("a.log", format!("{line}\nnext\n"));
    assert_eq!(folder.read_on(5), [line, "next".to_owned()]);
}

#[test]
fn a_small_file_that_decompresses_to_a_huge_one_is_read_through() {
    let mut folder = Folder::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..256 {
        encoder.write_all(&[0; 1024 * 1024]).unwrap();
    }
    encoder.write_all(b"\nnext\n").unwrap();
    fs::write(folder.path("bomb.gz"), encoder.finish().unwrap()).unwrap();
    let nul = "\0".repeat(1000);
    folder.expect(&[&nul, "next"]);
}

#[test]
fn a_damaged_file_is_read_as_far_as_it_goes_and_holds_nothing_up() {
    let mut folder = Folder::new();
    let text: String =
        (0..100_000).map(|number| format!("line {number} {}\n", number * 7919)).collect();
    let whole = gzip(text.as_bytes());
    fs::write(folder.path("b.gz"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path("c"), b"\x1f\x8b\0garbage").unwrap();
    folder.append("d.log", b"\xff\xfe\0\n\x1b\n");
    let mut lines = folder.read_on(5);
    assert!((10_000..90_000).contains(&lines.len()), "{}", lines.len());
    assert_eq!(lines.iter().filter(|line| !line.starts_with("line ")).count(), 2);
    // It was still being written.
    fs::write(folder.path("b.gz"), &whole).unwrap();
    lines.extend(folder.read_on(5));
    assert_eq!(lines.len(), 100_002);
    folder.restart();
    folder.expect(&NONE);
}
