//! Writes a view to a file: one document a line or a row, sorted by the view's key.

mod csv;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, anyhow};
use pulso_lake::ParquetExport;
use pulso_model::View;
use pulso_pipeline::{StoredDocument, Views};
use pulso_runtime::{CommonArgs, Exit, FailureExt};

use crate::cli::{ExportArgs, ExportFormat};
use crate::data::{DataFolder, explained, start};
use crate::export::csv::CsvExport;

const BUFFER_BYTES: usize = 256 * 1024;

pub(crate) async fn export(common: &CommonArgs, args: ExportArgs) -> anyhow::Result<()> {
    let ExportArgs { view, data, layer, format, output } = args;
    let config = start(common, &data)?;
    let views = DataFolder::open_read_only(&config.data.directory)?.views_read_only()?;
    if format == ExportFormat::Parquet && output.is_none() {
        return Err(anyhow!("parquet is no format for the terminal"))
            .exit(Exit::Usage)
            .hint("name a file with `--output FILE`");
    }
    let mut documents = explained(views.scan(view, layer.into()).await)?;
    let target = output.as_deref().map_or("the standard output".into(), Path::to_string_lossy);
    let failed = || format!("failed to write `{target}`");
    let mut writer = match Writer::open(view, format, output.as_deref()).with_context(failed) {
        Ok(writer) => writer,
        Err(error) => return Err(error).exit(Exit::Unavailable),
    };
    while let Some(chunk) = documents.recv().await {
        let chunk = explained(chunk)?;
        match writer.write(&chunk) {
            Ok(()) => {}
            Err(error) if is_broken_pipe(&error) => return Ok(()),
            Err(error) => return Err(error).with_context(failed).exit(Exit::Unavailable),
        }
    }
    match writer.finish() {
        Err(error) if !is_broken_pipe(&error) => {
            Err(error).with_context(failed).exit(Exit::Unavailable)
        }
        _ => Ok(()),
    }
}

type Output = Box<dyn Write + Send>;

enum Writer {
    Ndjson(Output),
    Csv(CsvExport<Output>),
    Parquet(Box<ParquetExport<Output>>),
}

impl Writer {
    fn open(view: View, format: ExportFormat, path: Option<&Path>) -> anyhow::Result<Self> {
        let output: Output = match path {
            Some(path) => Box::new(BufWriter::with_capacity(BUFFER_BYTES, File::create(path)?)),
            None => Box::new(BufWriter::with_capacity(BUFFER_BYTES, io::stdout())),
        };
        Ok(match format {
            ExportFormat::Ndjson => Self::Ndjson(output),
            ExportFormat::Csv => Self::Csv(CsvExport::new(view, output)?),
            ExportFormat::Parquet => Self::Parquet(Box::new(ParquetExport::new(view, output)?)),
        })
    }

    fn write(&mut self, chunk: &[StoredDocument]) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(output) => {
                for StoredDocument { document, .. } in chunk {
                    output.write_all(document.body.as_bytes())?;
                    output.write_all(b"\n")?;
                }
            }
            Self::Csv(csv) => csv.write(chunk)?,
            Self::Parquet(parquet) => {
                parquet.write(chunk.iter().map(|stored| stored.document.body.as_str()))?;
            }
        }
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        match self {
            Self::Ndjson(mut output) => output.flush()?,
            Self::Csv(csv) => csv.finish()?,
            Self::Parquet(parquet) => parquet.finish()?,
        }
        Ok(())
    }
}

/// Prints what was asked for. Whoever reads may stop early, as `head` does.
///
/// # Errors
/// When the standard output cannot be written.
pub(crate) fn write_stdout(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("failed to write to the standard output")
        }
        _ => Ok(()),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
