//! Running counts of every term of a facet, worldwide and by scope.

mod names;

use std::collections::{BTreeMap, BTreeSet};
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

/// A count and what it is compared with: the count a little earlier, the sum over the windows of the past,
/// and the counts of those at its two ends. What is counted is what the facet ranks by: facts, or actors.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Running {
    /// In the current window.
    count: u32,
    /// In the window from which growth is counted.
    earlier: u32,
    /// In the newest window of the past.
    newest: u32,
    /// In the oldest window of the past.
    oldest: u32,
    /// Over the windows of the past.
    sum: u64,
    /// Panes of the history that name this entry.
    panes: u32,
}

impl Running {
    /// Once the newest window has moved on, and before the oldest does.
    fn slide_past(&mut self) {
        self.sum = self.sum + u64::from(self.newest) - u64::from(self.oldest);
    }

    /// A pane that names it enters the window.
    fn enter(&mut self, grew: u32) {
        self.count += grew;
        self.panes += 1;
    }

    /// A pane that names it leaves the past.
    fn leave_oldest(&mut self, shrank: u32) {
        self.oldest -= shrank;
        self.panes -= 1;
    }

    fn is_alive(&self) -> bool {
        self.panes > 0
    }

    fn counted<'a>(
        &self,
        key: &'a Arc<str>,
        name: &'a Arc<str>,
        members: Option<&Members>,
        location: CoordinateSum,
    ) -> Counted<'a> {
        let Self { count, earlier, sum, .. } = *self;
        let (facts, actors) = match members {
            None => (count, 0),
            Some(members) => (members.facts(), count),
        };
        Counted { key, name, ranked: count, facts, actors, earlier, sum, location }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Term {
    /// Where the facet counts actors.
    members: Option<Box<Members>>,
    /// The names in the window and in how many of its panes each is; nearly always one.
    names: Vec<(Arc<str>, u32)>,
}

/// A term in one scope.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct ScopeTerm {
    /// Where the facet counts actors.
    members: Option<Box<Members>>,
    location: CoordinateSum,
}

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tables {
    shape: FacetShape,
    #[serde(with = "pairs")]
    terms: Map<Arc<str>, Term>,
    /// Beside `terms`, as each step goes over all of them.
    term_runs: Vec<Running>,
    #[serde(with = "pairs")]
    scopes: Map<Arc<str>, ()>,
    /// By index of scope and of term.
    #[serde(with = "pairs")]
    scope_terms: Map<(u32, u32), ScopeTerm>,
    /// Beside `scope_terms`.
    scope_runs: Vec<Running>,
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
    /// What the facet counted in the window from which growth is counted.
    pub(super) earlier: u32,
    /// Over the windows of the past.
    pub(super) sum: u64,
    pub(super) location: CoordinateSum,
}

