//! What a request to the organiser's desk asks for.

use axum::http::Uri;
use pulso_organiser::Choice;

use crate::http::Error;
use crate::http::parameters::{TEXT_CHARACTERS_MAX, pairs, parse};

/// Farther apart no two places are.
pub(in crate::http) const DISTANCE_KM_MAX: u32 = 20_100;
pub(in crate::http) const LIMIT_MAX: usize = 1_000;
pub(in crate::http) const LIMIT_USUAL: usize = 50;
pub(in crate::http) const TOPICS_MAX: usize = 50;

const OWN_ALLOWED: &str = "`group:` with the name in a group's url, or `topic:` with a topic";

/// What is asked, by the parameters that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Kind {
    Groups,
    /// Own events, and what follows from them.
    Own,
    Candidates,
    Contacts,
}

impl Kind {
    pub(in crate::http) fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Groups => &["own", "search"],
            Self::Own => &["own", "relevant", "distance_km", "own_members"],
            Self::Candidates => &["own", "relevant", "distance_km", "own_members", "limit"],
            Self::Contacts => &["own", "limit", "format"],
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Which events are the organiser's.
    pub(super) own: Option<Choice>,
    pub(super) relevant: Option<Vec<String>>,
    pub(super) distance_km: Option<f64>,
    pub(super) own_members: Option<bool>,
    pub(super) search: String,
    pub(super) limit: usize,
    pub(super) csv: bool,
}

pub(super) fn read(kind: Kind, uri: &Uri) -> Result<Asked, Error> {
    let mut asked = Asked {
        own: None,
        relevant: None,
        distance_km: None,
        own_members: None,
        search: String::new(),
        limit: LIMIT_USUAL,
        csv: false,
    };
    let mut seen = Vec::new();
    for (name, value) in pairs(uri)? {
        let allowed = kind.allowed();
        let Some(known) = allowed.iter().find(|known| **known == name) else {
            return Err(Error::UnknownParameter { name, allowed: allowed.to_vec() });
        };
        if seen.contains(known) {
            return Err(Error::RepeatedParameter { name: known });
        }
        seen.push(known);
        set(&mut asked, known, &value).map_err(|allowed| Error::InvalidParameter {
            name: known,
            value,
            allowed,
        })?;
    }
    Ok(asked)
}

/// Sets one parameter. The error says what is allowed.
fn set(asked: &mut Asked, name: &str, value: &str) -> Result<(), String> {
    match name {
        "own" => asked.own = Some(choice(value).ok_or_else(|| OWN_ALLOWED.to_owned())?),
        "search" => asked.search = text(value)?.to_lowercase(),
        "relevant" => {
            let allowed = || format!("1 to {TOPICS_MAX} topics, joined by commas");
            let topics = value.split(',').map(|topic| text(topic.trim()));
            let topics: Result<Vec<_>, _> = topics.map(|topic| Ok(topic?.to_lowercase())).collect();
            let topics = topics.map_err(|_: String| allowed())?;
            let few = topics.len() <= TOPICS_MAX;
            asked.relevant = Some(Some(topics).filter(|_| few).ok_or_else(allowed)?);
        }
        "distance_km" => {
            let allowed = format!("a number from 0 to {DISTANCE_KM_MAX}");
            let km = parse::<f64>(value, &allowed)?;
            let possible = (0.0..=f64::from(DISTANCE_KM_MAX)).contains(&km);
            asked.distance_km = Some(Some(km).filter(|_| possible).ok_or(allowed)?);
        }
        "own_members" => asked.own_members = Some(parse(value, "`true` or `false`")?),
        "format" => {
            let formats = [("json", false), ("csv", true)];
            let format = formats.iter().find(|(name, _)| *name == value);
            asked.csv = format.map(|(_, csv)| *csv).ok_or("`json` or `csv`")?;
        }
        _ => {
            let allowed = format!("a whole number from 1 to {LIMIT_MAX}");
            asked.limit = parse(value, &allowed)?;
            if !(1..=LIMIT_MAX).contains(&asked.limit) {
                return Err(allowed);
            }
        }
    }
    Ok(())
}

/// A group or a topic.
fn choice(value: &str) -> Option<Choice> {
    let (by, name) = value.split_once(':')?;
    let fits = value.chars().count() <= TEXT_CHARACTERS_MAX;
    let name = Some(name)
        .filter(|name| fits && !name.is_empty() && !name.starts_with(char::is_whitespace))?;
    match by {
        "group" => Some(Choice::Group(name.to_owned())),
        "topic" => Some(Choice::Topic(name.to_lowercase())),
        _ => None,
    }
}

fn text(value: &str) -> Result<String, String> {
    let usable = !value.trim().is_empty() && value.chars().count() <= TEXT_CHARACTERS_MAX;
    let allowed = || format!("1 to {TEXT_CHARACTERS_MAX} characters");
    Some(value.to_owned()).filter(|_| usable).ok_or_else(allowed)
}
