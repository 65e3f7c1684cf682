//! One partition's way through time: its watermark, its echo memory and its open panes.

use std::collections::BTreeMap;

use pulso_model::{EventTime, Response};
use serde::{Deserialize, Serialize};

use crate::echo::{EchoMemory, Keep};
use crate::settings::millis;
use crate::{PaneAggregate, Settings};

/// What became of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Added to its pane.
    Counted,
    /// The same response was here before; counts nowhere.
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
    pub dead_letters: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Partition {
    pub(crate) counts: Counts,
    /// No response with an earlier event time is expected; `None` before the first.
    pub(crate) watermark: Option<EventTime>,
    echoes: EchoMemory,
    /// Panes with responses that are not part of a closed pane yet, by start.
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

    /// Judges a response and counts it. `dropped_before`: panes that end at or before this time
    /// are final, whatever this partition's own watermark says.
    pub(crate) fn response(
        &mut self,
        response: &Response<'_>,
        settings: &Settings,
        keys_max: usize,
        dropped_before: Option<EventTime>,
    ) -> Verdict {
        let time = response.event_time;
        let verdict = self.judge(response, settings, dropped_before);
        match verdict {
            Verdict::Counted => {
                self.counts.counted += 1;
                let pane = settings.window.pane(time);
                self.open.entry(pane).or_default().add(response);
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
        response: &Response<'_>,
        settings: &Settings,
        dropped_before: Option<EventTime>,
    ) -> Verdict {
        let pane_end = settings.window.pane_end(settings.window.pane(response.event_time));
        let closes = EventTime(pane_end.0.saturating_add(millis(settings.allowed_lateness)));
        // The key of a late response is remembered too: its echo may lie in the next pane, half a
        // second later, and must not count there when the response itself does not.
        if !self.echoes.insert(response.echo_key()) {
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
        // A response that still counts is at most a pane and the lateness behind the watermark; the
        // second in its key is the nearest one, so one more.
        let open = watermark - millis(settings.allowed_lateness) - settings.window.slide();
        let needed = open.div_euclid(1000) - 1;
        self.echoes.forget(Keep { horizon: horizon.div_euclid(1000), needed, keys_max });
    }
}