impl Tables {
    pub(super) fn new(shape: FacetShape) -> Self {
        Self {
            shape,
            terms: Map::default(),
            term_runs: Vec::new(),
            scopes: Map::default(),
            scope_terms: Map::default(),
            scope_runs: Vec::new(),
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

    /// Gives an actor another name.
    pub(super) fn rename(&mut self, actor: (&str, &str)) {
        self.actors.rename(actor);
    }

    /// The newest window of the past joins its sums, and the oldest leaves them.
    pub(super) fn slide_past(&mut self) {
        self.term_runs.iter_mut().for_each(Running::slide_past);
        self.scope_runs.iter_mut().for_each(Running::slide_past);
    }

    /// Adds the terms of a pane to the window.
    pub(super) fn enter(&mut self, pane: &PaneAggregate, facet: usize) -> PaneCounts {
        let mut counts = PaneCounts::default();
        // The pane's own numbers of actors, in the tables' numbers.
        let mut known = vec![None; pane.actors()];
        for (key, name, scopes) in pane.terms(facet) {
            let term = self.term(key);
            let (mut facts, mut who) = (0, Vec::new());
            for (scope, added) in scopes {
                let number = |actor: &u32| {
                    let number = &mut known[*actor as usize];
                    *number.get_or_insert_with(|| self.actors.number(pane.actor(*actor)))
                };
                let actors: Vec<u32> = added.actors.iter().map(number).collect();
                facts += added.count;
                who.extend_from_slice(&actors);
                if self.shape.by_scope {
                    self.enter_scope(scope, term, added, actors, &mut counts);
                }
            }
            who.sort_unstable();
            who.dedup();
            let place = &mut self.terms[term];
            let grew = enter(self.shape, &mut place.members, facts, &who, &mut self.actors);
            self.term_runs[term].enter(grew);
            counts.terms.push(index_u32(term), grew, self.shape, facts, who);
            counts.names.push(place.add_name(name));
        }
        counts
    }

    fn enter_scope(
        &mut self,
        scope: &str,
        term: usize,
        added: &TermCount,
        who: Vec<u32>,
        counts: &mut PaneCounts,
    ) {
        let scope = self.scope(scope);
        let entry = self.scope_terms.entry((index_u32(scope), index_u32(term)));
        let index = entry.index();
        if index == self.scope_runs.len() {
            self.scope_runs.push(Running::default());
        }
        let entry = entry.or_default();
        entry.location.merge(&added.location);
        let grew = enter(self.shape, &mut entry.members, added.count, &who, &mut self.actors);
        self.scope_runs[index].enter(grew);
        counts.scope_terms.push(index_u32(index), grew, self.shape, added.count, who);
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
        let Self { terms, term_runs, scope_terms, scope_runs, actors, .. } = self;
        pane.terms.leave(terms, term_runs, actors);
        pane.scope_terms.leave(scope_terms, scope_runs, actors);
        pane.names = Vec::new();
        pane.locations = Vec::new();
    }

    /// Adds a pane to the window from which growth is counted.
    pub(super) fn enter_earlier(&mut self, pane: &PaneCounts) {
        self.each(pane, |pane, _| &pane.grew, |run, grew| run.earlier += grew);
    }

    /// Takes a pane away from the window from which growth is counted.
    pub(super) fn leave_earlier(&mut self, pane: &PaneCounts) {
        self.each(pane, Added::shrank, |run, shrank| run.earlier -= shrank);
    }

    /// Adds a pane to the newest window of the past.
    pub(super) fn enter_newest(&mut self, pane: &PaneCounts) {
        self.each(pane, |pane, _| &pane.grew, |run, grew| run.newest += grew);
    }

    /// Takes a pane away from the newest window of the past.
    pub(super) fn leave_newest(&mut self, pane: &PaneCounts) {
        self.each(pane, Added::shrank, |run, shrank| run.newest -= shrank);
    }

    /// Adds a pane to the oldest window of the past.
    pub(super) fn enter_oldest(&mut self, pane: &PaneCounts) {
        self.each(pane, |pane, _| &pane.grew, |run, grew| run.oldest += grew);
    }

    /// Takes a pane away for good.
    pub(super) fn leave_oldest(&mut self, pane: &PaneCounts) {
        self.each(pane, Added::shrank, Running::leave_oldest);
    }

    /// Changes the entries that a pane names.
    fn each<'a>(
        &mut self,
        pane: &'a PaneCounts,
        columns: impl Fn(&'a Added, FacetShape) -> &'a Columns,
        change: impl Fn(&mut Running, u32),
    ) {
        for &(index, count) in &columns(&pane.terms, self.shape).0 {
            change(&mut self.term_runs[index as usize], count);
        }
        for &(index, count) in &columns(&pane.scope_terms, self.shape).0 {
            change(&mut self.scope_runs[index as usize], count);
        }
    }

    /// Drops entries that no pane names any more, so that nothing grows with the log.
    pub(super) fn compact<'a>(&mut self, panes: impl Iterator<Item = &'a mut PaneCounts>) {
        if !worth_compacting(&self.term_runs) && !worth_compacting(&self.scope_runs) {
            return;
        }
        let mut terms = Vec::with_capacity(self.terms.len());
        let mut runs = std::mem::take(&mut self.term_runs);
        for ((key, term), run) in std::mem::take(&mut self.terms).into_iter().zip(&runs) {
            terms.push(run.is_alive().then(|| index_u32(self.terms.insert_full(key, term).0)));
        }
        runs.retain(Running::is_alive);
        self.term_runs = runs;
        let scopes = std::mem::take(&mut self.scopes);
        let scope_terms = std::mem::take(&mut self.scope_terms);
        let mut runs = std::mem::take(&mut self.scope_runs);
        let mut pairs = Vec::with_capacity(scope_terms.len());
        for (((scope, term), entry), run) in scope_terms.into_iter().zip(&runs) {
            pairs.push(run.is_alive().then(|| {
                let scope = self.scope(scope_name(&scopes, scope));
                let term = terms[term as usize].expect("a term outlives its scopes");
                let place = (index_u32(scope), term);
                index_u32(self.scope_terms.insert_full(place, entry).0)
            }));
        }
        runs.retain(Running::is_alive);
        self.scope_runs = runs;
        for pane in panes {
            pane.terms.renumber(&terms);
            pane.scope_terms.renumber(&pairs);
        }
    }

    /// Terms of which more than `above` are in the window.
    pub(super) fn terms<'t>(
        &'t self,
        above: u32,
        mute: &'t BTreeSet<String>,
    ) -> impl Iterator<Item = Counted<'t>> {
        over(&self.term_runs, above).filter_map(|(index, run)| {
            let (key, term) = self.terms.get_index(index).expect("each term has a run");
            let place = CoordinateSum::default();
            let counted = || run.counted(key, term.name(), term.members.as_deref(), place);
            (!mute.contains(&**key)).then(counted)
        })
    }

    /// The same for each scope.
    pub(super) fn scope_terms(
        &self,
        above: u32,
        mute: &BTreeSet<String>,
    ) -> BTreeMap<&Arc<str>, Vec<Counted<'_>>> {
        let mut by_scope: Vec<Vec<Counted<'_>>> = Vec::new();
        by_scope.resize_with(self.scopes.len(), Vec::new);
        for (index, run) in over(&self.scope_runs, above) {
            let entry = self.scope_terms.get_index(index).expect("each term in a scope has a run");
            let (&(scope, term), ScopeTerm { members, location }) = entry;
            let (key, term) =
                self.terms.get_index(term as usize).expect("a term outlives its scopes");
            if mute.contains(&**key) {
                continue;
            }
            let counted = run.counted(key, term.name(), members.as_deref(), *location);
            by_scope[scope as usize].push(counted);
        }
        self.scopes.keys().zip(by_scope).filter(|(_, terms)| !terms.is_empty()).collect()
    }

    fn term(&mut self, key: &str) -> usize {
        match self.terms.get_index_of(key) {
            Some(index) => index,
            None => {
                self.term_runs.push(Running::default());
                self.terms.insert_full(key.into(), Term::default()).0
            }
        }
    }

    fn scope(&mut self, scope: &str) -> usize {
        match self.scopes.get_index_of(scope) {
            Some(index) => index,
            None => self.scopes.insert_full(scope.into(), ()).0,
        }
    }
}

