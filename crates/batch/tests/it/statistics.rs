//! Statistics read off their definition, for numbers that are few and small enough for 128 bits.

use std::collections::BTreeMap;

use pulso_model::{
    By, EventTime, Fact, FieldType, Number, NumberPlace, QUANTILES, Statistic, Stream,
    Value as Column, ViewDocument,
};
use serde_json::{Map, Value, json};

use crate::naive::Counted;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// In each pane of `slide`, or on each day.
pub(crate) fn documents(
    stream: &'static Stream,
    counted: &[Counted<'_>],
    statistic: &Statistic,
    slide: Option<i64>,
) -> Vec<ViewDocument> {
    let mut groups: BTreeMap<(i64, Option<String>), Vec<i64>> = BTreeMap::new();
    for Counted { fact, .. } in counted {
        let width = slide.unwrap_or(DAY_MS);
        let group = match statistic.by {
            By::Nothing => None,
            By::Scope => Some(fact.scope.to_string()),
            By::Kind => Some(stream.kind.values[usize::from(fact.kind)].to_owned()),
        };
        let start = fact.time.0.div_euclid(width) * width;
        if let Some(number) = number(fact, statistic.number) {
            groups.entry((start, group)).or_default().push(number);
        }
    }
    let document = |((start, group), numbers): ((i64, Option<String>), Vec<i64>)| {
        let time = EventTime(start);
        let mut body = told(numbers, f64::from(statistic.number.scale));
        body.insert("@timestamp".into(), json!(time.to_string()));
        let (day, view) = (time.day().to_string(), statistic.view);
        let view = if slide.is_some() { view } else { statistic.days_view };
        if slide.is_none() {
            body.insert("day".into(), json!(day));
        }
        let mut key = vec![if slide.is_some() { time.into() } else { day.as_str().into() }];
        if let (Some(group), Some(field)) = (&group, statistic.by_field(stream)) {
            body.insert(field.into(), json!(group));
            key.push(group.as_str().into());
        }
        for field in view.fields().iter().filter(|field| field.field_type == FieldType::Integer) {
            let whole = format!("{:.0}", body[field.name].as_f64().unwrap());
            body.insert(field.name.into(), serde_json::from_str(&whole).unwrap());
        }
        let (id, body) = (view.id(&key), Value::Object(body).to_string());
        let scope = group.filter(|_| statistic.by == By::Scope);
        ViewDocument { view, id, time, position: 0, scope, body }
    };
    groups.into_iter().map(document).collect()
}

fn number(fact: &Fact<'_>, Number { place, scale }: Number) -> Option<i64> {
    match place {
        NumberPlace::Sum(at) => Some(i64::try_from(fact.sums[at]).unwrap()),
        NumberPlace::Column(at) => match fact.columns[at] {
            Column::Integer(number) => Some(number),
            Column::Float(number) => {
                Some(format!("{:.0}", (number * f64::from(scale)).round()).parse().unwrap())
            }
            _ => None,
        },
    }
}

fn told(mut numbers: Vec<i64>, scale: f64) -> Map<String, Value> {
    numbers.sort_unstable();
    let n = numbers.len() as i128;
    let sum = |power| numbers.iter().map(|&x| i128::from(x).pow(power)).sum::<i128>();
    let [s1, s2, s3, s4] = [sum(1), sum(2), sum(3), sum(4)];
    let a2 = n * s2 - s1 * s1;
    let a3 = n * n * s3 - 3 * n * s1 * s2 + 2 * s1.pow(3);
    let a4 = n.pow(3) * s4 - 4 * n * n * s1 * s3 + 6 * n * s1 * s1 * s2 - 3 * s1.pow(4);
    let mut told = Map::new();
    let mut tell = |name: &str, value: Value| drop(told.insert(name.to_owned(), value));
    tell("count", json!(n as f64));
    tell("min", json!(numbers[0] as f64 / scale));
    tell("max", json!(numbers[numbers.len() - 1] as f64 / scale));
    tell("sum", json!(s1 as f64 / scale));
    tell("mean", json!(s1 as f64 / n as f64 / scale));
    tell("variance", json!(a2 as f64 / (n * n) as f64 / (scale * scale)));
    if a2 > 0 {
        let spread = a2 as f64;
        tell("skewness", json!(a3 as f64 / (spread * spread.sqrt())));
        tell("kurtosis", json!((a4 - 3 * a2 * a2) as f64 / (spread * spread)));
    }
    for (name, percent) in QUANTILES {
        let rank = (numbers.len() as u64 * percent).div_ceil(100);
        let middle = middle(numbers[usize::try_from(rank).unwrap() - 1]);
        let within = middle.clamp(numbers[0] as f64, numbers[numbers.len() - 1] as f64);
        tell(name, json!(within / scale));
    }
    tell("power_sums", json!([s1, s2, s3, s4].map(|sum| sum.to_string())));
    let mut buckets: Vec<(f64, i64)> = Vec::new();
    for middle in numbers.iter().map(|&number| middle(number)) {
        match buckets.last_mut() {
            Some((last, count)) if *last == middle => *count += 1,
            _ => buckets.push((middle, 1)),
        }
    }
    let (values, counts): (Vec<f64>, Vec<i64>) = buckets.into_iter().unzip();
    let values: Vec<_> = values.iter().map(|value| value / scale).collect();
    tell("histogram", json!({ "values": values, "counts": counts }));
    told
}

/// The middle of the numbers that share a bucket: as many as fit 128 times into the power of two below.
fn middle(number: i64) -> f64 {
    let size = number.abs();
    let width = (0..40).map(|bit| 1 << bit).rfind(|power| power * 128 <= size);
    let width = width.unwrap_or(1);
    let middle = (size - size % width) as f64 + (width - 1) as f64 / 2.0;
    if number < 0 { -middle } else { middle }
}
