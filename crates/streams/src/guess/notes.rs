//! Says what was guessed, and what to look at.

use std::collections::BTreeMap;

use super::choices::Kind;
use super::roles::Roles;
use super::sample::Sample;
use super::write::Named;

/// More outcomes are not told.
const OUTCOMES_MAX: usize = 6;

/// What was found in the sample.
pub(super) fn found(
    sample: &Sample,
    roles: &Roles,
    named: &Named<'_>,
    outcomes: &BTreeMap<String, usize>,
) -> Vec<String> {
    let mut lines = vec![format!("messages: {}", sample.what)];
    let mut say = |what: &str, text: String| lines.push(format!("{what}: {text}"));
    say("time", format!("`{}`, {}", roles.time.path, roles.time.spelled()));
    match &roles.identity {
        Some(path) => say("identity", format!("`{path}`, and the time")),
        None => say("identity", "none: each message is a fact of its own".to_owned()),
    }
    if let Some(path) = &roles.actor {
        say("actor", format!("`{path}`"));
    }
    match &roles.kind {
        Kind::One => say("kind", "one for all".to_owned()),
        Kind::Text { path, values } => {
            say("kind", format!("`{path}`: {}", values.join(", ")));
        }
        Kind::Status { path } => say("kind", format!("`{path}` by its first digit")),
    }
    if let Some(scope) = &roles.scope {
        let what = match scope.values {
            "country" => "countries",
            "language" => "languages",
            _ => "values",
        };
        say("scope", format!("`{}`, {} {what}", scope.path, scope.distinct));
    }
    if let Some(place) = &roles.place {
        let paths: Vec<_> = place.paths().iter().map(|path| format!("`{path}`")).collect();
        say("place", paths.join(", "));
    }
    for path in &roles.sums {
        say("sum", format!("`{path}`"));
    }
    for (facet, named) in roles.facets.iter().zip(&named.facets) {
        let text =
            format!("`{}`, {} values, in the view `{}`", facet.path, facet.distinct, named.view);
        say("facet", text);
    }
    say("columns", named.columns.join(", "));
    let outcomes = outcomes.iter().take(OUTCOMES_MAX);
    let outcomes: Vec<_> = outcomes.map(|(outcome, count)| format!("{count} {outcome}")).collect();
    say("of the sample", outcomes.join(", "));
    lines
}

/// What a sample cannot say.
pub(super) fn questions(roles: &Roles, named: &Named<'_>) -> Vec<String> {
    let mut lines = vec![format!("is `{}` when it happened?", roles.time.path)];
    match &roles.identity {
        Some(path) => lines.push(format!("do `{path}` and the time tell facts apart, for ever?")),
        None => lines.push(
            "may a message come twice? Then `identity` names the columns that tell facts apart"
                .to_owned(),
        ),
    }
    if let Some(reason) = &named.skips {
        lines.push(format!("are messages without a time to be skipped, as `{reason}`?"));
    }
    if let Kind::Text { path, .. } = &roles.kind {
        lines.push(format!("are these all kinds of `{path}`? Others come under `other`"));
    }
    if named.facets.is_empty() {
        lines.push("what can trend? Nothing looked like it: add `[[facets]]`".to_owned());
    }
    if roles.actor.is_some() && !named.facets.is_empty() {
        lines.push("should trends count actors instead of facts? `count = \"actors\"`".to_owned());
    }
    lines
}