/// Adds what a pane has of a term; tells how much the count grew.
fn enter(
    shape: FacetShape,
    members: &mut Option<Box<Members>>,
    facts: u32,
    who: &[u32],
    actors: &mut Actors,
) -> u32 {
    match shape.counts {
        Counts::Facts => facts,
        Counts::Actors => members.get_or_insert_default().enter(facts, who, actors),
    }
}

/// Those of which more than `above` are in the window, with their indices.
fn over(runs: &[Running], above: u32) -> impl Iterator<Item = (usize, &Running)> {
    runs.iter().enumerate().filter(move |(_, run)| run.count > above)
}

fn worth_compacting(runs: &[Running]) -> bool {
    let dead = runs.iter().filter(|run| !run.is_alive()).count();
    dead >= COMPACT_MIN && dead * 2 > runs.len()
}

impl AsMut<Option<Box<Members>>> for Term {
    fn as_mut(&mut self) -> &mut Option<Box<Members>> {
        &mut self.members
    }
}

impl AsMut<Option<Box<Members>>> for ScopeTerm {
    fn as_mut(&mut self) -> &mut Option<Box<Members>> {
        &mut self.members
    }
}

impl Added {
    fn push(&mut self, index: u32, grew: u32, shape: FacetShape, facts: u32, who: Vec<u32>) {
        self.grew.0.push((index, grew));
        if shape.counts == Counts::Actors {
            self.members.push((facts, who));
        }
    }

    /// Takes it away from the window again.
    fn leave<K, E: AsMut<Option<Box<Members>>>>(
        &mut self,
        entries: &mut Map<K, E>,
        runs: &mut [Running],
        actors: &mut Actors,
    ) {
        for (at, &(index, grew)) in self.grew.0.iter().enumerate() {
            let shrank = match self.members.get(at) {
                None => grew,
                Some((facts, who)) => {
                    let place = entries[index as usize].as_mut();
                    let there = place.as_mut().expect("the pane brought members");
                    let shrank = there.leave(*facts, who, actors);
                    if there.is_empty() {
                        *place = None;
                    }
                    self.shrank.0.push((index, shrank));
                    shrank
                }
            };
            runs[index as usize].count -= shrank;
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

fn scope_name(scopes: &Map<Arc<str>, ()>, index: u32) -> &Arc<str> {
    scopes.get_index(index as usize).expect("a scope stays as long as its terms").0
}

fn index_u32(index: usize) -> u32 {
    u32::try_from(index).expect("fewer than 2^32 terms are alive")
}
