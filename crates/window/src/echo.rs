//! Which facts were seen before.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use pulso_model::Identity;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use crate::pairs;

/// Forgotten identities are removed when there are this many, and more than those remembered.
const FORGOTTEN_MAX: usize = 1024;

/// The identities of one partition's recent facts, and the second of each.
///
/// An identity is forgotten with its second, all of a second at once. Forgotten ones are removed from
/// memory some time later, many at a time; what is remembered does not depend on when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EchoMemory {
    #[serde(with = "pairs")]
    identities: IndexMap<Identity, i64, FxBuildHasher>,
    /// How many are remembered of each second.
    seconds: BTreeMap<i64, usize>,
    remembered: usize,
    /// Identities of earlier seconds are forgotten.
    from: i64,
}

/// What must stay in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Identities of earlier seconds are forgotten.
    pub(crate) horizon: i64,
    /// Identities of this second and later ones are needed by open panes, whatever `keys_max` says.
    pub(crate) needed: i64,
    pub(crate) keys_max: usize,
}

impl Default for EchoMemory {
    fn default() -> Self {
        let identities = IndexMap::default();
        Self { identities, seconds: BTreeMap::new(), remembered: 0, from: i64::MIN }
    }
}

impl EchoMemory {
    /// Remembers the identity of a fact of this second; false when it was remembered already. One of a
    /// second that is forgotten is not remembered: it is too old for open panes.
    pub(crate) fn insert(&mut self, identity: Identity, second: i64) -> bool {
        let known = self.identities.get(&identity).is_some_and(|known| *known >= self.from);
        if !known && second >= self.from {
            self.identities.insert(identity, second);
            *self.seconds.entry(second).or_default() += 1;
            self.remembered += 1;
        }
        !known
    }

    /// Gives facts other identities.
    pub(crate) fn rename(&mut self, identities: &BTreeMap<Identity, Identity>) {
        pairs::rename_keys(&mut self.identities, |identity| identities.get(identity).cloned());
    }

    /// Forgets what is not to be kept, oldest first.
    pub(crate) fn forget(&mut self, keep: Keep) {
        while let Some(oldest) = self.seconds.first_entry() {
            let second = *oldest.key();
            let too_old = second < keep.horizon;
            let too_many = self.remembered > keep.keys_max;
            if second >= keep.needed || !(too_old || too_many) {
                break;
            }
            self.remembered -= oldest.remove();
            self.from = self.from.max(second + 1);
        }
        let forgotten = self.identities.len() - self.remembered;
        if forgotten > FORGOTTEN_MAX.max(self.remembered) {
            let from = self.from;
            self.identities.retain(|_, second| *second >= from);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn identity(number: i64) -> Identity {
        Identity::of_integers(&[number])
    }

    #[test]
    fn an_identity_is_new_once() {
        let mut memory = EchoMemory::default();
        assert!(memory.insert(identity(1), 1));
        assert!(!memory.insert(identity(1), 1));
        assert!(!memory.insert(identity(1), 2), "the time is not part of it");
        assert!(memory.insert(identity(2), 1));
    }

    #[test]
    fn the_oldest_are_forgotten_but_never_those_that_open_panes_need() {
        let mut memory = EchoMemory::default();
        for second in 0..10 {
            memory.insert(identity(second), second);
        }
        memory.forget(Keep { horizon: 3, needed: 8, keys_max: 100 });
        assert!(memory.insert(identity(2), 2), "beyond the horizon");
        assert!(!memory.insert(identity(3), 3));
        memory.forget(Keep { horizon: 3, needed: 8, keys_max: 1 });
        assert!(memory.insert(identity(7), 7), "over the limit");
        assert!(!memory.insert(identity(8), 8), "needed");
        memory.forget(Keep { horizon: 100, needed: 8, keys_max: 0 });
        assert!(!memory.insert(identity(9), 9), "needed");
    }

    #[test]
    fn nothing_stays_of_what_is_forgotten() {
        let mut memory = EchoMemory::default();
        for number in 0..100_000 {
            memory.insert(identity(number), number);
            memory.forget(Keep { horizon: number - 10, needed: number, keys_max: 1000 });
        }
        assert_eq!(memory.remembered, 11);
        assert!(memory.identities.len() <= 2 * FORGOTTEN_MAX);
    }

    proptest! {
        /// Whatever is removed from memory when, the answers are those of a plain list.
        #[test]
        fn removal_changes_no_answer(steps in prop::collection::vec((0_i64..40, 0_i64..9), 1..300)) {
            let mut memory = EchoMemory::default();
            let (mut listed, mut from) = (Vec::<(i64, i64)>::new(), i64::MIN);
            let mut horizon = i64::MIN;
            for (index, (number, behind)) in (0..).zip(steps) {
                let second = index / 4 - behind;
                let known = listed.iter().any(|&(other, at)| other == number && at >= from);
                prop_assert_eq!(memory.insert(identity(number), second), !known);
                if !known && second >= from {
                    listed.push((number, second));
                }
                horizon = horizon.max(second - 5);
                memory.forget(Keep { horizon, needed: horizon, keys_max: 1000 });
                if let Some(forgotten) =
                    listed.iter().map(|&(_, at)| at).filter(|at| (from..horizon).contains(at)).max()
                {
                    from = forgotten + 1;
                }
                if index % 7 == 0 {
                    let from = memory.from;
                    memory.identities.retain(|_, second| *second >= from);
                }
            }
        }
    }
}
