//! The open sessions of one declaration, in little memory: a session is its key and some bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pulso_model::{EventTime, Fact, Position, SUMS_MAX, Value};
use serde::{Deserialize, Serialize};

use crate::SessionShape;

/// A session as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ShownSession {
    /// By place in the stream's list.
    pub declared: usize,
    /// From then on no fact can belong to it.
    pub end: EventTime,
    /// Whether facts may follow.
    pub open: bool,
    /// The times of the first and the last fact.
    pub started: EventTime,
    pub ended: EventTime,
    /// The values of the key's columns, empty where there are none.
    pub key: Vec<String>,
    /// Of the first fact.
    pub scope: String,
    /// Of the first fact, in the order of the declaration.
    pub columns: Vec<Option<String>>,
    /// Facts by kind.
    pub kinds: Vec<u64>,
    pub sums: [u64; SUMS_MAX],
    /// The smallest terms of the first and of the last fact, by facet of the declaration.
    pub terms: Vec<[Option<String>; 2]>,
}

/// What sessions need of a fact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    time: EventTime,
    partition: u32,
    offset: u64,
    key: Arc<str>,
    kind: u8,
    sums: [u64; SUMS_MAX],
    /// Scope, columns and terms.
    first: Box<str>,
    /// Terms.
    last: Box<str>,
}

impl Event {
    /// `None` where the fact has no key.
    pub(super) fn of(position: Position, fact: &Fact<'_>, shape: &SessionShape) -> Option<Self> {
        let text = |at: &usize| match fact.columns.get(*at) {
            Some(Value::Text(text)) => Some(&**text),
            _ => None,
        };
        let mut key = String::new();
        let mut keyed = false;
        for part in shape.by.iter().map(text) {
            keyed |= part.is_some();
            push(&mut key, Some(part.unwrap_or_default()));
        }
        if !keyed {
            return None;
        }
        let mut last = String::new();
        for facet in &shape.facets {
            push(&mut last, fact.terms[*facet].first().map(|term| &*term.key));
        }
        let mut first = String::new();
        push(&mut first, Some(&fact.scope));
        shape.columns.iter().map(text).for_each(|text| push(&mut first, text));
        first.push_str(&last);
        let Position { partition, offset } = position;
        let (time, kind, sums) = (fact.time, fact.kind, fact.sums);
        let (key, first, last) = (key.into(), first.into(), last.into());
        Some(Self { time, partition, offset, key, kind, sums, first, last })
    }

    /// When the last of the sessions ends that may lack something without this fact.
    pub(super) fn last_end(&self, shape: &SessionShape) -> EventTime {
        EventTime(self.time.0.saturating_add(shape.gap_ms + 2 * shape.half_ms))
    }
}

/// A chain of facts, each less than a gap after the one before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Chain {
    /// The time of its last fact.
    ended: EventTime,
    /// Where its session is cut.
    cut: EventTime,
    /// What its session consists of; `None` when that has ended, and the chain may go on.
    session: Option<Box<[u8]>>,
}

/// The bytes of a session.
#[derive(Debug, Serialize, Deserialize)]
struct Content<'a> {
    started: EventTime,
    #[serde(borrow)]
    first: &'a str,
    last: &'a str,
    sums: [u64; SUMS_MAX],
    kinds: Vec<u64>,
}

impl Content<'_> {
    fn to_bytes(&self) -> Box<[u8]> {
        postcard::to_stdvec(self).expect("numbers and texts serialise into memory").into()
    }
}

fn content(bytes: &[u8]) -> Content<'_> {
    postcard::from_bytes(bytes).expect("bytes that were made from a session")
}

impl Chain {
    /// From when on no fact can belong to its session.
    fn end(&self, shape: &SessionShape) -> EventTime {
        self.over(shape).min(self.cut)
    }

    /// From when on no fact can belong to it.
    fn over(&self, shape: &SessionShape) -> EventTime {
        EventTime(self.ended.0.saturating_add(shape.gap_ms))
    }

    /// When something happens to it if no fact does.
    fn due(&self, shape: &SessionShape) -> EventTime {
        if self.session.is_some() { self.end(shape) } else { self.over(shape) }
    }

