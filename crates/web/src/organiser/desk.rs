//! The desk's memory: responses, contacts and similar topics, read from the view store as they come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use pulso_model::{EventTime, Stream, View, WallTime};
use pulso_organiser::{
    Candidate, Choice, Contact, Conversion, Event, Group, History, OwnEvent, Past, Search,
    Similarity, busiest_group, candidates, conversions, own_events,
};
use pulso_pipeline::{Cursor, Query, Views};
use pulso_runtime::config;
use tokio::time::Instant;

use super::read::{self, PairDocument, StoredContact};

/// How old what the desk knows may be.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Contacts that another process wrote are seen after this time.
const CONTACTS_AGE_MAX: Duration = Duration::from_secs(5);

/// Responses that came late, with a time long past, are seen after this time.
const LATE_AGE_MAX: Duration = Duration::from_mins(10);

/// The batch layer computes similar topics once an hour or so.
const PAIRS_AGE_MAX: Duration = Duration::from_mins(5);

/// How far the responses read next overlap with those read before: they come slightly out of order.
const OVERLAP_MS: i64 = 10_000;

/// Documents read at once.
const PAGE: usize = 2_000;

/// How many responses are read beyond the newest each time, so that no request waits long for them.
const PAST_AT_ONCE: usize = 5 * PAGE;

/// More pairs of topics than these are not read, the newest first.
const PAIRS_MAX: usize = 100_000;

/// More contacts than these are not read, the newest first: one every ten minutes for the usual retention.
const CONTACTS_MAX: usize = 25_000;

/// One in so many of those who come is left out where a chart begins.
const NEARLY_FIRST: usize = 20;

/// Who asks for what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) choice: Choice,
    pub(crate) relevant: Vec<String>,
    pub(crate) distance_km: f64,
    pub(crate) own_members: bool,
}

/// What the desk knows.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    pub(crate) history: History,
    pub(crate) contacts: Vec<StoredContact>,
    similarity: Similarity,
    /// The time of the newest response, which is the desk's now: it depends on the data alone.
    pub(crate) newest: Option<EventTime>,
    /// All responses since then are known; `None`: all that there are.
    pub(crate) since: Option<EventTime>,
    past: Past,
    /// Where the responses begin that are still to be read for the past.
    past_next: Option<Cursor>,
    /// The past is known since then; `None`: as far as it goes.
    past_since: Option<EventTime>,
    /// What the demo's organiser chose.
    automatic: Option<Choice>,
    read_at: Option<Instant>,
    all_read_at: Option<Instant>,
    contacts_read_at: Option<Instant>,
    pairs_read_at: Option<Instant>,
}

/// Own events and contacts as one organiser sees them.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) events: Vec<OwnEvent>,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) conversions: Vec<Conversion>,
}

/// A group with upcoming events.
#[derive(Debug)]
pub(crate) struct Busy<'a> {
    pub(crate) group: &'a Group,
    pub(crate) events: usize,
    /// Who comes to one of them.
    pub(crate) yes: usize,
}

/// What of the memory outlives that newer responses need the room.
#[derive(Debug, Default)]
struct Kept {
    members: BTreeSet<i64>,
    choices: Vec<Choice>,
}

impl Desk {
    /// Reads what is new.
    pub(crate) async fn refresh<V: Views>(
        &mut self,
        views: &V,
        stream: &Stream,
        settings: &config::Organiser,
    ) -> Result<(), V::Error> {
        let now = Instant::now();
        self.read_contacts(views, stream).await?;
        if is_old(self.pairs_read_at, now, PAIRS_AGE_MAX) {
            self.read_pairs(views, stream).await?;
            self.pairs_read_at = Some(now);
        }
        if is_old(self.read_at, now, AGE_MAX) {
            let all = is_old(self.all_read_at, now, LATE_AGE_MAX);
            let from = self.newest.filter(|_| !all).map(|at| EventTime(at.0 - OVERLAP_MS));
            let next = self.read_responses(views, stream, settings, from).await?;
            if from.is_none() {
                if self.all_read_at.is_none() {
                    self.past_since = next.as_ref().and(self.since);
                    self.past_next = next;
                }
                self.all_read_at = Some(now);
                self.past.forget_before(self.past_begin(settings));
            }
            self.read_past(views, stream, settings).await?;
            self.read_at = Some(now);
        }
        Ok(())
    }

