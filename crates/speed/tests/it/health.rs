//! What the documents of health say, and that no crash adds or loses one (W4).

use std::time::Duration;

use pulso_model::{View, ViewDocument};
use pulso_testkit::message::{EPOCH, message};
use serde_json::{Value, json};

use crate::ports::{documents, told, totals};
use crate::running::{Bench, Moody, Outcome};

/// Longer than the time between two documents.
const A_WHILE: Duration = Duration::from_secs(12);

async fn health(bench: &Bench) -> Vec<ViewDocument> {
    documents(&bench.views, View::HEALTH).await
}

async fn bodies(bench: &Bench) -> Vec<Value> {
    let documents = health(bench).await;
    documents.iter().map(|document| serde_json::from_str(&document.body).unwrap()).collect()
}

async fn saved_totals(bench: &Bench) -> [u64; 5] {
    totals(&bench.saved().await.unwrap().progress)
}

/// Two messages are read, and the program is killed while it writes the document that tells of them.
async fn w4_killed_at_a_document(outcome: Outcome) {
    let bench = Bench::with_messages(1, 2).await;
    let sink = Moody::new(&bench.views, [Outcome::Stored, Outcome::Stored, outcome]);
    let mut hanging = sink.hanging.subscribe();
    let (running, _status, _stop) = bench.start(sink, &[("checkpoint.interval", "1h")]);
    hanging.wait_for(|hanging| *hanging).await.unwrap();
    running.abort();
    assert_eq!(saved_totals(&bench).await, [2, 0, 0, 0, 0], "it is saved before it is written");
    let shown = health(&bench).await;
    assert_eq!(shown.len(), usize::from(outcome == Outcome::StoredUnheard));

    // Long after, in another month even.
    bench.clock.advance(Duration::from_hours(24 * 40));
    bench.append(&message(0, EPOCH)).await;
    bench.append_bytes("{}".into()).await;
    bench.append(&message(2, EPOCH + 2_000)).await;
    bench.run(&[]).await.unwrap();
    let after = health(&bench).await;
    assert_eq!(after.len(), 2, "{after:?}");
    assert!(shown.iter().all(|document| after.contains(document)), "{shown:?} {after:?}");
    assert_eq!(told(&after), [3, 1, 0, 0, 1]);
    assert_eq!(told(&after), saved_totals(&bench).await);
}

#[tokio::test(start_paused = true)]
async fn w4_a_document_that_was_written_before_a_crash_is_overwritten() {
    w4_killed_at_a_document(Outcome::StoredUnheard).await;
}

#[tokio::test(start_paused = true)]
async fn w4_a_document_that_was_lost_in_a_crash_is_written_after_it() {
    w4_killed_at_a_document(Outcome::Hangs).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_the_rest() {
    let bench = Bench::with_messages(2, 5).await;
    bench.run(&[]).await.unwrap();
    assert_eq!(told(&health(&bench).await), [5, 0, 0, 0, 0]);
    bench.run(&[]).await.unwrap();
    assert_eq!(health(&bench).await.len(), 1, "there is nothing to add");
}

#[tokio::test(start_paused = true)]
async fn while_nothing_comes_the_delay_grows() {
    let bench = Bench::with_messages(1, 1).await;
    let (running, mut status, stop) = bench.start(bench.views.clone(), &[]);
    status.wait_for(|status| status.watermark.is_some()).await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(A_WHILE).await;
        bench.clock.advance(A_WHILE);
    }
    stop.cancel();
    running.await.unwrap().unwrap();
    let bodies = bodies(&bench).await;
    let of = |name: &str| bodies.iter().map(|body| body[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("received"), [json!(1), json!(0), json!(0)]);
    assert_eq!(of("messages"), [json!(1), json!(1), json!(1)]);
    assert_eq!(of("lag"), [json!(0), json!(0), json!(0)]);
    // The watermark is two seconds behind the only message.
    assert_eq!(of("watermark_delay_seconds"), [json!(2.0), json!(14.0), json!(26.0)]);
}

#[tokio::test(start_paused = true)]
async fn before_the_first_watermark_there_is_no_delay() {
    let bench = Bench::new(1);
    let (running, _status, stop) = bench.start(bench.views.clone(), &[]);
    tokio::time::sleep(A_WHILE).await;
    stop.cancel();
    running.await.unwrap().unwrap();
    let expected = json!({
        "@timestamp": "2017-03-19T12:00:00.000Z", "stream": "rsvps", "messages": 0, "received": 0,
        "counted": 0, "echoes": 0, "late": 0, "skipped": 0, "dead_letters": 0, "lag": 0
    });
    assert_eq!(bodies(&bench).await, [expected]);
}
