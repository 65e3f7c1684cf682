//! Everything at once: a stream that is simulated, live, or in files; all layers, the API, and a live terminal.

mod board;
mod screen;
mod source;
mod terminal;

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use pulso_acquisition::Input;
use pulso_pipeline::SystemClock;
use pulso_runtime::{CommonArgs, Config, Exit, ExplainExt, FailureExt, logs, metrics};
use pulso_simulator::{Control, Invitation};
use pulso_speed::Status;
use pulso_web::{ContactWriter, Demo, Facts, Options, Progress};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::DemoArgs;
use crate::data::{DataFolder, load_one};
use crate::{layers, output, serve};
use screen::Screen;
use terminal::Notices;

/// How often the demo's organiser contacts somebody.
const CONTACT_EVERY: Duration = Duration::from_secs(15);

pub(crate) async fn demo(
    common: &CommonArgs,
    args: DemoArgs,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut config = load_one(common, &args.data)?;
    let notices = start_logging(&config)?;
    let real = source::real(&config, &args).await?;
    let port_given = args.listen.is_some();
    config.web.listen = args.listen.unwrap_or(config.web.listen);
    let temporary = temporary(&mut config, &args)?;
    let mut options = Options::open(&config).explained()?;
    let folder = DataFolder::create(&config.data.directory)?;
    let stores = layers::open(&config, &folder).await?;
    let metrics = metrics::install()?;
    let listener = serve::bind(&config, !port_given).await?;
    let address = listener.local_addr()?;

    let stop = shutdown.child_token();
    let (simulator, source) = source::open(real, &config, &args).await?;
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
    options.organiser.contacts = Some(ContactWriter::new(stores.views.clone(), SystemClock));
    // Nobody is contacted by itself about a real stream.
    options.organiser.demo = simulator.as_ref().map(|simulator| organiser(simulator.control()));
    let web = pulso_web::run(listener, stores.views.clone(), facts, render, options, stop.clone());
    let simulated = async {
        match simulator {
            Some(simulator) => simulator.run(stop.clone()).await.context("the simulator ended"),
            None => Ok(()),
        }
    };
    let inputs = vec![Input::Source(source)];
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
    let summary = board::summary(config.stream(), &ended.borrow());
    if temporary.is_some() {
        return output::print(&format!("{summary}\nto keep what was read: add `--data DIR`\n"));
    }
    let files: String = args.file.iter().map(|file| format!(" --file '{file}'")).collect();
    let arguments = output::data_arguments(&config);
    output::print(&format!(
        "{summary}\ngo on: pulso demo {arguments}{files}\nprove: pulso verify {arguments}\n"
    ))
}

/// The data folder of a look at files, which is removed at the end; none where a folder was chosen. Files are not to be
/// mixed with what was simulated before, and are read from their beginnings each time.
fn temporary(config: &mut Config, args: &DemoArgs) -> anyhow::Result<Option<TempDir>> {
    let chosen = config.data.directory != Config::default().data.directory;
    if args.file.is_empty() || args.data.data.is_some() || chosen {
        return Ok(None);
    }
    let made = tempfile::Builder::new().prefix("pulso-").tempdir();
    let folder = made
        .context("failed to make a temporary data folder")
        .exit(Exit::Unavailable)
        .hint("set `TMPDIR`, or choose a folder with `--data DIR`")?;
    folder.path().clone_into(&mut config.data.directory);
    Ok(Some(folder))
}

/// Contacts a candidate regularly, some of whom the simulator lets say yes.
fn organiser(control: Control) -> Demo {
    let invite = move |invitation: pulso_web::Invitation| {
        control.invite(Invitation {
            member_id: invitation.member,
            group_id: invitation.group,
            event_time_ms: invitation.event_time.0,
        });
    };
    Demo { every: CONTACT_EVERY, invite: Arc::new(invite) }
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
