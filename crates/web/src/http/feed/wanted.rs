//! Which messages a client wants, and from where on.

use axum::http::{HeaderMap, Uri};
use pulso_model::{Decoded, Decoder, Fact, Offsets, ScopeValues, Stream};
use pulso_pipeline::Record;

use crate::http::Error;
use crate::http::live::LAST_EVENT_ID;
use crate::http::parameters::{FILTER_TEXTS_MAX, TEXT_CHARACTERS_MAX, pairs};

const FROM: &str = "from";
const FROM_ALLOWED: &str = "`now`, `start` or the id of an event";

/// Where a client begins.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum From {
    Now,
    Start,
    Place(Offsets),
}

/// What a filter compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    Kind,
    Scope(ScopeValues),
    /// The terms of a facet, by its place.
    Terms(usize),
}

/// A fact passes with any of the texts.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Filter {
    of: Of,
    texts: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) from: From,
    stream: &'static Stream,
    filters: Vec<Filter>,
}

/// The filters of a stream, by the names that its facts have for what they compare.
pub(in crate::http) fn names(stream: &Stream) -> Vec<&'static str> {
    filters(stream).into_iter().map(|(name, _)| name).collect()
}

fn filters(stream: &Stream) -> Vec<(&'static str, Of)> {
    let scope = stream.scope.map(|scope| (scope.name, Of::Scope(scope.values)));
    let terms = stream.facets.iter().enumerate();
    let terms = terms.map(|(at, facet)| (facet.term.one, Of::Terms(at)));
    [(stream.kind.name, Of::Kind)].into_iter().chain(scope).chain(terms).collect()
}

impl Wanted {
    /// Reads what a request asks for. A client that comes back says where it was in a header, which counts.
    pub(super) fn read(
        stream: &'static Stream,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<Self, Error> {
        let mut wanted = Self { from: From::Now, stream, filters: Vec::new() };
        let known = filters(stream);
        let mut begun = false;
        for (name, value) in pairs(uri)? {
            if name == FROM {
                if std::mem::replace(&mut begun, true) {
                    return Err(Error::RepeatedParameter { name: FROM });
                }
                wanted.from = from(value)?;
                continue;
            }
            let Some(&(name, of)) = known.iter().find(|(known, _)| *known == name) else {
                let allowed = [FROM].into_iter().chain(names(stream)).collect();
                return Err(Error::UnknownParameter { name, allowed });
            };
            wanted.add(name, of, value)?;
        }
        if let Some(id) = headers.get(LAST_EVENT_ID) {
            wanted.from = from(String::from_utf8_lossy(id.as_bytes()).into_owned())?;
        }
        Ok(wanted)
    }

    fn add(&mut self, name: &'static str, of: Of, value: String) -> Result<(), Error> {
        if !(1..=TEXT_CHARACTERS_MAX).contains(&value.chars().count()) {
            let allowed = format!("1 to {TEXT_CHARACTERS_MAX} characters");
            return Err(Error::InvalidParameter { name, value, allowed });
        }
        let text = match of {
            Of::Scope(ScopeValues::Country) => value.to_uppercase(),
            Of::Scope(ScopeValues::Language) => value.to_lowercase(),
            Of::Kind | Of::Scope(ScopeValues::Text) | Of::Terms(_) => value,
        };
        match self.filters.iter_mut().find(|filter| filter.of == of) {
            Some(filter) => filter.texts.push(text),
            None => self.filters.push(Filter { of, texts: vec![text] }),
        }
        let count = self.filters.iter().map(|filter| filter.texts.len()).sum();
        if count > FILTER_TEXTS_MAX {
            return Err(Error::TooManyTexts { name, count, max: FILTER_TEXTS_MAX });
        }
        Ok(())
    }

    /// Whether a message is wanted. Without filters all are, also those that are no facts.
    pub(super) fn has(&self, decoder: &Decoder, record: &Record) -> bool {
        if self.filters.is_empty() {
            return true;
        }
        match decoder.decode(&record.payload, record.log_time) {
            Ok(Decoded::Fact(fact)) => {
                self.filters.iter().all(|filter| filter.has(self.stream, &fact))
            }
            Ok(Decoded::Skipped(_)) | Err(_) => false,
        }
    }
}

impl Filter {
    fn has(&self, stream: &Stream, fact: &Fact<'_>) -> bool {
        let is = |value: &str| self.texts.iter().any(|text| text == value);
        match self.of {
            Of::Kind => stream.kind.values.get(usize::from(fact.kind)).is_some_and(|kind| is(kind)),
            Of::Scope(_) => is(&fact.scope),
            Of::Terms(at) => fact.terms[at].iter().any(|term| is(&term.key)),
        }
    }
}

fn from(value: String) -> Result<From, Error> {
    let place = || value.split('-').map(|offset| offset.parse().ok()).collect::<Option<_>>();
    match value.as_str() {
        "now" => Ok(From::Now),
        "start" => Ok(From::Start),
        _ => match place() {
            Some(next) => Ok(From::Place(next)),
            None => {
                let allowed = FROM_ALLOWED.to_owned();
                Err(Error::InvalidParameter { name: FROM, value, allowed })
            }
        },
    }
}

/// A place in the log as an id: the next offset of each partition.
pub(super) fn show(next: &Offsets) -> String {
    let offsets: Vec<_> = next.by_partition().map(|(_, offset)| offset.to_string()).collect();
    offsets.join("-")
}
