//! Each scenario file, read in every way that must make no difference (P2).
//!
//! The log is split into one to three partitions, read evenly and one after another, in batches of
//! every size, with checkpoints after every one to three batches, and with a crash in every single
//! read, write and save, after which all that is left is read at once. `UPDATE_EXPECT=1` rewrites what
//! is expected from the plainest way.

mod log;
mod message;
mod script;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use pulso_model::{EventTime, KeyValue, Stream, View, ViewDocument, WallTime};
use pulso_pipeline::memory::{MemoryCheckpoints, MemoryViews};
use pulso_pipeline::{Checkpoint, Checkpoints, ManualClock, Progress};
use pulso_speed::{Options, run};
use pulso_testkit::view;
use tokio_util::sync::CancellationToken;

use crate::ports::{
    Acknowledged, Faults, FaultyViews, WatchedCheckpoints, documents, told, totals,
    views_of_the_log,
};
use crate::recount::{self, recount};
use log::{AfterCrash, Log, Order, Position, ScriptSource};
use script::Script;

/// The longest document that is shown as a whole.
const LINE_BYTES: usize = 1000;

macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check(stringify!($name)) })*
    };
}

scenarios! {
    a_trend_ends,
    all_idle_clock_closes,
    allowed_lateness,
    before_1970,
    byte_identical_repeat,
    change_of_mind,
    coordinates,
    dead_letters,
    each_line_a_fact,
    echo_across_a_pane_border,
    echo_horizon,
    echo_keys_of_open_panes,
    end_closes_everything,
    first_window,
    gap_of_days,
    late_and_its_echo,
    one_idle_partition,
    posts_by_language,
    requests_by_country,
    score_of_a_jump,
    second_input_goes_on,
    sliding_counts_and_ranks,
    two_names_of_a_topic,
    unlisted_in_a_country,
    visitors_of_a_page,
    visits,
    waitlist,
}

#[test]
fn every_file_is_a_test() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(files, names);
}

/// One way to read a scenario.
#[derive(Clone, Debug)]
struct Way {
    partitions: u32,
    order: Order,
    batch_records: usize,
    /// Batches between checkpoints.
    checkpoint_batches: usize,
    after_crash: AfterCrash,
    faults: Faults,
}

fn folder() -> PathBuf {
    PathBuf::from("tests/scenarios")
}

fn check(name: &str) {
    let path = folder().join(format!("{name}.scenario"));
    let text = std::fs::read_to_string(&path).unwrap();
    let script = Script::parse(&text);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.unwrap();
    let outcome = |way: &Way| runtime.block_on(Box::pin(read(&script, way)));

    let messages = script.parts.iter().flat_map(|part| &part.sections);
    let messages: usize = messages.map(|section| section.messages.len()).sum();
    let plainest = Way {
        partitions: script.partitions.unwrap_or(1),
        order: Order::Even,
        batch_records: messages.max(1),
        checkpoint_batches: 1,
        after_crash: AfterCrash::TimeRepeats,
        faults: Faults::default(),
    };
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, script.with_expected(&outcome(&plainest))).unwrap();
        return;
    }
    for way in ways(&script, &plainest) {
        let found = outcome(&way);
        assert!(found == script.expected, "{}", difference(name, &way, &script.expected, &found));
        for call in 0..way.faults.calls() {
            let way = Way { faults: Faults::at(call), ..way.clone() };
            let found = outcome(&way);
            let same = found == script.expected;
            assert!(same, "{}", difference(name, &way, &script.expected, &found));
            if script.parts.iter().flat_map(|part| &part.sections).any(|s| s.clock.is_some()) {
                // What is judged late may then differ, but never what follows from it.
                outcome(&Way {
                    after_crash: AfterCrash::LogStays,
                    faults: Faults::at(call),
                    ..way
                });
            }
        }
    }
}

fn ways(script: &Script, plainest: &Way) -> Vec<Way> {
    let partitions = script.partitions.map_or(1..=3, |partitions| partitions..=partitions);
    let mut ways = Vec::new();
    for partitions in partitions {
        for order in [Order::Even, Order::OneAfterAnother] {
            for batch_records in batch_sizes(plainest.batch_records) {
                for checkpoint_batches in 1..=3 {
                    let faults = Faults::default();
                    ways.push(Way {
                        partitions,
                        order,
                        batch_records,
                        checkpoint_batches,
                        after_crash: AfterCrash::TimeRepeats,
                        faults,
                    });
                }
            }
        }
    }
    ways.retain(|way| way.partitions > 1 || way.order == Order::Even);
    ways
}

/// Every size up to a few, then some.
fn batch_sizes(messages: usize) -> impl Iterator<Item = usize> {
    (1..=messages).filter(move |size| *size <= 7 || size.is_power_of_two() || *size == messages)
}

