//! Invitations of simulated members, some of whom then say yes.

use std::sync::{Arc, Mutex, PoisonError};

/// More wait for no turn: whoever invites faster gets no answer.
const WAITING_MAX: usize = 1_000;

/// A member is asked to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invitation {
    /// As messages show it.
    pub member_id: i64,
    /// As messages show it.
    pub group_id: i64,
    /// When the event begins, in milliseconds since the epoch.
    pub event_time_ms: i64,
}

/// Invitations on their way to the generator. Cheap to clone: all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Invitations {
    waiting: Arc<Mutex<Vec<Invitation>>>,
}

impl Invitations {
    pub(crate) fn add(&self, invitation: Invitation) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push(invitation);
        }
    }

    pub(super) fn take(&self) -> Vec<Invitation> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
