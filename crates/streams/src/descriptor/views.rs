//! Checks the views that follow from a descriptor.

use std::collections::BTreeSet;

use pulso_model::{Stream, View};

use super::fields::clash;
use super::table::Table;

/// Views have different names, and each view different fields. Those that `[fields]` and jobs declare
/// were checked where they stand; `by_default`: those of single facts were not declared.
pub(super) fn check(whole: &Table<'_, '_>, stream: &Stream, by_default: bool) {
    let mut names: BTreeSet<_> = View::JOURNALS.into_iter().map(View::name).collect();
    for view in stream.views() {
        if !names.insert(view.name()) {
            whole.problem(whole.span(), format!("there are two views `{}`", view.name()));
        }
    }
    let mut made = vec![stream.activity_view];
    made.extend(stream.facets.iter().flat_map(|f| [Some(f.view), f.by_scope_view]).flatten());
    made.extend(by_default.then_some(stream.facts_view.view));
    for view in made {
        let fields: Vec<_> = view.fields().iter().map(|field| field.name).collect();
        for (at, name) in fields.iter().enumerate() {
            if let Some(clash) = clash(&fields[..at], name) {
                whole.problem(whole.span(), format!("in the view `{}` {clash}", view.name()));
            }
        }
    }
}
