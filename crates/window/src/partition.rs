//! One partition's way through time: its watermark, its echo memory and its open panes.

use std::collections::BTreeMap;

use pulso_model::{EventTime, Fact, Identity};
use serde::{Deserialize, Serialize};

use crate::echo::{EchoMemory, Keep};
use crate::settings::millis;
use crate::{PaneAggregate, Settings};

/// A fact, and what tells it from others.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'f> {
    pub fact: &'f Fact<'f>,
    /// `None` where each message is a fact of its own.
    pub identity: Option<&'f Identity>,
    /// Who did it, where a facet counts actors.
    pub actor: Option<&'f str>,
}

/// What became of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Added to its pane.
    Counted,
    /// The same fact was here before; counts nowhere.
    Echo,
    /// Its pane has closed; recorded, but missing from panes and windows.
    Late,
}

/// How many messages of a partition became what (W4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The first offset not yet read.
    pub next_offset: u64,
    pub counted: u64,
    pub echoes: u64,
    pub late: u64,
    pub skipped: u64,
    pub dead_letters: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Partition {
    pub(crate) counts: Counts,
    /// No fact with an earlier event time is expected; `None` before the first.
    pub(crate) watermark: Option<EventTime>,
    pub(crate) echoes: EchoMemory,
    /// Panes with facts that are not part of a closed pane yet, by start.
    pub(crate) open: BTreeMap<EventTime, PaneAggregate>,
    pub(crate) idle: bool,
}

impl Partition {
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::default(),
            watermark: None,
            echoes: EchoMemory::default(),
            open: BTreeMap::new(),
            idle: false,
        }
    }

    /// Takes note that the message at an offset was read.
    pub(crate) fn read(&mut self, offset: u64) {
        self.counts.next_offset = offset + 1;
        self.idle = false;
    }

    /// Judges a fact and counts it. `dropped_before`: panes that end at or before this time
    /// are final, whatever this partition's own watermark says.
    pub(crate) fn fact(
        &mut self,
        observed: Observed<'_>,
        settings: &Settings,
        keys_max: usize,
        dropped_before: Option<EventTime>,
    ) -> Verdict {
        let time = observed.fact.time;
        let verdict = self.judge(observed, settings, dropped_before);
        match verdict {
            Verdict::Counted => {
                self.counts.counted += 1;
                let pane = settings.window.pane(time);
                let open = self.open.entry(pane);
                let open = open.or_insert_with(|| PaneAggregate::new(&settings.shape));
                open.add(observed.fact, observed.actor, &settings.shape);
            }
            Verdict::Echo => self.counts.echoes += 1,
            Verdict::Late => self.counts.late += 1,
        }
        self.advance(EventTime(time.0 - millis(settings.max_out_of_orderness)));
        self.forget(settings, keys_max);
        verdict
    }

    /// Moves the watermark; never back (W2).
    pub(crate) fn advance(&mut self, watermark: EventTime) {
        self.watermark = self.watermark.max(Some(watermark));
    }

    fn judge(
        &mut self,
        observed: Observed<'_>,
        settings: &Settings,
        dropped_before: Option<EventTime>,
    ) -> Verdict {
        let time = observed.fact.time;
        let pane_end = settings.window.pane_end(settings.window.pane(time));
        let closes = EventTime(pane_end.0.saturating_add(millis(settings.allowed_lateness)));
        // A late fact is remembered too: its echo may lie in a later pane, and must not count there
        // when the fact itself does not.
        let second = time.nearest_second();
        if observed.identity.is_some_and(|identity| !self.echoes.insert(identity.clone(), second)) {
            return Verdict::Echo;
        }
        let closed = self.watermark.is_some_and(|watermark| closes <= watermark);
        let dropped = dropped_before.is_some_and(|before| pane_end <= before);
        if closed || dropped { Verdict::Late } else { Verdict::Counted }
    }

    fn forget(&mut self, settings: &Settings, keys_max: usize) {
        let Some(EventTime(watermark)) = self.watermark else { return };
        let largest = watermark + millis(settings.max_out_of_orderness);
        let horizon = largest - millis(settings.echo.horizon);
        // A fact that still counts is at most a pane and the lateness behind the watermark; its
        // second is the nearest one, so one more.
        let open = watermark - millis(settings.allowed_lateness) - settings.window.slide();
        let needed = open.div_euclid(1000) - 1;
        self.echoes.forget(Keep { horizon: horizon.div_euclid(1000), needed, keys_max });
    }
}
