//! The board as text, at several sizes.

use pulso_model::{ActivityDocument, TrendDocument, TrendWindow, ViewDocument};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Progress, Sink};
use pulso_streams::Streams;

use super::*;

/// RSVPs: their topics count responses, their scopes are countries, their last sum is `attendees`.
fn stream() -> &'static Stream {
    pulso_testkit::stream()
}

fn trend(stream: &Stream, end: i64, rank: u32, name: &str) -> ViewDocument {
    let count = 100 / u64::from(rank);
    TrendDocument {
        stream,
        facet: &stream.facets[0],
        window: &TrendWindow::new(EventTime(end - 300_000), EventTime(end)),
        scope: None,
        term: name,
        name,
        count,
        actors: count / 2,
        rank,
        unusual_rank: None,
        since: None,
        score: Some(1.5),
        location: None,
    }
    .render()
}

/// As many facts of the first kind; each of the stream's sums is twice that.
fn activity(stream: &Stream, start: i64, scope: &str, facts: u64) -> ViewDocument {
    let (pane_start, kind) = (EventTime(start), stream.kind.values[0]);
    let sums = vec![facts * 2; stream.sums.len()];
    let (sums, location) = (&*sums, None);
    ActivityDocument { stream, pane_start, scope, kind, facts, sums, location }.render()
}

fn text(board: &Board, rows: usize, columns: usize, notices: &[&str]) -> String {
    let notices = notices.iter().map(|&notice| notice.to_owned()).collect();
    let frame = Frame { rows, columns, heading: "heading".into(), notices };
    let lines = board.lines(WallTime(0), &frame);
    assert!(lines.len() <= rows.max(8), "{} lines in {rows} rows", lines.len());
    console::strip_ansi_codes(&lines.join("\n")).into_owned()
}

#[tokio::test]
async fn the_board_shows_the_newest_window_alone() {
    let mut views = MemoryViews::default();
    let documents = vec![
        trend(stream(), 300_000, 1, "old"),
        trend(stream(), 310_000, 1, "art"),
        trend(stream(), 310_000, 2, "run"),
        activity(stream(), 0, "DE", 90),
        activity(stream(), 20_000, "DE", 1),
        activity(stream(), 20_000, "US", 2),
        activity(stream(), 300_000, "DE", 4),
    ];
    views.write(documents).await.unwrap();
    let mut board = Board::new(stream());
    board.look(&views, Duration::from_secs(300)).await.unwrap();
    for next_offset in [100, 500] {
        let progress = Progress { next_offset, echoes: 3, skipped: 9, ..Progress::default() };
        let status = Status { progress: vec![progress; 2], lag: 7, ..Status::default() };
        board.count(&status, Duration::from_secs(2));
    }
    let shown = text(&board, 40, 120, &[]);
    assert!(shown.contains("1000     400/s  lag     7"), "{shown}");
    assert!(shown.contains("skipped       18  dead letters 0"), "{shown}");
    assert!(!shown.contains("old"), "{shown}");
    assert!(shown.contains("   2  run"), "{shown}");
    let of_scope = |scope: &Scope| (scope.scope.clone(), scope.facts, scope.sum);
    let countries: Vec<_> = board.scopes.iter().map(of_scope).collect();
    let expected = [("DE".to_owned(), 5, 10), ("US".to_owned(), 2, 4)];
    assert_eq!(countries, expected, "the panes of this window only");
    assert!(shown.contains("trending topics in the window that ended at 1970-01-01T00:05:10.000Z"));
    assert!(shown.contains("rank  topic "), "{shown}");
    assert!(shown.contains("      country "), "{shown}");
    assert!(shown.contains("attendees"), "{shown}");
    assert!(board.line(WallTime(0)).contains("top_topic=\"art\""));
}

