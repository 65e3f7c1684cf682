//! The dashboard itself: places panels in rows, and offers to choose a scope or terms.

use pulso_model::Stream;
use serde_json::{Map, Value, json};

use super::{capitalised, label, object};
use crate::names::Names;

/// How many columns a row has.
const COLUMNS: u32 = 48;

/// The version by which Kibana reads panels.
const PANEL_VERSION: &str = "8.12.2";

/// One object on the dashboard.
#[derive(Debug)]
pub(super) struct Panel {
    kind: &'static str,
    version: &'static str,
    part: String,
    size: (u32, u32),
    titled: bool,
    attributes: Value,
    source: Option<DataSource>,
}

/// The data view of a panel, under the name by which the panel refers to it.
#[derive(Debug)]
pub(super) struct DataSource {
    pub(super) name: &'static str,
    pub(super) data_view: String,
}

impl Panel {
    pub(super) fn new(
        kind: &'static str,
        version: &'static str,
        part: String,
        size: (u32, u32),
        attributes: Value,
    ) -> Self {
        Self { kind, version, part, size, titled: true, attributes, source: None }
    }

    pub(super) fn of(self, source: DataSource) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Without a heading; the panel says itself what it shows.
    pub(super) fn untitled(self) -> Self {
        Self { titled: false, ..self }
    }

    pub(super) fn text(width: u32, height: u32, markdown: &str) -> Self {
        let state = json!({
            "title": "About", "type": "markdown", "aggs": [],
            "params": { "fontSize": 10, "markdown": markdown, "openLinksInNewTab": false }
        });
        let search = json!({ "filter": [], "query": { "language": "kuery", "query": "" } });
        let attributes = json!({
            "title": "About", "description": "", "uiStateJSON": "{}", "version": 1,
            "visState": state.to_string(),
            "kibanaSavedObjectMeta": { "searchSourceJSON": search.to_string() }
        });
        let size = (width, height);
        Self::new("visualization", "8.5.0", "about".to_owned(), size, attributes).untitled()
    }
}

/// A dashboard without its panels.
#[derive(Debug)]
pub(super) struct Dashboard<'a> {
    prefix: &'a str,
    stream: &'a Stream,
}

impl<'a> Dashboard<'a> {
    pub(super) fn new(prefix: &'a str, stream: &'a Stream) -> Self {
        Self { prefix, stream }
    }

    /// The dashboard, and an object for each panel.
    pub(super) fn into_objects(self, panels: Vec<Panel>) -> Vec<Value> {
        let id = format!("{}-stream-{}", self.prefix, self.stream.name);
        let mut references = vec![("tag-ref-pulso".to_owned(), "tag", self.prefix.to_owned())];
        let mut placed = Vec::new();
        let mut objects = Vec::new();
        let (mut left, mut top, mut row) = (0, 0, 0);
        for panel in panels {
            let (width, height) = panel.size;
            if left + width > COLUMNS {
                (left, top, row) = (0, top + row, 0);
            }
            placed.push(panel_json(&panel, (left, top)));
            left += width;
            row = row.max(height);
            let Panel { kind, version, part, attributes, source, .. } = panel;
            let own = format!("{id}-{part}");
            references.push((format!("{part}:panel_{part}"), kind, own.clone()));
            let sources: Vec<_> = source
                .into_iter()
                .map(|DataSource { name, data_view }| (name.to_owned(), "index-pattern", data_view))
                .collect();
            objects.push(object(kind, version, &own, &attributes, &sources));
        }
        let (controls, data_views) = self.controls();
        references.extend(data_views);
        let attributes = self.attributes(&controls, &Value::Array(placed));
        objects.push(object("dashboard", "8.9.0", &id, &attributes, &references));
        objects
    }

    fn attributes(&self, controls: &Value, panels: &Value) -> Value {
        let options = json!({
            "hidePanelTitles": false, "syncColors": false, "syncCursor": true,
            "syncTooltips": false, "useMargins": true
        });
        let ignored = json!({
            "ignoreFilters": false, "ignoreQuery": false, "ignoreTimerange": false,
            "ignoreValidations": false
        });
        let search = json!({ "filter": [], "query": { "language": "kuery", "query": "" } });
        json!({
            "title": self.stream.title,
            "description": description(self.stream),
            "controlGroupInput": {
                "chainingSystem": "HIERARCHICAL", "controlStyle": "oneLine",
                "ignoreParentSettingsJSON": ignored.to_string(),
                "panelsJSON": controls.to_string()
            },
            "kibanaSavedObjectMeta": { "searchSourceJSON": search.to_string() },
            "optionsJSON": options.to_string(),
            "panelsJSON": panels.to_string(),
            "refreshInterval": { "pause": false, "value": 10_000 },
            "timeRestore": true, "timeFrom": "now-1h", "timeTo": "now",
            "version": 2
        })
    }

    /// A choice for the scope and for each facet's terms, with the data views that offer the values.
    fn controls(&self) -> (Value, Vec<(String, &'static str, String)>) {
        let names = Names::new(self.prefix);
        let scope = self.stream.scope.map(|scope| (scope.name, self.stream.activity_view));
        let facets = self.stream.facets.iter().map(|facet| (facet.term.one, facet.view));
        let mut controls = Map::new();
        let mut references = Vec::new();
        for (order, (field, view)) in scope.into_iter().chain(facets).enumerate() {
            let id = format!("control-{}", field.replace(['_', '.'], "-"));
            let control = json!({
                "type": "optionsListControl", "order": order, "width": "medium", "grow": true,
                "explicitInput": {
                    "id": id, "fieldName": field, "title": label(field), "enhancements": {},
                    "searchTechnique": "prefix", "selectedOptions": []
                }
            });
            let name = format!("controlGroup_{id}:optionsListDataView");
            references.push((name, "index-pattern", names.answers(view)));
            controls.insert(id, control);
        }
        (Value::Object(controls), references)
    }
}

fn description(stream: &Stream) -> String {
    if stream.about.is_empty() {
        return format!("{} as they come.", capitalised(stream.fact.many));
    }
    stream.about.to_owned()
}

fn panel_json(panel: &Panel, (left, top): (u32, u32)) -> Value {
    let Panel { kind, part, size: (width, height), .. } = panel;
    let mut config = json!({ "enhancements": {} });
    if !panel.titled {
        config["hidePanelTitles"] = json!(true);
    }
    if *kind == "map" {
        config["hiddenLayers"] = json!([]);
        config["isLayerTOCOpen"] = json!(false);
    }
    json!({
        "type": kind, "version": PANEL_VERSION, "panelIndex": part,
        "panelRefName": format!("panel_{part}"), "embeddableConfig": config,
        "gridData": { "i": part, "x": left, "y": top, "w": width, "h": height }
    })
}
