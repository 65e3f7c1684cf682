//! What happened in one pane: counts by scope and by term.
//!
//! Mergeable in any order with the same result, and serialisable: one partition's part of a pane
//! today, one process's part later.

mod numbers;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use indexmap::IndexMap;
use pulso_model::{By, Coordinate, CoordinateSum, Counts, Fact, SUMS_MAX, Statistics, Term};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::{FacetShape, Shape, pairs};
use numbers::Numbers;

type Map<V> = IndexMap<Box<str>, V, FxBuildHasher>;

/// Sums over facts of one kind in one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub facts: u64,
    /// In the stream's order; zeros after those that it has.
    pub sums: [u64; SUMS_MAX],
    pub location: CoordinateSum,
}

/// A scope's activity by kind, with the kinds that occurred only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeActivity<'a> {
    pub scope: &'a str,
    /// By place in the stream's list.
    pub kind: usize,
    pub activity: Activity,
}

/// Of which facts numbers are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group<'a> {
    All,
    /// By place in the stream's list.
    Kind(usize),
    Scope(&'a str),
}

/// The facts of one pane, added up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PaneAggregate {
    /// By kind.
    #[serde(with = "pairs")]
    scopes: Map<Vec<Activity>>,
    facets: Vec<FacetAggregate>,
    /// Those that facets count.
    #[serde(with = "pairs")]
    actors: Map<()>,
    numbers: Vec<Numbers>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FacetAggregate {
    shape: FacetShape,
    #[serde(with = "pairs")]
    terms: Map<TermAggregate>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct TermAggregate {
    /// The smallest of the names seen.
    name: Box<str>,
    /// By index into `scopes`; few for nearly every term, so a list beats a map. A facet without
    /// trends by scope has one entry only, of [`ALL_SCOPES`].
    scopes: Vec<(usize, TermCount)>,
}

/// Where a facet has no trends by scope.
const ALL_SCOPES: usize = 0;

/// Facts that carry a term.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TermCount {
    pub(crate) count: u32,
    pub(crate) location: CoordinateSum,
    /// Who made them, as indices of the pane's actors in order; empty where the facet counts facts.
    pub(crate) actors: Vec<u32>,
}

impl PaneAggregate {
    pub fn new(shape: &Shape) -> Self {
        let facet = |shape: &FacetShape| FacetAggregate { shape: *shape, terms: Map::default() };
        Self {
            scopes: Map::default(),
            facets: shape.facets.iter().map(facet).collect(),
            actors: Map::default(),
            numbers: shape.statistics.iter().copied().map(Numbers::new).collect(),
        }
    }

    /// Adds one fact, and who did it.
    pub fn add(&mut self, fact: &Fact<'_>, actor: Option<&str>, shape: &Shape) {
        let scope = scope_index(&mut self.scopes, &fact.scope, shape.kinds);
        let activity = &mut self.scopes[scope][usize::from(fact.kind)];
        activity.facts += 1;
        for (sum, added) in activity.sums.iter_mut().zip(fact.sums) {
            *sum += added;
        }
        activity.location.add(fact.place);
        for numbers in &mut self.numbers {
            numbers.add(fact, scope);
        }
        for (facet, terms) in self.facets.iter_mut().zip(&fact.terms) {
            if terms.is_empty() {
                continue;
            }
            let actors = match (facet.shape.counts, actor) {
                (Counts::Actors, Some(actor)) => vec![index_of(&mut self.actors, actor)],
                _ => Vec::new(),
            };
            let scope = if facet.shape.by_scope { scope } else { ALL_SCOPES };
            for Term { key, name } in terms {
                let count = TermCount { actors: actors.clone(), ..one(fact.place) };
                add_term(&mut facet.terms, key, name, [(scope, Cow::Owned(count))]);
            }
        }
    }

