//! Every field that an object uses is in the template of its data view, with a type that allows the
//! use.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::{elements, inner, objects, referred, text, walk};

type Fields = BTreeMap<String, String>;

const NUMBERS: &[&str] = &["long", "double"];
const KEYWORDS: &[&str] = &["keyword"];
const DATES: &[&str] = &["date"];
const POINTS: &[&str] = &["geo_point"];
const ANY: &[&str] = &["keyword", "long", "double", "date", "geo_point", "alias"];

/// The fields of a data view, which is the alias of a view; the template has the same name.
pub(super) fn fields(data_view: &str) -> Fields {
    let path = format!("../../deploy/index-templates/{data_view}.json");
    let file = fs::read_to_string(&path).unwrap_or_else(|error| panic!("`{path}`: {error}"));
    let template: Value = serde_json::from_str(&file).unwrap();
    let mut fields = Fields::new();
    collect("", &template["template"]["mappings"], &mut fields);
    let aliases: Vec<(String, String)> = fields
        .iter()
        .filter_map(|(name, kind)| Some((name.clone(), kind.strip_prefix("alias ")?.to_owned())))
        .collect();
    for (name, path) in aliases {
        let kind = fields[&path].clone();
        fields.insert(name, kind);
    }
    fields
}

fn collect(before: &str, mapping: &Value, fields: &mut Fields) {
    for inside in ["properties", "fields"] {
        for (name, mapping) in mapping[inside].as_object().into_iter().flatten() {
            let name = format!("{before}{name}");
            collect(&format!("{name}."), mapping, fields);
            let grouped = mapping["doc_values"] != false;
            match mapping["type"].as_str() {
                Some("alias") => {
                    fields.insert(name, format!("alias {}", text(mapping, "path")));
                }
                Some(kind) if grouped => {
                    fields.insert(name, kind.to_owned());
                }
                // Can be shown, but neither grouped nor sorted by.
                Some(_) => {
                    fields.insert(name, "stored".to_owned());
                }
                None => {}
            }
        }
    }
}

fn check(id: &str, fields: &Fields, name: &str, allowed: &[&str]) {
    let kind = fields.get(name).unwrap_or_else(|| panic!("{id}: there is no field `{name}`"));
    assert!(allowed.contains(&kind.as_str()), "{id}: `{name}` is {kind}, not one of {allowed:?}");
}

/// Checks the names before the colons of a query.
fn check_query(id: &str, fields: &Fields, query: &Value) {
    assert_eq!(query["language"], "kuery", "{id}");
    let query = text(query, "query");
    for part in query.split([' ', '(', ')']) {
        if let Some(name) = part.strip_suffix(':') {
            check(id, fields, name.trim_matches('"'), ANY);
        }
    }
    let mut words = query.split(' ').peekable();
    while let Some(word) = words.next() {
        if words.peek().is_some_and(|next| [">=", "<=", ">", "<"].contains(next)) {
            check(id, fields, word, &[NUMBERS, DATES].concat());
        }
    }
}

#[test]
fn data_views_stand_for_views() {
    for object in objects().iter().filter(|object| object["type"] == "index-pattern") {
        let (id, attributes) = (text(object, "id"), &object["attributes"]);
        assert_eq!(text(attributes, "title"), id, "an alias, never the indices behind it");
        let fields = fields(id);
        check(id, &fields, text(attributes, "timeFieldName"), DATES);
        for key in ["fieldAttrs", "fieldFormatMap"] {
            for name in inner(attributes, key).as_object().unwrap().keys() {
                assert!(fields.contains_key(name), "{id}: there is no field `{name}`");
            }
        }
        assert_eq!(text(attributes, "runtimeFieldMap"), "{}", "{id}: computed for each query");
    }
}

