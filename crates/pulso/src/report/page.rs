//! The report as one file: the page that `pulso-web` brings, with the data inside.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use pulso_model::{ScopeValues, Stream};
use pulso_web::report;
use serde::Serialize;

use super::encode::{Detail, Layout, encode};
use super::facts::{Facts, UNITS};
use super::outcomes::Outcomes;

/// What a report gives up, one after the other, until it is small enough: times to the minute, rare terms, people.
/// The rest stays exact.
const RARE: [u64; 5] = [2, 4, 8, 16, 32];
const RARE_OF_NOBODY: [u64; 6] = [2, 8, 32, 128, 512, 2048];

/// What the page shows beside the rows.
#[derive(Debug, Serialize)]
pub(super) struct About {
    /// From what it was made, for people.
    pub(super) source: String,
    pub(super) program: &'static str,
    /// ISO 8601.
    pub(super) made: String,
    /// Whether the last part of addresses was cut before anything was counted; `None` where that was decided earlier.
    pub(super) from_log: bool,
    /// Messages that the log had once.
    pub(super) gone: u64,
    pub(super) asked_from: Option<String>,
    pub(super) asked_to: Option<String>,
    pub(super) outcomes: Outcomes,
}

#[derive(Serialize)]
struct Header<'a> {
    #[serde(flatten)]
    about: &'a About,
    stream: serde_json::Value,
    first: i64,
    last: i64,
    total: u64,
    total_sums: &'a [u64],
    /// All people of the report; `None` where they are not told apart.
    people: Option<usize>,
    /// What one of them is called, and many.
    person: Option<[&'static str; 2]>,
    /// Whether a person is one of a UTC day.
    per_day: bool,
    left_out_personal: &'a [&'static str],
    left_out_many: Vec<&'static str>,
    rare_below: u64,
    layout: &'a Layout,
}

/// A report, and what was given up for its size.
pub(super) struct Page {
    pub(super) html: Vec<u8>,
    pub(super) detail: Detail,
}

/// The most detailed report of at most so many bytes; `None` if not even the coarsest is.
///
/// # Errors
/// When the data cannot be written as JSON.
pub(super) fn page(facts: &Facts, about: &About, bytes_max: u64) -> anyhow::Result<Option<Page>> {
    for detail in details(facts) {
        let html = html(facts, about, detail)?;
        if html.len() as u64 <= bytes_max {
            return Ok(Some(Page { html, detail }));
        }
    }
    Ok(None)
}

/// From the finest on. What is coarser in memory already is not tried.
fn details(facts: &Facts) -> Vec<Detail> {
    let people = facts.people().is_some();
    let units = UNITS.iter().filter(|unit| **unit >= facts.unit);
    let mut all: Vec<_> = units.map(|unit| Detail { unit: *unit, rare_below: 0, people }).collect();
    let hour = UNITS[UNITS.len() - 1];
    let rare = |people| move |below: &u64| Detail { unit: hour, rare_below: *below, people };
    if people {
        all.extend(RARE.iter().map(rare(true)));
    }
    all.extend(RARE_OF_NOBODY.iter().map(rare(false)));
    all
}

fn html(facts: &Facts, about: &About, detail: Detail) -> anyhow::Result<Vec<u8>> {
    let (layout, rows) = encode(facts, detail);
    let stream = facts.stream;
    let countries = stream.scope.is_some_and(|scope| scope.values == ScopeValues::Country);
    let world = if countries { report::WORLD } else { "null" };
    let dimensions = facts.dimensions.iter();
    let header = Header {
        about,
        stream: report::described(stream),
        first: facts.first.0,
        last: facts.last.0,
        total: facts.total.facts,
        total_sums: &facts.total.sums[..stream.sums.len()],
        people: facts.people(),
        person: person(stream),
        per_day: !stream.visitor.is_empty(),
        left_out_personal: &facts.personal,
        left_out_many: dimensions.filter(|one| one.dropped).map(|one| one.name).collect(),
        rare_below: detail.rare_below,
        layout: &layout,
    };
    let header = serde_json::to_vec(&header)?;
    Ok(report::page(&packed(&[&header, world.as_bytes()], &rows)?))
}

/// What tells people apart is called by its column.
fn person(stream: &Stream) -> Option<[&'static str; 2]> {
    if !stream.visitor.is_empty() {
        return Some(["visitor", "visitors"]);
    }
    stream.actor.map(|_| ["person", "people"])
}

/// JSON texts, each behind its length (4 bytes, little-endian), then the rows; compressed, as text without any character
/// that HTML knows.
fn packed(texts: &[&[u8]], rows: &[u8]) -> io::Result<String> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    for text in texts {
        let length = u32::try_from(text.len()).map_err(io::Error::other)?;
        gzip.write_all(&length.to_le_bytes())?;
        gzip.write_all(text)?;
    }
    gzip.write_all(rows)?;
    Ok(STANDARD.encode(gzip.finish()?))
}
