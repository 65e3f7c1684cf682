//! Documents with statistics of numbers.

use super::{ObjectWriter, ViewDocument, signed};
use crate::statistics::QUANTILES;
use crate::{By, EventTime, Statistic, Statistics, Stream};

/// Room for most documents: few numbers have more than a few dozen sizes in one pane.
const USUAL_BYTES: usize = 1024;

/// The numbers of one pane, of all its facts or of those of one scope or kind.
#[derive(Debug)]
pub struct StatisticsDocument<'a> {
    pub stream: &'a Stream,
    pub statistic: &'a Statistic,
    pub pane_start: EventTime,
    /// The scope or the kind, where there is one document for each.
    pub group: Option<&'a str>,
    pub statistics: &'a Statistics,
}

impl StatisticsDocument<'_> {
    /// `None` when there are no numbers.
    pub fn render(&self) -> Option<ViewDocument> {
        let Self { stream, statistic, pane_start, group, statistics } = *self;
        let scale = statistic.number.scale;
        let summary = statistics.summary(scale)?;
        let mut json = ObjectWriter::with_capacity(USUAL_BYTES);
        json.time("@timestamp", pane_start);
        if let (Some(field), Some(group)) = (statistic.by_field(stream), group) {
            json.text(field, group);
        }
        json.integer("count", signed(summary.count));
        json.number("min", summary.min, scale);
        json.number("max", summary.max, scale);
        if let Ok(sum) = i64::try_from(summary.sum) {
            json.number("sum", sum, scale);
        }
        json.float("mean", summary.mean);
        json.float("variance", summary.variance);
        if let (Some(skewness), Some(kurtosis)) = (summary.skewness, summary.kurtosis) {
            json.float("skewness", skewness);
            json.float("kurtosis", kurtosis);
        }
        for ((name, _), quantile) in QUANTILES.iter().zip(summary.quantiles) {
            json.float(name, quantile);
        }
        json.texts("power_sums", summary.power_sums.iter().map(String::as_str));
        json.histogram("histogram", &summary.histogram);
        let key = [Some(pane_start.into()), group.map(Into::into)];
        let key: Vec<_> = key.into_iter().flatten().collect();
        let document = ViewDocument::new(statistic.view, pane_start, &key, json);
        let scope = group.filter(|_| statistic.by == By::Scope).map(str::to_owned);
        Some(ViewDocument { scope, ..document })
    }
}