#[test]
fn charts_use_fields_as_their_types_allow() {
    for object in objects().iter().filter(|object| object["type"] == "lens") {
        let (id, state) = (text(object, "id"), &object["attributes"]["state"]);
        let layers = state["datasourceStates"]["formBased"]["layers"].as_object().unwrap();
        assert!(!layers.is_empty(), "{id}");
        for (name, layer) in layers {
            let view = referred(object, &format!("indexpattern-datasource-layer-{name}"));
            let fields = fields(view);
            check_query(id, &fields, &state["query"]);
            let columns = layer["columns"].as_object().unwrap();
            for column in columns.values() {
                check_column(id, &fields, column);
                for reference in elements(&column["references"]) {
                    assert!(columns.contains_key(reference.as_str().unwrap()), "{id}");
                }
            }
            let ordered = elements(&layer["columnOrder"]);
            assert_eq!(ordered.len(), columns.len(), "{id}");
        }
        let known =
            |column: &str| layers.values().any(|layer| layer["columns"].get(column).is_some());
        walk("", &state["visualization"], &mut |key, value| {
            let names_columns =
                ["primaryGroups", "metrics", "accessors", "columnId", "forAccessor"];
            if let Some(column) = value.as_str()
                && (names_columns.contains(&key) || key.ends_with("Accessor"))
            {
                assert!(known(column), "{id}: there is no column `{column}`");
            }
        });
    }
}

fn check_column(id: &str, fields: &Fields, column: &Value) {
    let operation = text(column, "operationType");
    if !column["filter"].is_null() {
        check_query(id, fields, &column["filter"]);
    }
    let allowed: &[&str] = match operation {
        "formula" | "math" => return,
        "count" => {
            assert_eq!(text(column, "sourceField"), "___records___", "{id}");
            return;
        }
        "sum" | "average" => NUMBERS,
        "max" | "min" => &[NUMBERS, DATES].concat(),
        "unique_count" | "terms" => &[KEYWORDS, NUMBERS].concat(),
        "last_value" => &[KEYWORDS, NUMBERS, DATES].concat(),
        "date_histogram" => DATES,
        other => panic!("{id}: what types does `{other}` allow?"),
    };
    check(id, fields, text(column, "sourceField"), allowed);
    if let Some(field) = column["params"]["sortField"].as_str() {
        check(id, fields, field, DATES);
    }
    for field in elements(&column["params"]["secondaryFields"]) {
        check(id, fields, field.as_str().unwrap(), allowed);
    }
    let order = &column["params"]["orderAgg"];
    if order.is_object() {
        check_column(id, fields, order);
    }
}

#[test]
fn maps_use_fields_as_their_types_allow() {
    for object in objects().iter().filter(|object| object["type"] == "map") {
        let id = text(object, "id");
        for layer in elements(&inner(&object["attributes"], "layerListJSON")) {
            let source = &layer["sourceDescriptor"];
            let Some(reference) = source["indexPatternRefName"].as_str() else { continue };
            let fields = fields(referred(object, reference));
            check(id, &fields, text(source, "geoField"), POINTS);
            check_query(id, &fields, &layer["query"]);
            let mut computed = vec!["doc_count".to_owned()];
            for metric in elements(&source["metrics"]) {
                let counts = metric["type"] == "count";
                assert!(counts || metric["field"].is_string(), "{id}");
                if let Some(field) = metric["field"].as_str() {
                    check(id, &fields, field, NUMBERS);
                    computed.push(format!("{}_of_{field}", text(metric, "type")));
                }
            }
            if source["type"] == "ES_SEARCH" {
                check(id, &fields, text(source, "topHitsSplitField"), KEYWORDS);
                check(id, &fields, text(source, "sortField"), DATES);
                for field in elements(&source["tooltipProperties"]) {
                    check(id, &fields, field.as_str().unwrap(), ANY);
                }
            }
            walk("", &layer["style"], &mut |key, value| {
                let field = key == "field" && value["origin"] == "source";
                if field && !computed.iter().any(|name| value["name"] == **name) {
                    check(id, &fields, text(value, "name"), ANY);
                }
            });
        }
    }
}

#[test]
fn controls_list_values_of_keywords() {
    for object in objects().iter().filter(|object| object["type"] == "dashboard") {
        let id = text(object, "id");
        let controls = &object["attributes"]["controlGroupInput"];
        if controls.is_null() {
            continue;
        }
        for (name, control) in inner(controls, "panelsJSON").as_object().unwrap() {
            let view = referred(object, &format!("controlGroup_{name}:optionsListDataView"));
            let field = text(&control["explicitInput"], "fieldName");
            check(id, &fields(view), field, KEYWORDS);
        }
    }
}
