//! The charts of a dashboard, as Kibana's Lens keeps them.

use pulso_model::{Counts, Facet};
use serde_json::{Map, Value, json};

use super::dashboard::{DataSource, Panel};
use super::{Bucket, Measure, capitalised, label};

/// How many bars a chart has.
const BARS: u32 = 10;

/// How many scopes a table lists.
const SCOPES_MAX: u32 = 50;

/// Of trends that ended.
const ENDED_MAX: u32 = 20;

/// The colours of the hand-made dashboards, which people with weak colour vision tell apart.
const BLUE: &str = "#6092C0";

/// A chart before it has its place on a dashboard.
#[derive(Debug)]
pub(super) struct Chart {
    /// Unique on its dashboard.
    pub(super) part: String,
    title: String,
    description: String,
    data_view: String,
    /// In their order: first what documents are grouped by, then what is shown of each group.
    columns: Vec<(&'static str, Value)>,
    kind: &'static str,
    visualization: Value,
}

impl Chart {
    pub(super) fn panel(self, width: u32, height: u32) -> Panel {
        let order: Vec<_> = self.columns.iter().map(|(name, _)| *name).collect();
        let columns: Map<_, _> = self
            .columns
            .iter()
            .map(|(name, column)| ((*name).to_owned(), column.clone()))
            .collect();
        let layer = json!({
            "columnOrder": order, "columns": columns, "ignoreGlobalFilters": false,
            "incompleteColumns": {}, "sampling": 1
        });
        let attributes = json!({
            "title": self.title,
            "description": self.description,
            "visualizationType": self.kind,
            "state": {
                "adHocDataViews": {},
                "datasourceStates": { "formBased": { "layers": { "data": layer } } },
                "filters": [],
                "internalReferences": [],
                "query": { "language": "kuery", "query": "" },
                "visualization": self.visualization
            }
        });
        let source =
            DataSource { name: "indexpattern-datasource-layer-data", data_view: self.data_view };
        Panel::new("lens", "8.9.0", self.part, (width, height), attributes).of(source)
    }
}

/// One number: the sum over the time range.
pub(super) fn figure(activity: &str, measure: &Measure) -> Chart {
    Chart {
        part: format!("figure-{}", plain(measure.field)),
        title: measure.label.clone(),
        description: "The sum over the time range.".to_owned(),
        data_view: activity.to_owned(),
        columns: vec![("value", sum(measure))],
        kind: "lnsMetric",
        visualization: json!({
            "layerId": "data", "layerType": "data", "metricAccessor": "value",
            "subtitle": "In the time range"
        }),
    }
}

/// How many facts there were over time, in a colour for each kind or scope.
pub(super) fn stacked(activity: &str, facts: &Measure, by: &Bucket, most_of: u32) -> Chart {
    let mut groups = terms(&by.label, by.field, most_of, &most("value"));
    // The rest is shown too, so that a bar is as high as all facts of its time.
    groups["params"]["otherBucket"] = json!(true);
    Chart {
        part: format!("by-{}-over-time", plain(by.field)),
        title: format!("{} over time by {}", facts.label, by.label.to_lowercase()),
        description: format!("{} by their own time, echoes left out.", facts.label),
        data_view: activity.to_owned(),
        columns: vec![("by", groups), ("time", over_intervals()), ("value", sum(facts))],
        kind: "lnsXY",
        visualization: chart_over_time("bar_stacked"),
    }
}

/// The scopes with most facts.
pub(super) fn bars(activity: &str, facts: &Measure, by: &Bucket) -> Chart {
    Chart {
        part: format!("by-{}", plain(by.field)),
        title: format!("{} by {}", facts.label, by.label.to_lowercase()),
        description: format!("The ten values of {} with most.", by.label.to_lowercase()),
        data_view: activity.to_owned(),
        columns: vec![
            ("by", terms(&by.label, by.field, BARS, &most("value"))),
            ("value", sum(facts)),
        ],
        kind: "lnsXY",
        visualization: bar_chart(&json!({
            "yConfig": [{ "color": BLUE, "forAccessor": "value" }]
        })),
    }
}

/// The most frequent terms of the newest window.
pub(super) fn now(trends: &str, facet: &Facet) -> Chart {
    let measure = counted(facet);
    let rule = json!({
        "rule": { "type": "other" }, "touched": true,
        "color": { "type": "colorCode", "colorCode": BLUE }
    });
    Chart {
        part: format!("{}-now", plain(facet.term.many)),
        title: format!("Top {} now", facet.term.many),
        description: format!(
            "The ten {} with most {} in the newest window.",
            facet.term.many,
            what(facet)
        ),
        data_view: trends.to_owned(),
        columns: vec![
            ("window", newest_window()),
            ("by", terms(&capitalised(facet.term.one), facet.term.one, BARS, &most("value"))),
            ("value", max(&label(measure), measure)),
        ],
        kind: "lnsXY",
        visualization: bar_chart(&json!({
            "splitAccessor": "window",
            "colorMapping": {
                "assignments": [], "specialAssignments": [rule],
                "paletteId": "eui_amsterdam_color_blind", "colorMode": { "type": "categorical" }
            }
        })),
    }
}

/// The most unusual terms of the newest window.
pub(super) fn unusual_now(trends: &str, facet: &Facet) -> Chart {
    let shown = table(&["by", "value", "since"], &["window"]);
    Chart {
        part: format!("{}-unusual-now", plain(facet.term.many)),
        title: format!("Unusual {} now", facet.term.many),
        description: format!(
            "The ten {} with the highest scores in the newest window, and since when they are unusual; no \
             scores while Pulso is warming up.",
            facet.term.many
        ),
        data_view: trends.to_owned(),
        columns: vec![
            ("window", newest_window()),
            ("by", terms(&capitalised(facet.term.one), facet.term.one, BARS, &most("value"))),
            ("value", score("score")),
            ("since", latest("Unusual since", "since")),
        ],
        kind: "lnsDatatable",
        visualization: shown,
    }
}

/// What was unusual, in the time range.
pub(super) fn ended(ended: &str, facets: &[Facet]) -> Chart {
    let names: Vec<_> = facets.iter().map(|facet| facet.term.many).collect();
    Chart {
        part: "ended-trends".to_owned(),
        title: "What was unusual".to_owned(),
        description: format!(
            "The {} whose trends ended in the time range, the strongest first. A term with several of \
             them has one row: its highest score, when it last began, the longest and the largest.",
            names.join(" and ")
        ),
        data_view: ended.to_owned(),
        columns: vec![
            ("by", terms("Term", "term", ENDED_MAX, &most("value"))),
            ("facet", terms("Of", "facet", 1, &most("value"))),
            ("value", score("peak_score")),
            ("began", latest("Last began", "began")),
            ("duration", max("Longest, in seconds", "duration_seconds")),
            ("count", max("Most facts", "count")),
        ],
        kind: "lnsDatatable",
        visualization: table(&["by", "facet", "value", "began", "duration", "count"], &[]),
    }
}

/// How the most frequent terms came and went.
pub(super) fn over_time(trends: &str, facet: &Facet) -> Chart {
    let measure = counted(facet);
    let value = max(&format!("Most {measure}"), measure);
    Chart {
        part: format!("{}-over-time", plain(facet.term.many)),
        title: format!("Top {} over time", facet.term.many),
        description: format!(
            "The ten {} with most {}: in each interval the largest number of any window that ends in it.",
            facet.term.many,
            what(facet)
        ),
        data_view: trends.to_owned(),
        columns: vec![
            ("by", terms(&capitalised(facet.term.one), facet.term.one, BARS, &most("value"))),
            ("time", over_intervals()),
            ("value", value),
        ],
        kind: "lnsXY",
        visualization: chart_over_time("line"),
    }
}

/// The most frequent terms of each scope, of the newest window.
pub(super) fn now_by_scope(trends: &str, facet: &Facet, scope: &Bucket) -> Chart {
    let measure = counted(facet);
    let mut shown = table(&["scope", "by", "value", "score"], &["window"]);
    shown["columns"][0]["oneClickFilter"] = json!(true);
    Chart {
        part: format!("{}-by-{}-now", plain(facet.term.many), plain(scope.field)),
        title: format!("Top {} by {} now", facet.term.many, scope.label.to_lowercase()),
        description: format!(
            "The newest window: the ten {} with most {} of each.",
            facet.term.many,
            what(facet)
        ),
        data_view: trends.to_owned(),
        columns: vec![
            ("window", newest_window()),
            ("scope", terms(&scope.label, scope.field, SCOPES_MAX, &most("value"))),
            ("by", terms(&capitalised(facet.term.one), facet.term.one, BARS, &most("value"))),
            ("value", max(&label(measure), measure)),
            ("score", score("score")),
        ],
        kind: "lnsDatatable",
        visualization: shown,
    }
}

/// A table with these columns, and others that are there to group by.
fn table(shown: &[&str], hidden: &[&str]) -> Value {
    let column = |hidden| move |id: &&str| json!({ "columnId": id, "hidden": hidden, "isTransposed": false });
    let columns = shown.iter().map(column(false)).chain(hidden.iter().map(column(true)));
    json!({
        "layerId": "data", "layerType": "data", "columns": columns.collect::<Vec<_>>(),
        "headerRowHeight": "single", "headerRowHeightLines": 1,
        "rowHeight": "single", "rowHeightLines": 1,
        "paging": { "enabled": true, "size": 10 }
    })
}

/// The field by which terms are listed and ranked.
fn counted(facet: &Facet) -> &'static str {
    match facet.counts {
        Counts::Facts => "count",
        Counts::Actors => "actors",
    }
}

