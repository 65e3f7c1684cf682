//! Everything at once: a stream over a websocket, all layers, the API, and a live terminal.

mod board;
mod screen;

use std::num::NonZeroU32;

use anyhow::Context;
use pulso_acquisition::Input;
use pulso_pipeline::{Clock, SystemClock};
use pulso_runtime::config::Source;
use pulso_runtime::{CommonArgs, Config, Exit, FailureExt, metrics};
use pulso_simulator::Simulator;
use pulso_speed::Status;
use pulso_web::Facts;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::DemoArgs;
use crate::data::{DataFolder, explained, start};
use crate::{layers, serve};

/// What acquisition names the stream of the demo.
const SOURCE: &str = "demo";

/// Messages that the simulator keeps for a client that comes back; the demo's never goes far.
const RESUME_BUFFER: usize = 10_000;

pub(crate) async fn demo(
    common: &CommonArgs,
    args: DemoArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut config = start(common, &args.data)?;
    let port_given = args.listen.is_some();
    config.web.listen = args.listen.unwrap_or(config.web.listen);
    let folder = DataFolder::create(&config.data.directory)?;
    let log = folder.log(config.log.partitions)?;
    let views = folder.views()?;
    let metrics = metrics::install()?;
    let listener = serve::bind(&config, !port_given).await?;
    let address = listener.local_addr()?;

    let stop = shutdown.child_token();
    let simulator = match &args.url {
        Some(_) => None,
        None => Some(simulator(&config, &args).await?),
    };
    let url = match (&args.url, &simulator) {
        (Some(url), _) => url.clone(),
        (None, Some(simulator)) => format!("ws://{}/", simulator.local_addr()),
        (None, None) => unreachable!("without a url there is a simulator"),
    };
    let url = url
        .parse()
        .with_context(|| format!("`{url}` is not a url"))
        .exit(Exit::Usage)
        .hint("use one like `wss://stream.example.org/rsvps`")?;
    let resume_parameter = Some("since_mtime".to_owned());
    let source = Source { name: SOURCE.into(), url, resume_parameter };
    println!("data: {}", folder.path().display());
    println!("page: http://{address}/   API: http://{address}/api/v1/views");

    let (status, watched) = watch::channel(Status::default());
    let facts = watched.clone();
    let facts = move || {
        let status = facts.borrow();
        Facts { closed_until: status.closed_until, lag: Some(status.lag), not_ready: None }
    };
    let records = explained(log.source(config.log.batch_records))?;
    let options = serve::options(&config);
    let web = pulso_web::run(
        listener,
        views.clone(),
        facts,
        move || metrics.render(),
        options,
        stop.clone(),
    );
    let simulated = async {
        match simulator {
            Some(simulator) => simulator.run(stop.clone()).await.context("the simulator ended"),
            None => Ok(()),
        }
    };
    let acquired =
        layers::acquire(&config, vec![Input::Websocket(source)], log.clone(), stop.clone());
    let (simulated, acquired, counted, scheduled, served, ()) = tokio::join!(
        until(&stop, simulated),
        until(&stop, acquired),
        until(&stop, layers::speed(&config, &folder, records, status, stop.clone())),
        until(&stop, layers::schedule(&config, &folder, &log, stop.clone())),
        until(&stop, async { web.await.context("the web API ended") }),
        screen::show(watched, views, config.window.size, stop.clone()),
    );
    simulated.and(acquired.map(drop)).and(counted).and(scheduled).and(served)
}

/// A part of the demo. When one fails, the others are asked to stop, and what
/// they hold is written.
async fn until<T>(
    stop: &CancellationToken,
    part: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let ended = part.await;
    if ended.is_err() {
        stop.cancel();
    }
    ended
}

async fn simulator(config: &Config, args: &DemoArgs) -> anyhow::Result<Simulator> {
    let rate = args.rate.unwrap_or(config.demo.rate);
    let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
    let seed = args.seed.unwrap_or_else(|| SystemClock.now().0.unsigned_abs());
    let stream = pulso_simulator::Config::synthetic(seed, rate);
    let stream = pulso_simulator::Config { resume_buffer: RESUME_BUFFER, ..stream };
    Simulator::bind(stream).await.context("failed to start the simulator").exit(Exit::Unavailable)
}
