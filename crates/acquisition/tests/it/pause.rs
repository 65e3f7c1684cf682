//! A source is paused and resumed at any moment, the program is killed in between, and every line comes once.

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pulso_model::WallTime;
use pulso_runtime::sources::Sources;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::file::{counts, kill, log, start};

const KILLS: usize = 20;

#[tokio::test]
async fn every_line_is_stored_once_through_pauses_and_kills() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.log");
    let config = format!(
        "[operations]\nacquisition = \"off\"\n[acquisition]\nbatch_messages = 50\n\
         [[acquisition.sources]]\nname = \"lines\"\nprotocol = \"file\"\npaths = [{:?}]\n\
         filter = 'mod(int!(.rsvp_id), 3) != 0'\n",
        path.display().to_string()
    );
    fs::write(directory.path().join("pulso.toml"), config).unwrap();
    let ends = Arc::new(AtomicBool::new(false));
    let writer = {
        let ends = Arc::clone(&ends);
        thread::spawn(move || {
            let mut file = fs::File::create(path).unwrap();
            let mut lines = 0_u64;
            while !ends.load(Ordering::Relaxed) {
                writeln!(file, "{{\"rsvp_id\":{lines}}}").unwrap();
                lines += 1;
                if lines.is_multiple_of(100) {
                    thread::sleep(Duration::from_millis(2));
                }
            }
            lines
        })
    };
    let sources = Sources::in_folder(&directory.path().join("pulso-data"));
    let mut random = StdRng::seed_from_u64(7);
    for _ in 0..KILLS {
        let program = start(directory.path());
        for _ in 0..random.random_range(0..3) {
            thread::sleep(Duration::from_millis(random.random_range(50..700)));
            if random.random_bool(0.5) {
                sources.pause("lines", WallTime(0)).unwrap();
            } else {
                sources.resume("lines").unwrap();
            }
        }
        thread::sleep(Duration::from_millis(random.random_range(50..400)));
        kill(program);
    }
    ends.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();
    sources.resume("lines").unwrap();
    let program = start(directory.path());
    let expected = written - written.div_ceil(3);
    let found = async || counts(&log(directory.path())).await;
    while (found().await.len() as u64) < expected {
        thread::sleep(Duration::from_millis(100));
    }
    kill(program);
    let counts = found().await;
    let wrong = counts.values().filter(|count| **count != 1).count();
    assert_eq!((wrong, counts.len() as u64), (0, expected));
}
