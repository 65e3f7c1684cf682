//! What a run may use of the machine, and how DataFusion is told.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::error::Result as DataFusionResult;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;

/// The most memory that one sort keeps for merging: 10 MiB.
const SORT_RESERVE_MAX: usize = 10 * 1024 * 1024;

/// DataFusion's own number, which is fastest.
const BATCH_ROWS_MAX: usize = 8192;

const BATCH_ROWS_MIN: usize = 512;

/// Bytes of a thread's memory for each row of a batch. Dozens of operators share that memory, and one
/// that cannot hold a single batch fails instead of going to disk.
const MEMORY_PER_BATCH_ROW: usize = 4096;

/// What a run may use.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Bytes; beyond, sorts and aggregations go to disk.
    pub memory_max: usize,
    pub threads: usize,
    /// Where temporary files are put.
    pub scratch: PathBuf,
}

impl Resources {
    pub(crate) fn runtime(&self) -> DataFusionResult<Arc<RuntimeEnv>> {
        let mode = DiskManagerMode::Directories(vec![self.scratch.clone()]);
        RuntimeEnvBuilder::new()
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
            .with_memory_pool(Arc::new(FairSpillPool::new(self.memory_max)))
            .build_arc()
    }

    pub(crate) fn session_config(&self) -> SessionConfig {
        let threads = self.threads.max(1);
        let memory = self.memory_max / threads;
        let batch_rows = (memory / MEMORY_PER_BATCH_ROW).clamp(BATCH_ROWS_MIN, BATCH_ROWS_MAX);
        let mut config =
            SessionConfig::new().with_target_partitions(threads).with_batch_size(batch_rows);
        // So that errors of a query tell its line.
        config.options_mut().sql_parser.collect_spans = true;
        config.options_mut().execution.sort_spill_reservation_bytes =
            (memory / 8).min(SORT_RESERVE_MAX);
        // All joins are written with the small side first; it is kept in memory and the other streams
        // by, where the optimizer, for want of numbers, would send both through a shuffle.
        let optimizer = &mut config.options_mut().optimizer;
        optimizer.join_reordering = false;
        optimizer.hash_join_single_partition_threshold = usize::MAX;
        optimizer.hash_join_single_partition_threshold_rows = usize::MAX;
        config
    }
}