    /// Reads the contacts of the stream, if those known are old.
    pub(crate) async fn read_contacts<V: Views>(
        &mut self,
        views: &V,
        stream: &Stream,
    ) -> Result<(), V::Error> {
        let now = Instant::now();
        if !is_old(self.contacts_read_at, now, CONTACTS_AGE_MAX) {
            return Ok(());
        }
        let mut contacts = Vec::new();
        let add = |body: &str| contacts.extend(read::contact(body, stream.name));
        pages(views, Query::newest(View::CONTACTS, PAGE), CONTACTS_MAX, add).await?;
        contacts.sort_by_key(|stored| stored.contact.time);
        self.contacts = contacts;
        self.contacts_read_at = Some(now);
        Ok(())
    }

    async fn read_pairs<V: Views>(&mut self, views: &V, stream: &Stream) -> Result<(), V::Error> {
        let Some(view) = read::pairs_view(stream) else { return Ok(()) };
        let mut similarity = Similarity::default();
        let add = |body: &str| {
            if let Ok(pair) = serde_json::from_str::<PairDocument>(body) {
                similarity.insert(&pair.topic, &pair.other, pair.similarity);
            }
        };
        pages(views, Query::newest(view, PAGE), PAIRS_MAX, add).await?;
        self.similarity = similarity;
        Ok(())
    }

    /// Reads the newest responses. Returns where those before them begin, if there are any.
    async fn read_responses<V: Views>(
        &mut self,
        views: &V,
        stream: &Stream,
        settings: &config::Organiser,
        from: Option<EventTime>,
    ) -> Result<Option<Cursor>, V::Error> {
        let query = Query { from, ..Query::newest(stream.facts_view.view, PAGE) };
        let (history, past) = (&mut self.history, &mut self.past);
        let (mut newest, mut oldest) = (self.newest, None);
        let add = |body: &str| {
            if let Some(response) = read::response(body) {
                newest = newest.max(Some(response.time));
                oldest = Some(response.time);
                past.add(response.member, &response.event.id, response.time, response.answer);
                history.add(response);
            }
        };
        let next = pages(views, query, settings.responses_max, add).await?;
        self.newest = newest;
        if next.is_some() {
            self.since = self.since.max(oldest);
        }
        if self.history.responses() > settings.responses_max + settings.responses_max / 10 {
            let kept = self.kept(settings);
            let cut = self.history.keep_newest(settings.responses_max, |member, event, history| {
                kept.members.contains(&member)
                    || kept.choices.iter().any(|choice| choice.owns(event, history))
            });
            self.since = self.since.max(cut);
        }
        Ok(next)
    }

    /// Reads more of the responses before those, for what they say of members.
    async fn read_past<V: Views>(
        &mut self,
        views: &V,
        stream: &Stream,
        settings: &config::Organiser,
    ) -> Result<(), V::Error> {
        if self.past_next.is_some() {
            let (from, after) = (Some(self.past_begin(settings)), self.past_next.clone());
            let query = Query { from, after, ..Query::newest(stream.facts_view.view, PAGE) };
            let (past, mut oldest) = (&mut self.past, self.past_since);
            let add = |body: &str| {
                if let Some(response) = read::response(body) {
                    oldest = Some(response.time);
                    past.add(response.member, &response.event.id, response.time, response.answer);
                }
            };
            self.past_next = pages(views, query, PAST_AT_ONCE, add).await?;
            self.past_since = self.past_next.as_ref().and(oldest);
        }
        if self.past.answers() > settings.past_max + settings.past_max / 10 {
            self.past_since = self.past_since.max(self.past.keep_newest(settings.past_max));
            self.past_next = None;
        }
        Ok(())
    }

