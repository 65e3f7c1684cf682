//! Erasing a person: nothing of them is left in any byte of the data directory, and everything else stays.

use std::fs;
use std::path::Path;

use pulso_model::{Layer, Renaming, View};
use pulso_runtime::stores::embedded;
use serde_json::Value;
use tempfile::TempDir;

use crate::person::{Person, author, files, member, of_the_calendar, unnamed};

fn copy(from: &Path, to: &Path) {
    for path in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

async fn nothing_is_left_and_all_else_stays(person: Person) {
    person.store().await;
    assert!(person.verify().await.holds());
    let before = person.documents().await;
    let traces = person.traces().await;
    assert!(traces.len() > 10, "the person is there: {traces:?}");

    let said = person.erased(&["--dry-run"]);
    assert!(said.ends_with("nothing was changed\n"), "{said}");
    assert_eq!(person.documents().await, before);
    let refused = person.erase(&[]);
    assert_eq!(refused.status.code(), Some(2), "nobody can be asked");

    let said = person.erased(&["--yes"]);
    assert!(!said.contains(&person.id), "{said}");
    assert_eq!(person.traces().await, Vec::<String>::new());
    let after = person.documents().await;
    assert_ne!(before, after);
    assert_eq!(unnamed(&before, &person), unnamed(&after, &person));
    let report = person.verify().await;
    assert!(report.holds(), "{report}");
    assert_eq!(person.erase(&["--yes"]).status.code(), Some(4), "nothing is left to do");

    person.run_batch().await;
    assert_eq!(person.documents().await, after, "computed anew it is the same");
    let report = person.verify().await;
    assert!(report.holds(), "{report}");
}

#[tokio::test]
async fn nothing_is_left_of_a_member() {
    let data = TempDir::new().unwrap();
    nothing_is_left_and_all_else_stays(member(data.path())).await;
}

#[tokio::test]
async fn nothing_is_left_of_an_author() {
    let data = TempDir::new().unwrap();
    nothing_is_left_and_all_else_stays(author(data.path())).await;
}

#[tokio::test]
async fn nothing_is_left_of_who_goes_to_an_event_and_who_announces_it_is_refused() {
    let data = TempDir::new().unwrap();
    let organiser = of_the_calendar(data.path(), "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa");
    let guest = of_the_calendar(data.path(), "did:plc:pppppppppppppppppppppppp");
    nothing_is_left_and_all_else_stays(guest).await;
    let before = organiser.documents().await;
    let output = organiser.erase(&["--yes"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("terms"), "{stderr}");
    assert_eq!(organiser.documents().await, before);
    assert!(!data.path().join("erase.key").exists());
}

/// Whatever was changed before the program was killed, the next run ends the same.
#[tokio::test]
async fn a_run_that_was_broken_off_is_finished_by_the_next() {
    let (before, whole) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let person = member(before.path());
    person.store().await;
    let (key, stream) = ([7; 32], person.config.stream());
    let new_actor = Renaming::new(stream, &person.id, key).unwrap().new_actor();
    let kept = [key.as_slice(), format!("{stream}/{new_actor}").as_bytes()].concat();
    fs::write(before.path().join("erase.key"), &kept).unwrap();
    copy(before.path(), whole.path());
    let finished = member(whole.path());
    finished.erased(&["--yes"]);
    assert!(!whole.path().join("erase.key").exists());
    let expected = finished.documents().await;
    let steps = ["lake", "views.db", "spool", "log"];
    for done in (1..=steps.len()).map(|done| &steps[..done]) {
        let half = TempDir::new().unwrap();
        copy(before.path(), half.path());
        for name in done {
            let (from, to) = (whole.path().join(name), half.path().join(name));
            if from.is_dir() {
                fs::remove_dir_all(&to).unwrap();
                copy(&from, &to);
            } else {
                fs::copy(from, to).unwrap();
            }
        }
        let person = member(half.path());
        person.erased(&["--yes"]);
        assert_eq!(person.traces().await, Vec::<String>::new(), "{done:?}");
        assert_eq!(person.documents().await, expected, "{done:?}");
        assert!(person.verify().await.holds(), "{done:?}");
    }
    let other = before.path();
    let output = Person { id: "1".to_owned(), ..member(other) }.erase(&["--yes"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(3) && stderr.contains("another person"), "{stderr}");
}

#[tokio::test]
async fn a_person_is_erased_only_while_nobody_else_uses_the_stores() {
    let data = TempDir::new().unwrap();
    let person = member(data.path());
    let log = embedded::log(&person.config).unwrap();
    let output = person.erase(&["--yes"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("stop all programs of Pulso"), "{stderr}");
    drop(log);
    assert_eq!(person.erase(&["--yes"]).status.code(), Some(4), "nothing is stored");
    let group = Person { config: person.config.of_stream("open-events").unwrap(), ..person };
    let stderr = String::from_utf8(group.erase(&["--yes"]).stderr).unwrap();
    assert!(stderr.contains("no actor who is a person"), "{stderr}");
}

/// Numbers are short ids, and stand in documents for other things: where a message is, and what is wrong
/// there.
#[tokio::test]
async fn a_number_that_only_tells_where_a_dead_letter_is_means_nobody() {
    let data = TempDir::new().unwrap();
    let person = member(data.path());
    person.store().await;
    let before = person.documents().await;
    let dead_letters = &before[&(View::DEAD_LETTERS, Layer::Speed)];
    let text = |body: &Value, field: &str| body[field].as_str().unwrap_or_default().to_owned();
    let payloads: String = dead_letters
        .values()
        .flat_map(|body| ["payload", "payload_hex"].map(|f| text(body, f)))
        .collect();
    let offsets = dead_letters.values().map(|body| body["offset"].to_string());
    let id = offsets.into_iter().find(|offset| !payloads.contains(offset.as_str())).unwrap();
    let nobody = Person { id, ..person };
    assert_eq!(nobody.erase(&["--yes"]).status.code(), Some(4));
    assert_eq!(nobody.documents().await, before);
}

#[test]
fn a_stream_beside_that_of_the_person_is_refused() {
    let data = TempDir::new().unwrap();
    let output = member(data.path()).erase(&["--stream", "posts", "--dry-run"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && stderr.contains("--stream"), "{stderr}");
}