/// Posts have no sums, and their hashtags count authors.
#[tokio::test]
async fn the_board_is_in_the_words_of_the_stream() {
    let streams = Streams::brought();
    let posts = streams.get("posts").unwrap().stream;
    let mut views = MemoryViews::default();
    let documents = vec![
        trend(posts, 310_000, 1, "art"),
        trend(posts, 310_000, 2, "cats"),
        activity(posts, 20_000, "de", 1),
        activity(posts, 30_000, "en", 3),
        // Another stream's, which this board does not show.
        trend(stream(), 320_000, 1, "wine"),
        activity(stream(), 20_000, "US", 9),
    ];
    views.write(documents).await.unwrap();
    let mut board = Board::new(posts);
    board.look(&views, Duration::from_secs(300)).await.unwrap();
    let shown = text(&board, 40, 120, &[]);
    assert!(shown.contains("trending hashtags in the window that ended at 1970"), "{shown}");
    let line = |start: &str| shown.lines().find(|line| line.starts_with(start)).unwrap();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(line("rank")), ["rank", "hashtag", "actors", "score"]);
    assert_eq!(words(line("   1  "))[..4], ["1", "art", "50", "1.50"]);
    assert_eq!(words(line("   2  "))[..4], ["2", "cats", "25", "1.50"]);
    assert_eq!(words(line("      language")), ["language", "count"]);
    assert_eq!(words(line("      en"))[..2], ["en", "3"]);
    assert_eq!(words(line("      de"))[..2], ["de", "1"]);
    assert!(!shown.contains("wine") && !shown.contains("US"), "{shown}");
    assert!(board.line(WallTime(0)).contains("top_hashtag=\"art\""));
}

#[tokio::test]
async fn the_board_fits_into_any_terminal() {
    let mut views = MemoryViews::default();
    let mut documents: Vec<_> =
        (1..=20).map(|rank| trend(stream(), 310_000, rank, &format!("topic {rank}"))).collect();
    documents.extend((1..=20).map(|n| activity(stream(), 20_000, &format!("C{n}"), n)));
    views.write(documents).await.unwrap();
    let mut board = Board::new(stream());
    board.look(&views, Duration::from_secs(300)).await.unwrap();
    let notices = ["a long line of the log that does not fit", "the newest"];
    for rows in 0..60 {
        let shown = text(&board, rows, 20, &notices);
        assert!(shown.contains("the newest"), "{shown}");
    }
    let shown = text(&board, 24, 80, &[]);
    assert!(shown.contains("  10  topic 10"), "ten topics before all countries: {shown}");
    assert!(shown.contains("C20"), "{shown}");
    let shown = text(&board, 40, 80, &[]);
    assert!(shown.contains("C11"), "ten countries: {shown}");
}

#[test]
fn what_is_unusual_is_shown_or_why_nothing_is() {
    let term = |name: &str, rank, unusual_rank, score| Term {
        name: name.to_owned(),
        count: 9,
        actors: None,
        rank,
        unusual_rank,
        since: unusual_rank.map(|_| EventTime(50_000).to_string()),
        score,
    };
    let mut board = Board::new(stream());
    board.window_end = Some(EventTime(310_000));
    board.terms = vec![term("wine", 1, None, None)];
    assert!(text(&board, 30, 80, &[]).contains("unusual: warming up"));
    board.terms = vec![term("wine", 1, None, Some(0.5))];
    assert!(text(&board, 30, 80, &[]).contains("nothing is unusual now"));
    board.unusual = vec![term("truffles", 120, Some(1), Some(6.25))];
    let shown = text(&board, 30, 80, &[]);
    let line = shown.lines().skip_while(|line| !line.starts_with("unusual now")).nth(1).unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["1", "truffles", "9", "6.25", "since", "00:00:50"]
    );
}

#[test]
fn an_empty_board_says_what_is_to_come() {
    let shown = text(&Board::new(stream()), 20, 60, &["WARN connecting anew"]);
    assert!(shown.contains("no window has closed yet"), "{shown}");
    assert!(shown.contains("WARN connecting anew"), "{shown}");
}

#[test]
fn the_end_counts_what_came_of_all_messages() {
    let progress = Progress {
        next_offset: 20,
        echoes: 1,
        late: 2,
        skipped: 3,
        dead_letters: 4,
        ..Progress::default()
    };
    let status = Status { progress: vec![progress; 2], ..Status::default() };
    let expected = "40 messages in the log; of them 2 echoes, 4 late, 6 skipped, 8 dead letters";
    assert_eq!(summary(stream(), &status), expected);
}
