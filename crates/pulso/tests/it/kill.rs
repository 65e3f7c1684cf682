//! `kill -9` at any moment, then the same command again: nothing lost, nothing doubled.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pulso_batch::Job;
use pulso_model::View;
use pulso_pipeline::{Query, Views};
use pulso_sqlite::ViewStore;
use serde_json::Value;

use crate::support::{assert_same, exports, pulso, recording, replay, verify};

/// Each folder is killed several times before a run may end: the way back is cut, too.
const FOLDERS: u32 = 4;
const KILLS_PER_FOLDER: u32 = 5;
const KILLS: u32 = FOLDERS * KILLS_PER_FOLDER;

const MESSAGES: usize = 2_000;

/// The most looks at a run of the batch layer before it is killed; it takes more than these.
const LOOKS_MAX: u64 = 20;

/// How long a run may take to get where it is killed; by far more than it needs.
const DEADLINE: Duration = Duration::from_secs(120);

/// When a replay is killed: by what it has done, not by the clock.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// It has been given so many messages, and waits for more.
    Reading { messages: usize },
    /// It has begun this run of the batch layer, and was looked at so many times since.
    Running { stage: usize, looks: u64 },
}

#[test]
fn p2_a_replay_killed_at_any_moment_ends_in_the_same_views() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 3, MESSAGES, 20);
    let whole = folder.path().join("whole");
    replay(&recording, &whole);
    let expected = exports(&whole);
    let text = std::fs::read_to_string(&recording).unwrap();
    let messages: Vec<&str> = text.split_inclusive('\n').collect();

    let kill_folder = |number: u32| {
        let data = folder.path().join(format!("killed-{number}"));
        let mut killed = Vec::new();
        for kill in 0..KILLS_PER_FOLDER {
            let moment = moment(kill * FOLDERS + number);
            let stage = kill_at(moment, &messages, &data);
            eprintln!("folder {number} killed at {moment:?}: {stage}");
            killed.push(stage);
        }
        replay(&recording, &data);
        verify(0, &data);
        assert_same(&exports(&data), &expected);
        killed
    };
    // Two at a time.
    let killed: Vec<String> = std::thread::scope(|scope| {
        let kill_folder = &kill_folder;
        let odd_or_even = |first: u32| {
            scope.spawn(move || {
                (first..FOLDERS).step_by(2).flat_map(kill_folder).collect::<Vec<_>>()
            })
        };
        let halves = [odd_or_even(0), odd_or_even(1)];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let kinds: BTreeSet<&str> = killed.iter().map(String::as_str).collect();
    let late = killed.iter().filter(|stage| *stage == "ended").count();
    assert!(late <= 2, "kills came too late: {killed:?}");
    assert!(kinds.contains("reading") && kinds.len() > 3, "few stages: {killed:?}");
}

/// A random moment in the part of the run that belongs to the number: half of them while it reads, the
/// others by turns in the runs of the batch layer.
fn moment(number: u32) -> Moment {
    let random = BuildHasherDefault::<DefaultHasher>::default().hash_one(number);
    let reading = KILLS / 2;
    if number < reading {
        let part = MESSAGES / reading as usize;
        let within = usize::try_from(random % part as u64).unwrap();
        return Moment::Reading { messages: part * number as usize + within };
    }
    let stage = (number - reading) as usize % stages().len();
    Moment::Running { stage, looks: random % LOOKS_MAX }
}

/// The runs of the batch layer in their order.
fn stages() -> Vec<&'static str> {
    let jobs = Job::all(pulso_testkit::stream());
    std::iter::once("archive").chain(jobs.iter().map(Job::name)).collect()
}

/// Says what the program was doing when it was killed.
fn kill_at(moment: Moment, messages: &[&str], data: &Path) -> String {
    let before = newest_run(data).map(|run| run["run"].clone());
    let mut command = pulso();
    command.args(["replay", "-", "--data"]).arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let given = match moment {
        Moment::Reading { messages } => messages,
        Moment::Running { .. } => messages.len(),
    };
    input.write_all(messages[..given].concat().as_bytes()).unwrap();
    if let Moment::Running { stage, looks } = moment {
        drop(input);
        wait_for(stage, before.as_ref(), &mut child, data);
        (0..looks).for_each(|_| drop(newest_run(data)));
    }
    let ended = child.try_wait().unwrap().is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    match newest_run(data) {
        _ if ended => "ended".to_owned(),
        Some(run) if Some(&run["run"]) != before.as_ref() => {
            run["job"].as_str().unwrap().to_owned()
        }
        _ => "reading".to_owned(),
    }
}

/// Until a run has begun that is not the one before, of this stage or a later one.
fn wait_for(stage: usize, before: Option<&Value>, child: &mut Child, data: &Path) {
    let later: Vec<&str> = stages().split_off(stage);
    let begun = now();
    while child.try_wait().unwrap().is_none() {
        let reached = |run: &Value| {
            Some(&run["run"]) != before && later.iter().any(|name| run["job"] == *name)
        };
        if newest_run(data).as_ref().is_some_and(reached) {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "it does not get to {}", later[0]);
        std::thread::yield_now();
    }
}

/// The newest run of the batch layer recorded in a folder, which may not be there yet.
fn newest_run(data: &Path) -> Option<Value> {
    let views = ViewStore::open_read_only(&data.join("views.db")).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let page = runtime.block_on(views.query(Query::newest(View::BATCH_RUNS, 1))).ok()?;
    let newest = page.documents.into_iter().next()?;
    Some(serde_json::from_str(&newest.document.body).unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a deadline, on which no result depends")]
fn now() -> Instant {
    Instant::now()
}
