//! Who made the facts of a window: each actor once, however often he repeats himself.

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

/// Numbers for actors, for as long as a window names them.
#[derive(Clone, Debug, Default)]
pub(super) struct Actors {
    numbers: Map<Arc<str>, u32>,
    /// By number: the actor, and how many members of entries he is.
    named: Vec<Option<(Arc<str>, u32)>>,
    /// Numbers that nobody has.
    free: Vec<u32>,
}

/// The facts of a term in the window, and who made them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Members {
    facts: u32,
    /// In how many panes of the window each actor is.
    #[serde(with = "crate::pairs")]
    panes: Map<u32, u32>,
}

impl Actors {
    /// The number of an actor, who is then named at least once.
    pub(super) fn number(&mut self, actor: &str) -> u32 {
        if let Some(number) = self.numbers.get(actor) {
            return *number;
        }
        let actor: Arc<str> = actor.into();
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.named.push(None);
                u32::try_from(self.named.len() - 1).expect("a window has fewer than 2^32 actors")
            }
        };
        self.named[number as usize] = Some((Arc::clone(&actor), 0));
        self.numbers.insert(actor, number);
        number
    }

    /// Gives an actor another name.
    pub(super) fn rename(&mut self, (old, new): (&str, &str)) {
        let Some(number) = self.numbers.swap_remove(old) else { return };
        let new: Arc<str> = new.into();
        if let Some((actor, _)) = &mut self.named[number as usize] {
            *actor = Arc::clone(&new);
        }
        self.numbers.insert(new, number);
    }

    fn hold(&mut self, number: u32) {
        let named = self.named[number as usize].as_mut();
        named.expect("a number is held as long as it is named").1 += 1;
    }

    fn release(&mut self, number: u32) {
        let place = &mut self.named[number as usize];
        let (actor, held) = place.as_mut().expect("a number is held as long as it is named");
        *held -= 1;
        if *held == 0 {
            self.numbers.swap_remove(actor);
            *place = None;
            self.free.push(number);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}

impl Members {
    /// Adds what a pane has; tells how many actors were not in the window.
    pub(super) fn enter(&mut self, facts: u32, who: &[u32], actors: &mut Actors) -> u32 {
        self.facts += facts;
        let mut new = 0;
        for &actor in who {
            let panes = self.panes.entry(actor).or_default();
            *panes += 1;
            if *panes == 1 {
                actors.hold(actor);
                new += 1;
            }
        }
        new
    }

    /// Takes away what a pane had; tells how many actors are no longer in the window.
    pub(super) fn leave(&mut self, facts: u32, who: &[u32], actors: &mut Actors) -> u32 {
        self.facts -= facts;
        let mut gone = 0;
        for actor in who {
            let panes = self.panes.get_mut(actor).expect("the pane brought the actor");
            *panes -= 1;
            if *panes == 0 {
                self.panes.swap_remove(actor);
                actors.release(*actor);
                gone += 1;
            }
        }
        gone
    }

    pub(super) fn facts(&self) -> u32 {
        self.facts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.facts == 0
    }
}

impl Serialize for Actors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.named.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Actors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named: Vec<Option<(Arc<str>, u32)>> = Vec::deserialize(deserializer)?;
        let (mut numbers, mut free) = (Map::default(), Vec::new());
        for (number, place) in (0..).zip(&named) {
            match place {
                Some((actor, _)) => drop(numbers.insert(Arc::clone(actor), number)),
                None => free.push(number),
            }
        }
        Ok(Self { numbers, named, free })
    }
}
