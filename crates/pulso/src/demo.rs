//! Everything at once: a stream over a websocket, all layers, the API, and a live terminal.

mod board;
mod screen;
mod terminal;

use std::io::{self, IsTerminal};
use std::num::NonZeroU32;

use anyhow::{Context, anyhow};
use pulso_acquisition::Input;
use pulso_pipeline::{Clock, SystemClock};
use pulso_runtime::config::Source;
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, logs, metrics};
use pulso_simulator::posts::PostsConfig;
use pulso_simulator::{Pace, Simulator};
use pulso_speed::Status;
use pulso_web::{Facts, Options, Progress};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::DemoArgs;
use crate::data::{DataFolder, load};
use crate::{layers, output, serve};
use screen::Screen;
use terminal::Notices;

/// What acquisition names the stream of the demo.
const SOURCE: &str = "demo";

/// Messages that the simulator keeps for a client that comes back; the demo's never goes far.
const RESUME_BUFFER: usize = 10_000;

pub(crate) async fn demo(
    common: &CommonArgs,
    args: DemoArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut config = load(common, &args.data)?;
    let notices = start_logging(&config)?;
    if let Some(url) = &args.url {
        websocket(url, None)?;
    }
    let port_given = args.listen.is_some();
    config.web.listen = args.listen.unwrap_or(config.web.listen);
    let folder = DataFolder::create(&config.data.directory)?;
    let stores = layers::open(&config, &folder).await?;
    let metrics = metrics::install()?;
    let listener = serve::bind(&config, !port_given).await?;
    let address = listener.local_addr()?;

    let stop = shutdown.child_token();
    let (simulator, source) = stream(&config, &args).await?;
    let directory = folder.path().display();
    output::print(&format!(
        "data: {directory}\npage: http://{address}/   API: http://{address}/api/v1/views\n"
    ))?;

    let (status, watched) = watch::channel(Status::default());
    let (facts, name) = (watched.clone(), config.stream().name);
    let facts = move || {
        let (closed_until, lag) = {
            let status = facts.borrow();
            (status.closed_until, status.lag)
        };
        Facts { streams: vec![Progress { stream: name, closed_until, lag }], not_ready: None }
    };
    let records = stores.log.source(config.log.batch_records).explained()?;
    let render = move || metrics.render();
    let options = Options::from(&config);
    let web = pulso_web::run(listener, stores.views.clone(), facts, render, options, stop.clone());
    let simulated = async {
        match simulator {
            Some(simulator) => simulator.run(stop.clone()).await.context("the simulator ended"),
            None => Ok(()),
        }
    };
    let inputs = vec![Input::Websocket(source)];
    let heading = format!("q quits   http://{address}/   data in {directory}");
    let (window, views) = (config.window.size, stores.views.clone());
    let ended = watched.clone();
    let stream = config.stream();
    let screen =
        Screen { stream, status: watched, views, window, heading, notices: notices.clone() };
    let (simulated, acquired, counted, scheduled, served, ()) = tokio::join!(
        until(&stop, simulated),
        until(&stop, layers::acquire(&config, inputs, stores.log.clone(), stop.clone())),
        until(&stop, layers::speed(&config, &stores, records, status, stop.clone())),
        until(&stop, layers::schedule(&config, &stores, stop.clone())),
        until(&stop, async { web.await.context("the web API ended") }),
        screen.show(stop.clone()),
    );
    for line in notices.iter().flat_map(Notices::take) {
        eprintln!("{line}");
    }
    simulated.and(acquired.map(drop)).and(counted).and(scheduled).and(served)?;
    let arguments = output::data_arguments(&config);
    output::print(&format!(
        "{}\ngo on: pulso demo {arguments}\nprove: pulso verify {arguments}\n",
        board::summary(config.stream(), &ended.borrow())
    ))
}

/// Log lines would tear the live view apart: it shows them itself, where it can draw.
fn start_logging(config: &Config) -> anyhow::Result<Option<Notices>> {
    if !terminal::can_draw() {
        logs::install(&config.logs)?;
        return Ok(None);
    }
    let notices = Notices::default();
    if io::stderr().is_terminal() {
        let writer = notices.clone();
        logs::install_to(&config.logs, move || writer.clone(), false)?;
    } else {
        logs::install(&config.logs)?;
    }
    Ok(Some(notices))
}

/// What is read, and what makes it unless it is a real stream.
async fn stream(config: &Config, args: &DemoArgs) -> anyhow::Result<(Option<Simulator>, Source)> {
    // Only the source of RSVPs takes event times to go on from.
    let resume_parameter = (config.stream == "rsvps").then(|| "since_mtime".to_owned());
    if let Some(url) = &args.url {
        return Ok((None, websocket(url, resume_parameter)?));
    }
    let (simulator, path) = simulator(config, args).await?;
    let url = format!("ws://{}{path}", simulator.local_addr());
    Ok((Some(simulator), websocket(&url, resume_parameter)?))
}

fn websocket(url: &str, resume_parameter: Option<String>) -> anyhow::Result<Source> {
    let wrong = || anyhow!("`{url}` is not a websocket URL");
    let hint = "use one like `wss://stream.example.org/rsvps`";
    let parsed = url.parse().map_err(|_| wrong()).exit(Exit::Usage).hint(hint)?;
    let resume_margin = Source::RESUME_MARGIN;
    let source = Source { name: SOURCE.into(), url: parsed, resume_parameter, resume_margin };
    let named = source.url.host().is_some_and(|host| !host.is_empty());
    match source.url.scheme_str() {
        Some("ws" | "wss") if named => Ok(source),
        _ => Err(wrong()).exit(Exit::Usage).hint(hint),
    }
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

/// The simulator of the stream, and the path at which it serves it.
async fn simulator(config: &Config, args: &DemoArgs) -> anyhow::Result<(Simulator, &'static str)> {
    let rate = args.rate.unwrap_or(config.demo.rate);
    let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
    let seed = args.seed.unwrap_or_else(|| SystemClock.now().0.unsigned_abs());
    let (stream, path) = match config.stream.as_str() {
        "rsvps" => (pulso_simulator::Config::synthetic(seed, rate), "/"),
        "posts" => {
            let posts = PostsConfig { seed, ..PostsConfig::default() };
            let posts = pulso_simulator::Input::Posts(posts);
            (pulso_simulator::Config::new(posts, Pace::Rate(rate)), "/subscribe")
        }
        other => {
            return Err(anyhow!("there is no simulated stream of `{other}`"))
                .exit(Exit::Usage)
                .hint("name a real one with `--url`");
        }
    };
    let stream = pulso_simulator::Config { resume_buffer: RESUME_BUFFER, ..stream };
    let bound = Simulator::bind(stream).await;
    let simulator = bound.context("failed to start the simulator").exit(Exit::Unavailable)?;
    Ok((simulator, path))
}
