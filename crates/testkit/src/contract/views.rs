//! The contract of a view store as the speed layer and the readers use it: [`Sink<ViewDocument>`]
//! and [`Views`].

use pulso_model::{EventTime, Field, FieldType, Layer, View, ViewDocument, ViewKind};
use pulso_pipeline::{
    BatchViews, Cursor, Filter, LayerChoice, Page, Query, Sink, StoredDocument, Views,
};

use super::documents::{all_pages, check_query, document, scan_all};

/// Where one view store is kept.
pub trait ViewsHost {
    type Store: Sink<ViewDocument> + Views + BatchViews;

    /// Opens the store, again or for the first time.
    fn open(&mut self) -> Self::Store;
}

/// Checks that a store keeps the contract.
///
/// # Panics
/// At the first difference from what the ports promise.
pub async fn views<H: ViewsHost>(new_host: impl Fn() -> H) {
    an_empty_store_answers_with_nothing(&mut new_host()).await;
    pages_make_up_the_whole_listing(&mut new_host()).await;
    documents_are_filtered_by_any_text(&mut new_host()).await;
    a_cursor_is_a_place_not_a_document(&mut new_host()).await;
    the_first_or_the_last_writing_stays(&mut new_host()).await;
    what_is_removed_is_gone_and_may_come_back(&mut new_host()).await;
    a_document_may_move_to_another_day(&mut new_host()).await;
    any_time_and_text_is_kept(&mut new_host()).await;
    a_scan_is_in_key_order(&mut new_host()).await;
    a_scan_is_of_one_moment(&mut new_host()).await;
    documents_survive_a_restart(&mut new_host()).await;
}

const CURRENT: LayerChoice = LayerChoice::Current;
const SPEED: LayerChoice = LayerChoice::Only(Layer::Speed);
const BATCH: LayerChoice = LayerChoice::Only(Layer::Batch);

fn speed(document: &ViewDocument) -> StoredDocument {
    StoredDocument { layer: Layer::Speed, document: document.clone() }
}

async fn an_empty_store_answers_with_nothing(host: &mut impl ViewsHost) {
    let mut store = host.open();
    store.write(Vec::new()).await.unwrap();
    for view in crate::views() {
        assert_eq!(store.query(Query::newest(view, 10)).await.unwrap(), Page::default());
        assert!(store.completed_days(view).await.unwrap().is_empty());
        for layer in [CURRENT, SPEED, BATCH] {
            assert_eq!(scan_all(&store, view, layer).await, []);
        }
    }
}

/// Sixty documents per view, with equal times and positions, some countries, and several days.
fn sample(view: View) -> Vec<ViewDocument> {
    let time = |number: i64| EventTime(number / 9 * 40_000_000 - 86_400_000);
    (0..60)
        .zip(["DE", "US", "JP"].into_iter().cycle())
        .map(|(number, country)| document(view, time(number), number, country, "text"))
        .collect()
}

async fn pages_make_up_the_whole_listing(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let mixed = crate::views().into_iter().flat_map(sample);
    let mut mixed: Vec<_> = mixed.collect();
    mixed.sort_by(|a, b| a.body.len().cmp(&b.body.len()).then(b.id.cmp(&a.id)));
    store.write(mixed).await.unwrap();
    for view in crate::views() {
        let stored: Vec<_> = sample(view).iter().map(speed).collect();
        let all = Query::newest(view, 0);
        let (from, to) = (Some(EventTime(-86_400_000)), Some(EventTime(73_600_000)));
        let middle = Some(EventTime(-46_400_000));
        for (from, to) in [(None, None), (from, None), (middle, None), (middle, to), (to, middle)] {
            for scope in [None, Some("JP"), Some("jp"), Some("")] {
                let scope = scope.map(str::to_owned);
                check_query(&store, Query { from, to, scope, ..all.clone() }, &stored).await;
            }
        }
        check_query(&store, Query { layer: SPEED, ..all.clone() }, &stored).await;
        check_query(&store, Query { layer: BATCH, ..all.clone() }, &[]).await;
        let none = store.query(all).await.unwrap();
        assert_eq!(none, Page::default(), "a page of nothing has no next");
    }
}

