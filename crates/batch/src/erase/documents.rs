//! The documents of embedded views that say something of a person, and what becomes of them.

use std::collections::BTreeMap;

use pulso_model::{Position, Renaming, View, push_json_text};
use pulso_runtime::stores::{Alone, Change, Row};
use pulso_runtime::{Exit, ExplainExt, FailureExt};
use serde::Deserialize;

use super::search::Found;

#[derive(Deserialize)]
struct OfContact {
    stream: String,
    actor: String,
}

#[derive(Deserialize)]
struct OfDeadLetter {
    stream: String,
    partition: u32,
    offset: u64,
}

/// All changes.
pub(super) fn changes(
    views: &Alone,
    renaming: &Renaming,
    found: &Found,
) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for view in renaming.views() {
        changes.extend(in_view(views, renaming, view)?);
    }
    changes.extend(contacts(views, renaming)?);
    changes.extend(dead_letters(views, renaming, found)?);
    Ok(changes)
}

/// How many documents of each view change.
pub(super) fn counts(changes: &[Change]) -> BTreeMap<View, u64> {
    let mut counts = BTreeMap::new();
    for (row, _) in changes {
        *counts.entry(row.document.view).or_default() += 1;
    }
    counts
}

fn in_view(views: &Alone, renaming: &Renaming, view: View) -> anyhow::Result<Vec<Change>> {
    let rows = rows(views, view, &as_json(renaming.actor()))?;
    let mut changes = Vec::new();
    for row in rows {
        let renamed = renaming.document(&row.document);
        let renamed = renamed
            .map_err(anyhow::Error::from)
            .exit(Exit::Internal)
            .hint(format!("compute the view anew: `pulso-batch run {view}`"))?;
        changes.extend(renamed.map(|new| (row, Some(new))));
    }
    Ok(changes)
}

/// Who was contacted is of nobody else, so these are removed.
fn contacts(views: &Alone, renaming: &Renaming) -> anyhow::Result<Vec<Change>> {
    let mut rows = rows(views, View::CONTACTS, &as_json(renaming.actor()))?;
    rows.retain(|row| {
        let of: Option<OfContact> = serde_json::from_str(&row.document.body).ok();
        of.is_some_and(|of| of.stream == renaming.stream().name && of.actor == renaming.actor())
    });
    Ok(rows.into_iter().map(|row| (row, None)).collect())
}

/// They show what the new messages have. One whose message is gone goes, too, if it may name the person;
/// where the message is there, it says whether it does, as a document has other numbers than those.
fn dead_letters(views: &Alone, renaming: &Renaming, found: &Found) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for row in rows(views, View::DEAD_LETTERS, renaming.stream().name)? {
        let Ok(of) = serde_json::from_str::<OfDeadLetter>(&row.document.body) else { continue };
        if of.stream != renaming.stream().name {
            continue;
        }
        let saw = found.saw(Position { partition: of.partition, offset: of.offset });
        match found.dead_letters.get(&row.document.id) {
            Some(new) if *new == row.document => {}
            Some(new) => changes.push((row, Some(new.clone()))),
            None if saw => {}
            None if renaming.is_named_in(row.document.body.as_bytes()) => changes.push((row, None)),
            None => {}
        }
    }
    Ok(changes)
}

fn rows(views: &Alone, view: View, text: &str) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    views.each_document_with(view, text, |row| rows.push(row)).explained()?;
    Ok(rows)
}

/// As it stands in a document, without the quotes.
fn as_json(text: &str) -> String {
    let mut json = String::new();
    push_json_text(&mut json, text);
    json.get(1..json.len() - 1).unwrap_or_default().to_owned()
}
