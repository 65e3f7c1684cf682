//! Whom to invite.

use std::collections::BTreeMap;
use std::time::Duration;

use pulso_model::EventTime;

use crate::contacts::Contact;
use crate::distance::haversine_km;
use crate::history::{Event, Group, History, Member};
use crate::own::{Choice, OwnEvent};
use crate::past::Past;
use crate::similarity::Similarity;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// After so long a yes says half as much about what a member thinks of now.
const HALF_LIFE_HOURS: f64 = 6.0;

/// Whoever said yes so often is as active as one can be.
const ACTIVE_YES: f64 = 5.0;

/// What the parts of a score weigh; together 1. Topics count most: an invitation to something else is
/// spam from next door as well.
const RELEVANCE_WEIGHT: f64 = 0.4;
const DISTANCE_WEIGHT: f64 = 0.2;
const RECENCY_WEIGHT: f64 = 0.2;
const ACTIVITY_WEIGHT: f64 = 0.1;
const RELIABILITY_WEIGHT: f64 = 0.1;

/// Fewer events with a yes say nothing of how reliable someone is.
const YES_TO_JUDGE: usize = 3;

/// How many topics of a reason are told.
const MATCHES_MAX: usize = 3;

/// Who is wanted.
#[derive(Clone, Debug)]
pub struct Search<'a> {
    pub choice: &'a Choice,
    /// How active and reliable members are.
    pub past: &'a Past,
    /// The organiser's upcoming events.
    pub events: &'a [OwnEvent],
    /// Topics that make an event relevant.
    pub relevant: &'a [String],
    pub similarity: &'a Similarity,
    /// Topics less similar than this have nothing in common.
    pub similarity_min: f64,
    pub distance_km: f64,
    /// How long ago a member may have said yes.
    pub recent: Duration,
    /// How long nobody is contacted again, about whatever event.
    pub cooling: Duration,
    /// Whether members are offered who have answered one of the organiser's events before.
    pub own_members: bool,
    pub now: EventTime,
    pub limit: usize,
}

/// A member, the event to tell them of, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub member: i64,
    /// What the member just said yes to.
    pub said_yes_to: String,
    /// The organiser's event that is nearest to that one.
    pub event: String,
    /// Between 0 and 1.
    pub score: f64,
    pub reasons: Reasons,
}

/// What speaks for a candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Reasons {
    /// The most similar topics first, at most three.
    pub topics: Vec<Match>,
    /// How relevant the event is that the member said yes to: between 0 and 1.
    pub relevance: f64,
    pub km: f64,
    /// When the member said yes.
    pub said_at: EventTime,
    pub hours_ago: f64,
    /// To how many events the member said yes, as far as the past is known.
    pub yes: usize,
    /// In how many of these it is still the last word.
    pub kept: usize,
}

/// A topic of the event that a member said yes to, and the wanted one that is most similar.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    pub topic: String,
    pub wanted: String,
    pub similarity: f64,
}

/// The best candidates, each member once.
pub fn candidates(history: &History, contacts: &[Contact], search: &Search<'_>) -> Vec<Candidate> {
    let mut told: BTreeMap<i64, Vec<&Contact>> = BTreeMap::new();
    for contact in contacts {
        told.entry(contact.member).or_default().push(contact);
    }
    let mut relevance: BTreeMap<i64, (f64, Vec<Match>)> = BTreeMap::new();
    for group in history.groups().filter(|group| !search.choice.includes(group)) {
        let (value, matches) = search.relevance(group);
        if value > 0.0 {
            relevance.insert(group.id, (value, matches));
        }
    }
    let none = Vec::new();
    let mut found: Vec<_> = history
        .members()
        .filter_map(|(id, member)| {
            let told = told.get(&id).unwrap_or(&none);
            search.candidate(history, id, member, told, &relevance)
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.member.cmp(&b.member)));
    found.truncate(search.limit);
    found
}

