//! The rows of a file with other payloads.

use std::collections::BTreeSet;
use std::fs::File;
use std::sync::Arc;

use arrow::array::{
    Array, AsArray, BinaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use deltalake::parquet::errors::ParquetError;
use pulso_model::{Day, DeadLetter, Decoded, Decoder, Position, Reason, TimeLimits, WallTime};
use pulso_pipeline::{Headers, Record};

use super::{Payloads, Rewrite};
use crate::Error;
use crate::columns::{Columns, Rows};
use crate::path::TableFolder;

/// Shows the messages of a batch.
pub(super) fn each_record(batch: &RecordBatch, see: &mut impl FnMut(Record)) {
    let messages = Messages::of(batch);
    (0..batch.num_rows()).for_each(|row| see(messages.record(row)));
}

/// What becomes of the messages of a batch that change.
pub(super) fn new_payloads(
    batch: &RecordBatch,
    rewrite: &Rewrite,
    payloads: &mut Payloads,
) -> Result<(), Error> {
    let messages = Messages::of(batch);
    for row in 0..batch.num_rows() {
        let position = messages.position(row);
        if !rewrite.rows.contains(&position) {
            continue;
        }
        let record = messages.record(row);
        let problem = "cannot be without what it must not hold";
        let new = (rewrite.payload)(&record).ok_or(Error::Rewrite { position, problem })?;
        if *new != *record.payload {
            payloads.insert(position, new);
        }
    }
    Ok(())
}

/// Changes the rows of one file, batch by batch.
pub(super) struct Rewriter<'a> {
    columns: &'a Columns,
    /// Takes every time: what the limits were when the message was archived, nobody knows.
    decoder: Decoder,
    payloads: Payloads,
    day: Day,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(
        columns: &'a Columns,
        decoder: &Decoder,
        payloads: Payloads,
        day: Day,
    ) -> Self {
        let decoder = decoder.clone().with_limits(TimeLimits::NONE);
        Self { columns, decoder, payloads, day }
    }

    pub(super) fn rewrite(&self, batch: RecordBatch) -> Result<RecordBatch, Error> {
        let messages = Messages::of(&batch);
        let mut new = Rows::empty(self.columns);
        let mut places = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let position = messages.position(row);
            let Some(payload) = self.payloads.get(&position) else {
                places.push((0, row));
                continue;
            };
            let failed = |problem| Error::Rewrite { position, problem };
            let record = Record { payload: payload.clone().into(), ..messages.record(row) };
            let decoded = self.decoder.decode(&record.payload, record.log_time);
            let decoded = messages.outcome(row, decoded);
            let decoded = decoded.ok_or_else(|| failed("would be no fact any more"))?;
            if let Ok(Decoded::Fact(fact)) = &decoded
                && fact.time.day() != self.day
            {
                return Err(failed("would be of another day"));
            }
            places.push((1, new.len()));
            new.push(&record, &decoded);
        }
        if new.len() == 0 {
            return Ok(batch);
        }
        let mixed = interleave_record_batch(&[&batch, &new.finish()], &places);
        Ok(mixed.expect("both have the columns of the table"))
    }
}

/// What the log knows of messages, and what has become of them.
struct Messages<'b> {
    partition: &'b Int32Array,
    offset: &'b Int64Array,
    log_time: &'b TimestampMicrosecondArray,
    received_time: &'b TimestampMicrosecondArray,
    source: &'b StringArray,
    payload: &'b BinaryArray,
    cursor: &'b StringArray,
    outcome: &'b StringArray,
    reason: &'b StringArray,
}

impl<'b> Messages<'b> {
    /// # Panics
    /// Never: batches have the columns of the table.
    fn of(batch: &'b RecordBatch) -> Self {
        let column = |name: &str| {
            batch.column_by_name(name).expect("every table has what the log knows of messages")
        };
        let times = |name| column(name).as_primitive::<TimestampMicrosecondType>();
        let texts = |name| column(name).as_string();
        Self {
            partition: column("partition").as_primitive::<Int32Type>(),
            offset: column("offset").as_primitive::<Int64Type>(),
            log_time: times("log_time"),
            received_time: times("received_time"),
            source: texts("source"),
            payload: column("payload").as_binary(),
            cursor: texts("cursor"),
            outcome: texts("outcome"),
            reason: texts("reason"),
        }
    }

    fn position(&self, row: usize) -> Position {
        position(self.partition, self.offset, row)
    }

    fn record(&self, row: usize) -> Record {
        let Position { partition, offset } = self.position(row);
        let millis = |times: &TimestampMicrosecondArray| WallTime(times.value(row) / 1000);
        let cursor = self.cursor.is_valid(row).then(|| Arc::from(self.cursor.value(row)));
        let headers = Headers {
            source: Arc::from(self.source.value(row)),
            received_time: millis(self.received_time),
            cursor,
        };
        let payload = self.payload.value(row).to_vec().into();
        Record { partition, offset, log_time: millis(self.log_time), headers, payload }
    }

    /// What becomes of a message with another payload: a fact of a fact, and what it was of all others.
    /// `None` when it would be no fact any more.
    fn outcome<'p>(
        &self,
        row: usize,
        decoded: Result<Decoded<'p>, DeadLetter>,
    ) -> Option<Result<Decoded<'p>, DeadLetter>> {
        let reason = self.reason.value(row);
        match (self.outcome.value(row), decoded) {
            ("fact", decoded @ Ok(Decoded::Fact(_))) => Some(decoded),
            ("fact", _) => None,
            ("skipped", _) => Some(Ok(Decoded::Skipped(reason.to_owned().into()))),
            (_, Err(dead)) if dead.reason.name() == reason => Some(Err(dead)),
            // What the old message was told to be wrong with may quote it.
            _ => {
                let was = Reason::ALL.into_iter().find(|known| known.name() == reason);
                Some(Err(DeadLetter::new(was.unwrap_or(Reason::InvalidValue), "")))
            }
        }
    }
}

fn position(partition: &Int32Array, offset: &Int64Array, row: usize) -> Position {
    Position {
        partition: partition.value(row).cast_unsigned(),
        offset: offset.value(row).cast_unsigned(),
    }
}

/// Whether a file holds one of these messages; reads only where they stand.
pub(super) fn holds_any(
    folder: &TableFolder,
    path: &str,
    rows: &BTreeSet<Position>,
) -> Result<bool, Error> {
    let path = folder.file(path);
    let read = || -> Result<bool, ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?;
        let mask = ProjectionMask::columns(builder.parquet_schema(), ["partition", "offset"]);
        for batch in builder.with_projection(mask).build()? {
            let batch = batch?;
            let (partition, offset) =
                (batch.column(0).as_primitive(), batch.column(1).as_primitive());
            if (0..batch.num_rows()).any(|row| rows.contains(&position(partition, offset, row))) {
                return Ok(true);
            }
        }
        Ok(false)
    };
    read().map_err(|source| Error::DecodeFile { path: path.clone(), source })
}
