//! Sessions: facts of a key that are close together.
//!
//! Facts are applied when their panes can no longer change, in the order of time, partition and offset. So
//! sessions merge by themselves whatever the order in which facts came, and those that end by then are final.

mod state;
#[cfg(test)]
mod tests;

use pulso_model::{EventTime, Position};
use serde::{Deserialize, Serialize};

use crate::{Observed, Settings};
pub use state::ShownSession;
use state::{Declared, Event};

/// All sessions of a stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    declared: Vec<Declared>,
    refused: Refused,
}

/// Facts that found no room for their sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub facts: u64,
    /// Sessions that end after this time lack none of them; `None` while there are none.
    pub until: Option<EventTime>,
}

impl Sessions {
    pub(crate) fn new(settings: &Settings) -> Self {
        let declared = settings.shape.sessions.iter().map(|_| Declared::default()).collect();
        Self { declared, refused: Refused::default() }
    }

    pub(crate) fn refused(&self) -> Refused {
        self.refused
    }

    /// How many keys have a chain of facts that may go on.
    pub(crate) fn open(&self) -> usize {
        self.declared.iter().map(Declared::open).sum()
    }

    /// Takes a fact that counts.
    pub(crate) fn fact(&mut self, position: Position, observed: Observed<'_>, settings: &Settings) {
        let pane = settings.window.pane(observed.fact.time);
        for (declared, shape) in self.declared.iter_mut().zip(&settings.shape.sessions) {
            let event = Event::of(position, observed.fact, shape);
            declared.await_pane(pane, event);
        }
    }

    /// Whether [`settle`](Self::settle) would show something.
    pub(crate) fn shows_until(&self, until: EventTime, settings: &Settings) -> bool {
        let pane = |declared: &Declared| {
            let pane = declared.first_pane().map(|pane| settings.window.pane_end(pane));
            pane.is_some_and(|end| end <= until)
        };
        let mut both = self.declared.iter().zip(&settings.shape.sessions);
        both.any(|(declared, shape)| pane(declared) || declared.ends_until(until, shape))
    }

    /// Applies the facts of all panes that end at or before this time, which no fact can join any more, and
    /// ends the sessions that do. Each session that changed is shown once for each of its ends.
    pub(crate) fn settle(&mut self, until: EventTime, settings: &Settings) -> Vec<ShownSession> {
        let shapes = &settings.shape.sessions;
        let mut shown = Vec::new();
        // Pane by pane, so that what finds room does not depend on how many are settled at once.
        while let Some(pane) = self.declared.iter().filter_map(Declared::first_pane).min()
            && settings.window.pane_end(pane) <= until
        {
            self.end(pane, settings, &mut shown);
            let mut room = settings.sessions_max.saturating_sub(self.open());
            for (at, (declared, shape)) in self.declared.iter_mut().zip(shapes).enumerate() {
                for event in declared.take_pane(pane) {
                    let last = event.last_end(shape);
                    let found = declared.apply(event, shape, at, &mut room, &mut shown);
                    if !found {
                        self.refused.facts += 1;
                        self.refused.until = self.refused.until.max(Some(last));
                    }
                }
            }
        }
        self.end(until, settings, &mut shown);
        for (at, (declared, shape)) in self.declared.iter_mut().zip(shapes).enumerate() {
            declared.show_changed(shape, at, &mut shown);
        }
        shown
    }

    fn end(&mut self, until: EventTime, settings: &Settings, shown: &mut Vec<ShownSession>) {
        let shapes = settings.shape.sessions.iter();
        for (at, (declared, shape)) in self.declared.iter_mut().zip(shapes).enumerate() {
            declared.end(until, shape, at, shown);
        }
    }

    /// Gives an actor another name, which nobody else has.
    pub(crate) fn rename(&mut self, actor: (&str, &str), settings: &Settings) {
        for (declared, shape) in self.declared.iter_mut().zip(&settings.shape.sessions) {
            declared.rename(actor, shape);
        }
    }
}
