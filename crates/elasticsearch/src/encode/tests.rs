use pulso_testkit::{view, views};

use super::*;

fn document(view: View, id: &str, body: &str) -> ViewDocument {
    let time = EventTime(1_000);
    let (id, body) = (id.to_owned(), body.to_owned());
    ViewDocument { view, id, time, position: 3, scope: Some("DE".into()), body }
}

fn check_net(view: View, input: &[(&str, &str)], expected: &[(Action, &str, &str)]) {
    let documents = input.iter().map(|(id, body)| document(view, id, body)).collect();
    let found = net(documents);
    let found: Vec<_> = found.iter().map(|(action, d)| (*action, &*d.id, &*d.body)).collect();
    assert_eq!(found, expected);
}

#[test]
fn each_id_comes_to_one_item() {
    use Action::{Create, Delete, Index};
    let last = view("trending-topics");
    check_net(last, &[], &[]);
    check_net(last, &[("a", "1"), ("b", "1"), ("a", "2")], &[(Index, "b", "1"), (Index, "a", "2")]);
    check_net(last, &[("a", "1"), ("a", "")], &[(Delete, "a", "")]);
    check_net(last, &[("a", ""), ("a", "1")], &[(Index, "a", "1")]);
    let first = view("responses");
    check_net(
        first,
        &[("a", "1"), ("a", "2"), ("b", "1")],
        &[(Create, "a", "1"), (Create, "b", "1")],
    );
    check_net(first, &[("a", "1"), ("a", "")], &[(Delete, "a", "")]);
    check_net(first, &[("a", ""), ("a", "1"), ("a", "2")], &[(Index, "a", "1")]);
    check_net(first, &[("a", "1"), ("a", ""), ("a", "2")], &[(Index, "a", "2")]);
}

/// A day is an index, which knows nothing of the document in that of another day.
#[test]
fn a_document_that_moves_to_another_day_is_removed_from_the_day_before() {
    let at = |day: i64, body: &str| ViewDocument {
        time: EventTime(day * 86_400_000),
        ..document(view("trending-topics"), "a", body)
    };
    let moved = net(vec![at(0, "1"), at(0, ""), at(1, "2"), at(1, "3")]);
    let expected = [(Action::Delete, at(0, "")), (Action::Index, at(1, "3"))];
    assert_eq!(moved, expected);
    let first = |day: i64| ViewDocument { view: view("responses"), ..at(day, "1") };
    assert_eq!(net(vec![first(0), first(1)]), [(Action::Create, first(0))]);
}

#[test]
fn ids_of_different_views_are_different() {
    let documents = vec![
        document(view("trending-topics"), "a", "1"),
        document(view("country-activity"), "a", "2"),
    ];
    assert_eq!(net(documents).len(), 2);
}

fn source(layer: Layer, document: &ViewDocument) -> String {
    let mut lines = String::new();
    push_item(&mut lines, Action::Index, "x-write", layer, document);
    let mut lines = lines.lines();
    let action = lines.next().unwrap();
    assert!(action.starts_with(r#"{"index":{"_index":"x-write","_id":"#), "{action}");
    let source = lines.next().unwrap().to_owned();
    assert_eq!(lines.next(), None);
    source
}

#[test]
fn documents_come_back_as_they_were_written() {
    let bodies = [
        r#"{"@timestamp":"1970-01-01T00:00:01.000Z"}"#,
        r#"{"score":1e-7,"@timestamp":"1970-01-01T00:00:01.000Z","name":"a \"b\" \u00e9 é"}"#,
    ];
    for view in views() {
        for layer in [Layer::Speed, Layer::Batch] {
            for (body, scope) in bodies.into_iter().zip([None, Some("Ü'".to_owned())]) {
                let document = ViewDocument { scope, ..document(view, "a/\"\u{0}é", body) };
                let source = source(layer, &document);
                let read: serde_json::Value = serde_json::from_str(&source).unwrap();
                assert_eq!(read["layer"].is_null(), view.kind() == ViewKind::Journal);
                assert_eq!(decode(view, layer, &source), Some(document));
            }
        }
    }
}

#[test]
fn other_texts_are_not_taken_for_documents() {
    let view = view("responses");
    for text in ["", "{}", r#"{"layer":"speed"}"#, r#"{"layer":"speed","pulso":{"id":"a"}}"#] {
        assert_eq!(decode(view, Layer::Speed, text), None, "{text}");
    }
    let document = document(view, "a", r#"{"@timestamp":"1970-01-01T00:00:01.000Z"}"#);
    let text = source(Layer::Speed, &document);
    assert_eq!(decode(view, Layer::Batch, &text), None);
    assert_eq!(decode(view, Layer::Speed, text.trim_end_matches('}')), None);
}
