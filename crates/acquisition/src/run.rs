//! Runs all sources and the writer together, and stops them in order.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use pulso_model::Decoder;
use pulso_pipeline::{AdapterError, Clock, Message, Sink, SourceCursor};
use pulso_runtime::Config;
use pulso_runtime::config::{Acquisition, Protocol, Source};
use pulso_runtime::health::Health;
use pulso_runtime::sources::Sources;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::buffer::Buffer;
use crate::door::Door;
use crate::follow::{Follow, Outlet, follow};
use crate::network::{Network, Tcp};
use crate::spool::{SpoolError, SpoolHandle, SpooledLog};
use crate::state::{Keeper, Keeping, Switch};
use crate::writer::Writer;
use crate::{Error, Recording};

/// Where messages come from.
#[derive(Debug)]
pub enum Input {
    /// Never ends by itself.
    Source(Source),
    Recording(Recording),
}

/// How messages are received.
#[derive(Clone, Debug)]
pub struct Options {
    pub acquisition: Acquisition,
    /// Tells what is kept with a message: its key, and where its source goes on.
    pub decoder: Decoder,
    /// Where it is said what sources do, and asked which are paused; `None`: nowhere.
    pub keeping: Option<Keeping>,
}

impl Options {
    /// What the configuration says of its stream.
    pub fn new(config: &Config, health: &Health) -> Self {
        let keeping = Keeping { sources: Sources::of(config), health: health.clone() };
        Self {
            acquisition: config.acquisition.clone(),
            decoder: config.decoder(),
            keeping: Some(keeping),
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many messages are in the log now that were not before.
    pub stored: u64,
}

/// Reads all inputs into the sink until they end or `shutdown` is cancelled. Either way, what was
/// received is stored before this returns.
///
/// `last_stored` tells the cursor of the last stored message of a source; a source that can is asked for
/// what came after.
///
/// # Errors
/// When the log refuses messages for good, when it cannot tell where a source goes on, when a
/// recording cannot be read to its end, or when the trusted certificates cannot be read. A connection that is lost or never made is not an error: it is
/// tried again for ever.
pub async fn run<S, L, Looking>(
    inputs: Vec<Input>,
    sink: S,
    last_stored: L,
    clock: impl Clock,
    options: Options,
    shutdown: CancellationToken,
) -> Result<Summary, Error<S::Error>>
where
    S: Sink<Message>,
    L: Fn(Arc<str>) -> Looking + Send + Sync + 'static,
    Looking: Future<Output = Result<Option<SourceCursor>, S::Error>> + Send,
{
    let network = Tcp::new(&options.acquisition)?;
    run_over(network, inputs, (sink, None), last_stored, clock, options, shutdown).await
}

/// The same with a log that may be away, behind a spool. When the inputs end, this waits until the
/// spool is drained; when `shutdown` is cancelled, it leaves what waits there to the next start.
///
/// # Errors
/// As of [`run`].
pub async fn run_spooled<S, L, Looking>(
    inputs: Vec<Input>,
    log: SpooledLog<S>,
    last_stored: L,
    clock: impl Clock,
    options: Options,
    shutdown: CancellationToken,
) -> Result<Summary, Error<SpoolError<S::Error>>>
where
    S: Sink<Message> + 'static,
    L: Fn(Arc<str>) -> Looking + Send + Sync + 'static,
    Looking: Future<Output = Result<Option<SourceCursor>, SpoolError<S::Error>>> + Send,
{
    let network = Tcp::new(&options.acquisition)?;
    let (handle, shared) = (log.handle(), log.shared());
    let sink = (log, Some(handle.clone()));
    let summary =
        run_over(network, inputs, sink, last_stored, clock, options, shutdown.clone()).await?;
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = handle.drained() => {}
    }
    let count = usize::try_from(handle.level().borrow().messages).unwrap_or(usize::MAX);
    shared.refusal().await.map_err(|source| Error::Store { count, source })?;
    Ok(summary)
}

/// The same over any network.
pub(crate) async fn run_over<N, S, L, Looking>(
    network: N,
    inputs: Vec<Input>,
    (sink, dropped): (S, Option<SpoolHandle>),
    last_stored: L,
    clock: impl Clock,
    options: Options,
    shutdown: CancellationToken,
) -> Result<Summary, Error<S::Error>>
where
    N: Network,
    S: Sink<Message>,
    L: Fn(Arc<str>) -> Looking + Send + Sync + 'static,
    Looking: Future<Output = Result<Option<SourceCursor>, S::Error>> + Send,
{
    let stop = shutdown.child_token();
    let (sender, receiver) = mpsc::unbounded_channel();
    let (mut readers, mut follows, mut gauges) = (JoinSet::new(), Vec::new(), Vec::new());
    let mut keeper = options.keeping.clone().map(Keeper::new);
    let (positions, exact) = (Arc::new(last_stored), Arc::new(exact(&inputs)));
    for input in inputs {
        let (name, door) = match &input {
            Input::Source(source) => (&source.name, Door::new(source.admission.clone())),
            Input::Recording(recording) => (&recording.name, Door::default()),
        };
        let (paused, switch) = Switch::new(stop.clone());
        let own = (Arc::clone(name), door, switch);
        let buffer = Buffer::new(own, &options, clock.clone(), sender.clone());
        if let (Input::Source(_), Some(keeper)) = (&input, &mut keeper) {
            keeper.add((buffer.stream(), Arc::clone(name)), buffer.counts(), paused);
        }
        gauges.push(buffer.gauge());
        let (options, positions) = (options.clone(), Arc::clone(&positions));
        let outlet = Outlet { buffer, positions, options, stop: stop.clone() };
        follows.push((input, outlet));
    }
    // Before anything is read of a source that is paused.
    if let Some(keeper) = &mut keeper {
        keeper.look();
    }
    for (input, outlet) in follows {
        let network = network.clone();
        readers.spawn(async move {
            match input {
                Input::Source(source) => follow(source, network, outlet).await,
                Input::Recording(recording) => recording.follow(outlet).await,
            }
        });
    }
    let _keeping = keeper.map(|keeper| AbortOnDropHandle::new(tokio::spawn(keeper.run())));
    drop(sender);
    let Options { acquisition: options, decoder, .. } = options;
    let stream = decoder.stream().name;
    let stopped = stop.clone();
    let writer = Writer {
        stream,
        sink,
        receiver,
        held: None,
        gauges,
        options,
        dropped,
        exact,
        stop: stopped,
    };
    let (written, read) = tokio::join!(
        async {
            let written = writer.run().await;
            stop.cancel();
            written
        },
        join(readers, &stop)
    );
    let stored = written?;
    read.map(|()| Summary { stored })
}

/// The sources of which every line has to come exactly once. Where the log is on servers, the spool notes for
/// each write how far they are stored.
pub(crate) fn exact(inputs: &[Input]) -> BTreeSet<Arc<str>> {
    let exact = |input: &Input| match input {
        Input::Source(Source {
            name,
            protocol: Protocol::File { .. } | Protocol::Push { .. },
            ..
        }) => Some(Arc::clone(name)),
        Input::Source(_) | Input::Recording(_) => None,
    };
    inputs.iter().filter_map(exact).collect()
}

/// Waits for all sources; the first that fails stops the others.
async fn join<E: AdapterError>(
    mut readers: JoinSet<Result<(), Error<E>>>,
    stop: &CancellationToken,
) -> Result<(), Error<E>> {
    let mut first = Ok(());
    while let Some(joined) = readers.join_next().await {
        let read = joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        if read.is_err() {
            stop.cancel();
        }
        first = first.and(read);
    }
    first
}
