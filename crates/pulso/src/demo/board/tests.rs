//! The board as text, at several sizes.

use pulso_model::{ActivityDocument, ResponseKind, TrendDocument};
use pulso_pipeline::memory::MemoryViews;
use pulso_pipeline::{Progress, Sink};

use super::*;

fn trend(end: i64, rank: u32, name: &str) -> pulso_model::ViewDocument {
    TrendDocument {
        window_end: EventTime(end),
        window_start: EventTime(end - 300_000),
        country: None,
        topic: name,
        name,
        count: 100 / u64::from(rank),
        rank,
        score: 1.5,
        location: None,
    }
    .render()
}

fn activity(start: i64, country: &str, responses: u64) -> pulso_model::ViewDocument {
    let response = ResponseKind::Yes;
    let pane_start = EventTime(start);
    let (guests, attendees, location) = (0, responses, None);
    ActivityDocument { pane_start, country, response, responses, guests, attendees, location }
        .render()
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
        trend(300_000, 1, "old"),
        trend(310_000, 1, "art"),
        trend(310_000, 2, "run"),
        activity(0, "DE", 90),
        activity(20_000, "DE", 1),
        activity(20_000, "US", 2),
        activity(300_000, "DE", 4),
    ];
    views.write(documents).await.unwrap();
    let mut board = Board::default();
    board.look(&views, Duration::from_secs(300)).await.unwrap();
    for next_offset in [100, 500] {
        let progress = Progress { next_offset, echoes: 3, ..Progress::default() };
        let status = Status { progress: vec![progress; 2], lag: 7, ..Status::default() };
        board.count(&status, Duration::from_secs(2));
    }
    let shown = text(&board, 40, 120, &[]);
    assert!(shown.contains("1000     400/s  lag     7"), "{shown}");
    assert!(!shown.contains("old"), "{shown}");
    assert!(shown.contains("   2  run"), "{shown}");
    let countries: Vec<_> = board.countries.iter().map(|c| (&*c.country, c.responses)).collect();
    assert_eq!(countries, [("DE", 5), ("US", 2)], "the panes of this window only");
    assert!(board.line(WallTime(0)).contains("top_topic=\"art\""));
}

#[tokio::test]
async fn the_board_fits_into_any_terminal() {
    let mut views = MemoryViews::default();
    let mut documents: Vec<_> =
        (1..=20).map(|rank| trend(310_000, rank, &format!("topic {rank}"))).collect();
    documents.extend((1..=20).map(|n| activity(20_000, &format!("C{n}"), n)));
    views.write(documents).await.unwrap();
    let mut board = Board::default();
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
fn an_empty_board_says_what_is_to_come() {
    let shown = text(&Board::default(), 20, 60, &["WARN connecting anew"]);
    assert!(shown.contains("no window has closed yet"), "{shown}");
    assert!(shown.contains("WARN connecting anew"), "{shown}");
}