fn what(facet: &Facet) -> &'static str {
    match facet.counts {
        Counts::Facts => "facts",
        Counts::Actors => "actors",
    }
}

/// A field's name in an id.
fn plain(field: &str) -> String {
    field.replace(['_', '.'], "-").to_lowercase()
}

fn sum(measure: &Measure) -> Value {
    let mut column = metric("sum", &measure.label, measure.field);
    column["params"]["emptyAsNull"] = json!(false);
    column
}

fn max(label: &str, field: &str) -> Value {
    metric("max", label, field)
}

fn score(field: &str) -> Value {
    let label = if field == "score" { "Score" } else { "Highest score" };
    let mut column = max(label, field);
    column["params"]["format"] = json!({ "id": "number", "params": { "decimals": 1 } });
    column
}

fn metric(operation: &str, label: &str, field: &str) -> Value {
    json!({
        "operationType": operation, "sourceField": field, "label": label, "customLabel": true,
        "dataType": "number", "isBucketed": false, "scale": "ratio", "params": {}
    })
}

/// The last of some times.
///
/// Kibana's "last value" would be the time in the newest document, but it asks for `top_metrics`, which
/// an Elasticsearch without Elastic's own modules does not know.
fn latest(label: &str, field: &str) -> Value {
    let mut column = max(label, field);
    column["dataType"] = json!("date");
    column
}