async fn documents_are_filtered_by_any_text(host: &mut impl ViewsHost) {
    const TEXTS: [&str; 3] = ["it's \"ü\"%_\\", "IT'S", "text"];
    let mut store = host.open();
    let views = [crate::view("responses"), crate::view("trending-topics"), View::DEAD_LETTERS];
    for view in views {
        let time = |number| EventTime(number / 4 * 40_000_000);
        let documents: Vec<_> = (0..30)
            .zip(TEXTS.into_iter().cycle())
            .map(|(number, text)| document(view, time(number), number, "US", text))
            .collect();
        store.write(documents.clone()).await.unwrap();
        let stored: Vec<_> = documents.iter().map(speed).collect();
        let all = Query::newest(view, 0);
        let is_text = |field: &&Field| {
            matches!(field.field_type, FieldType::Text | FieldType::TextList)
                && !field.name.starts_with("payload")
        };
        let fields: Vec<_> = view.fields().iter().filter(is_text).map(|field| field.name).collect();
        assert!(fields.len() > 1, "{view}");
        for name in fields.into_iter().take(5) {
            for texts in [&[TEXTS[0]][..], &["k3", "text"], &["\"quoted\"", ""], &[]] {
                let texts = texts.iter().map(|&text| text.to_owned()).collect();
                let filters = vec![Filter { field: name, texts }];
                check_query(&store, Query { filters, ..all.clone() }, &stored).await;
            }
        }
        // All of several conditions, with others beside them.
        let named = view.fields().iter().filter(is_text).map(|field| field.name);
        let filters: Vec<_> = named.map(|name| Filter::is(name, TEXTS[2])).take(2).collect();
        let scope = view.scope_field().map(|_| "US".to_owned());
        let (from, to) = (Some(time(4)), Some(time(20)));
        check_query(&store, Query { filters, scope, from, to, ..all }, &stored).await;
    }
}

async fn a_cursor_is_a_place_not_a_document(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let view = crate::view("trending-topics");
    let stored = sample(view);
    store.write(stored.clone()).await.unwrap();
    let all: Vec<_> = stored.iter().map(speed).collect();
    let ordered = super::listing(&all, &Query::newest(view, 0));
    for (index, StoredDocument { document, .. }) in ordered.iter().enumerate() {
        let ViewDocument { time, position, .. } = *document;
        let ask = async |time, position, id: String| {
            let after = Some(Cursor { time, position, id });
            store.query(Query { after, ..Query::newest(view, 100) }).await.unwrap().documents
        };
        let (start, last) = document.id.split_at(document.id.len() - 1);
        let smaller = char::from(last.as_bytes()[0] - 1);
        let just_before = format!("{start}{smaller}\u{7f}");
        assert_eq!(ask(time, position, just_before).await, ordered[index..]);
        let just_after = format!("{}\0", document.id);
        assert_eq!(ask(time, position, just_after).await, ordered[index + 1..]);
    }
    let first = Cursor { time: EventTime(i64::MAX - 1), position: 0, id: String::new() };
    let last = Cursor { time: EventTime(i64::MIN), position: u32::MAX, id: "z".into() };
    for (after, expected) in [(first, &ordered[..]), (last, &[])] {
        let query = Query { after: Some(after), ..Query::newest(view, 100) };
        assert_eq!(store.query(query).await.unwrap().documents, expected);
    }
}

async fn the_first_or_the_last_writing_stays(host: &mut impl ViewsHost) {
    let mut store = host.open();
    for view in crate::views() {
        let version = |text, country| document(view, EventTime(5_000), 1, country, text);
        let other = document(view, EventTime(5_000), 2, "DE", "other");
        let versions = [version("a", "DE"), other.clone(), version("b", "DE"), version("b", "DE")];
        store.write(versions.to_vec()).await.unwrap();
        let last = version("c", "DE");
        store.write(vec![last.clone()]).await.unwrap();
        store.write(vec![last.clone()]).await.unwrap();
        let stays = if view.first_write_wins() { &versions[0] } else { &last };
        let expected = [speed(stays), speed(&other)];
        check_query(&store, Query::newest(view, 0), &expected).await;
    }
    // A document that is written again may have moved to another time, place and country.
    let view = View::BATCH_RUNS;
    let moved = ViewDocument {
        id: document(view, EventTime(0), 1, "", "").id,
        position: 9,
        scope: Some("US".into()),
        ..document(view, EventTime(9_000), 7, "", "moved")
    };
    store.write(vec![moved.clone()]).await.unwrap();
    let other = document(view, EventTime(5_000), 2, "DE", "other");
    check_query(&store, Query::newest(view, 0), &[speed(&moved), speed(&other)]).await;
    let in_us = Query { scope: Some("US".into()), ..Query::newest(view, 0) };
    check_query(&store, in_us, &[speed(&moved)]).await;
}

async fn what_is_removed_is_gone_and_may_come_back(host: &mut impl ViewsHost) {
    let mut store = host.open();
    for view in crate::views() {
        let version = |number, text| document(view, EventTime(5_000), number, "DE", text);
        let removal = |number| {
            let ViewDocument { id, time, .. } = version(number, "");
            ViewDocument { view, id, time, position: 0, scope: None, body: String::new() }
        };
        let (first, other, again) = (version(1, "a"), version(2, "a"), version(3, "b"));
        store.write(vec![first, other.clone(), version(3, "a")]).await.unwrap();
        store.write(vec![removal(1), removal(9), removal(3), again.clone()]).await.unwrap();
        let passing = [version(4, "a"), removal(4), removal(1)];
        store.write(passing.to_vec()).await.unwrap();
        let expected = [speed(&other), speed(&again)];
        check_query(&store, Query::newest(view, 0), &expected).await;
        let in_germany = Query { scope: Some("DE".into()), ..Query::newest(view, 0) };
        let of_country = if view.scope_field().is_some() { &expected[..] } else { &[] };
        check_query(&store, in_germany, of_country).await;
        assert_eq!(scan_all(&store, view, CURRENT).await, expected);
    }
}

