//! The views counted in the most obvious way, straight from the definitions, as an oracle.

use pulso_testkit::view;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use pulso_batch::WindowSettings;
use pulso_model::{
    ActivityDocument, CoordinateSum, Day, EchoKey, EventTime, KeyPart, Location, Response,
    ResponseDocument, ResponseKind, TrendDocument, View, ViewDocument, decode,
};
use pulso_pipeline::Record;
use serde_json::{Map, Value, json};

use crate::support::Bodies;

/// A response and where it stands in the log.
#[derive(Clone, Debug)]
pub(crate) struct Counted<'a> {
    pub(crate) position: (u32, u64),
    pub(crate) response: Response<'a>,
}

impl Counted<'_> {
    fn order(&self) -> (i64, (u32, u64)) {
        (self.response.event_time.0, self.position)
    }
}

/// The first message of each echo key; records of a partition come in offset order.
pub(crate) fn responses(records: &[Record]) -> Vec<Counted<'_>> {
    let mut seen = BTreeSet::<EchoKey>::new();
    let mut counted = Vec::new();
    for record in records {
        let position = (record.partition, record.offset);
        if let Ok(response) = decode(&record.payload, record.log_time)
            && seen.insert(response.echo_key())
        {
            counted.push(Counted { position, response });
        }
    }
    counted
}

pub(crate) fn response_documents(counted: &[Counted<'_>]) -> Vec<ViewDocument> {
    counted.iter().map(|counted| ResponseDocument::render(&counted.response)).collect()
}

pub(crate) fn activity(counted: &[Counted<'_>], slide: i64) -> Vec<ViewDocument> {
    let mut panes: BTreeMap<(i64, &str, ResponseKind), Vec<&Response<'_>>> = BTreeMap::new();
    for Counted { response, .. } in counted {
        let pane = response.event_time.0.div_euclid(slide) * slide;
        let key = (pane, &*response.group.country, response.kind);
        panes.entry(key).or_default().push(response);
    }
    let document = |((pane, country, kind), responses): (&(i64, &str, _), &Vec<&Response<'_>>)| {
        let sum = |of: &dyn Fn(&Response<'_>) -> u32| {
            responses.iter().map(|response| u64::from(of(response))).sum()
        };
        let document = ActivityDocument {
            pane_start: EventTime(*pane),
            country,
            response: *kind,
            responses: responses.len() as u64,
            guests: sum(&|response| response.guests),
            attendees: sum(&|response| response.attendees()),
            location: mean(responses),
        };
        document.render()
    };
    panes.iter().map(document).collect()
}

fn mean(responses: &[&Response<'_>]) -> Option<Location> {
    let mut sum = CoordinateSum::default();
    responses.iter().for_each(|response| sum.add(response.group.coordinate));
    sum.mean()
}

/// The lists of every window that any response is in.
pub(crate) fn trends(
    counted: &[Counted<'_>],
    windows: &WindowSettings,
    by_country: bool,
) -> Vec<ViewDocument> {
    let millis = |duration: std::time::Duration| i64::try_from(duration.as_millis()).unwrap();
    let (size, slide) = (millis(windows.size), millis(windows.slide));
    let times = counted.iter().map(|counted| counted.response.event_time.0);
    let Some((first, last)) = times.clone().min().zip(times.max()) else { return Vec::new() };
    let first_end = first.div_euclid(slide) * slide + slide;
    let ends = (0..).map(|number| first_end + number * slide);
    let ends: Vec<_> = ends.take_while(|end| *end <= last + size).collect();
    let countries: BTreeSet<Option<&str>> = if by_country {
        counted.iter().map(|counted| Some(&*counted.response.group.country)).collect()
    } else {
        [None].into()
    };
    let most = if by_country { windows.scope_terms_max } else { windows.terms_max };
    let baseline = usize::try_from(millis(windows.baseline) / slide).unwrap();

    let mut documents = Vec::new();
    for country in countries {
        let in_windows: Vec<_> =
            ends.iter().map(|end| topics(counted, end - size, *end, country)).collect();
        for (index, (&end, in_window)) in ends.iter().zip(&in_windows).enumerate() {
            let before = &in_windows[index.saturating_sub(baseline)..index];
            let mut listed: Vec<_> = in_window
                .iter()
                .filter(|(_, responses)| responses.len() > windows.count_above as usize)
                .map(|(topic, responses)| {
                    let counts = before.iter().map(|window| window.get(topic).map_or(0, Vec::len));
                    let score = score(responses.len(), &counts.collect::<Vec<_>>());
                    (Reverse(responses.len()), score, *topic, responses)
                })
                .collect();
            listed.sort_by(|a, b| {
                (a.0).cmp(&b.0).then(b.1.total_cmp(&a.1)).then_with(|| a.2.cmp(b.2))
            });
            for (rank, (count, score, topic, responses)) in
                (1..).zip(listed.iter().take(most as usize))
            {
                let trend = TrendDocument {
                    window_end: EventTime(end),
                    window_start: EventTime(end - size),
                    country,
                    topic,
                    name: name(counted, end - size, end, topic),
                    count: count.0 as u64,
                    rank,
                    score: *score,
                    location: by_country.then(|| mean(responses)).flatten(),
                };
                documents.push(trend.render());
            }
        }
    }
    documents
}

/// The responses in `[start, end)` by topic.
fn topics<'a>(
    counted: &'a [Counted<'_>],
    start: i64,
    end: i64,
    country: Option<&str>,
) -> BTreeMap<&'a str, Vec<&'a Response<'a>>> {
    let mut topics: BTreeMap<&str, Vec<&Response<'_>>> = BTreeMap::new();
    for Counted { response, .. } in counted {
        let inside = (start..end).contains(&response.event_time.0);
        if inside && country.is_none_or(|country| response.group.country == country) {
            for topic in &response.topics {
                topics.entry(&topic.key).or_default().push(response);
            }
        }
    }
    topics
}

fn name<'a>(counted: &'a [Counted<'_>], start: i64, end: i64, topic: &str) -> &'a str {
    let inside = counted.iter().map(|counted| &counted.response);
    let inside = inside.filter(|response| (start..end).contains(&response.event_time.0));
    let topics = inside.flat_map(|response| &response.topics).filter(|found| found.key == topic);
    topics.map(|topic| &*topic.name).min().unwrap()
}

fn score(count: usize, before: &[usize]) -> f64 {
    if before.is_empty() {
        return 0.0;
    }
    let n = before.len() as f64;
    let mean = before.iter().sum::<usize>() as f64 / n;
    let variance = before.iter().map(|c| c * c).sum::<usize>() as f64 / n - mean * mean;
    let score = (count as f64 - mean) / (variance.max(0.0) + 1.0).sqrt();
    (score * 1000.0).round() / 1000.0
}

/// What the documents of [`view("groups")`] and its three sisters are counted over.
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
    let seen: Vec<_> = counted
        .iter()
        .filter(|c| of.day.is_none_or(|day| c.response.event_time.day() == day))
        .collect();
    let mut states = BTreeMap::new();
    for counted in &seen {
        // A day counts all its responses, not states: there each is its own state.
        let key = (counted.response.rsvp_id, of.day.map(|_| counted.position));
        let state = states.entry(key).or_insert(counted);
        if counted.order() > state.order() {
            *state = counted;
        }
    }
    let key = |response: &Response<'_>| {
        if of.events { response.event.id.to_string() } else { response.group.id.to_string() }
    };
    let keys: BTreeSet<_> = seen.iter().map(|counted| key(&counted.response)).collect();
    keys.into_iter()
        .map(|wanted| {
            let of_key = |counted: &&&Counted<'_>| key(&counted.response) == wanted;
            let seen: Vec<_> = seen.iter().filter(of_key).map(|counted| &**counted).collect();
            let states: Vec<_> =
                states.values().map(|c| &***c).filter(|c| of_key(&&&**c)).collect();
            total(&seen, &states, of)
        })
        .collect()
}