    /// Adds what another part of the same pane has.
    pub fn merge(&mut self, other: &Self) {
        let mut scopes = Vec::with_capacity(other.scopes.len());
        for (scope, theirs) in &other.scopes {
            let index = scope_index(&mut self.scopes, scope, theirs.len());
            scopes.push(index);
            for (ours, theirs) in self.scopes[index].iter_mut().zip(theirs) {
                ours.facts += theirs.facts;
                for (sum, added) in ours.sums.iter_mut().zip(theirs.sums) {
                    *sum += added;
                }
                ours.location.merge(&theirs.location);
            }
        }
        for (ours, theirs) in self.numbers.iter_mut().zip(&other.numbers) {
            ours.merge(theirs, &scopes);
        }
        let actors: Vec<u32> =
            other.actors.keys().map(|actor| index_of(&mut self.actors, actor)).collect();
        for (ours, theirs) in self.facets.iter_mut().zip(&other.facets) {
            let by_scope = ours.shape.by_scope;
            for (key, term) in &theirs.terms {
                let counts = term.scopes.iter().map(|(scope, count)| {
                    let scope = if by_scope { scopes[*scope] } else { ALL_SCOPES };
                    (scope, count.with_actors(&actors))
                });
                add_term(&mut ours.terms, key, &term.name, counts);
            }
        }
    }

    /// Gives an actor another name.
    pub(crate) fn rename(&mut self, (old, new): (&str, &str)) {
        pairs::rename_keys(&mut self.actors, |actor| (**actor == *old).then(|| new.into()));
    }

    /// What happened in each scope, ordered by scope and kind.
    pub fn activity(&self) -> Vec<ScopeActivity<'_>> {
        let mut all = Vec::new();
        for (scope, kinds) in &self.scopes {
            for (kind, activity) in kinds.iter().copied().enumerate() {
                if activity.facts > 0 {
                    all.push(ScopeActivity { scope, kind, activity });
                }
            }
        }
        all.sort_by_key(|entry| (entry.scope, entry.kind));
        all
    }

    /// The numbers of the statistics at this place, in the order of their groups; none where a group has
    /// no numbers.
    pub fn statistics(&self, at: usize) -> Vec<(Group<'_>, &Statistics)> {
        let Numbers { shape, groups } = &self.numbers[at];
        let group = |at| match shape.by {
            By::Nothing => Group::All,
            By::Kind => Group::Kind(at),
            By::Scope => Group::Scope(self.scopes.get_index(at).map_or("", |(scope, _)| scope)),
        };
        let groups = groups.iter().enumerate().filter(|(_, numbers)| numbers.count() > 0);
        let mut groups: Vec<_> = groups.map(|(at, numbers)| (group(at), numbers)).collect();
        groups.sort_by_key(|(group, _)| *group);
        groups
    }

    /// How many facts there are.
    pub(crate) fn len(&self) -> u64 {
        self.scopes.values().flatten().map(|activity| activity.facts).sum()
    }

    /// How busy the pane is for the terms of a facet, worldwide and by scope: its facts or, where the facet
    /// counts actors, those who mention any of its terms.
    pub(crate) fn busyness(&self, facet: usize) -> (u64, Vec<(&str, u64)>) {
        let FacetAggregate { shape, terms } = &self.facets[facet];
        let name = |at: usize| self.scopes.get_index(at).map_or("", |(scope, _)| &**scope);
        match shape.counts {
            Counts::Facts => {
                let facts = |kinds: &[Activity]| kinds.iter().map(|one| one.facts).sum::<u64>();
                let scopes = self.scopes.iter().map(|(scope, kinds)| (&**scope, facts(kinds)));
                let scopes: Vec<_> = scopes.collect();
                (scopes.iter().map(|(_, facts)| facts).sum(), scopes)
            }
            Counts::Actors => {
                let counts = terms.values().flat_map(|term| &term.scopes);
                let mut pairs: Vec<(usize, u32)> = counts
                    .flat_map(|(scope, count)| count.actors.iter().map(|actor| (*scope, *actor)))
                    .collect();
                pairs.sort_unstable();
                pairs.dedup();
                let by_scope = pairs.chunk_by(|a, b| a.0 == b.0);
                let by_scope = by_scope.map(|of| (name(of[0].0), of.len() as u64)).collect();
                let mut all: Vec<u32> = pairs.iter().map(|(_, actor)| *actor).collect();
                all.sort_unstable();
                all.dedup();
                (all.len() as u64, by_scope)
            }
        }
    }

    /// The terms of a facet with their names and counts by scope, in no particular order. The scope
    /// means nothing where the facet has no trends by scope.
    pub(crate) fn terms(
        &self,
        facet: usize,
    ) -> impl Iterator<Item = (&str, &str, impl Iterator<Item = (&str, &TermCount)>)> {
        self.facets[facet].terms.iter().map(|(key, term)| {
            let counts = term.scopes.iter().map(|(index, count)| {
                // Where scopes mean nothing there may be none.
                let scope = self.scopes.get_index(*index).map_or("", |(scope, _)| scope);
                (scope, count)
            });
            (&**key, &*term.name, counts)
        })
    }

    /// The facts that carry a term of a facet, worldwide or in one scope.
    pub(crate) fn facts(&self, facet: usize, scope: Option<&str>, key: &str) -> u32 {
        let Some(term) = self.facets[facet].terms.get(key) else { return 0 };
        let scope = scope.map(|scope| self.scopes.get_index_of(scope));
        let here =
            term.scopes.iter().filter(|(at, _)| scope.is_none_or(|scope| scope == Some(*at)));
        here.map(|(_, count)| count.count).sum()
    }

    /// How many actors the facets count.
    pub(crate) fn actors(&self) -> usize {
        self.actors.len()
    }

    /// The name of an actor in [`TermCount::actors`].
    pub(crate) fn actor(&self, index: u32) -> &str {
        self.actors.get_index(index as usize).expect("indices stay valid").0
    }
}

