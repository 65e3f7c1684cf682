//! The seams of Pulso: what a log, a view store, a checkpoint store and a clock must do.
//!
//! Layers are written against the ports here; adapters (SQLite, later others) implement them, and
//! the contract suites in the test kit hold every adapter, the in-memory ones here included, to the
//! same behaviour. Names no database, no broker, no file format, and starts no task.

mod aggregation;
mod clock;
mod cursor;
mod error;
mod filter;
mod log;
pub mod memory;
pub mod observe;
mod secret;
mod views;

pub use aggregation::{
    Aggregate, Aggregation, Extreme, FieldValue, Function, Group, GroupTally, Interval, Line,
    LineTally, Measure, Tally, sort_groups,
};
pub use clock::{Clock, ManualClock, SystemClock};
pub use cursor::{Cursor, ParseCursorError};
pub use error::{AdapterError, ErrorKind, Retry};
pub use filter::Filter;
pub use log::{
    Batch, Checkpoint, Checkpoints, Headers, Message, Progress, Record, Sink, Source, SourceCursor,
    partition_of, speed_checkpoint,
};
pub use secret::Secret;
pub use views::{
    Amend, BatchViews, Change, Documents, LayerChoice, Page, Part, Query, Row, Stage,
    StoredDocument, Views,
};
