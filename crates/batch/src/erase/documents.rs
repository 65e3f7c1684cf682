//! The documents of views that say something of a person, and what becomes of them.

use std::collections::BTreeMap;

use pulso_model::{Position, Renaming, View, push_json_text};
use pulso_pipeline::{Amend, Change};
use pulso_runtime::stores::OwnViews;
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
    /// Not there where it was a document that the view store refused.
    partition: Option<u32>,
    offset: Option<u64>,
    detail: Option<String>,
    payload: Option<String>,
    payload_hex: Option<String>,
}

impl OfDeadLetter {
    fn position(&self) -> Option<Position> {
        Some(Position { partition: self.partition?, offset: self.offset? })
    }

    /// Where the message is, is said in numbers that mean nobody.
    fn names(&self, renaming: &Renaming) -> bool {
        let bytes = self.payload_hex.as_deref().map(bytes);
        let texts = [&self.detail, &self.payload].into_iter().flatten().map(String::as_bytes);
        texts.chain(bytes.as_deref()).any(|text| renaming.is_named_in(text))
    }
}

/// All changes.
pub(super) async fn changes(
    views: &mut OwnViews,
    renaming: &Renaming,
    found: &Found,
) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    for view in renaming.views() {
        changes.extend(in_view(views, renaming, view).await?);
    }
    changes.extend(contacts(views, renaming).await?);
    changes.extend(dead_letters(views, renaming, found).await?);
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

async fn in_view(
    views: &mut OwnViews,
    renaming: &Renaming,
    view: View,
) -> anyhow::Result<Vec<Change>> {
    let rows = views.rows_with(view, &as_json(renaming.actor())).await.explained()?;
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
async fn contacts(views: &mut OwnViews, renaming: &Renaming) -> anyhow::Result<Vec<Change>> {
    let rows = views.rows_with(View::CONTACTS, &as_json(renaming.actor())).await;
    let mut rows = rows.explained()?;
    rows.retain(|row| {
        let of: Option<OfContact> = serde_json::from_str(&row.document.body).ok();
        of.is_some_and(|of| of.stream == renaming.stream().name && of.actor == renaming.actor())
    });
    Ok(rows.into_iter().map(|row| (row, None)).collect())
}

/// They show what the new messages have. One whose message is gone, or none any more, goes, too, if it
/// names the person; where the message is a dead letter, that says whether it does.
async fn dead_letters(
    views: &mut OwnViews,
    renaming: &Renaming,
    found: &Found,
) -> anyhow::Result<Vec<Change>> {
    let mut changes = Vec::new();
    let rows = views.rows_with(View::DEAD_LETTERS, renaming.stream().name).await.explained()?;
    for row in rows {
        let Ok(of) = serde_json::from_str::<OfDeadLetter>(&row.document.body) else { continue };
        if of.stream != renaming.stream().name {
            continue;
        }
        let dead = of.position().is_some_and(|position| found.dead.contains(&position));
        match found.dead_letters.get(&row.document.id) {
            Some(new) if *new == row.document => {}
            Some(new) => changes.push((row, Some(new.clone()))),
            None if !dead && of.names(renaming) => changes.push((row, None)),
            None => {}
        }
    }
    Ok(changes)
}

/// Of pairs of hexadecimal digits.
fn bytes(digits: &str) -> Vec<u8> {
    let (pairs, _) = digits.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().filter_map(byte).collect()
}

/// As it stands in a document, without the quotes.
fn as_json(text: &str) -> String {
    let mut json = String::new();
    push_json_text(&mut json, text);
    json.get(1..json.len() - 1).unwrap_or_default().to_owned()
}
