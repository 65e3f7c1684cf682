//! Everything that can happen, in any order: each line comes exactly once.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Folder;

/// Writes lines, each with a number of its own, into files that are rotated in every way.
struct Writer {
    random: StdRng,
    written: u64,
    /// Whether the file that is written to ends within a line.
    half: bool,
    rotations: u64,
}

impl Writer {
    fn write(&mut self, folder: &Folder) {
        let count = self.random.random_range(1..50);
        for _ in 0..count {
            if !self.half {
                folder.append("app.log", format!("line {}", self.written));
                self.written += 1;
            }
            self.half = self.random.random_ratio(1, 40);
            if !self.half {
                folder.append(
                    "app.log",
                    format!(" {}\n", "x".repeat(self.random.random_range(0..60))),
                );
            }
        }
    }

    fn rotate(&mut self, folder: &Folder) {
        let name = |number: u64| format!("app.log.{number}");
        for old in (1..8).rev() {
            for end in ["", ".gz"] {
                let from = format!("{}{end}", name(old));
                if folder.path(&from).exists() {
                    folder.rename(&from, &format!("{}{end}", name(old + 1)));
                }
            }
        }
        if !folder.path("app.log").exists() {
            return;
        }
        self.rotations += 1;
        if self.half {
            folder.append("app.log", "\n");
            self.half = false;
        }
        if self.random.random() {
            folder.rename("app.log", &name(1));
        } else {
            folder.copy_and_truncate("app.log", &name(1));
        }
        let old = name(self.random.random_range(1..4));
        if self.random.random() && folder.path(&old).exists() {
            folder.compress(&old);
        }
    }
}

fn run(seed: u64) {
    let mut folder = Folder::new();
    let random = StdRng::seed_from_u64(seed);
    let mut writer = Writer { random, written: 0, half: false, rotations: 0 };
    let mut lines = Vec::new();
    let mut rotations_unread = 0;
    for _ in 0..400 {
        match writer.random.random_range(0..10) {
            0..3 => writer.write(&folder),
            // Files that nobody had time to look at must not be older than those that are kept.
            3 if rotations_unread < 3 => {
                writer.rotate(&folder);
                rotations_unread += 1;
            }
            4 => {
                // Killed when a part of what was read is stored.
                let step = folder.files.as_mut().unwrap().step();
                let count = writer.random.random_range(0..=step.lines.len());
                lines.extend(folder.store(&step, count));
                folder.restart();
            }
            5 if writer.random.random_ratio(1, 3) => {
                lines.extend(folder.read_on(3));
                rotations_unread = 0;
            }
            _ => lines.extend(folder.step().0),
        }
    }
    if writer.half {
        folder.append("app.log", "\n");
    }
    lines.extend(folder.read_on(30));
    assert!(writer.rotations > 5);
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for line in &lines {
        let number = line.split(' ').nth(1).unwrap().parse().unwrap();
        *counts.entry(number).or_default() += 1;
    }
    let wrong: Vec<_> = (0..writer.written)
        .map(|number| (number, counts.get(&number).copied().unwrap_or(0)))
        .filter(|(_, count)| *count != 1)
        .collect();
    assert!(wrong.is_empty(), "seed {seed}: of {} lines came otherwise: {wrong:?}", writer.written);
    folder.restart();
    assert_eq!(folder.read_on(30), [""; 0], "seed {seed}");
}

#[test]
fn every_line_comes_exactly_once_through_crashes_and_rotations() {
    for seed in 0..60 {
        run(seed);
    }
}
