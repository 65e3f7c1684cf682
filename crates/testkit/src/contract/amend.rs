//! The contract of [`Amend`].

use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{Amend, BatchViews, Change, LayerChoice, Part, Row, Sink};

use super::ViewsHost;
use super::documents::{document, scan_all};

/// Where a view store is kept that somebody may have for himself.
pub trait AmendHost: ViewsHost {
    type Own: Amend;

    /// Takes the store, which nobody has open.
    fn own(&mut self) -> Self::Own;
}

/// Checks that a store that is changed keeps the contract.
///
/// # Panics
/// At the first difference from what the port promises.
pub async fn amend<H: AmendHost>(new_host: impl Fn() -> H) {
    what_is_changed_is_found_no_more(&mut new_host()).await;
}

const DAY: Day = Day(17_000);
const SECRET: &str = "nobody-must-find-this";

fn of_the_day(view: View, from: i64, text: &str) -> Vec<ViewDocument> {
    let time = |number| EventTime(DAY.start().0 + number);
    (from..from + 20).map(|number| document(view, time(number), number, "DE", text)).collect()
}

/// The new documents have other `_id`s, but for one; and one has none.
fn changes(rows: Vec<Row>) -> Vec<Change> {
    let change = |row: Row| {
        let number = row.document.time.0 - DAY.start().0;
        let new = match number {
            0 => None,
            1 => Some(document(row.document.view, row.document.time, 1, "DE", "new")),
            _ => Some(document(row.document.view, row.document.time, number + 1_000, "DE", "new")),
        };
        (row, new)
    };
    rows.into_iter().map(change).collect()
}

async fn what_is_changed_is_found_no_more(host: &mut impl AmendHost) {
    // By day, as of now, and a journal.
    let views = [crate::view("responses"), crate::view("groups"), View::DEAD_LETTERS];
    let mut store = host.open();
    for view in views {
        store.write(of_the_day(view, 0, SECRET)).await.unwrap();
        store.write(of_the_day(view, 100, "other")).await.unwrap();
    }
    for (view, part) in [(views[0], Part::Day(DAY)), (views[1], Part::Now)] {
        let stage = store.begin(view, part).await.unwrap();
        store.stage(stage, of_the_day(view, 0, SECRET)).await.unwrap();
        store.stage(stage, of_the_day(view, 100, "other")).await.unwrap();
        store.publish(stage, true).await.unwrap();
    }
    drop(store);

    let mut own = host.own();
    for (view, layers) in views.into_iter().zip([2, 2, 1]) {
        let rows = own.rows_with(view, SECRET).await.unwrap();
        assert_eq!(rows.len(), 20 * layers, "{view}");
        assert!(rows.iter().all(|row| row.document.body.contains(SECRET)));
        let changes = changes(rows);
        // Broken off, and made again by who finds what is left.
        own.amend(&changes[..7]).await.unwrap();
        own.amend(&changes).await.unwrap();
        assert_eq!(own.rows_with(view, SECRET).await.unwrap(), [], "{view}");
    }
    own.finish(&views).await.unwrap();

    let store = host.open();
    for (view, layers) in views.into_iter().zip([2, 2, 1]) {
        for layer in [Layer::Speed, Layer::Batch].into_iter().take(layers) {
            let mut expected = of_the_day(view, 100, "other");
            let time = |number| EventTime(DAY.start().0 + number);
            expected.push(document(view, time(1), 1, "DE", "new"));
            let new = (2..20).map(|n| document(view, time(n), n + 1_000, "DE", "new"));
            expected.extend(new);
            expected.sort_by_cached_key(ViewDocument::sort_key);
            let found = scan_all(&store, view, LayerChoice::Only(layer)).await;
            let found: Vec<_> = found.into_iter().map(|stored| stored.document).collect();
            assert!(found == expected, "{view} {layer}");
        }
    }
}