impl TermCount {
    /// The same with other indices of actors.
    fn with_actors(&self, indices: &[u32]) -> Cow<'_, Self> {
        if self.actors.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut actors: Vec<_> = self.actors.iter().map(|&actor| indices[actor as usize]).collect();
        actors.sort_unstable();
        Cow::Owned(Self { actors, ..self.clone() })
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.location.merge(&other.location);
        for actor in &other.actors {
            if let Err(place) = self.actors.binary_search(actor) {
                self.actors.insert(place, *actor);
            }
        }
    }
}

fn scope_index(scopes: &mut Map<Vec<Activity>>, scope: &str, kinds: usize) -> usize {
    match scopes.get_index_of(scope) {
        Some(index) => index,
        None => scopes.insert_full(scope.into(), vec![Activity::default(); kinds]).0,
    }
}

fn index_of(actors: &mut Map<()>, actor: &str) -> u32 {
    let index = match actors.get_index_of(actor) {
        Some(index) => index,
        None => actors.insert_full(actor.into(), ()).0,
    };
    u32::try_from(index).expect("a pane has fewer than 2^32 actors")
}

fn add_term<'c>(
    terms: &mut Map<TermAggregate>,
    key: &str,
    name: &str,
    counts: impl IntoIterator<Item = (usize, Cow<'c, TermCount>)>,
) {
    let term = match terms.get_index_of(key) {
        Some(index) => &mut terms[index],
        None => {
            // Nearly all have one scope in a pane.
            let new = TermAggregate { name: name.into(), scopes: Vec::with_capacity(1) };
            terms.entry(key.into()).or_insert(new)
        }
    };
    if *name < *term.name {
        term.name = name.into();
    }
    for (scope, theirs) in counts {
        match term.scopes.iter_mut().find(|(index, _)| *index == scope) {
            Some((_, ours)) => ours.merge(&theirs),
            None => term.scopes.push((scope, theirs.into_owned())),
        }
    }
}

fn one(place: Option<Coordinate>) -> TermCount {
    let mut location = CoordinateSum::default();
    location.add(place);
    TermCount { count: 1, location, actors: Vec::new() }
}