    fn past_begin(&self, settings: &config::Organiser) -> EventTime {
        let past = i64::try_from(settings.past.as_millis()).unwrap_or(i64::MAX);
        EventTime(self.now().0.saturating_sub(past))
    }

    /// Activity and reliability of members are of the responses since then.
    pub(crate) fn past_since(&self, settings: &config::Organiser) -> Option<EventTime> {
        self.newest?;
        Some(self.past_begin(settings)).max(self.past_since)
    }

    fn kept(&self, settings: &config::Organiser) -> Kept {
        let members = self.contacts.iter().map(|stored| stored.contact.member).collect();
        let mut choices: Vec<_> = self.choices();
        choices.extend(settings.group.clone().map(Choice::Group));
        choices.extend(settings.topic.clone().map(Choice::Topic));
        choices.extend(self.automatic.clone());
        Kept { members, choices }
    }

    /// What made events the organiser's own, in all contacts.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        let labels: BTreeSet<_> = self.contacts.iter().map(|stored| &*stored.choice).collect();
        labels.into_iter().filter_map(choice_of).collect()
    }

    /// What the demo's organiser chooses: what they chose before, or the group that most come to.
    pub(crate) fn automatic(&mut self) -> Option<Choice> {
        if self.automatic.is_none() {
            let before = self.contacts.last().and_then(|stored| choice_of(&stored.choice));
            let busiest = || {
                let group = busiest_group(&self.history, self.newest?)?;
                group.urlname.clone().map(Choice::Group)
            };
            self.automatic = before.or_else(busiest);
        }
        self.automatic.clone()
    }

    /// The desk's now: the epoch as long as nothing is known.
    pub(crate) fn now(&self) -> EventTime {
        self.newest.unwrap_or(EventTime(0))
    }

    pub(crate) fn look(&self, choice: &Choice, change: Duration) -> Looked {
        let change = i64::try_from(change.as_millis()).unwrap_or(i64::MAX);
        let since = EventTime(self.now().0.saturating_sub(change));
        let events = own_events(&self.history, choice, self.now(), since);
        let label = label_of(choice);
        let own = self.contacts.iter().filter(|stored| stored.choice == label);
        let contacts: Vec<_> = own.map(|stored| stored.contact.clone()).collect();
        let conversions = conversions(&self.history, choice, &contacts);
        Looked { events, contacts, conversions }
    }

    /// The topics that make an event relevant.
    pub(crate) fn relevant(&self, wanted: &Wanted) -> Vec<String> {
        match wanted.relevant.is_empty() {
            true => wanted.choice.topics(&self.history),
            false => wanted.relevant.clone(),
        }
    }

    /// Whom to invite. Contacts of all organisers count: nobody is contacted twice in the cooling time.
    pub(crate) fn candidates(
        &self,
        wanted: &Wanted,
        settings: &config::Organiser,
        limit: usize,
    ) -> Vec<Candidate> {
        let looked = self.look(&wanted.choice, settings.change);
        let contacts: Vec<_> = self.contacts.iter().map(|stored| stored.contact.clone()).collect();
        let search = Search {
            choice: &wanted.choice,
            past: &self.past,
            events: &looked.events,
            relevant: &self.relevant(wanted),
            similarity: &self.similarity,
            similarity_min: settings.similarity_min,
            distance_km: wanted.distance_km,
            recent: settings.recent,
            cooling: settings.cooling,
            own_members: wanted.own_members,
            now: self.now(),
            limit,
        };
        candidates(&self.history, &contacts, &search)
    }

    /// The contacts about events of a choice, by time.
    pub(crate) fn contacts_of(
        &self,
        choice: &Choice,
    ) -> impl DoubleEndedIterator<Item = &StoredContact> {
        let label = label_of(choice);
        self.contacts.iter().filter(move |stored| stored.choice == label)
    }

    /// When nearly all of those had not yet said yes who come to an own event; a few responses come with
    /// times long past.
    pub(crate) fn nearly_first_yes(&self, choice: &Choice) -> Option<EventTime> {
        let history = &self.history;
        let own = history.events().filter(|event| choice.owns(event, history));
        let yes = own.flat_map(|event| {
            history.answered(&event.id).filter_map(|(_, one)| one.coming_since(&event.id))
        });
        let mut times: Vec<_> = yes.collect();
        times.sort_unstable();
        times.get(times.len() / NEARLY_FIRST).copied()
    }

    /// Groups with upcoming events whose name has a text in it.
    pub(crate) fn groups(&self, search: &str) -> Vec<Busy<'_>> {
        let mut busy: BTreeMap<i64, (usize, usize)> = BTreeMap::new();
        let upcoming = |event: &&Event| event.time.is_some_and(|time| time > self.now());
        for event in self.history.events().filter(upcoming) {
            let coming = self.history.answered(&event.id);
            let coming = coming.filter(|(_, one)| one.coming_since(&event.id).is_some()).count();
            let (events, yes) = busy.entry(event.group).or_default();
            *events += 1;
            *yes += coming;
        }
        let found = busy.into_iter().filter_map(|(id, (events, yes))| {
            let group = self.history.group(id)?;
            let names = [group.urlname.as_ref()?, group.name.as_ref()?];
            let named = names.iter().any(|name| name.to_lowercase().contains(search));
            named.then_some(Busy { group, events, yes })
        });
        found.collect()
    }

    /// Adds a contact that has been written.
    pub(crate) fn add_contact(&mut self, stored: StoredContact) {
        self.contacts.push(stored);
        self.contacts.sort_by_key(|stored| stored.contact.time);
    }

    /// Notes which contacts led to a yes as far as is known now. Returns those that changed, as they are
    /// to be written.
    pub(crate) fn settle(&mut self, change: Duration) -> Vec<StoredContact> {
        let mut changed = Vec::new();
        for choice in self.choices() {
            let found = self.look(&choice, change).conversions;
            let label = label_of(&choice);
            let own = self.contacts.iter_mut().filter(|stored| stored.choice == label);
            for (at, stored) in own.enumerate() {
                let conversion = found.iter().find(|conversion| conversion.contact == at);
                let converted = conversion.map(|one| (one.time, one.event.clone()));
                if stored.contact.converted != converted {
                    stored.contact.converted = converted;
                    changed.push(stored.clone());
                }
            }
        }
        changed
    }

    /// Forgets contacts that are older than the retention, and returns them.
    pub(crate) fn expire(&mut self, now: WallTime, retention: Duration) -> Vec<StoredContact> {
        let age = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let old = |stored: &StoredContact| stored.contact.time.0 < now.0.saturating_sub(age);
        let (expired, kept) = self.contacts.drain(..).partition(old);
        self.contacts = kept;
        expired
    }
}

