//! Running counts of every term of a facet, worldwide and by scope.

use std::sync::Arc;

use indexmap::IndexMap;
use pulso_model::{CoordinateSum, Counts};
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::actors::{Actors, Members};
use crate::aggregate::{PaneAggregate, TermCount};
use crate::{FacetShape, columns, pairs};

/// Compaction is worth its cost when this many entries could be dead.
const COMPACT_MIN: usize = 4096;

/// A number that says what is usual: counts of the window one baseline ago and sums in between. What
/// is counted is what the facet ranks by: facts, or actors.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Running {
    /// In the current window.
    count: u32,
    /// In the window that leaves the baseline next.
    old: u32,
    /// Over the windows of the baseline.
    sum: u64,
    sum_of_squares: u64,
    /// Panes of the history that name this entry.
    panes: u32,
}

impl Running {
    fn slide_baseline(&mut self) {
        let (count, old) = (u64::from(self.count), u64::from(self.old));
        self.sum = self.sum + count - old;
        self.sum_of_squares = self.sum_of_squares + count * count - old * old;
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Term {
    entry: Entry,
    /// The names in the window and in how many of its panes each is; nearly always one.
    names: Vec<(Arc<str>, u32)>,
}

/// A term, worldwide or in one scope.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Entry {
    running: Running,
    /// Facts and actors of the window, where the facet counts actors.
    members: Option<Box<Members>>,
    /// In a scope.
    location: CoordinateSum,
}

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tables {
    shape: FacetShape,
    #[serde(with = "pairs")]
    terms: Map<Arc<str>, Term>,
    #[serde(with = "pairs")]
    scopes: Map<Arc<str>, ()>,
    /// By index of scope and of term.
    #[serde(with = "pairs")]
    scope_terms: Map<(u32, u32), Entry>,
    actors: Actors,
}

/// What one pane added, by index into the tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct PaneCounts {
    terms: Added,
    scope_terms: Added,
    /// Beside the terms; empty once the pane has left the window.
    names: Vec<Arc<str>>,
    /// Beside the terms by scope; empty once the pane has left the window.
    locations: Vec<CoordinateSum>,
}

/// What one pane added to entries.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Added {
    /// How much the count of each grew when the pane entered the window.
    grew: Columns,
    /// How much it shrank when the pane left, where that may be another number: an actor who came
    /// with one pane may have stayed for the sake of another.
    shrank: Columns,
    /// Facts and actors beside `grew`; empty once the pane has left the window, or where facts are
    /// counted.
    members: Vec<(u32, Vec<u32>)>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Columns(#[serde(with = "columns")] Vec<(u32, u32)>);

/// The counts of one term, worldwide or in one scope.
pub(super) struct Counted<'a> {
    pub(super) key: &'a Arc<str>,
    pub(super) name: &'a Arc<str>,
    /// What the facet counts.
    pub(super) ranked: u32,
    pub(super) facts: u32,
    /// 0 where the facet counts facts.
    pub(super) actors: u32,
    pub(super) sum: u64,
    pub(super) sum_of_squares: u64,
    pub(super) location: CoordinateSum,
}

impl Tables {
    pub(super) fn new(shape: FacetShape) -> Self {
        Self {
            shape,
            terms: Map::default(),
            scopes: Map::default(),
            scope_terms: Map::default(),
            actors: Actors::default(),
        }
    }

