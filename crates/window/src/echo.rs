//! Which responses were seen before.

use std::collections::BTreeMap;

use pulso_model::{EchoKey, ResponseKind};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

/// The keys of one partition's recent responses, by the second that is part of each key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct EchoMemory {
    seconds: BTreeMap<i64, FxHashSet<(i64, u32, ResponseKind)>>,
    keys: usize,
}

/// What must stay in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    /// Keys of earlier seconds are forgotten.
    pub(crate) horizon: i64,
    /// Keys of this second and later ones are needed by open panes, whatever `keys_max` says.
    pub(crate) needed: i64,
    pub(crate) keys_max: usize,
}

impl EchoMemory {
    /// Remembers a key; false when it was remembered already.
    pub(crate) fn insert(&mut self, key: EchoKey) -> bool {
        let EchoKey { second, rsvp_id, guests, kind } = key;
        let new = self.seconds.entry(second).or_default().insert((rsvp_id, guests, kind));
        self.keys += usize::from(new);
        new
    }

    /// Forgets what is not to be kept, oldest first.
    pub(crate) fn forget(&mut self, keep: Keep) {
        while let Some(oldest) = self.seconds.first_entry() {
            let second = *oldest.key();
            let too_old = second < keep.horizon;
            let too_many = self.keys > keep.keys_max;
            if second >= keep.needed || !(too_old || too_many) {
                break;
            }
            self.keys -= oldest.remove().len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(second: i64, rsvp_id: i64) -> EchoKey {
        EchoKey { second, rsvp_id, guests: 0, kind: ResponseKind::Yes }
    }

    #[test]
    fn a_key_is_new_once() {
        let mut memory = EchoMemory::default();
        assert!(memory.insert(key(1, 1)));
        assert!(!memory.insert(key(1, 1)));
        assert!(memory.insert(key(2, 1)));
        assert!(memory.insert(EchoKey { guests: 1, ..key(1, 1) }));
        assert!(memory.insert(EchoKey { kind: ResponseKind::No, ..key(1, 1) }));
    }

    #[test]
    fn the_oldest_are_forgotten_but_never_those_that_open_panes_need() {
        let mut memory = EchoMemory::default();
        for second in 0..10 {
            memory.insert(key(second, 7));
        }
        memory.forget(Keep { horizon: 3, needed: 8, keys_max: 100 });
        assert!(memory.insert(key(2, 7)), "beyond the horizon");
        assert!(!memory.insert(key(3, 7)));
        memory.forget(Keep { horizon: 3, needed: 8, keys_max: 1 });
        assert!(memory.insert(key(7, 7)), "over the limit");
        assert!(!memory.insert(key(8, 7)), "needed");
        memory.forget(Keep { horizon: 100, needed: 8, keys_max: 0 });
        assert!(!memory.insert(key(9, 7)), "needed");
    }
}
