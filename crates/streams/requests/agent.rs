//! User agents: the family of a browser, its system and device, and who is a crawler.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Mutex;

use pulso_model::Term;
use rustc_hash::FxHashMap;
use woothee::parser::Parser;

/// What says that a program is a crawler, beside the list of the library: one of these words in its text.
const CRAWLER_WORDS: [&str; 7] = ["bot", "crawl", "spider", "slurp", "archiver", "scan", "monitor"];

/// The family of a program that nobody knows.
pub(super) const UNKNOWN: &str = "Unknown";

/// How many texts are remembered, each of at most so many bytes; servers see far fewer in an hour. A program
/// that makes up a new one for each request makes all be forgotten now and then, which costs time only.
const REMEMBERED_MAX: usize = 8192;
const REMEMBERED_BYTES_MAX: usize = 512;

/// A name of a crawler that is longer is none.
const NAME_BYTES_MAX: usize = 40;

/// What the text of a user agent says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Agent {
    pub(super) family: Cow<'static, str>,
    pub(super) os: Option<&'static str>,
    pub(super) device: Device,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Device {
    Desktop,
    Mobile,
    Tablet,
    Crawler,
    Other,
}

impl Device {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Mobile => "mobile",
            Self::Tablet => "tablet",
            Self::Crawler => "crawler",
            Self::Other => "other",
        }
    }
}

impl Agent {
    /// Of a request without a user agent.
    pub(super) const NONE: Self =
        Self { family: Cow::Borrowed(UNKNOWN), os: None, device: Device::Other };

    /// The family as a term; that of a crawler is marked in its name.
    pub(super) fn term<'a>(&self) -> Option<Term<'a>> {
        let key = self.family.clone();
        let name = match self.device {
            Device::Crawler => Cow::Owned(format!("{key} (crawler)")),
            _ => key.clone(),
        };
        (key != UNKNOWN).then_some(Term { key, name })
    }
}

/// What a text says; the same for the same text.
pub(super) fn of(text: &str) -> Agent {
    thread_local! {
        static REMEMBERED: RefCell<FxHashMap<Box<str>, Agent>> = RefCell::default();
    }
    if text.len() > REMEMBERED_BYTES_MAX {
        return parse(text);
    }
    REMEMBERED.with_borrow_mut(|remembered| {
        if let Some(agent) = remembered.get(text) {
            return agent.clone();
        }
        let agent = parse(text);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(text.into(), agent.clone());
        agent
    })
}

fn parse(text: &str) -> Agent {
    let found = Parser::new().parse(text).unwrap_or_default();
    let lower = text.to_ascii_lowercase();
    let known = |name: &str| (!name.is_empty() && name != "UNKNOWN").then(|| interned(name));
    let called_so = CRAWLER_WORDS.into_iter().any(|word| lower.contains(word));
    // A maker of phones is called Cubot.
    let crawler = found.category == "crawler" || (called_so && !lower.contains("cubot"));
    let os = known(found.os);
    if crawler {
        let listed =
            known(found.name).filter(|name| found.category == "crawler" && *name != "misc crawler");
        let family =
            listed.map(Cow::Borrowed).or_else(|| crawler_name(text, &lower).map(Cow::Owned));
        let family = family.unwrap_or(Cow::Borrowed("Crawler"));
        return Agent { family, os: None, device: Device::Crawler };
    }
    let family = known(found.name).map_or(Cow::Borrowed(UNKNOWN), |name| family(name, text));
    Agent { family, os, device: device(found.category, os, text) }
}

/// Other libraries call the browser of old Androids so; to woothee it is a Safari.
fn family(name: &'static str, text: &str) -> Cow<'static, str> {
    let android = name == "Safari" && text.contains("Android");
    Cow::Borrowed(if android { "Android" } else { name })
}

fn device(category: &str, os: Option<&str>, text: &str) -> Device {
    match (category, os) {
        // Tablets with Android leave out the word.
        (_, Some("iPad")) => Device::Tablet,
        (_, Some("Android")) if !text.contains("Mobile") => Device::Tablet,
        ("smartphone", _) if text.contains("Tablet") => Device::Tablet,
        ("smartphone" | "mobilephone", _) => Device::Mobile,
        ("pc", _) => Device::Desktop,
        _ => Device::Other,
    }
}

/// What the crawler is called: the first word of its text that says so, `AhrefsBot` of `(compatible; AhrefsBot/5.0;
/// …)`, but for addresses; else the word behind `compatible`, or the first one.
fn crawler_name(text: &str, lower: &str) -> Option<String> {
    let in_name =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'!' | b'.');
    let mut places: Vec<_> =
        CRAWLER_WORDS.into_iter().flat_map(|word| lower.match_indices(word)).collect();
    places.sort_unstable();
    let names = places.into_iter().filter_map(|(at, _)| {
        let (before, behind) = text.as_bytes().split_at(at);
        let begin = at - before.iter().rev().take_while(|byte| in_name(byte)).count();
        let end = at + behind.iter().take_while(|byte| in_name(byte)).count();
        let in_address = text.get(..begin)?.ends_with(['/', '@', ':']);
        let name = text.get(begin..end)?.trim_matches('.');
        (!in_address && !name.starts_with("www.")).then_some(name)
    });
    let rest = text.split_once("compatible; ").map_or(text, |(_, rest)| rest);
    // So browsers begin as well.
    let first = rest.split(['/', ' ', '(', ';']).next();
    let first = first.filter(|word| !["Mozilla", "MSIE"].contains(word));
    let mut names = names.chain(first).filter(|name| (2..=NAME_BYTES_MAX).contains(&name.len()));
    names.next().map(str::to_owned)
}

/// The library has a hundred names; each is kept for good.
fn interned(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.into());
    names.insert(name);
    name
}
