//! The documents of panes and windows by a plain reading of their definitions: which responses
//! count, and then a count for every single one. Quadratic and independent of `pulso_window`.

use pulso_testkit::view;
use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{
    ActivityDocument, Coordinate, CoordinateSum, EventTime, Response, ResponseKind, TrendDocument,
    View, ViewDocument, decode,
};
use pulso_pipeline::Record;
use pulso_window::Settings;

pub(crate) type Documents = BTreeMap<(View, String), String>;

/// The views that are counted here.
pub(crate) const VIEWS: [View; 3] =
    [view("country-activity"), view("trending-topics"), view("trending-topics-by-country")];

struct Counted {
    time: i64,
    kind: ResponseKind,
    guests: u32,
    attendees: u32,
    country: String,
    coordinate: Option<Coordinate>,
    topics: Vec<(String, String)>,
}

impl Counted {
    fn new(response: &Response<'_>) -> Self {
        let topics = response.topics.iter();
        Self {
            time: response.event_time.0,
            kind: response.kind,
            guests: response.guests,
            attendees: response.attendees(),
            country: response.group.country.to_string(),
            coordinate: response.group.coordinate,
            topics: topics.map(|topic| (topic.key.to_string(), topic.name.to_string())).collect(),
        }
    }
}

/// All documents of panes and windows that end by `closed_until`, for a log of which the messages
/// at the places in `late` came late.
pub(crate) fn recount<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    late: &BTreeSet<(u32, u64)>,
    settings: &Settings,
    closed_until: EventTime,
) -> Documents {
    let mut keys = BTreeSet::new();
    let mut counted = Vec::new();
    for record in records {
        let Ok(response) = decode(&record.payload, record.log_time) else { continue };
        if keys.insert(response.echo_key()) && !late.contains(&(record.partition, record.offset)) {
            counted.push(Counted::new(&response));
        }
    }
    let mut rendered = activity(&counted, settings, closed_until.0);
    rendered.extend(Windows::new(&counted, settings).lists(settings, closed_until.0));
    rendered.into_iter().map(|document| ((document.view, document.id), document.body)).collect()
}

fn activity(counted: &[Counted], settings: &Settings, closed_until: i64) -> Vec<ViewDocument> {
    let slide = settings.window.slide();
    let mut groups: BTreeMap<_, Vec<&Counted>> = BTreeMap::new();
    for one in counted {
        let pane = one.time.div_euclid(slide) * slide;
        if pane + slide <= closed_until {
            groups.entry((pane, &one.country, one.kind)).or_default().push(one);
        }
    }
    let document = |((pane, country, kind), all): ((i64, &String, ResponseKind), Vec<&Counted>)| {
        ActivityDocument {
            pane_start: EventTime(pane),
            country,
            response: kind,
            responses: all.len() as u64,
            guests: all.iter().map(|one| u64::from(one.guests)).sum(),
            attendees: all.iter().map(|one| u64::from(one.attendees)).sum(),
            location: mean(&all),
        }
        .render()
    };
    groups.into_iter().map(document).collect()
}

fn mean(all: &[&Counted]) -> Option<pulso_model::Location> {
    let mut sum = CoordinateSum::default();
    all.iter().for_each(|one| sum.add(one.coordinate));
    sum.mean()
}

/// The responses of every window and topic.
struct Windows<'a> {
    ends: BTreeMap<i64, BTreeMap<&'a str, Vec<&'a Counted>>>,
    first_end: i64,
}

impl<'a> Windows<'a> {
    fn new(counted: &'a [Counted], settings: &Settings) -> Self {
        let (size, slide) = (settings.window.size(), settings.window.slide());
        let mut ends: BTreeMap<i64, BTreeMap<&str, Vec<&Counted>>> = BTreeMap::new();
        for one in counted {
            let first_end = (one.time.div_euclid(slide) + 1) * slide;
            for end in (first_end..=one.time + size).step_by(usize::try_from(slide).unwrap()) {
                let topics = ends.entry(end).or_default();
                for (topic, _) in &one.topics {
                    topics.entry(topic).or_default().push(one);
                }
            }
        }
        let first_end = ends.keys().next().copied().unwrap_or_default();
        Self { ends, first_end }
    }

