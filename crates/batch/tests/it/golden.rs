//! Each job over one small table, against the documents in `tests/golden/JOB.golden`; `UPDATE_EXPECT=1`
//! writes them anew.
//!
//! Such a file is the job's description after a `# `, then each document as two lines, its `_id` and its
//! body, with an empty line before it, in the order of the view's key. It is no file of sqllogictest, as
//! what a job gives are documents, after its rows have been encoded.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use bytes::Bytes;
use pulso_batch::Days;
use pulso_model::{Day, Layer};
use pulso_testkit::message::message;
use serde_json::json;

use crate::support::{TestLake, jobs, records, run, small_windows, written};

/// 2017-03-19T23:59:30Z.
const BEFORE_MIDNIGHT: i64 = 1_489_967_970_000;

/// An RSVP that changes, echoes on both sides of midnight, one response without a coordinate, one
/// that is two weeks late, a waiting list and a dead letter.
fn messages() -> Vec<Bytes> {
    let at = |rsvp_id, millis: i64| message(rsvp_id, BEFORE_MIDNIGHT + millis);
    let named = json!([{"urlkey": "Art", "topic_name": "ART"}, {"urlkey": "wine"}]);
    vec![
        at(1, 1_250).bytes(),
        at(2, 2_500).guests(2).bytes(),
        at(2, 3_000).guests(2).bytes(),
        at(3, 8_000)
            .response("no")
            .country("us")
            .group(2)
            .event("e2")
            .coordinates(0.0, 0.0)
            .bytes(),
        at(4, 29_900).set("/group/group_topics", named.clone()).bytes(),
        at(4, 30_000).set("/group/group_topics", named).bytes(),
        Bytes::from_static(b"{\"rsvp_id\": 5}"),
        at(1, 31_000).response("no").member(1001).bytes(),
        at(6, 32_000).response("waitlist").venue(9, 52.5, 13.3).without("/event/time").bytes(),
        at(7, 33_000).group(2).event("e2").country("us").coordinates(40.7, -74.0).guests(1).bytes(),
        at(8, -1_209_600_000).event("a \"quoted\" \\ line\nbreak").bytes(),
    ]
}

fn days() -> Days {
    let days = ["2017-03-05", "2017-03-19", "2017-03-20"];
    let days = days.into_iter().map(|day| day.parse::<Day>().unwrap()).collect::<BTreeSet<_>>();
    Days { days, complete_until: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_give_the_expected_documents() {
    let lake = TestLake::of(&records(&messages(), 2)).await;
    let views = run(&lake.engine(small_windows()).await, &jobs(), &days()).await;
    let folder = Path::new("tests/golden");
    for job in jobs() {
        let mut found = format!("# {}\n", job.description());
        for document in written(&views, job.view, Layer::Batch).await {
            write!(found, "\n{}\n{}\n", document.id, document.body).unwrap();
        }
        let path = folder.join(format!("{}.golden", job.name()));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, &found).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(found, expected, "run again with UPDATE_EXPECT=1 if `{}` is right", job.name());
    }
}
