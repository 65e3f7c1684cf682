//! Checks the Kibana objects of all streams against the index templates and against themselves: those made
//! by hand, and those made from descriptors.

mod fields;
mod health;
mod windows;

use std::collections::BTreeSet;

use pulso_elasticsearch::kibana_objects;
use pulso_streams::Streams;
use serde_json::Value;

/// The objects that are made by hand. A file for Kibana holds one object per line.
fn made_by_hand() -> Vec<Value> {
    let text = Streams::brought().get("rsvps").unwrap().kibana_objects().unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The objects of each import.
fn imports() -> Vec<Vec<Value>> {
    let brought = Streams::brought();
    let generated = brought.iter().map(|of| kibana_objects("pulso", of.stream));
    generated.chain([made_by_hand()]).collect()
}

/// The objects of all imports.
fn objects() -> Vec<Value> {
    imports().into_iter().flatten().collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("`{key}` is no text: {value}"))
}

/// Parses JSON inside a text.
fn inner(value: &Value, key: &str) -> Value {
    serde_json::from_str(text(value, key)).unwrap()
}

fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The id of the object to which this name refers.
fn referred<'a>(object: &'a Value, name: &str) -> &'a str {
    let found = elements(&object["references"]).iter().find(|item| item["name"] == *name);
    let found = found.unwrap_or_else(|| panic!("{}: no reference `{name}`", object["id"]));
    text(found, "id")
}

/// Calls `check` with every value below this one, and with the key that leads to it.
fn walk(key: &str, value: &Value, check: &mut impl FnMut(&str, &Value)) {
    check(key, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(key, item, check)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(key, value, check)),
        _ => {}
    }
}

#[test]
fn objects_are_in_the_order_of_an_export() {
    for objects in imports() {
        let keys: Vec<_> =
            objects.iter().map(|object| (text(object, "type"), text(object, "id"))).collect();
        assert!(keys.is_sorted_by(|one, next| one < next), "each once, and in order: {keys:?}");
        assert!(keys.len() > 1);
    }
    for object in objects() {
        for volatile in ["updated_at", "created_at", "version", "managed", "namespaces", "sort"] {
            assert_eq!(object.get(volatile), None, "{}: `{volatile}`", object["id"]);
        }
    }
}

#[test]
fn ids_can_be_read() {
    for object in objects() {
        let id = text(&object, "id");
        let own = id == "pulso" || id.starts_with("pulso-");
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
        assert!(own && id.bytes().all(plain), "`{id}`");
        for panel in elements(&panels(&object)) {
            let index = text(panel, "panelIndex");
            assert!(index.bytes().all(plain), "{id}: panel `{index}`");
        }
    }
}

#[test]
fn references_lead_to_objects_that_are_there() {
    for objects in imports() {
        let known: BTreeSet<(&str, &str)> =
            objects.iter().map(|object| (text(object, "type"), text(object, "id"))).collect();
        for object in &objects {
            for reference in elements(&object["references"]) {
                let target = (text(reference, "type"), text(reference, "id"));
                assert!(known.contains(&target), "{}: {target:?} is missing", object["id"]);
            }
            for panel in elements(&panels(object)) {
                let name = format!("{}:{}", text(panel, "panelIndex"), text(panel, "panelRefName"));
                referred(object, &name);
            }
        }
    }
}

#[test]
fn dashboards_made_by_hand_lead_to_each_other() {
    let objects = made_by_hand();
    let of = |kind: &'static str| objects.iter().filter(move |object| object["type"] == kind);
    let links: Vec<&Value> = of("links").collect();
    assert_eq!(links.len(), 1, "one navigation, for all");
    let ids: BTreeSet<&str> = of("dashboard").map(|object| text(object, "id")).collect();
    let mut linked = BTreeSet::new();
    for link in elements(&links[0]["attributes"]["links"]) {
        assert_eq!(link["options"]["useCurrentFilters"], true);
        // A live hour would leave little of the batch views: each dashboard opens with its own range.
        assert_eq!(link["options"]["useCurrentDateRange"], false);
        linked.insert(referred(links[0], text(link, "destinationRefName")));
    }
    assert_eq!(linked, ids);
    for dashboard in of("dashboard") {
        let shows = |panel: &Value| panel["type"] == "links";
        assert!(elements(&panels(dashboard)).iter().any(shows), "{}", dashboard["id"]);
    }
}

#[test]
fn drill_downs_keep_filters_and_time() {
    for object in objects() {
        for panel in elements(&panels(&object)) {
            let actions = &panel["embeddableConfig"]["enhancements"]["dynamicActions"];
            for event in elements(&actions["events"]) {
                let action = &event["action"];
                assert_eq!(action["factoryId"], "DASHBOARD_TO_DASHBOARD_DRILLDOWN");
                assert_eq!(action["config"]["useCurrentFilters"], true);
                assert_eq!(action["config"]["useCurrentDateRange"], true);
                let (panel, event) = (text(panel, "panelIndex"), text(event, "eventId"));
                let factory = "DASHBOARD_TO_DASHBOARD_DRILLDOWN";
                referred(&object, &format!("{panel}:drilldown:{factory}:{event}:dashboardId"));
            }
        }
    }
}

/// Every object uses only what Kibana 8.12 to 9 all have and none of them calls deprecated. Of the
/// old visualizations, only texts remain.
#[test]
fn nothing_deprecated_is_used() {
    let types = ["dashboard", "index-pattern", "lens", "links", "map", "tag", "visualization"];
    let charts = ["lnsDatatable", "lnsMetric", "lnsPie", "lnsTagcloud", "lnsXY"];
    for object in objects() {
        let (id, attributes) = (text(&object, "id"), &object["attributes"]);
        assert!(types.contains(&text(&object, "type")), "{id}");
        match text(&object, "type") {
            "lens" => assert!(charts.contains(&text(attributes, "visualizationType")), "{id}"),
            "visualization" => assert_eq!(inner(attributes, "visState")["type"], "markdown"),
            _ => {}
        }
    }
}

/// Attributes follow the oldest schemas by which Kibana 9 checks imports. The schema of dashboards
/// refuses other attributes.
#[test]
fn attributes_are_those_that_kibana_9_takes() {
    let dashboard = [
        "controlGroupInput",
        "description",
        "kibanaSavedObjectMeta",
        "optionsJSON",
        "panelsJSON",
        "refreshInterval",
        "timeFrom",
        "timeRestore",
        "timeTo",
        "title",
        "version",
    ];
    let lens = ["description", "state", "title", "visualizationType"];
    for object in objects() {
        let allowed: &[&str] = match text(&object, "type") {
            "dashboard" => &dashboard,
            "lens" => &lens,
            _ => continue,
        };
        for name in object["attributes"].as_object().unwrap().keys() {
            assert!(allowed.contains(&name.as_str()), "{}: `{name}`", object["id"]);
        }
    }
}

#[test]
fn every_chart_says_what_its_numbers_mean() {
    for object in objects() {
        if ["lens", "map", "dashboard"].contains(&text(&object, "type")) {
            let attributes = &object["attributes"];
            assert!(!text(attributes, "title").is_empty(), "{}", object["id"]);
            assert!(text(attributes, "description").ends_with('.'), "{}", object["id"]);
        }
    }
}

/// The panels of a dashboard; `null` for any other object.
fn panels(object: &Value) -> Value {
    match text(object, "type") {
        "dashboard" => inner(&object["attributes"], "panelsJSON"),
        _ => Value::Null,
    }
}