fn is_old(read_at: Option<Instant>, now: Instant, age_max: Duration) -> bool {
    read_at.is_none_or(|at| now.duration_since(at) >= age_max)
}

/// Reads the newest documents, at most `max`. Returns where the others begin, if there are any.
async fn pages<V: Views>(
    views: &V,
    mut query: Query,
    max: usize,
    mut add: impl FnMut(&str),
) -> Result<Option<Cursor>, V::Error> {
    let mut read = 0;
    loop {
        query.limit = PAGE.min(max - read);
        let page = views.query(query.clone()).await?;
        read += page.documents.len();
        for stored in &page.documents {
            add(&stored.document.body);
        }
        query.after = page.next;
        if query.after.is_none() || read >= max {
            return Ok(query.after);
        }
    }
}

/// A choice as contacts keep it.
pub(super) fn label_of(choice: &Choice) -> String {
    match choice {
        Choice::Group(name) => format!("group: {name}"),
        Choice::Topic(name) => format!("topic: {name}"),
    }
}

fn choice_of(label: &str) -> Option<Choice> {
    let (kind, name) = label.split_once(": ")?;
    match kind {
        "group" => Some(Choice::Group(name.to_owned())),
        "topic" => Some(Choice::Topic(name.to_owned())),
        _ => None,
    }
}
