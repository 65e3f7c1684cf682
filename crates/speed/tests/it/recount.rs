//! The documents of panes and windows by a plain reading of their definitions: which facts count,
//! and then a count for every single one. Quadratic and independent of `pulso_window`.

use std::collections::{BTreeMap, BTreeSet};

use pulso_model::{
    ActivityDocument, By, Coordinate, CoordinateSum, Counts, Decoded, Decoder, EndedTrendDocument,
    EventTime, Facet, Fact, Location, SUMS_MAX, Statistics, StatisticsDocument, Stream, Term,
    TrendDocument, TrendWindow, View, ViewDocument,
};
use pulso_pipeline::Record;
use pulso_testkit::trends::{self, Life, Limits, Mention, Place, Unusual};
use pulso_window::{ListMax, Settings, TrendSettings};

pub(crate) type Documents = BTreeMap<(View, String), String>;

/// The views that are counted here.
pub(crate) fn views(stream: &Stream) -> Vec<View> {
    let facets = stream.facets.iter().flat_map(|facet| [Some(facet.view), facet.by_scope_view]);
    let ended = stream.trends_view.into_iter().chain(stream.trends_by_scope_view);
    let statistics = stream.statistics.iter().map(|statistic| statistic.view);
    let panes = [stream.activity_view].into_iter().chain(statistics);
    panes.chain(facets.flatten()).chain(ended).collect()
}

struct Counted {
    time: i64,
    kind: u8,
    sums: [u64; SUMS_MAX],
    scope: String,
    place: Option<Coordinate>,
    actor: Option<String>,
    /// By statistic.
    numbers: Vec<Option<i64>>,
    /// By facet: keys and names.
    terms: Vec<Vec<(String, String)>>,
}

impl Counted {
    fn new(stream: &Stream, fact: &Fact<'_>) -> Self {
        let term = |term: &Term<'_>| (term.key.to_string(), term.name.to_string());
        Self {
            time: fact.time.0,
            kind: fact.kind,
            sums: fact.sums,
            scope: fact.scope.to_string(),
            place: fact.place,
            actor: stream.actor(fact).map(|actor| actor.into_owned()),
            numbers: stream.statistics.iter().map(|of| of.number.of(fact)).collect(),
            terms: fact.terms.iter().map(|terms| terms.iter().map(term).collect()).collect(),
        }
    }
}

/// All documents of panes and windows that end by `closed_until`, for a log of which the messages
/// at the places in `late` came late.
pub(crate) fn recount<'a>(
    decoder: &Decoder,
    records: impl IntoIterator<Item = &'a Record>,
    late: &BTreeSet<(u32, u64)>,
    settings: &Settings,
    closed_until: EventTime,
) -> Documents {
    let stream = decoder.stream();
    let mut identities = BTreeSet::new();
    let mut counted = Vec::new();
    for record in records {
        let decoded = decoder.decode(&record.payload, record.log_time);
        let Ok(Decoded::Fact(fact)) = decoded else { continue };
        let first = stream.identity(&fact).is_none_or(|identity| identities.insert(identity));
        if first && !late.contains(&(record.partition, record.offset)) {
            counted.push(Counted::new(stream, &fact));
        }
    }
    let mut rendered = activity(stream, &counted, settings, closed_until.0);
    rendered.extend(statistics(stream, &counted, settings, closed_until.0));
    for facet in 0..stream.facets.len() {
        let windows = Windows::new(stream, facet, &counted, settings);
        rendered.extend(windows.lists(closed_until.0));
        rendered.extend(windows.ended(closed_until.0));
    }
    rendered.into_iter().map(|document| ((document.view, document.id), document.body)).collect()
}

fn activity(
    stream: &Stream,
    counted: &[Counted],
    settings: &Settings,
    closed_until: i64,
) -> Vec<ViewDocument> {
    let slide = settings.window.slide();
    let mut groups: BTreeMap<_, Vec<&Counted>> = BTreeMap::new();
    for one in counted {
        if let Some(pane) = closed_pane(one, slide, closed_until) {
            groups.entry((pane, &one.scope, one.kind)).or_default().push(one);
        }
    }
    let document = |((pane, scope, kind), all): ((i64, &String, u8), Vec<&Counted>)| {
        let sum = |at: usize| all.iter().map(|one| one.sums[at]).sum::<u64>();
        ActivityDocument {
            stream,
            pane_start: EventTime(pane),
            scope,
            kind: stream.kind.values[usize::from(kind)],
            facts: all.len() as u64,
            sums: &std::array::from_fn::<u64, SUMS_MAX, _>(sum),
            location: mean(&all),
        }
        .render()
    };
    groups.into_iter().map(document).collect()
}