/// Ordered by another column, the largest first.
fn most(column: &str) -> Value {
    json!({ "type": "column", "columnId": column })
}

fn terms(label: &str, field: &str, size: u32, order: &Value) -> Value {
    json!({
        "operationType": "terms", "sourceField": field, "label": label, "customLabel": true,
        "dataType": "string", "isBucketed": true, "scale": "ordinal",
        "params": {
            "size": size, "orderBy": order, "orderDirection": "desc", "accuracyMode": true,
            "otherBucket": false, "missingBucket": false, "parentFormat": { "id": "terms" },
            "include": [], "includeIsRegex": false, "exclude": [], "excludeIsRegex": false
        }
    })
}

/// Exactly one group: the newest window. In accuracy mode each index would count its thousand newest
/// windows, which takes more memory than a server has.
fn newest_window() -> Value {
    let order = json!({ "type": "alphabetical" });
    let mut column = terms("Window from (UTC)", "window_start.text", 1, &order);
    column["params"]["accuracyMode"] = json!(false);
    column
}

fn over_intervals() -> Value {
    json!({
        "operationType": "date_histogram", "sourceField": "@timestamp", "label": "Time",
        "customLabel": true, "dataType": "date", "isBucketed": true, "scale": "interval",
        "params": { "interval": "auto", "includeEmptyRows": true, "dropPartials": false }
    })
}

fn chart_over_time(series: &str) -> Value {
    let layer = json!({ "splitAccessor": "by", "xAccessor": "time", "seriesType": series });
    if series != "line" {
        return xy(layer, true, "None");
    }
    let mut chart = xy(layer, true, "Linear");
    // Terms are longer than kinds and scopes.
    chart["legend"]["legendSize"] = json!("large");
    chart
}

fn bar_chart(more: &Value) -> Value {
    let mut layer = more.clone();
    layer["xAccessor"] = json!("by");
    layer["seriesType"] = json!("bar_horizontal");
    xy(layer, false, "None")
}

fn xy(mut layer: Value, over_time: bool, fitting: &str) -> Value {
    for (name, value) in [
        ("layerId", json!("data")),
        ("layerType", json!("data")),
        ("accessors", json!(["value"])),
        ("position", json!("top")),
        ("showGridlines", json!(false)),
    ] {
        layer[name] = value;
    }
    json!({
        "preferredSeriesType": layer["seriesType"],
        "layers": [layer],
        "legend": {
            "isVisible": over_time, "position": "right", "isInside": false, "maxLines": 1,
            "shouldTruncate": true, "showSingleSeries": over_time
        },
        "valueLabels": if over_time { "hide" } else { "show" },
        "fittingFunction": fitting,
        "yTitle": "",
        "axisTitlesVisibilitySettings": { "x": false, "yLeft": false, "yRight": false },
        "tickLabelsVisibilitySettings": { "x": true, "yLeft": true, "yRight": true },
        "gridlinesVisibilitySettings": { "x": false, "yLeft": over_time, "yRight": false },
        "labelsOrientation": { "x": 0, "yLeft": 0, "yRight": 0 },
        "hideEndzones": true
    })
}