    fn lists(&self, settings: &Settings, closed_until: i64) -> Vec<ViewDocument> {
        let mut documents = Vec::new();
        let trends = &settings.trends;
        for (&end, topics) in self.ends.range(..=closed_until) {
            self.list(settings, end, None, trends.terms_max, &mut documents);
            let all = topics.values().flatten();
            let countries: BTreeSet<&str> = all.map(|one| one.country.as_str()).collect();
            for country in countries {
                let most = trends.scope_terms_max;
                self.list(settings, end, Some(country), most, &mut documents);
            }
        }
        documents
    }

    fn list(
        &self,
        settings: &Settings,
        end: i64,
        country: Option<&str>,
        most: usize,
        documents: &mut Vec<ViewDocument>,
    ) {
        let mut listed = Vec::new();
        for (&topic, worldwide) in &self.ends[&end] {
            let here = self.at(end, country, topic);
            if here.len() <= settings.trends.count_above as usize {
                continue;
            }
            let names = worldwide.iter().flat_map(|one| &one.topics);
            let names = names.filter(|(key, _)| key == topic).map(|(_, name)| name.as_str());
            listed.push(TrendDocument {
                window_end: EventTime(end),
                window_start: EventTime(end - settings.window.size()),
                country,
                topic,
                name: names.min().unwrap(),
                count: here.len() as u64,
                rank: 0,
                score: self.score(settings, end, country, topic),
                location: country.and(mean(&here)),
            });
        }
        listed.sort_by(|a, b| {
            (b.count.cmp(&a.count))
                .then(b.score.total_cmp(&a.score))
                .then_with(|| a.topic.cmp(b.topic))
        });
        for (mut document, rank) in listed.into_iter().take(most).zip(1..) {
            document.rank = rank;
            documents.push(document.render());
        }
    }

    fn at(&self, end: i64, country: Option<&str>, topic: &str) -> Vec<&'a Counted> {
        let all = self.ends.get(&end).and_then(|topics| topics.get(topic)).into_iter().flatten();
        all.filter(|one| country.is_none_or(|country| one.country == country)).copied().collect()
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    fn score(&self, settings: &Settings, end: i64, country: Option<&str>, topic: &str) -> f64 {
        let slide = settings.window.slide();
        let baseline = i64::try_from(settings.trends.baseline.as_millis()).unwrap();
        let from = self.first_end.max(end - baseline);
        let ends = (from..end).step_by(usize::try_from(slide).unwrap());
        let counts: Vec<usize> = ends.map(|end| self.at(end, country, topic).len()).collect();
        if counts.is_empty() {
            return 0.0;
        }
        let windows = counts.len() as f64;
        let mean = counts.iter().sum::<usize>() as f64 / windows;
        let squares = counts.iter().map(|count| count * count).sum::<usize>() as f64 / windows;
        let count = self.at(end, country, topic).len() as f64;
        let score = (count - mean) / ((squares - mean * mean).max(0.0) + 1.0).sqrt();
        (score * 1000.0).round() / 1000.0
    }
}

/// Says how two sets of documents differ; `None` when they do not.
pub(crate) fn difference(expected: &Documents, found: &Documents) -> Option<String> {
    let only = |these: &Documents, those: &Documents, word: &str| -> String {
        let these = these.iter().filter(|(key, body)| those.get(key) != Some(body));
        these.map(|((view, _), body)| format!("{word} {view} {body}\n")).collect()
    };
    let text = only(expected, found, "missing   ") + &only(found, expected, "unexpected");
    (!text.is_empty()).then_some(text)
}
