//! Sliding windows over event time: which facts count, and what each window shows.
//!
//! Pure and synchronous: no IO, no clock, no logging. [`Windows`] takes facts partition by partition
//! and returns what follows: a [`Verdict`] for each fact, and each closed pane and fired
//! window. All of its state is serialisable, so that a reader can stop anywhere and go on (P2).
//!
//! ```text
//! partition 0: echo memory -> open panes \
//! partition 1: echo memory -> open panes  > closed pane -> trends -> fired window
//! partition 2: echo memory -> open panes /
//! ```
//!
//! Invariants (their ids are used in tests): W1 windows are `[start, end)` and aligned to the epoch;
//! W2 the watermark never goes back; W3 a window fires when `watermark >= end`; W4 every offset is
//! exactly one of counted, echo, late, skipped, dead letter; P2 the same log gives the same documents for any
//! cut into batches, any split into partitions and any crash point.

mod aggregate;
mod columns;
mod echo;
mod pairs;
mod partition;
mod saved;
mod sessions;
mod settings;
mod sliding;
mod trends;
mod windows;

pub use aggregate::{Activity, Group, PaneAggregate, ScopeActivity};
pub use partition::{Counts, Observed, Verdict};
pub use saved::{Saved, SavedError, save};
pub use sessions::{Refused, ShownSession};
pub use settings::{
    EchoSettings, FacetShape, ListMax, SessionShape, Settings, Shape, StatisticShape, TrendSettings,
};
pub use sliding::{InvalidWindow, SlidingWindow};
pub use trends::{EndedTrend, Lists, Trend};
pub use windows::{ClosedPane, Firing, Output, Unlisted, Windows};
