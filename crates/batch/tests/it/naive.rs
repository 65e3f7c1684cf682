//! The views counted in the most obvious way, straight from the definitions, as an oracle.

use std::collections::{BTreeMap, BTreeSet};

use pulso_batch::WindowSettings;
use pulso_model::{
    ActivityDocument, Coordinate, CoordinateSum, Counts, Day, Decoded, Decoder, EndedTrendDocument,
    EventTime, Fact, FactWriter, KeyPart, Location, Position, Stream, TrendDocument, TrendWindow,
    Value as Column, View, ViewDocument,
};
use pulso_pipeline::Record;
use pulso_testkit::trends::{self, Life, Limits, Mention, Place, Unusual};
use pulso_testkit::view;
use serde_json::{Map, Value, json};

use crate::support::Bodies;

/// A fact and where its message stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) position: Position,
    pub(crate) fact: Fact<'a>,
}

impl Counted<'_> {
    pub(crate) fn order(&self) -> (i64, Position) {
        (self.fact.time.0, self.position)
    }
}

/// The first message of each identity; records of a partition come in offset order.
pub(crate) fn facts<'r>(decoder: &Decoder, records: &'r [Record]) -> Vec<Counted<'r>> {
    let mut seen = BTreeSet::new();
    let mut counted = Vec::new();
    for record in records {
        let position = Position { partition: record.partition, offset: record.offset };
        if let Ok(Decoded::Fact(fact)) = decoder.decode(&record.payload, record.log_time)
            && decoder.stream().identity(&fact).is_none_or(|identity| seen.insert(identity))
        {
            counted.push(Counted { position, fact });
        }
    }
    counted
}

pub(crate) fn fact_documents(
    stream: &'static Stream,
    counted: &[Counted<'_>],
) -> Vec<ViewDocument> {
    let mut writer = FactWriter::new(stream);
    counted.iter().map(|counted| writer.render(&counted.fact, counted.position)).collect()
}

pub(crate) fn activity(
    stream: &'static Stream,
    counted: &[Counted<'_>],
    slide: i64,
) -> Vec<ViewDocument> {
    let mut panes: BTreeMap<(i64, &str, u8), Vec<&Fact<'_>>> = BTreeMap::new();
    for Counted { fact, .. } in counted {
        let pane = fact.time.0.div_euclid(slide) * slide;
        panes.entry((pane, &*fact.scope, fact.kind)).or_default().push(fact);
    }
    let document = |((pane, scope, kind), facts): (&(i64, &str, u8), &Vec<&Fact<'_>>)| {
        let sum = |at: usize| facts.iter().map(|fact| fact.sums[at]).sum::<u64>();
        let document = ActivityDocument {
            stream,
            pane_start: EventTime(*pane),
            scope,
            kind: stream.kind.values[usize::from(*kind)],
            facts: facts.len() as u64,
            sums: &(0..stream.sums.len()).map(sum).collect::<Vec<_>>(),
            location: mean(facts),
        };
        document.render()
    };
    panes.iter().map(document).collect()
}

fn mean(facts: &[&Fact<'_>]) -> Option<Location> {
    let mut sum = CoordinateSum::default();
    facts.iter().for_each(|fact| sum.add(fact.place));
    sum.mean()
}

/// The trends of one facet of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trends<'a> {
    pub(crate) stream: &'static Stream,
    /// By place in the stream's list.
    pub(crate) facet: usize,
    pub(crate) windows: &'a WindowSettings,
    /// In each scope, else worldwide.
    pub(crate) by_scope: bool,
}

/// The windows of a facet in one scope, or worldwide.
struct Scope<'a> {
    scope: Option<&'a str>,
    by_end: BTreeMap<i64, Terms<'a>>,
    /// The terms that may be listed.
    scored: BTreeMap<i64, Vec<Scored<'a>>>,
    unusual: BTreeMap<&'a str, Unusual>,
}

/// A term with its number and its score.
type Scored<'a> = (u64, Option<f64>, &'a str);

