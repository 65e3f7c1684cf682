//! Server-sent events.

use super::*;

fn events(resume_parameter: Option<&str>) -> Running {
    Running::start(vec![answers(Format::Events, resume_parameter)], options())
}

async fn begin(running: &mut Running) -> (Server, String) {
    let (mut server, request) = Server::next(running).await;
    assert!(request.contains("accept: text/event-stream\r\n"), "{request}");
    server.begin("text/event-stream; charset=utf-8").await;
    (server, request)
}

fn event(id: &str, number: u64) -> String {
    format!("event: message\nid: {id}\ndata: {}\n\n", payload(number))
}

#[tokio::test(start_paused = true)]
async fn a_source_goes_on_behind_the_last_event_that_it_named() {
    let mut running = events(Some("since"));
    let (mut server, request) = begin(&mut running).await;
    assert!(!request.contains("last-event-id"), "{request}");
    server.chunk(&format!(":ok\n\n{}", event("[{\"offset\":1}]", 1))).await;
    server.chunk(&format!("data: {}\n\ndata: ", payload(2))).await;
    running.stored(2).await;
    server.end().await;
    let (mut server, request) = begin(&mut running).await;
    assert!(request.contains("last-event-id: [{\"offset\":1}]\r\n"), "{request}");
    assert!(request.starts_with("GET /feed?x=y HTTP"), "{request}");
    server.chunk(&event("7", 3)).await;
    assert_eq!(running.stored(1).await, payloads(3..4));
    let log = running.log.clone();
    running.stop(3).await;

    // After a start, too.
    let input = answers(Format::Events, None);
    let mut running = Running::start_after(log.messages(), vec![input], options());
    let (_server, request) = begin(&mut running).await;
    assert!(request.contains("last-event-id: 7\r\n"), "{request}");
    running.stop(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_without_names_is_asked_by_time() {
    let mut running = events(Some("since"));
    let (mut server, _) = begin(&mut running).await;
    server.chunk(&format!("data: {}\n\n", payload(5))).await;
    running.stored(1).await;
    server.end().await;
    let (_server, request) = begin(&mut running).await;
    assert!(request.starts_with("GET /feed?x=y&since=4000 HTTP"), "{request}");
    running.stop(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_the_source_refuses_is_replaced_by_a_time() {
    let mut running = events(Some("since"));
    let (mut server, _) = begin(&mut running).await;
    server.chunk(&event("old", 5)).await;
    running.stored(1).await;
    server.end().await;
    let (mut server, request) = Server::next(&mut running).await;
    assert!(request.contains("last-event-id: old\r\n"), "{request}");
    server.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nold?").await;
    let (mut server, request) = begin(&mut running).await;
    assert!(request.contains("since=4000") && !request.contains("last-event-id"), "{request}");
    server.chunk(&event("new", 6)).await;
    running.stored(1).await;
    server.end().await;
    let (_server, request) = begin(&mut running).await;
    assert!(request.contains("last-event-id: new\r\n"), "{request}");
    running.stop(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_is_asked_again_no_sooner_than_it_wants() {
    let mut running = events(None);
    let (mut server, _) = begin(&mut running).await;
    server.chunk(&format!("retry: 90000\n\n{}", event("1", 1))).await;
    running.stored(1).await;
    let begin = Instant::now();
    server.end().await;
    running.attempts_after(begin + 90 * SECOND).await;
    assert!(begin.elapsed() < 95 * SECOND, "{:?}", begin.elapsed());
    running.stop(1).await;
}

#[tokio::test(start_paused = true)]
async fn lines_instead_of_events_are_a_refusal() {
    let mut running = events(None);
    let (mut server, _) = Server::next(&mut running).await;
    let begin = Instant::now();
    server.begin("application/json").await;
    running.attempts_after(begin + REFUSED_PAUSE).await;
    running.stop(0).await;
}