    fn shown(&self, key: &str, shape: &SessionShape, declared: usize) -> Option<ShownSession> {
        let Content { started, first, last, sums, kinds } = content(self.session.as_deref()?);
        let mut first = texts(first);
        let scope = first.next().flatten().unwrap_or_default().to_owned();
        let mut owned = || first.next().flatten().map(str::to_owned);
        let columns = shape.columns.iter().map(|_| owned()).collect();
        let last = texts(last).map(|text| text.map(str::to_owned));
        let terms = last.map(|last| [owned(), last]).collect();
        let key = texts(key).map(|text| text.unwrap_or_default().to_owned()).collect();
        let (ended, end) = (self.ended, self.end(shape));
        let open = true;
        Some(ShownSession {
            declared,
            end,
            open,
            started,
            ended,
            key,
            scope,
            columns,
            kinds,
            sums,
            terms,
        })
    }
}

/// Open sessions, and facts that wait for their panes to be final.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Declared {
    /// By start.
    panes: BTreeMap<EventTime, Vec<Event>>,
    chains: BTreeMap<Arc<str>, Chain>,
    /// Each key once, at or before its chain is due; none at all after it was read back.
    #[serde(skip)]
    due: BTreeMap<EventTime, Vec<Arc<str>>>,
    /// Shown again after all facts of a step.
    #[serde(skip)]
    changed: BTreeSet<Arc<str>>,
}

/// What was read back is the same.
impl PartialEq for Declared {
    fn eq(&self, other: &Self) -> bool {
        (&self.panes, &self.chains) == (&other.panes, &other.chains)
    }
}

impl Declared {
    pub(super) fn open(&self) -> usize {
        self.chains.len()
    }

    pub(super) fn await_pane(&mut self, pane: EventTime, event: Option<Event>) {
        if let Some(event) = event {
            self.panes.entry(pane).or_default().push(event);
        }
    }

    pub(super) fn first_pane(&self) -> Option<EventTime> {
        self.panes.first_key_value().map(|(&pane, _)| pane)
    }

    /// The facts of a pane, in their order.
    pub(super) fn take_pane(&mut self, pane: EventTime) -> Vec<Event> {
        let mut events = self.panes.remove(&pane).unwrap_or_default();
        events.sort_unstable_by_key(|event| (event.time, event.partition, event.offset));
        events
    }

    pub(super) fn ends_until(&self, until: EventTime, shape: &SessionShape) -> bool {
        match self.due.first_key_value() {
            Some((&due, _)) => due <= until,
            None => self.chains.values().any(|chain| chain.due(shape) <= until),
        }
    }

    /// Takes the next fact; `false` when it found no room.
    pub(super) fn apply(
        &mut self,
        event: Event,
        shape: &SessionShape,
        declared: usize,
        room: &mut usize,
        shown: &mut Vec<ShownSession>,
    ) -> bool {
        let Some(chain) = self.chains.get_mut(&event.key) else {
            if *room == 0 {
                return false;
            }
            *room -= 1;
            let chain = begun(&event, shape);
            self.due.entry(chain.due(shape)).or_default().push(Arc::clone(&event.key));
            self.changed.insert(Arc::clone(&event.key));
            self.chains.insert(event.key, chain);
            return true;
        };
        if event.time >= chain.end(shape) {
            let ended = chain.shown(&event.key, shape, declared);
            shown.extend(ended.map(|ended| ShownSession { open: false, ..ended }));
            chain.session = None;
        }
        if event.time >= chain.over(shape) {
            *chain = begun(&event, shape);
        } else {
            chain.add(&event, shape);
        }
        self.changed.insert(event.key);
        true
    }