fn statistics(
    stream: &Stream,
    counted: &[Counted],
    settings: &Settings,
    closed_until: i64,
) -> Vec<ViewDocument> {
    let slide = settings.window.slide();
    let mut groups: BTreeMap<_, Statistics> = BTreeMap::new();
    for one in counted {
        let Some(pane) = closed_pane(one, slide, closed_until) else { continue };
        for (at, (statistic, number)) in stream.statistics.iter().zip(&one.numbers).enumerate() {
            let group = match statistic.by {
                By::Nothing => None,
                By::Scope => Some(one.scope.as_str()),
                By::Kind => Some(stream.kind.values[usize::from(one.kind)]),
            };
            let numbers = groups.entry((pane, at, group)).or_default();
            number.iter().for_each(|&number| numbers.add(number));
        }
    }
    let document = |((pane, at, group), statistics): (&(i64, usize, Option<&str>), _)| {
        let (statistic, pane_start) = (&stream.statistics[*at], EventTime(*pane));
        StatisticsDocument { stream, statistic, pane_start, group: *group, statistics }.render()
    };
    groups.iter().filter_map(document).collect()
}

/// Where the pane of a fact begins, if it is closed.
fn closed_pane(one: &Counted, slide: i64, closed_until: i64) -> Option<i64> {
    let pane = one.time.div_euclid(slide) * slide;
    (pane + slide <= closed_until).then_some(pane)
}

fn mean(all: &[&Counted]) -> Option<Location> {
    let mut sum = CoordinateSum::default();
    all.iter().for_each(|one| sum.add(one.place));
    sum.mean()
}

fn actors(all: &[&Counted]) -> usize {
    all.iter().filter_map(|one| one.actor.as_deref()).collect::<BTreeSet<_>>().len()
}

/// The facts of every window and term of one facet.
struct Windows<'a> {
    stream: &'a Stream,
    /// By place in the stream's list.
    facet: usize,
    settings: &'a Settings,
    ends: BTreeMap<i64, BTreeMap<&'a str, Vec<&'a Counted>>>,
    /// What the facet counts, by scope, term and end.
    counts: BTreeMap<(Option<&'a str>, &'a str, i64), u64>,
    /// By scope and term.
    unusual: BTreeMap<(Option<&'a str>, &'a str), Unusual>,
    compared: trends::Windows,
    /// Of the stream in windows, by their ends.
    facts: BTreeMap<i64, u64>,
    /// By end, in each scope and worldwide.
    busyness: BTreeMap<Option<&'a str>, BTreeMap<i64, u64>>,
}