/// As sessions do while they are open: removed from the days before, and written again.
async fn a_document_may_move_to_another_day(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let replaced = |view: &View| view.kind() == ViewKind::Day && !view.first_write_wins();
    for view in crate::views().into_iter().filter(replaced) {
        let on = |day: i64, text| document(view, EventTime(day * 86_400_000), 1, "DE", text);
        let ViewDocument { id, .. } = on(0, "");
        let on = |day: i64, text| ViewDocument { id: id.clone(), ..on(day, text) };
        let removal = |day| ViewDocument { scope: None, body: String::new(), ..on(day, "") };
        let other = document(view, EventTime(1_000), 2, "DE", "other");
        store.write(vec![on(0, "a"), other.clone()]).await.unwrap();
        store.write(vec![removal(0), on(1, "b"), removal(0), on(1, "c")]).await.unwrap();
        check_query(
            &store,
            Query::newest(view, 0),
            &[on(1, "c"), other.clone()].each_ref().map(speed),
        )
        .await;
        store.write(vec![removal(0), removal(1), on(2, "d")]).await.unwrap();
        let expected = [speed(&on(2, "d")), speed(&other)];
        check_query(&store, Query::newest(view, 0), &expected).await;
        assert_eq!(scan_all(&store, view, CURRENT).await.len(), 2, "{view}");
    }
}

async fn any_time_and_text_is_kept(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let view = crate::view("responses");
    let times =
        [*EventTime::RANGE.start(), -86_400_001, -86_400_000, -1, 0, *EventTime::RANGE.end()];
    let documents: Vec<_> = (0..)
        .zip(times)
        .map(|(number, time)| {
            let text = "it's \"ü\" \u{1f600} \u{feff}%_\\ \u{0}";
            ViewDocument {
                id: format!("{text}/{number}"),
                scope: (number % 2 == 0).then(|| "Ü'".to_owned()),
                ..document(view, EventTime(time), number, "", text)
            }
        })
        .collect();
    store.write(documents.clone()).await.unwrap();
    let stored: Vec<_> = documents.iter().map(speed).collect();
    check_query(&store, Query::newest(view, 0), &stored).await;
    let country = Query { scope: Some("Ü'".into()), ..Query::newest(view, 0) };
    check_query(&store, country, &stored).await;
}

async fn a_scan_is_in_key_order(host: &mut impl ViewsHost) {
    let mut store = host.open();
    for view in crate::views() {
        let numbers = (0..2_500).chain([-3, -20, 99_999, 1_000_000_000_000]);
        let documents: Vec<_> = numbers
            .map(|number| document(view, EventTime(number % 7 * 1_000), number, "DE", "text"))
            .collect();
        store.write(documents.clone()).await.unwrap();
        for layer in [CURRENT, SPEED] {
            let scanned = scan_all(&store, view, layer).await;
            assert_eq!(scanned.len(), documents.len());
            let keys: Vec<_> = scanned.iter().map(|stored| stored.document.sort_key()).collect();
            assert!(keys.is_sorted(), "{view}: 9 comes before 10");
            let mut expected: Vec<_> = documents.iter().map(speed).collect();
            expected.sort_by_cached_key(|stored| stored.document.sort_key());
            assert!(scanned == expected, "{view}: all documents, as they were written");
        }
        assert_eq!(scan_all(&store, view, BATCH).await, []);
    }
}

async fn a_scan_is_of_one_moment(host: &mut impl ViewsHost) {
    let mut store = host.open();
    let view = crate::view("trending-topics");
    let of_version = |text: &'static str| {
        (0..5_000).map(move |number| document(view, EventTime(0), number, "", text))
    };
    store.write(of_version("old").collect()).await.unwrap();
    let mut chunks = store.scan(view, CURRENT).await.unwrap();
    store.write(of_version("new").collect()).await.unwrap();
    store.write(vec![document(view, EventTime(0), 9_999, "", "new")]).await.unwrap();
    let mut scanned = Vec::new();
    while let Some(chunk) = chunks.recv().await {
        scanned.extend(chunk.unwrap().into_iter().map(|stored| stored.document));
    }
    let mut expected: Vec<_> = of_version("old").collect();
    expected.sort_by_cached_key(ViewDocument::sort_key);
    assert!(scanned == expected, "what is written after the call is not in the answer");
    let dropped = store.scan(view, CURRENT).await.unwrap();
    drop(dropped);
    assert_eq!(scan_all(&store, view, CURRENT).await.len(), 5_001);
}

async fn documents_survive_a_restart(host: &mut impl ViewsHost) {
    let view = View::DEAD_LETTERS;
    let mut stored = Vec::new();
    for number in 0..5 {
        let mut store = host.open();
        let written = document(view, EventTime(number), number, "", "journal");
        stored.push(speed(&written));
        store.write(vec![written]).await.unwrap();
    }
    let store = host.open();
    let found = all_pages(&store, &Query::newest(view, 2), stored.len()).await;
    assert_eq!(found, super::listing(&stored, &Query::newest(view, 0)));
}
