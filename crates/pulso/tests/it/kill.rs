//! `kill -9` at any moment, then the same command again: nothing lost, nothing doubled.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{assert_same, exports, pulso, recording, replay, verify};

const KILLS: u32 = 20;

#[test]
fn p2_a_replay_killed_at_any_moment_ends_in_the_same_views() {
    let folder = tempfile::tempdir().unwrap();
    let recording = recording(folder.path(), 3, 15_000, 25);
    let whole = folder.path().join("whole");
    let begun = now();
    replay(&recording, &whole);
    let duration = begun.elapsed();
    let expected = exports(&whole);

    for kill in 0..KILLS {
        // Evenly over the whole run, so that reading, archiving and jobs all get their share.
        let after = duration * (2 * kill + 1) / (2 * KILLS);
        let data = folder.path().join(format!("killed-{kill}"));
        kill_after(after, &recording, &data);
        if kill % 3 == 0 {
            // The way back may be cut too.
            kill_after(after / 2, &recording, &data);
        }
        eprintln!("killed after {after:?} of {duration:?}");
        replay(&recording, &data);
        verify(0, &data);
        assert_same(&exports(&data), &expected);
        std::fs::remove_dir_all(&data).unwrap();
    }
}

fn kill_after(after: Duration, recording: &Path, data: &Path) {
    let mut command = pulso();
    command.arg("replay").arg(recording).arg("--data").arg(data);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[expect(
    clippy::disallowed_methods,
    reason = "the moment of the kill is real time; nothing is asserted on it"
)]
fn now() -> Instant {
    Instant::now()
}
