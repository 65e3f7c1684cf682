//! The batch layer: SQL over the master dataset makes exact views, and proves the speed layer's.

mod archive;
pub mod cli;
mod complete;
mod documents;
mod engine;
mod erase;
mod error;
mod jobs;
mod layer;
mod lock;
mod open;
mod plan;
mod retain;
mod run;
mod runs;
mod schedule;
mod verify;

pub use archive::{ArchiveOptions, ArchiveSummary, Until, archive};
pub use complete::Completeness;
pub use engine::{Engine, Resources, WindowSettings};
pub use erase::{EraseArgs, Erasure, erase};
pub use error::{BatchError, QueryError};
pub use jobs::Job;
pub use layer::{BatchLayer, LayerOptions, Selection};
pub use open::{find_lake, open};
pub use plan::{JobProblem, check_jobs};
pub use retain::Removals;
pub use run::{Computation, Days};
pub use runs::{Journal, Outcome, Run};
pub use schedule::{Task, Turn, Work, schedule};
pub use verify::{
    Check, Comparison, Difference, LeftOut, Reconciliation, Report, Reports, Shown, Verdict, shown,
};

/// Queries allocate a little for each row and each window; this takes an eighth off the processor time
/// of a replay. For every program that links this crate, and no other.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
