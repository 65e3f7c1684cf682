//! No panel adds up the counts of overlapping windows.
//!
//! A response is in as many windows as a window has panes, so a sum over windows counts it that
//! often. The field `window_start` identifies data views of windows. Their charts show either only
//! the newest window or, over time, the largest count. They contain no sum, mean or number of
//! documents, not even where it would be right.

use serde_json::{Value, json};

use super::fields::fields;
use super::{elements, inner, objects, referred, text, walk};

fn is_windowed(data_view: &str) -> bool {
    fields(data_view).contains_key("window_start")
}

/// The fault of a chart's layer, if it has one.
fn fault(layer: &Value) -> Option<String> {
    let mut metrics = Vec::new();
    let mut buckets = Vec::new();
    for name in elements(&layer["columnOrder"]) {
        let column = &layer["columns"][name.as_str().unwrap()];
        if column["isBucketed"] == true { buckets.push(column) } else { metrics.push(column) }
    }
    for metric in metrics {
        let operation = text(metric, "operationType");
        // Since when something is so is no count.
        let time = operation == "last_value" && metric["dataType"] == "date";
        if !["max", "unique_count"].contains(&operation) && !time {
            return Some(format!("`{operation}` goes over windows"));
        }
        // Another time range than the chart's has another newest window.
        if metric["timeShift"].is_string() || metric["reducedTimeRange"].is_string() {
            return Some("a metric has a time range of its own".to_owned());
        }
    }
    if buckets.iter().any(|bucket| bucket["params"]["otherBucket"] == true) {
        return Some("`Other` goes over windows".to_owned());
    }
    let newest = buckets.first().is_some_and(|bucket| is_newest_window(bucket));
    let over_time = buckets.iter().any(|bucket| bucket["operationType"] == "date_histogram");
    let neither = "neither of the newest window, first of all, nor over time".to_owned();
    (!newest && !over_time).then_some(neither)
}

/// Whether a bucket is exactly the first window in descending order. Kibana's accuracy mode must be
/// off: it would make each index count its thousand newest windows, which takes more memory than a
/// server has.
fn is_newest_window(bucket: &Value) -> bool {
    let params = &bucket["params"];
    bucket["operationType"] == "terms"
        && bucket["sourceField"] == "window_start.text"
        && params["size"] == 1
        && params["orderBy"]["type"] == "alphabetical"
        && params["orderDirection"] == "desc"
        && params["accuracyMode"] == false
        && elements(&params["include"]).is_empty()
        && elements(&params["exclude"]).is_empty()
}

#[test]
fn no_chart_adds_windows() {
    let mut windowed = 0;
    for object in objects().iter().filter(|object| object["type"] == "lens") {
        let (id, state) = (text(object, "id"), &object["attributes"]["state"]);
        let layers = state["datasourceStates"]["formBased"]["layers"].as_object().unwrap();
        for (name, layer) in layers {
            if !is_windowed(referred(object, &format!("indexpattern-datasource-layer-{name}"))) {
                continue;
            }
            windowed += 1;
            assert_eq!(fault(layer), None, "{id}");
            walk("", &state["visualization"], &mut |key, value| {
                let added = key == "collapseFn" && !value.is_null() && value != "max";
                assert!(!added, "{id}: adds up what it groups");
                let summary = key == "summaryRow" && value != "none" && !value.is_null();
                assert!(!summary, "{id}: adds up its rows");
            });
        }
    }
    assert!(windowed > 0, "the test looks at nothing");
}

/// A grid would put the documents of all windows into one cell.
#[test]
fn no_map_adds_windows() {
    for object in objects().iter().filter(|object| object["type"] == "map") {
        let id = text(object, "id");
        for layer in elements(&inner(&object["attributes"], "layerListJSON")) {
            let source = &layer["sourceDescriptor"];
            let Some(reference) = source["indexPatternRefName"].as_str() else { continue };
            if !is_windowed(referred(object, reference)) {
                continue;
            }
            let newest = source["type"] == "ES_SEARCH"
                && source["scalingType"] == "TOP_HITS"
                && source["topHitsSize"] == 1
                && source["sortField"] == "@timestamp"
                && source["sortOrder"] == "desc";
            assert!(newest, "{id}: other than the newest document of each");
        }
    }
}

#[test]
fn the_rule_finds_what_it_is_for() {
    let window = json!({
        "operationType": "terms", "isBucketed": true, "sourceField": "window_start.text",
        "params": {
            "size": 1, "orderBy": { "type": "alphabetical" }, "orderDirection": "desc",
            "otherBucket": false, "accuracyMode": false
        }
    });
    let topic = json!({
        "operationType": "terms", "isBucketed": true, "sourceField": "topic",
        "params": { "size": 10, "otherBucket": false }
    });
    let layer = |first: &Value, second: &Value, operation: &str| {
        let metric = json!({ "operationType": operation, "isBucketed": false });
        let columns = json!({ "first": first, "second": second, "value": metric });
        json!({ "columns": columns, "columnOrder": ["first", "second", "value"] })
    };
    assert_eq!(fault(&layer(&window, &topic, "max")), None);
    for operation in ["sum", "count", "average", "last_value", "cumulative_sum"] {
        assert!(fault(&layer(&window, &topic, operation)).is_some(), "{operation}");
    }
    assert!(fault(&layer(&topic, &topic, "max")).is_some(), "no window");
    assert!(fault(&layer(&topic, &window, "max")).is_some(), "each topic has a window of its own");
    let mut two = window.clone();
    two["params"]["size"] = json!(2);
    assert!(fault(&layer(&two, &topic, "max")).is_some(), "two windows");
    let mut oldest = window.clone();
    oldest["params"]["orderDirection"] = json!("asc");
    assert!(fault(&layer(&oldest, &topic, "max")).is_some(), "not the newest");
    let mut accurate = window.clone();
    accurate["params"]["accuracyMode"] = json!(true);
    assert!(fault(&layer(&accurate, &topic, "max")).is_some(), "a thousand windows of each index");
}
