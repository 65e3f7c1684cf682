//! Days that are removed because of their age, and documents that arrive for them afterwards.

use pulso_model::{Day, EventTime, Layer, View, ViewDocument};
use pulso_pipeline::{BatchViews, LayerChoice, Part, Query, Sink, Views};
use pulso_testkit::contract::document;
use pulso_testkit::servers;
use pulso_testkit::view;

use crate::host::Host;

fn the_view() -> View {
    view("responses")
}

const DAY: Day = Day(17_000);

fn one(view: View, day: Day, text: &str) -> Vec<ViewDocument> {
    vec![document(view, EventTime(day.start().0 + 5_000), i64::from(day.0), "DE", text)]
}

async fn days(store: &impl Views, view: View, layer: LayerChoice) -> Vec<(i32, Layer)> {
    let page = store.query(Query { layer, ..Query::newest(view, 100) }).await.unwrap();
    let mut days: Vec<_> = page
        .documents
        .iter()
        .map(|stored| (stored.document.time.day().0 - DAY.0, stored.layer))
        .collect();
    days.reverse();
    days
}

#[tokio::test]
async fn old_days_go_and_do_not_come_back() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    for number in 0..5 {
        let day = Day(DAY.0 + number);
        store.write(one(the_view(), day, "speed")).await.unwrap();
        if number < 3 {
            let stage = store.begin(the_view(), Part::Day(day)).await.unwrap();
            store.stage(stage, one(the_view(), day, "batch")).await.unwrap();
            store.publish(stage, true).await.unwrap();
        }
    }
    let before = |number: i32| Day(DAY.0 + number);
    use Layer::{Batch, Speed};
    let all = [(0, Batch), (1, Batch), (2, Batch), (3, Speed), (4, Speed)];
    assert_eq!(days(&store, the_view(), LayerChoice::Current).await, all);

    // The speed layer's copies of completed days: no reader of the view sees a difference.
    let removed = store.retain(the_view(), Speed, before(2)).await.unwrap();
    let view = the_view();
    let index = |name: &str| format!("{}-{view}-{name}", host.prefix);
    assert_eq!(removed, [index("speed-2016.07.18"), index("speed-2016.07.19")]);
    assert_eq!(days(&store, the_view(), LayerChoice::Current).await, all);
    store.write(one(the_view(), before(0), "late")).await.unwrap();
    assert_eq!(days(&store, the_view(), LayerChoice::Current).await, all, "batch still answers");

    // The answers of two days.
    let removed = store.retain(the_view(), Batch, before(2)).await.unwrap();
    assert_eq!(removed, [index("batch-2016.07.18-1"), index("batch-2016.07.19-1")]);
    assert_eq!(days(&store, the_view(), LayerChoice::Current).await, all[2..]);
    assert_eq!(store.completed_days(the_view()).await.unwrap().len(), 1);
    // The port counts the parts: the copy that came late.
    assert_eq!(store.remove_before(the_view(), Speed, before(2)).await.unwrap(), 1);
    for late in [store.clone(), host.store()] {
        let mut late = late;
        let documents =
            [one(the_view(), before(0), "late"), one(the_view(), before(1), "late")].concat();
        late.write(documents).await.unwrap();
        assert_eq!(
            days(&late, the_view(), LayerChoice::Current).await,
            all[2..],
            "nothing comes back"
        );
    }

    // A day that only the speed layer has.
    assert_eq!(store.retain(the_view(), Speed, before(4)).await.unwrap().len(), 4);
    assert_eq!(days(&store, the_view(), LayerChoice::Current).await, [(2, Batch), (4, Speed)]);
    assert_eq!(store.retain(the_view(), Speed, before(4)).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn journals_go_by_the_month_and_views_as_of_now_stay() {
    let Some(url) = servers::elasticsearch() else { return };
    let host = Host::new(url);
    let mut store = host.store();
    let journal = View::DEAD_LETTERS;
    for day in ["2026-01-31", "2026-02-01", "2026-02-28"] {
        store.write(one(journal, day.parse().unwrap(), "journal")).await.unwrap();
    }
    let retain = async |view, layer, day: &str| {
        store.retain(view, layer, day.parse().unwrap()).await.unwrap()
    };
    assert_eq!(retain(journal, Layer::Speed, "2026-01-31").await, [""; 0]);
    let removed = retain(journal, Layer::Speed, "2026-02-27").await;
    assert_eq!(removed, [format!("{}-{journal}-2026.01", host.prefix)]);
    assert_eq!(days(&store, journal, LayerChoice::Current).await.len(), 2);

    let stage = store.begin(view("groups"), Part::Now).await.unwrap();
    store.stage(stage, one(view("groups"), DAY, "now")).await.unwrap();
    store.publish(stage, true).await.unwrap();
    assert_eq!(retain(view("groups"), Layer::Batch, "2999-01-01").await, [""; 0]);
    assert_eq!(days(&store, view("groups"), LayerChoice::Current).await.len(), 1);
}