impl Trends<'_> {
    /// The lists of every window that any fact is in.
    pub(crate) fn documents(&self, counted: &[Counted<'_>]) -> Vec<ViewDocument> {
        let of_scope = |scope: Scope<'_>| -> Vec<ViewDocument> {
            scope.by_end.keys().flat_map(|end| self.list(counted, &scope, *end)).collect()
        };
        self.scopes(counted).into_iter().flat_map(of_scope).collect()
    }

    /// The trends that ended.
    pub(crate) fn ended(&self, counted: &[Counted<'_>]) -> Vec<ViewDocument> {
        let compared = self.compared();
        let mut documents = Vec::new();
        for scope in self.scopes(counted) {
            for (term, unusual) in &scope.unusual {
                for life in compared.lives(unusual) {
                    documents.push(self.life(counted, &scope, term, life));
                }
            }
        }
        documents
    }

    fn compared(&self) -> trends::Windows {
        let [size, slide, baseline] =
            [self.windows.size, self.windows.slide, self.windows.baseline].map(millis);
        trends::Windows { size, slide, baseline }
    }

    fn scopes<'a>(&self, counted: &'a [Counted<'_>]) -> Vec<Scope<'a>> {
        let windows = self.compared();
        let (size, slide) = (windows.size, windows.slide);
        let times = counted.iter().map(|counted| counted.fact.time.0);
        let Some((first, last)) = times.clone().min().zip(times.max()) else { return Vec::new() };
        let first_end = first.div_euclid(slide) * slide + slide;
        let ends = (0..).map(|number| first_end + number * slide);
        let ends: Vec<_> = ends.take_while(|end| *end <= last + size).collect();
        let scopes: BTreeSet<Option<&str>> = match self.by_scope {
            true => counted.iter().map(|counted| Some(&*counted.fact.scope)).collect(),
            false => [None].into(),
        };
        let facts = windows.facts(counted.iter().map(|counted| counted.fact.time.0));
        let of_scope = |scope| {
            let terms = |end: &i64| (*end, self.terms(counted, end - size, *end, scope));
            let by_end: BTreeMap<i64, Terms<'a>> = ends.iter().map(terms).collect();
            let busyness = self.busyness(counted, windows, scope);
            let ranked = |(term, facts): (&&'a str, &Vec<&Fact<'_>>)| (*term, self.ranked(facts));
            let counts: BTreeMap<i64, BTreeMap<&'a str, usize>> = by_end
                .iter()
                .map(|(end, terms)| (*end, terms.iter().map(ranked).collect()))
                .collect();
            let scored =
                |end: &i64| (*end, self.scored(&counts, windows, (&busyness, &facts), *end));
            let scored: BTreeMap<i64, Vec<Scored<'a>>> = ends.iter().map(scored).collect();
            let mut unusual: BTreeMap<&'a str, Unusual> = BTreeMap::new();
            for (end, terms) in &scored {
                for &(_, score, term) in terms {
                    let score = score.filter(|score| *score >= self.windows.unusual_from);
                    unusual.entry(term).or_default().extend(score.map(|score| (*end, score)));
                }
            }
            Scope { scope, by_end, scored, unusual }
        };
        scopes.into_iter().map(of_scope).collect()
    }

    fn life(
        &self,
        counted: &[Counted<'_>],
        scope: &Scope<'_>,
        term: &str,
        life: Life,
    ) -> ViewDocument {
        let Life { began, peak, peak_score, ended } = life;
        let size = millis(self.windows.size);
        let (stream, facet) = (self.stream, &self.stream.facets[self.facet]);
        let all = self.terms(counted, began - size, ended, scope.scope);
        EndedTrendDocument {
            stream,
            facet,
            time: EventTime(ended + size),
            scope: scope.scope,
            term,
            name: self.name(counted, ended - size, ended, term),
            began: EventTime(began),
            peak: EventTime(peak),
            peak_score,
            ended: EventTime(ended),
            count: all[term].len() as u64,
            actors: actors(stream, &scope.by_end[&peak][term]) as u64,
        }
        .render()
    }

    /// By the ends of windows.
    fn busyness(
        &self,
        counted: &[Counted<'_>],
        windows: trends::Windows,
        scope: Option<&str>,
    ) -> BTreeMap<i64, u64> {
        let facts = counted.iter().map(|counted| &counted.fact);
        let here = facts.filter(|fact| scope.is_none_or(|scope| fact.scope == scope));
        let actors: Vec<_> = here.map(|fact| (fact, self.stream.actor(fact))).collect();
        let mentions = actors.iter().map(|(fact, actor)| Mention {
            time: fact.time.0,
            actor: actor.as_deref().filter(|_| !fact.terms[self.facet].is_empty()),
        });
        windows.busyness(self.stream.facets[self.facet].counts, mentions)
    }

    /// The terms of a window that may be listed, by count and score.
    fn scored<'a>(
        &self,
        counts: &BTreeMap<i64, BTreeMap<&'a str, usize>>,
        windows: trends::Windows,
        (busyness, facts): (&BTreeMap<i64, u64>, &BTreeMap<i64, u64>),
        end: i64,
    ) -> Vec<Scored<'a>> {
        let above = self.windows.count_above as usize;
        let listable = counts[&end]
            .iter()
            .filter(|(term, count)| **count > above && !self.windows.mute.contains(**term));
        let scored = |(term, now): (&&'a str, &usize)| {
            let count = |end: i64| {
                counts.get(&end).and_then(|terms| terms.get(term)).map_or(0, |count| *count as u64)
            };
            (*now as u64, windows.score(end, count, busyness, facts), *term)
        };
        listable.map(scored).collect()
    }

    /// What is listed of the window that ends at a time.
    fn list(&self, counted: &[Counted<'_>], scope: &Scope<'_>, end: i64) -> Vec<ViewDocument> {
        let (stream, facet) = (self.stream, &self.stream.facets[self.facet]);
        let (terms, unusual) = match self.by_scope {
            true => (self.windows.scope_terms_max, self.windows.scope_unusual_max),
            false => (self.windows.terms_max, self.windows.unusual_max),
        };
        let unusual_from = self.windows.unusual_from;
        let limits = Limits { terms: terms as usize, unusual: unusual as usize, unusual_from };
        let start = end - millis(self.windows.size);
        let window = TrendWindow::new(EventTime(start), EventTime(end));
        let scored = &scope.scored[&end];
        let document = |Place { index, rank, unusual_rank }| {
            let (_, score, term) = scored[index];
            let facts = &scope.by_end[&end][term];
            let since = || EventTime(self.compared().since(&scope.unusual[term], end));
            let trend = TrendDocument {
                stream,
                facet,
                window: &window,
                scope: scope.scope,
                term,
                name: self.name(counted, start, end, term),
                count: facts.len() as u64,
                actors: actors(stream, facts) as u64,
                rank,
                unusual_rank,
                since: unusual_rank.map(|_| since()),
                score,
                location: scope.scope.and_then(|_| mean(facts)),
            };
            trend.render()
        };
        trends::list(scored, limits).into_iter().map(document).collect()
    }

    /// What the facet counts.
    fn ranked(&self, facts: &[&Fact<'_>]) -> usize {
        match self.stream.facets[self.facet].counts {
            Counts::Facts => facts.len(),
            Counts::Actors => actors(self.stream, facts),
        }
    }

    /// The facts in `[start, end)` by term.
    fn terms<'a>(
        &self,
        counted: &'a [Counted<'_>],
        start: i64,
        end: i64,
        scope: Option<&str>,
    ) -> Terms<'a> {
        let mut terms = Terms::new();
        for Counted { fact, .. } in counted {
            let inside = (start..end).contains(&fact.time.0);
            if inside && scope.is_none_or(|scope| fact.scope == scope) {
                for term in &fact.terms[self.facet] {
                    terms.entry(&term.key).or_default().push(fact);
                }
            }
        }
        terms
    }

    /// The smallest of a term's names in the window, worldwide.
    fn name<'a>(&self, counted: &'a [Counted<'_>], start: i64, end: i64, term: &str) -> &'a str {
        let inside = counted.iter().map(|counted| &counted.fact);
        let inside = inside.filter(|fact| (start..end).contains(&fact.time.0));
        let terms = inside.flat_map(|fact| &fact.terms[self.facet]);
        terms.filter(|found| found.key == term).map(|term| &*term.name).min().unwrap()
    }
}

/// Facts by the terms that they carry.
type Terms<'a> = BTreeMap<&'a str, Vec<&'a Fact<'a>>>;

/// How many actors there are behind facts; what nobody did counts none.
fn actors(stream: &Stream, facts: &[&Fact<'_>]) -> usize {
    facts.iter().filter_map(|fact| stream.actor(fact)).collect::<BTreeSet<_>>().len()
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap()
}

/// What the documents of the stream's own four jobs are counted over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Totals {
    /// By event, else by group.
    pub(crate) events: bool,
    /// Of one day, else by the state of RSVPs as of now.
    pub(crate) day: Option<Day>,
}

impl Totals {
    fn view(self) -> View {
        match (self.events, self.day) {
            (false, None) => view("groups"),
            (true, None) => view("events"),
            (false, Some(_)) => view("group-days"),
            (true, Some(_)) => view("event-days"),
        }
    }
}

pub(crate) fn totals(counted: &[Counted<'_>], of: Totals) -> Bodies {
    let seen: Vec<_> =
        counted.iter().filter(|c| of.day.is_none_or(|day| c.fact.time.day() == day)).collect();
    let mut states = BTreeMap::new();
    for counted in &seen {
        // A day counts all its responses, not states: there each is its own state.
        let key = (integer(&counted.fact, "rsvp_id"), of.day.map(|_| counted.position));
        let state = states.entry(key).or_insert(counted);
        if counted.order() > state.order() {
            *state = counted;
        }
    }
    let key = |fact: &Fact<'_>| match of.events {
        true => text(fact, "event_id").unwrap().to_owned(),
        false => integer(fact, "group_id").to_string(),
    };
    let keys: BTreeSet<_> = seen.iter().map(|counted| key(&counted.fact)).collect();
    keys.into_iter()
        .map(|wanted| {
            let of_key = |counted: &&&Counted<'_>| key(&counted.fact) == wanted;
            let seen: Vec<_> = seen.iter().filter(of_key).map(|counted| &**counted).collect();
            let states: Vec<_> =
                states.values().map(|c| &***c).filter(|c| of_key(&&&**c)).collect();
            total(&seen, &states, of)
        })
        .collect()
}

fn total(seen: &[&Counted<'_>], states: &[&Counted<'_>], of: Totals) -> (String, Value) {
    let latest = &seen.iter().max_by_key(|counted| counted.order()).unwrap().fact;
    let states: Vec<_> = states.iter().map(|counted| &counted.fact).collect();
    let place = latest.place.map(Coordinate::location);
    let mut body = json!({
        "group": {
            "id": integer(latest, "group_id"), "name": text(latest, "group_name"),
            "urlname": text(latest, "group_urlname"), "city": text(latest, "group_city"),
            "state": text(latest, "group_state"), "country": latest.scope, "location": place,
        },
        "responses": states.len(),
        "yes": of_kind(&states, "yes"),
        "no": of_kind(&states, "no"),
        "guests": states.iter().map(|fact| fact.sums[0]).sum::<u64>(),
        "attendees": states.iter().map(|fact| fact.sums[1]).sum::<u64>(),
        "members": distinct(states.iter().map(|fact| integer(fact, "member_id"))),
    });
    let id = if of.events {
        body["event"] = json!({
            "id": text(latest, "event_id"), "name": text(latest, "event_name"),
            "url": text(latest, "event_url"), "time": time(latest, "event_time"),
        });
        body["location"] = json!(venue_place(latest).or(place));
        KeyPart::Text(text(latest, "event_id").unwrap())
    } else {
        body["events"] = json!(distinct(states.iter().map(|fact| text(fact, "event_id"))));
        KeyPart::Integer(integer(latest, "group_id"))
    };
    let id = match of.day {
        Some(day) => {
            body["@timestamp"] = json!(day.start().to_string());
            body["day"] = json!(day.to_string());
            of.view().id(&[KeyPart::Text(&day.to_string()), id])
        }
        None => {
            let first = seen.iter().map(|counted| counted.fact.time).min();
            body["first_response"] = json!(first.map(|first| first.to_string()));
            body["@timestamp"] = json!(latest.time.to_string());
            of.view().id(&[id])
        }
    };
    // Through text, as documents come: reading a float from text may be off by its last bit.
    (id, serde_json::from_str(&without_nulls(body).to_string()).unwrap())
}

fn of_kind(facts: &[&Fact<'_>], kind: &str) -> usize {
    let kinds = &pulso_testkit::stream().kind.values;
    facts.iter().filter(|fact| kinds[usize::from(fact.kind)] == kind).count()
}

fn distinct<T: Ord>(values: impl Iterator<Item = T>) -> usize {
    values.collect::<BTreeSet<_>>().len()
}

fn venue_place(fact: &Fact<'_>) -> Option<Location> {
    let degrees = |name| match column(fact, name) {
        Column::Float(degrees) => Some(*degrees),
        _ => None,
    };
    let (latitude, longitude) = degrees("venue_latitude").zip(degrees("venue_longitude"))?;
    Coordinate::new(latitude, longitude).map(Coordinate::location)
}

/// The value of a column of an RSVP.
fn column<'f>(fact: &'f Fact<'_>, name: &str) -> &'f Column<'f> {
    let columns = &pulso_testkit::stream().columns;
    &fact.columns[columns.iter().position(|column| column.name == name).unwrap()]
}

fn integer(fact: &Fact<'_>, name: &str) -> i64 {
    match column(fact, name) {
        Column::Integer(number) => *number,
        other => panic!("`{name}` is {other:?}"),
    }
}

fn text<'f>(fact: &'f Fact<'_>, name: &str) -> Option<&'f str> {
    match column(fact, name) {
        Column::Text(text) => Some(text),
        _ => None,
    }
}

fn time(fact: &Fact<'_>, name: &str) -> Option<String> {
    match column(fact, name) {
        Column::Time(time) => Some(time.to_string()),
        _ => None,
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name, without_nulls(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}