    /// Ends the sessions that end by now.
    pub(super) fn end(
        &mut self,
        until: EventTime,
        shape: &SessionShape,
        declared: usize,
        shown: &mut Vec<ShownSession>,
    ) {
        if self.due.is_empty() {
            for (key, chain) in &self.chains {
                self.due.entry(chain.due(shape)).or_default().push(Arc::clone(key));
            }
        }
        let later = self.due.split_off(&EventTime(until.0 + 1));
        let mut keys: Vec<_> =
            std::mem::replace(&mut self.due, later).into_values().flatten().collect();
        keys.sort_unstable();
        for key in keys {
            let Some(chain) = self.chains.get_mut(&key) else { continue };
            if chain.end(shape) <= until {
                let ended = chain.shown(&key, shape, declared);
                shown.extend(ended.map(|ended| ShownSession { open: false, ..ended }));
                chain.session = None;
                self.changed.remove(&key);
            }
            if chain.over(shape) <= until {
                self.chains.remove(&key);
            } else {
                self.due.entry(chain.due(shape)).or_default().push(key);
            }
        }
    }

    pub(super) fn show_changed(
        &mut self,
        shape: &SessionShape,
        declared: usize,
        shown: &mut Vec<ShownSession>,
    ) {
        for key in std::mem::take(&mut self.changed) {
            let chain = self.chains.get(&key);
            shown.extend(chain.and_then(|chain| chain.shown(&key, shape, declared)));
        }
    }

    pub(super) fn rename(&mut self, actor: (&str, &str), shape: &SessionShape) {
        let Some(place) = shape.actor else { return };
        for event in self.panes.values_mut().flatten() {
            if let Some(key) = renamed(&event.key, place, actor) {
                event.key = key;
            }
        }
        let own = |key: &Arc<str>| Some((Arc::clone(key), renamed(key, place, actor)?));
        let own: Vec<_> = self.chains.keys().filter_map(own).collect();
        for (old, new) in own {
            let chain = self.chains.remove(&old);
            self.chains.extend(chain.map(|chain| (new, chain)));
        }
        // Made again from the chains.
        self.due.clear();
    }
}

/// The first fact of a chain. Long chains are cut at the same times wherever one begins to read them.
fn begun(event: &Event, shape: &SessionShape) -> Chain {
    let half = shape.half_ms;
    let full = event.time.0.saturating_add(half);
    let cut = EventTime(full.saturating_add((-full).rem_euclid(half)));
    let mut chain = Chain { ended: event.time, cut, session: None };
    chain.begin(event, shape);
    chain
}

impl Chain {
    /// A further fact of the chain.
    fn add(&mut self, event: &Event, shape: &SessionShape) {
        self.ended = event.time;
        let Some(bytes) = &self.session else {
            // The one before was cut.
            let half = shape.half_ms;
            self.cut = EventTime(event.time.0 - event.time.0.rem_euclid(half) + half);
            self.begin(event, shape);
            return;
        };
        let mut content = content(bytes);
        content.last = &event.last;
        content.kinds[usize::from(event.kind)] += 1;
        content.sums.iter_mut().zip(event.sums).for_each(|(sum, more)| *sum += more);
        self.session = Some(content.to_bytes());
    }

    fn begin(&mut self, event: &Event, shape: &SessionShape) {
        let mut kinds = vec![0; shape.kinds];
        kinds[usize::from(event.kind)] += 1;
        let (started, sums, first, last) = (event.time, event.sums, &*event.first, &*event.last);
        self.session = Some(Content { started, first, last, sums, kinds }.to_bytes());
    }
}

fn renamed(key: &str, place: usize, (old, new): (&str, &str)) -> Option<Arc<str>> {
    let parts: Vec<_> = texts(key).collect();
    if parts.get(place) != Some(&Some(old)) {
        return None;
    }
    let mut renamed = String::new();
    for (at, part) in parts.into_iter().enumerate() {
        push(&mut renamed, if at == place { Some(new) } else { part });
    }
    Some(renamed.into())
}

/// Appends a text, behind its length; `-` is none.
fn push(into: &mut String, text: Option<&str>) {
    match text {
        Some(text) => into.extend([&text.len().to_string(), ":", text]),
        None => into.push('-'),
    }
}

/// The texts that were pushed.
fn texts(mut packed: &str) -> impl Iterator<Item = Option<&str>> {
    std::iter::from_fn(move || {
        if let Some(rest) = packed.strip_prefix('-') {
            packed = rest;
            return Some(None);
        }
        let (length, rest) = packed.split_once(':')?;
        let (text, rest) = rest.split_at(length.parse().expect("a length in front of each text"));
        packed = rest;
        Some(Some(text))
    })
}