    /// Entries alive or not yet dropped.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.terms.len().max(self.scope_terms.len())
    }

    /// Actors that the window names.
    #[cfg(test)]
    pub(super) fn actors(&self) -> usize {
        self.actors.len()
    }

    /// The current window becomes the newest of the baseline, and the oldest leaves it.
    pub(super) fn slide_baseline(&mut self) {
        for term in self.terms.values_mut() {
            term.entry.running.slide_baseline();
        }
        for entry in self.scope_terms.values_mut() {
            entry.running.slide_baseline();
        }
    }

    /// Adds the terms of a pane to the window.
    pub(super) fn enter(&mut self, pane: &PaneAggregate, facet: usize) -> PaneCounts {
        let mut counts = PaneCounts::default();
        // The pane's own numbers of actors, in the tables' numbers.
        let mut known = Map::default();
        for term in pane.terms(facet) {
            let term_index = index_of(&mut self.terms, term.key);
            let mut whole = TermCount::default();
            for (scope, added) in term.scopes {
                let mut added = added.clone();
                for actor in &mut added.actors {
                    let number = known.entry(*actor);
                    *actor = *number.or_insert_with(|| self.actors.number(pane.actor(*actor)));
                }
                if self.shape.by_scope {
                    self.enter_scope(scope, term_index, &added, &mut counts);
                }
                whole.count += added.count;
                whole.actors.append(&mut added.actors);
            }
            whole.actors.sort_unstable();
            whole.actors.dedup();
            let place = &mut self.terms[term_index];
            let grew = place.entry.enter(self.shape, &whole, &mut self.actors);
            counts.terms.push(index_u32(term_index), grew, self.shape, whole);
            counts.names.push(place.add_name(term.name));
        }
        counts
    }

    fn enter_scope(
        &mut self,
        scope: &str,
        term: usize,
        added: &TermCount,
        counts: &mut PaneCounts,
    ) {
        let scope = self.scope(scope);
        let entry = self.scope_terms.entry((index_u32(scope), index_u32(term)));
        let index = entry.index();
        let entry = entry.or_default();
        entry.location.merge(&added.location);
        let grew = entry.enter(self.shape, added, &mut self.actors);
        counts.scope_terms.push(index_u32(index), grew, self.shape, added.clone());
        counts.locations.push(added.location);
    }

    /// Takes a pane away from the window.
    pub(super) fn leave(&mut self, pane: &mut PaneCounts) {
        for (&(index, _), name) in pane.terms.grew.0.iter().zip(&pane.names) {
            self.terms[index as usize].remove_name(name);
        }
        for (&(index, _), location) in pane.scope_terms.grew.0.iter().zip(&pane.locations) {
            self.scope_terms[index as usize].location.remove(location);
        }
        let Self { terms, scope_terms, actors, .. } = self;
        pane.terms.leave(terms, actors);
        pane.scope_terms.leave(scope_terms, actors);
        pane.names = Vec::new();
        pane.locations = Vec::new();
    }

    /// Adds a pane to the window that leaves the baseline next.
    pub(super) fn enter_old(&mut self, pane: &PaneCounts) {
        for &(index, count) in &pane.terms.grew.0 {
            self.terms[index as usize].entry.running.old += count;
        }
        for &(index, count) in &pane.scope_terms.grew.0 {
            self.scope_terms[index as usize].running.old += count;
        }
    }

    /// Takes a pane away for good.
    pub(super) fn leave_old(&mut self, pane: &PaneCounts) {
        for &(index, count) in &pane.terms.shrank(self.shape).0 {
            let running = &mut self.terms[index as usize].entry.running;
            running.old -= count;
            running.panes -= 1;
        }
        for &(index, count) in &pane.scope_terms.shrank(self.shape).0 {
            let running = &mut self.scope_terms[index as usize].running;
            running.old -= count;
            running.panes -= 1;
        }
    }

    /// Drops entries that no pane names any more, so that nothing grows with the log.
    pub(super) fn compact<'a>(&mut self, panes: impl Iterator<Item = &'a mut PaneCounts>) {
        let dead = |entry: &Entry| entry.running.panes == 0;
        let dead_terms = self.terms.values().filter(|term| dead(&term.entry)).count();
        let dead_pairs = self.scope_terms.values().filter(|entry| dead(entry)).count();
        let worth = |dead: usize, all: usize| dead >= COMPACT_MIN && dead * 2 > all;
        if !worth(dead_terms, self.terms.len()) && !worth(dead_pairs, self.scope_terms.len()) {
            return;
        }
        let mut terms = Vec::with_capacity(self.terms.len());
        for (key, term) in std::mem::take(&mut self.terms) {
            terms.push(if dead(&term.entry) {
                None
            } else {
                Some(index_u32(self.terms.insert_full(key, term).0))
            });
        }
        let scopes = std::mem::take(&mut self.scopes);
        let scope_terms = std::mem::take(&mut self.scope_terms);
        let mut pairs = Vec::with_capacity(scope_terms.len());
        for ((scope, term), entry) in scope_terms {
            pairs.push(if dead(&entry) {
                None
            } else {
                let scope = self.scope(scope_name(&scopes, scope));
                let term = terms[term as usize].expect("a term outlives its scopes");
                let place = (index_u32(scope), term);
                Some(index_u32(self.scope_terms.insert_full(place, entry).0))
            });
        }
        for pane in panes {
            pane.terms.renumber(&terms);
            pane.scope_terms.renumber(&pairs);
        }
    }

    /// Terms of which more than `above` are in the window.
    pub(super) fn terms(&self, above: u32) -> impl Iterator<Item = Counted<'_>> {
        let all = self.terms.iter().filter(move |(_, term)| term.entry.running.count > above);
        all.map(|(key, term)| term.entry.counted(key, term.name()))
    }

    /// The same for each scope.
    pub(super) fn scope_terms(&self, above: u32) -> impl Iterator<Item = (&Arc<str>, Counted<'_>)> {
        let all = self.scope_terms.iter().filter(move |(_, entry)| entry.running.count > above);
        all.map(|(&(scope, term), entry)| {
            let (key, term) =
                self.terms.get_index(term as usize).expect("a term outlives its scopes");
            (scope_name(&self.scopes, scope), entry.counted(key, term.name()))
        })
    }

    fn scope(&mut self, scope: &str) -> usize {
        match self.scopes.get_index_of(scope) {
            Some(index) => index,
            None => self.scopes.insert_full(scope.into(), ()).0,
        }
    }
}

