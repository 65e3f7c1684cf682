//! The map of a stream whose facts have places.

use serde_json::{Value, json};

use super::Measure;
use super::dashboard::{DataSource, Panel};

/// A map before it has its place on a dashboard.
#[derive(Debug)]
pub(super) struct PlaceMap {
    attributes: Value,
    data_view: String,
}

impl PlaceMap {
    pub(super) fn panel(self, width: u32, height: u32) -> Panel {
        let source = DataSource { name: "layer_0_source_index_pattern", data_view: self.data_view };
        Panel::new("map", "8.4.0", "map".to_owned(), (width, height), self.attributes).of(source)
    }
}

/// Circles as large as the number of facts near them. Each stands for the mean places of panes.
pub(super) fn of_places(activity: &str, facts: &Measure) -> PlaceMap {
    let base = json!({
        "id": "base", "type": "EMS_VECTOR_TILE", "label": null, "visible": true, "alpha": 1,
        "minZoom": 0, "maxZoom": 24, "includeInFitToBounds": true, "locale": "autoselect",
        "sourceDescriptor": {
            "type": "EMS_TMS", "isAutoSelect": true, "lightModeDefault": "road_map_desaturated"
        },
        "style": { "type": "EMS_VECTOR_TILE", "color": "" }
    });
    let layers = json!([base, circles(facts)]);
    let attributes = json!({
        "title": format!("Where {} come from", facts.label.to_lowercase()),
        "description": format!(
            "{} by place; a circle stands for all places near it.", facts.label
        ),
        "layerListJSON": layers.to_string(),
        "mapStateJSON": state().to_string(),
        "uiStateJSON": json!({ "isLayerTOCOpen": false, "openTOCDetails": [] }).to_string()
    });
    PlaceMap { attributes, data_view: activity.to_owned() }
}

fn circles(facts: &Measure) -> Value {
    let sum = json!({
        "name": format!("sum_of_{}", facts.field), "label": facts.label, "origin": "source"
    });
    let fixed = |options: Value| json!({ "type": "STATIC", "options": options });
    let style = json!({
        "fillColor": fixed(json!({ "color": "#6092C0" })),
        "icon": fixed(json!({ "value": "marker" })),
        "iconOrientation": fixed(json!({ "orientation": 0 })),
        "iconSize": { "type": "DYNAMIC", "options": {
            "field": sum, "minSize": 7, "maxSize": 28,
            "fieldMetaOptions": { "isEnabled": false, "sigma": 3 }
        } },
        "labelBorderColor": fixed(json!({ "color": "#FFFFFF" })),
        "labelBorderSize": { "options": { "size": "SMALL" } },
        "labelColor": fixed(json!({ "color": "#000000" })),
        "labelPosition": { "options": { "position": "CENTER" } },
        "labelSize": fixed(json!({ "size": 12 })),
        "labelText": { "type": "DYNAMIC", "options": { "field": sum } },
        "labelZoomRange": { "options": { "useLayerZoomRange": true, "minZoom": 0, "maxZoom": 24 } },
        "lineColor": fixed(json!({ "color": "#ffffff" })),
        "lineWidth": fixed(json!({ "size": 1 })),
        "symbolizeAs": { "options": { "value": "circle" } }
    });
    json!({
        "id": "facts", "type": "GEOJSON_VECTOR", "label": facts.label, "visible": true,
        "alpha": 0.75, "minZoom": 0, "maxZoom": 24, "includeInFitToBounds": true, "joins": [],
        "query": { "language": "kuery", "query": "" },
        "sourceDescriptor": {
            "id": "facts-source", "type": "ES_GEO_GRID", "geoField": "location",
            "requestType": "point", "resolution": "COARSE",
            "metrics": [{ "type": "sum", "field": facts.field, "label": facts.label }],
            "indexPatternRefName": "layer_0_source_index_pattern",
            "applyGlobalQuery": true, "applyGlobalTime": true, "applyForceRefresh": true
        },
        "style": { "type": "VECTOR", "isTimeAware": true, "properties": style }
    })
}

fn state() -> Value {
    json!({
        "zoom": 1.1, "center": { "lat": 25, "lon": 5 }, "filters": [],
        "query": { "language": "kuery", "query": "" },
        "timeFilters": { "from": "now-1h", "to": "now" },
        "refreshConfig": { "isPaused": true, "interval": 0 },
        "settings": {
            "autoFitToDataBounds": true, "backgroundColor": "#ffffff",
            "browserLocation": { "zoom": 2 }, "customIcons": [], "disableInteractive": false,
            "disableTooltipControl": false, "fixedLocation": { "lat": 0, "lon": 0, "zoom": 2 },
            "hideLayerControl": true, "hideToolbarOverlay": true, "hideViewControl": true,
            "initialLocation": "LAST_SAVED_LOCATION", "keydownScrollZoom": true, "minZoom": 0,
            "maxZoom": 24, "showScaleControl": false, "showSpatialFilters": true,
            "showTimesliderToggleButton": false, "spatialFiltersAlpa": 0.3,
            "spatialFiltersFillColor": "#DA8B45", "spatialFiltersLineColor": "#DA8B45"
        }
    })
}