/// Runs the program as often as the scenario says; then everything that can be seen.
async fn read(script: &Script, way: &Way) -> String {
    let log = Log::new(script, way.partitions);
    let (views, acknowledged) = (MemoryViews::default(), Acknowledged::default());
    let mut checkpoints = MemoryCheckpoints::default();
    let clock = ManualClock::at(WallTime(script.start));
    let options = Options {
        checkpoint_records_max: (way.batch_records * way.checkpoint_batches) as u64,
        checkpoint_interval: Duration::MAX,
        // After every batch, or at the end only.
        health_interval: Some(match way.checkpoint_batches {
            1 => Duration::ZERO,
            _ => Duration::MAX,
        }),
        ..script.options()
    };
    for part in 0..log.parts.len() {
        // A crash while it stops ends the program; then it is started once more.
        for attempt in 0..2 {
            let shutdown = CancellationToken::new();
            let source = ScriptSource {
                log: log.clone(),
                part,
                batch_records: way.batch_records,
                order: way.order,
                clock: clock.clone(),
                shutdown: shutdown.clone(),
                faults: way.faults.clone(),
                after_crash: way.after_crash,
                position: Position::default(),
            };
            let faults = way.faults.clone();
            let sink = FaultyViews {
                views: views.clone(),
                faults,
                acknowledged: Acknowledged::clone(&acknowledged),
            };
            let checkpoints = WatchedCheckpoints {
                checkpoints: checkpoints.clone(),
                faults: way.faults.clone(),
                acknowledged: Acknowledged::clone(&acknowledged),
                log: log.clone(),
            };
            match run(source, sink, checkpoints, clock.clone(), &options, shutdown.clone()).await {
                Ok(()) => break,
                Err(error) => assert!(shutdown.is_cancelled() && attempt == 0, "{way:?}: {error}"),
            }
        }
    }
    let Ok(checkpoint) = checkpoints.load().await;
    let checkpoint = checkpoint.expect("a run ends with a checkpoint");
    let told = told(&documents(&views, View::HEALTH).await);
    assert_eq!(told, totals(&checkpoint.progress), "W4: {way:?}: sums of health");
    if way.after_crash == AfterCrash::LogStays || way.faults.none() {
        let difference = difference_to_recount(&log, &views, &checkpoint, &options).await;
        assert!(difference.is_none(), "{way:?}: a recount differs\n{}", difference.unwrap());
    }
    show(options.stream.decoder.stream(), &views, &checkpoint.progress).await
}

/// Counts again which facts are in the log and not recorded as late.
async fn difference_to_recount(
    log: &Log,
    views: &MemoryViews,
    checkpoint: &Checkpoint,
    options: &Options,
) -> Option<String> {
    let late = documents(views, View::LATE_FACTS).await;
    let place = |document: &ViewDocument| match &document.sort_key()[..] {
        [KeyValue::Text(_), KeyValue::Integer(partition), KeyValue::Integer(offset)] => {
            (u32::try_from(*partition).unwrap(), u64::try_from(*offset).unwrap())
        }
        key => panic!("{key:?}"),
    };
    let late: BTreeSet<_> = late.iter().map(place).collect();
    let closed_until = checkpoint.closed_until.unwrap_or(EventTime(i64::MIN));
    let Options { stream, settings, .. } = options;
    let expected = recount(&stream.decoder, log.records(), &late, settings, closed_until);
    let mut found = recount::Documents::new();
    for view in recount::views(stream.decoder.stream()) {
        let documents = documents(views, view).await;
        found.extend(documents.into_iter().map(|d| ((view, d.id), d.body)));
    }
    recount::difference(&expected, &found)
}

async fn show(stream: &Stream, views: &MemoryViews, progress: &[Progress]) -> String {
    let (mut text, responses) = (String::new(), view("responses"));
    for view in views_of_the_log(stream) {
        for ViewDocument { id, body, .. } in documents(views, view).await {
            let shown = if view == responses { &id } else { &body };
            match shown.split_at_checked(LINE_BYTES) {
                None => writeln!(text, "{view} {shown}").unwrap(),
                Some((begin, rest)) => {
                    writeln!(text, "{view} {begin}... and {} more bytes", rest.len()).unwrap();
                }
            }
        }
    }
    let [counted, echoes, late, skipped, dead_letters] = totals(progress);
    let progress = [
        ("counted", counted),
        ("echoes", echoes),
        ("late", late),
        ("skipped", skipped),
        ("dead_letters", dead_letters),
    ];
    let progress = progress.map(|(name, count)| format!("\"{name}\":{count}")).join(",");
    writeln!(text, "progress {{{progress}}}").unwrap();
    text
}

fn difference(name: &str, way: &Way, expected: &str, found: &str) -> String {
    let mut text = format!("{name} read as {way:?}\n");
    for line in expected.lines().filter(|line| !found.lines().any(|other| other == *line)) {
        writeln!(text, "missing    {line}").unwrap();
    }
    for line in found.lines().filter(|line| !expected.lines().any(|other| other == *line)) {
        writeln!(text, "unexpected {line}").unwrap();
    }
    text
}
