//! Charts of `health` add up what happened between two documents, and never values of one moment.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{elements, objects, referred, text};

/// Values since the document before: only their sums are meaningful.
const SINCE: [&str; 6] = ["received", "counted", "echoes", "late", "skipped", "dead_letters"];

/// Values as of the document.
const AS_OF: [&str; 3] = ["messages", "lag", "watermark_delay_seconds"];

/// The fault of a chart's column, if it has one.
fn fault(column: &Value) -> Option<String> {
    let (operation, field) = (text(column, "operationType"), column["sourceField"].as_str()?);
    let allowed: &[&str] = if SINCE.contains(&field) {
        &["sum"]
    } else if AS_OF.contains(&field) {
        &["max", "last_value"]
    } else {
        &["date_histogram"]
    };
    (!allowed.contains(&operation)).then(|| format!("`{operation}` of `{field}`"))
}

#[test]
fn what_happened_is_added_and_what_was_so_is_not() {
    let mut shown = BTreeSet::new();
    for object in objects().iter().filter(|object| object["type"] == "lens") {
        let layers = &object["attributes"]["state"]["datasourceStates"]["formBased"]["layers"];
        for (name, layer) in layers.as_object().unwrap() {
            let view = referred(object, &format!("indexpattern-datasource-layer-{name}"));
            if view != "pulso-health" {
                continue;
            }
            for name in elements(&layer["columnOrder"]) {
                let column = &layer["columns"][name.as_str().unwrap()];
                assert_eq!(fault(column), None, "{}", object["id"]);
                shown.extend(column["sourceField"].as_str().map(str::to_owned));
            }
        }
    }
    let of_use = SINCE.iter().chain(&AS_OF).filter(|name| **name != "messages");
    let missing: Vec<_> = of_use.filter(|name| !shown.contains(**name)).collect();
    assert!(missing.is_empty(), "no chart shows {missing:?}");
}

#[test]
fn the_rule_finds_what_it_is_for() {
    let column = |operation, field| json!({ "operationType": operation, "sourceField": field });
    for (operation, field) in
        [("sum", "lag"), ("average", "lag"), ("max", "echoes"), ("count", "___records___")]
    {
        assert!(fault(&column(operation, field)).is_some(), "{operation} {field}");
    }
    for (operation, field) in [("sum", "echoes"), ("max", "lag"), ("last_value", "lag")] {
        assert_eq!(fault(&column(operation, field)), None, "{operation} {field}");
    }
}