fn total(seen: &[&Counted<'_>], states: &[&Counted<'_>], of: Totals) -> (String, Value) {
    let latest = &seen.iter().max_by_key(|counted| counted.order()).unwrap().response;
    let states: Vec<_> = states.iter().map(|counted| &counted.response).collect();
    let kind = |kind| states.iter().filter(|response| response.kind == kind).count();
    let group = &latest.group;
    let place = group.coordinate.map(|coordinate| coordinate.location());
    let mut body = json!({
        "group": {
            "id": group.id, "name": group.name, "urlname": group.urlname, "city": group.city,
            "state": group.state, "country": group.country, "location": place,
        },
        "responses": states.len(),
        "yes": kind(ResponseKind::Yes),
        "no": kind(ResponseKind::No),
        "guests": states.iter().map(|response| response.guests).sum::<u32>(),
        "attendees": states.iter().map(|response| response.attendees()).sum::<u32>(),
        "members": states.iter().map(|response| response.member.id).collect::<BTreeSet<_>>().len(),
    });
    let id = if of.events {
        let event = &latest.event;
        body["event"] = json!({"id": event.id, "name": event.name, "url": event.url, "time": event.time.map(text)});
        let venue = latest.venue.as_ref().and_then(|venue| venue.coordinate);
        body["location"] = json!(venue.map(|coordinate| coordinate.location()).or(place));
        KeyPart::Text(&event.id)
    } else {
        let events = states.iter().map(|response| &response.event.id).collect::<BTreeSet<_>>();
        body["events"] = json!(events.len());
        KeyPart::Integer(group.id)
    };
    let id = match of.day {
        Some(day) => {
            body["@timestamp"] = json!(text(day.start()));
            body["day"] = json!(day.to_string());
            of.view().id(&[KeyPart::Text(&day.to_string()), id])
        }
        None => {
            let first = seen.iter().map(|counted| counted.response.event_time).min();
            body["first_response"] = json!(first.map(text));
            body["@timestamp"] = json!(text(latest.event_time));
            of.view().id(&[id])
        }
    };
    // Through text, as documents come: reading a float from text may be off by its last bit.
    (id, serde_json::from_str(&without_nulls(body).to_string()).unwrap())
}

fn text(time: EventTime) -> String {
    time.to_string()
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
