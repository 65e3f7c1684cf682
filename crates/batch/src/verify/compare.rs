//! Streams of documents in the same order, side by side.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{Layer, View, ViewDocument};
use pulso_pipeline::Views;
use sonic_rs::{JsonContainerTrait, JsonValueTrait, Value};

use super::documents::{Computed, Stored};
use super::{Comparison, Difference, LeftOut, Report};
use crate::BatchError;

/// The documents of a view that a layer wrote, and those that it should have written.
pub(super) struct SideBySide<'a, V: Views> {
    pub(super) view: View,
    pub(super) layer: Layer,
    pub(super) stored: Stored<V>,
    pub(super) computed: Computed<'a>,
    /// Where the store may have documents of these instead.
    pub(super) ahead: Option<Computed<'a>>,
    /// What is known to be on neither side.
    pub(super) left_out: Vec<LeftOut>,
}

/// A document on both sides, or on one.
struct Pair {
    stored: Option<ViewDocument>,
    computed: Option<ViewDocument>,
}

impl<V: Views> SideBySide<'_, V> {
    /// By `_id` and, where both sides have a document, field by field.
    pub(super) async fn compare(mut self, report: &mut Report) -> Result<(), BatchError> {
        let (mut compared, mut equal) = (0, 0);
        while let Some(pair) = self.next_pair().await? {
            compared += 1;
            let differences = match &pair {
                Pair { stored: Some(stored), computed: None } if self.is_ahead(stored).await? => {
                    Vec::new()
                }
                _ => self.differences(pair),
            };
            equal += u64::from(differences.is_empty());
            differences.into_iter().for_each(|difference| report.add(difference));
        }
        let Self { view, layer, mut left_out, stored, .. } = self;
        left_out.extend(stored.left_out());
        report.comparisons.push(Comparison { view, layer, compared, equal, left_out });
        Ok(())
    }

    async fn next_pair(&mut self) -> Result<Option<Pair>, BatchError> {
        let order = match (self.stored.peek().await?, self.computed.peek().await?) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(stored), Some(computed)) => order(stored, computed),
        };
        let stored = if order.is_le() { self.stored.next().await? } else { None };
        let computed = if order.is_ge() { self.computed.next().await? } else { None };
        Ok(Some(Pair { stored, computed }))
    }

    /// Whether a document is one of those ahead; these are asked for in their order.
    async fn is_ahead(&mut self, document: &ViewDocument) -> Result<bool, BatchError> {
        let Some(ahead) = &mut self.ahead else { return Ok(false) };
        while let Some(found) = ahead.peek().await? {
            match order(found, document) {
                Ordering::Less => drop(ahead.next().await?),
                Ordering::Equal => return Ok(unlike_fields(found, document).is_empty()),
                Ordering::Greater => break,
            }
        }
        Ok(false)
    }

    fn differences(&self, pair: Pair) -> Vec<Difference> {
        let (view, layer) = (self.view, self.layer);
        let fields = match (&pair.stored, &pair.computed) {
            (Some(stored), Some(computed)) => unlike_fields(stored, computed),
            (stored, computed) => {
                let body = |side: &Option<ViewDocument>| Some(side.as_ref()?.body.clone());
                vec![Unlike { field: None, stored: body(stored), computed: body(computed) }]
            }
        };
        let id = pair.stored.or(pair.computed).map(|document| document.id).unwrap_or_default();
        let difference = |Unlike { field, stored, computed }: Unlike| {
            let id = id.clone();
            Difference { view, layer, id, field, stored, computed }
        };
        fields.into_iter().map(difference).collect()
    }
}

fn order(left: &ViewDocument, right: &ViewDocument) -> Ordering {
    if left.id == right.id {
        return Ordering::Equal;
    }
    let key = |document: &ViewDocument| (document.sort_key(), document.id.clone());
    key(left).cmp(&key(right))
}

/// What two documents have under a name; without a name, the documents themselves.
struct Unlike {
    field: Option<String>,
    stored: Option<String>,
    computed: Option<String>,
}

/// The fields that differ, with both values.
fn unlike_fields(stored: &ViewDocument, computed: &ViewDocument) -> Vec<Unlike> {
    if stored.body == computed.body {
        return Vec::new();
    }
    let (stored, computed) = (leaves(&stored.body), leaves(&computed.body));
    let names: BTreeSet<_> = stored.keys().chain(computed.keys()).collect();
    let differ = names.into_iter().filter(|name| stored.get(*name) != computed.get(*name));
    let unlike = |name: &String| Unlike {
        field: Some(name.clone()),
        stored: stored.get(name).cloned(),
        computed: computed.get(name).cloned(),
    };
    differ.map(unlike).collect()
}

/// The values of a document by dotted name, as JSON. Text that is no JSON is one value.
fn leaves(body: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match sonic_rs::from_str::<Value>(body) {
        Ok(value) => collect(&value, String::new(), &mut found),
        Err(_) => drop(found.insert(String::new(), body.to_owned())),
    }
    found
}

fn collect(value: &Value, name: String, into: &mut BTreeMap<String, String>) {
    let Some(object) = value.as_object() else {
        // Whole numbers and floats are written differently, but are the same in JSON.
        let number = value.as_f64().filter(|_| !value.is_i64() && !value.is_u64());
        let text = number.map_or_else(|| value.to_string(), |number| format!("{number}"));
        into.insert(name, text);
        return;
    };
    for (key, value) in object {
        let name = if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        collect(value, name, into);
    }
}