impl Search<'_> {
    /// How relevant the events of a group are: the mean, over its topics, of the similarity with the
    /// nearest wanted one. A group that is about everything is about nothing.
    fn relevance(&self, group: &Group) -> (f64, Vec<Match>) {
        let mut matches: Vec<_> = group
            .topics
            .iter()
            .filter_map(|topic| {
                let (wanted, similarity) = self.similarity.nearest(topic, self.relevant)?;
                let (topic, wanted) = (topic.clone(), wanted.to_owned());
                (similarity >= self.similarity_min).then_some(Match { topic, wanted, similarity })
            })
            .collect();
        matches.sort_by(|a, b| {
            b.similarity.total_cmp(&a.similarity).then_with(|| a.topic.cmp(&b.topic))
        });
        let sum: f64 = matches.iter().map(|one| one.similarity).sum();
        matches.truncate(MATCHES_MAX);
        (sum / group.topics.len().max(1) as f64, matches)
    }

    fn candidate(
        &self,
        history: &History,
        id: i64,
        member: &Member,
        told: &[&Contact],
        relevance: &BTreeMap<i64, (f64, Vec<Match>)>,
    ) -> Option<Candidate> {
        if told.iter().any(|contact| self.is_recent(contact.time, self.cooling)) {
            return None;
        }
        let owns = |event: &str| history.event(event).is_some_and(|e| self.choice.owns(e, history));
        if !self.own_members && member.events().any(owns) {
            return None;
        }
        let (yes, kept) = self.past.yes(id);
        let best = member.events().filter_map(|event| {
            let said_at = member.coming_since(event)?;
            if !self.is_recent(said_at, self.recent) {
                return None;
            }
            let event = history.event(event)?;
            let (relevance, topics) = relevance.get(&event.group)?;
            let (own, km) = self.nearest(event, member, told)?;
            let hours_ago = (self.now.0 - said_at.0).max(0) as f64 / HOUR_MS as f64;
            let (topics, relevance) = (topics.clone(), *relevance);
            let reasons = Reasons { topics, relevance, km, said_at, hours_ago, yes, kept };
            let (said_yes_to, own) = (event.id.clone(), own.event.id.clone());
            let score = reasons.score(self.distance_km);
            Some(Candidate { member: id, said_yes_to, event: own, score, reasons })
        });
        best.reduce(|best, next| if next.score > best.score { next } else { best })
    }

    fn is_recent(&self, time: EventTime, span: Duration) -> bool {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        time.0 > self.now.0.saturating_sub(span)
    }

    /// The nearest of the organiser's events of which the member neither knows nor was told.
    fn nearest(
        &self,
        event: &Event,
        member: &Member,
        told: &[&Contact],
    ) -> Option<(&OwnEvent, f64)> {
        let place = event.place?;
        let new = |own: &&OwnEvent| {
            let id = &own.event.id;
            !member.has_answered(id) && !told.iter().any(|contact| contact.event == *id)
        };
        let near = self.events.iter().filter(new).filter_map(|own| {
            let km = haversine_km(place, own.event.place?);
            (km <= self.distance_km).then_some((own, km))
        });
        // Of equals the one that is sooner.
        near.reduce(|best, next| if next.1 < best.1 { next } else { best })
    }
}

impl Reasons {
    /// Between 0 and 1.
    fn score(&self, distance_km: f64) -> f64 {
        let near = if distance_km > 0.0 { 1.0 - (self.km / distance_km).min(1.0) } else { 1.0 };
        let recent = (-self.hours_ago / HALF_LIFE_HOURS).exp2();
        let active = (self.yes as f64 / ACTIVE_YES).min(1.0);
        RELEVANCE_WEIGHT * self.relevance
            + DISTANCE_WEIGHT * near
            + RECENCY_WEIGHT * recent
            + ACTIVITY_WEIGHT * active
            + RELIABILITY_WEIGHT * self.reliability()
    }

    /// The share of yes that stayed yes by Laplace's rule of succession: of few it says little.
    pub fn reliability(&self) -> f64 {
        (self.kept as f64 + 1.0) / (self.yes as f64 + 2.0)
    }

    /// What a contact keeps of the reasons, so that rates can be counted by them.
    pub fn labels(&self) -> Vec<String> {
        let mut labels: Vec<_> =
            self.topics.iter().map(|one| format!("topic: {}", one.wanted)).collect();
        labels.sort();
        labels.dedup();
        let similar = self.topics.iter().all(|one| one.similarity < 1.0);
        labels.extend(similar.then(|| "similar topics only".to_owned()));
        labels.push(band(self.km, &[(5.0, "within 5 km"), (25.0, "5 to 25 km")], "over 25 km"));
        let ages = [(1.0, "said yes within the hour"), (6.0, "said yes 1 to 6 hours ago")];
        labels.push(band(self.hours_ago, &ages, "said yes over 6 hours ago"));
        labels.push(match self.yes {
            0 | 1 => "one yes lately".to_owned(),
            2..=4 => "2 to 4 yes lately".to_owned(),
            _ => "5 or more yes lately".to_owned(),
        });
        labels.push(match (self.yes, self.kept * 10 >= self.yes * 9) {
            (0..YES_TO_JUDGE, _) => "too few yes to judge reliability".to_owned(),
            (_, true) => "keeps 9 of 10 yes or more".to_owned(),
            (_, false) => "takes back more than 1 of 10 yes".to_owned(),
        });
        labels
    }
}

fn band(value: f64, bands: &[(f64, &str)], above: &str) -> String {
    let found = bands.iter().find(|(limit, _)| value <= *limit);
    found.map_or(above, |(_, name)| name).to_owned()
}