impl Entry {
    /// Adds what a pane has of it; tells how much the count grew.
    fn enter(&mut self, shape: FacetShape, added: &TermCount, actors: &mut Actors) -> u32 {
        let grew = match shape.counts {
            Counts::Facts => added.count,
            Counts::Actors => {
                let members = self.members.get_or_insert_default();
                members.enter(added.count, &added.actors, actors)
            }
        };
        self.running.count += grew;
        self.running.panes += 1;
        grew
    }

    fn counted<'a>(&self, key: &'a Arc<str>, name: &'a Arc<str>) -> Counted<'a> {
        let Running { count, sum, sum_of_squares, .. } = self.running;
        let (facts, actors) = match &self.members {
            None => (count, 0),
            Some(members) => (members.facts(), count),
        };
        let location = self.location;
        Counted { key, name, ranked: count, facts, actors, sum, sum_of_squares, location }
    }
}

impl AsMut<Entry> for Entry {
    fn as_mut(&mut self) -> &mut Entry {
        self
    }
}

impl AsMut<Entry> for Term {
    fn as_mut(&mut self) -> &mut Entry {
        &mut self.entry
    }
}

impl Added {
    fn push(&mut self, index: u32, grew: u32, shape: FacetShape, added: TermCount) {
        self.grew.0.push((index, grew));
        if shape.counts == Counts::Actors {
            self.members.push((added.count, added.actors));
        }
    }

    /// Takes it away from the window again.
    fn leave<K, E: AsMut<Entry>>(&mut self, entries: &mut Map<K, E>, actors: &mut Actors) {
        for (at, &(index, grew)) in self.grew.0.iter().enumerate() {
            let entry = entries[index as usize].as_mut();
            let shrank = match (self.members.get(at), &mut entry.members) {
                (Some((facts, who)), Some(members)) => {
                    let shrank = members.leave(*facts, who, actors);
                    if members.is_empty() {
                        entry.members = None;
                    }
                    self.shrank.0.push((index, shrank));
                    shrank
                }
                _ => grew,
            };
            entry.running.count -= shrank;
        }
        self.members = Vec::new();
        // From now on their order means nothing, and in this one they are stored in half the room.
        self.grew.0.sort_unstable();
        self.shrank.0.sort_unstable();
    }

    fn shrank(&self, shape: FacetShape) -> &Columns {
        match shape.counts {
            Counts::Facts => &self.grew,
            Counts::Actors => &self.shrank,
        }
    }

    fn renumber(&mut self, numbers: &[Option<u32>]) {
        for (index, _) in self.grew.0.iter_mut().chain(&mut self.shrank.0) {
            *index = numbers[*index as usize].expect("what a pane names is alive");
        }
    }
}

impl Term {
    fn add_name(&mut self, name: &str) -> Arc<str> {
        if let Some((known, panes)) = self.names.iter_mut().find(|(known, _)| &**known == name) {
            *panes += 1;
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        self.names.push((Arc::clone(&name), 1));
        name
    }

    fn remove_name(&mut self, name: &Arc<str>) {
        let place = self.names.iter().position(|(known, _)| known == name);
        let place = place.expect("the pane brought the name");
        self.names[place].1 -= 1;
        if self.names[place].1 == 0 {
            self.names.swap_remove(place);
        }
    }

    fn name(&self) -> &Arc<str> {
        let names = self.names.iter().map(|(name, _)| name);
        names.min().expect("a term with facts in the window has a name")
    }
}

fn index_of(terms: &mut Map<Arc<str>, Term>, key: &str) -> usize {
    match terms.get_index_of(key) {
        Some(index) => index,
        None => terms.insert_full(key.into(), Term::default()).0,
    }
}

fn scope_name(scopes: &Map<Arc<str>, ()>, index: u32) -> &Arc<str> {
    scopes.get_index(index as usize).expect("a scope stays as long as its terms").0
}

fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 terms are alive")
}