impl<'a> Windows<'a> {
    fn new(
        stream: &'a Stream,
        facet: usize,
        counted: &'a [Counted],
        settings: &'a Settings,
    ) -> Self {
        let (size, slide) = (settings.window.size(), settings.window.slide());
        let mut ends: BTreeMap<i64, BTreeMap<&str, Vec<&Counted>>> = BTreeMap::new();
        for one in counted {
            let first_end = (one.time.div_euclid(slide) + 1) * slide;
            for end in (first_end..=one.time + size).step_by(usize::try_from(slide).unwrap()) {
                let terms = ends.entry(end).or_default();
                for (term, _) in &one.terms[facet] {
                    terms.entry(term).or_default().push(one);
                }
            }
        }
        let baseline = i64::try_from(settings.trends.baseline.as_millis()).unwrap();
        let compared = trends::Windows { size, slide, baseline };
        let facts = compared.facts(counted.iter().map(|one| one.time));
        let scopes: BTreeSet<&str> = counted.iter().map(|one| one.scope.as_str()).collect();
        let busyness = |scope: Option<&'a str>| {
            let here = counted.iter().filter(|one| scope.is_none_or(|scope| one.scope == scope));
            let mention = |one: &'a Counted| Mention {
                time: one.time,
                actor: one.actor.as_deref().filter(|_| !one.terms[facet].is_empty()),
            };
            (scope, compared.busyness(stream.facets[facet].counts, here.map(mention)))
        };
        let busyness = scopes.iter().copied().map(Some).chain([None]).map(busyness).collect();
        let (counts, unusual) = (BTreeMap::new(), BTreeMap::new());
        let mut windows =
            Self { stream, facet, settings, ends, counts, unusual, compared, facts, busyness };
        let scopes = || scopes.iter().copied().map(Some).chain([None]);
        let terms = windows
            .ends
            .iter()
            .flat_map(|(&end, terms)| terms.keys().map(move |&term| (end, term)));
        let all = terms.flat_map(|(end, term)| scopes().map(move |scope| (scope, term, end)));
        let count = |key: (Option<&'a str>, &'a str, i64)| {
            let (scope, term, end) = key;
            (key, windows.ranked(&windows.at(end, scope, term)) as u64)
        };
        windows.counts = all.map(count).collect();
        let TrendSettings { ref mute, count_above, unusual_from, .. } = settings.trends;
        for (&(scope, term, end), _) in windows.counts.iter().filter(|((_, term, _), count)| {
            **count > u64::from(count_above) && !mute.contains(*term)
        }) {
            let score = windows.score(end, scope, term).filter(|score| *score >= unusual_from);
            let unusual = windows.unusual.entry((scope, term)).or_default();
            unusual.extend(score.map(|score| (end, score)));
        }
        windows
    }

    fn facet(&self) -> &'a Facet {
        &self.stream.facets[self.facet]
    }

    fn lists(&self, closed_until: i64) -> Vec<ViewDocument> {
        let mut documents = Vec::new();
        let TrendSettings { worldwide, by_scope, .. } = &self.settings.trends;
        for (&end, terms) in self.ends.range(..=closed_until) {
            self.list(end, None, *worldwide, &mut documents);
            if self.facet().by_scope_view.is_some() {
                let all = terms.values().flatten();
                let scopes: BTreeSet<&str> = all.map(|one| one.scope.as_str()).collect();
                for scope in scopes {
                    self.list(end, Some(scope), *by_scope, &mut documents);
                }
            }
        }
        documents
    }

    /// The trends that windows told of.
    fn ended(&self, closed_until: i64) -> Vec<ViewDocument> {
        let mut documents = Vec::new();
        for (&(scope, term), unusual) in &self.unusual {
            for life in self.compared.lives(unusual) {
                let told = life.ended + self.compared.size;
                let by_scope = scope.is_none() || self.facet().by_scope_view.is_some();
                if told <= closed_until && by_scope {
                    documents.push(self.life(scope, term, told, life));
                }
            }
        }
        documents
    }

    fn life(&self, scope: Option<&str>, term: &str, told: i64, life: Life) -> ViewDocument {
        let Life { began, peak, peak_score, ended } = life;
        let since = began - self.compared.size;
        let ends = self.ends.range(began..=ended);
        let all = ends.flat_map(|(&end, _)| self.at(end, scope, term));
        let facts: BTreeSet<*const Counted> =
            all.filter(|one| one.time >= since).map(std::ptr::from_ref).collect();
        EndedTrendDocument {
            stream: self.stream,
            facet: self.facet(),
            time: EventTime(told),
            scope,
            term,
            name: self.name(ended, term),
            began: EventTime(began),
            peak: EventTime(peak),
            peak_score,
            ended: EventTime(ended),
            count: facts.len() as u64,
            actors: actors(&self.at(peak, scope, term)) as u64,
        }
        .render()
    }

    /// The smallest of a term's names in a window, worldwide.
    fn name(&self, end: i64, term: &str) -> &'a str {
        let names = self.ends[&end][term].iter().flat_map(|one| &one.terms[self.facet]);
        names.filter(|(key, _)| key == term).map(|(_, name)| name.as_str()).min().unwrap()
    }

    fn list(
        &self,
        end: i64,
        scope: Option<&str>,
        most: ListMax,
        documents: &mut Vec<ViewDocument>,
    ) {
        let facet = self.facet();
        let start = EventTime(end - self.settings.window.size());
        let window = TrendWindow::new(start, EventTime(end));
        let TrendSettings { ref mute, count_above, unusual_from, .. } = self.settings.trends;
        let mut terms = Vec::new();
        for &term in self.ends[&end].keys() {
            let ranked = self.ranked(&self.at(end, scope, term)) as u64;
            if ranked > u64::from(count_above) && !mute.contains(term) {
                terms.push((ranked, self.score(end, scope, term), term));
            }
        }
        let limits = Limits { terms: most.terms, unusual: most.unusual, unusual_from };
        for Place { index, rank, unusual_rank } in trends::list(&terms, limits) {
            let (_, score, term) = terms[index];
            let here = self.at(end, scope, term);
            let since = || EventTime(self.compared.since(&self.unusual[&(scope, term)], end));
            let document = TrendDocument {
                stream: self.stream,
                facet,
                window: &window,
                scope,
                term,
                name: self.name(end, term),
                count: here.len() as u64,
                actors: actors(&here) as u64,
                rank,
                unusual_rank,
                since: unusual_rank.map(|_| since()),
                score,
                location: scope.and(mean(&here)),
            };
            documents.push(document.render());
        }
    }

    fn at(&self, end: i64, scope: Option<&str>, term: &str) -> Vec<&'a Counted> {
        let all = self.ends.get(&end).and_then(|terms| terms.get(term)).into_iter().flatten();
        all.filter(|one| scope.is_none_or(|scope| one.scope == scope)).copied().collect()
    }

    /// What the facet counts.
    fn ranked(&self, all: &[&Counted]) -> usize {
        match self.facet().counts {
            Counts::Facts => all.len(),
            Counts::Actors => actors(all),
        }
    }

    fn score(&self, end: i64, scope: Option<&str>, term: &str) -> Option<f64> {
        let count = |end| self.counts.get(&(scope, term, end)).copied().unwrap_or_default();
        self.compared.score(end, count, &self.busyness[&scope], &self.facts)
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
