//! Where the demo's messages come from: the simulator, the stream's public servers, a url, or files.

use std::num::NonZeroU32;

use anyhow::{Context, anyhow};
use pulso_pipeline::{Clock, SystemClock};
use pulso_runtime::config::{
    Acquisition, Admission, FilesFrom, Format, Protocol, Source, shown_url,
};
use pulso_runtime::{Config, Exit, FailureExt};
use pulso_simulator::{Input, Simulator};
use tracing::warn;

use crate::cli::DemoArgs;

/// What acquisition names the stream of the demo.
const SOURCE: &str = "demo";

/// Messages that the simulator keeps for a client that comes back; the demo's never goes far.
const RESUME_BUFFER: usize = 10_000;

/// The real source that the arguments name, if any; a public one only when it answers, files only when there are some.
pub(super) async fn real(config: &Config, args: &DemoArgs) -> anyhow::Result<Option<Source>> {
    if !args.file.is_empty() {
        let source = files(config, &args.file);
        let found = pulso_acquisition::check(&source, &config.acquisition).await;
        found.exit(Exit::NoInput).hint(
            "check the name, and that you may read the file; put a pattern in quotes, so that \
             files are found that come later",
        )?;
        return Ok(Some(source));
    }
    match named(config, args)? {
        Some(source) if args.live => reachable(source, &config.acquisition).await.map(Some),
        named => Ok(named),
    }
}

fn named(config: &Config, args: &DemoArgs) -> anyhow::Result<Option<Source>> {
    if let Some(url) = &args.url {
        return source(config, &[url]).map(Some);
    }
    if !args.live {
        return Ok(None);
    }
    let live = &config.stream().live;
    if live.is_empty() {
        return Err(anyhow!("the stream `{}` has no public server", config.stream))
            .exit(Exit::Usage)
            .hint("name one with `--url`, or leave out `--live` for a simulated stream");
    }
    source(config, live).map(Some)
}

/// That source, or a simulated one with what makes it.
pub(super) async fn open(
    real: Option<Source>,
    config: &Config,
    args: &DemoArgs,
) -> anyhow::Result<(Option<Simulator>, Source)> {
    if let Some(source) = real {
        return Ok((None, source));
    }
    let (simulator, source) = simulated(config, args).await?;
    Ok((Some(simulator), source))
}

/// The source with the first server that answers at its head.
async fn reachable(mut source: Source, options: &Acquisition) -> anyhow::Result<Source> {
    let mut reasons = Vec::new();
    for (index, url) in source.urls.iter().enumerate() {
        let one = Source { urls: vec![url.clone()], ..source.clone() };
        let Err(error) = pulso_acquisition::check(&one, options).await else {
            source.urls.rotate_left(index);
            return Ok(source);
        };
        warn!(url = shown_url(url), error = format!("{error:#}"), "a public server is away");
        reasons.push(format!("{}: {error:#}", shown_url(url)));
    }
    Err(anyhow!("no public server of the stream answers: {}", reasons.join("; ")))
        .exit(Exit::Unavailable)
        .hint("check that this machine reaches the internet; without `--live` the stream is simulated")
}

/// The simulator of the stream, and how it is read.
async fn simulated(config: &Config, args: &DemoArgs) -> anyhow::Result<(Simulator, Source)> {
    let rate = args.rate.unwrap_or(config.demo.rate);
    let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
    let seed = args.seed.unwrap_or_else(|| SystemClock.now().0.unsigned_abs());
    let Some(stream) = pulso_simulator::Config::of_stream(&config.stream, seed, rate) else {
        return Err(anyhow!("there is no simulated stream of `{}`", config.stream))
            .exit(Exit::Usage)
            .hint("name a real one with `--url`");
    };
    let path = match stream.input {
        Input::Posts(_) => Protocol::JETSTREAM_2,
        _ => "/",
    };
    let stream = pulso_simulator::Config { resume_buffer: RESUME_BUFFER, ..stream };
    let scheme = if stream.speaks_http() { "http" } else { "ws" };
    let bound = Simulator::bind(stream).await;
    let simulator = bound.context("failed to start the simulator").exit(Exit::Unavailable)?;
    let address = simulator.local_addr();
    let source = source(config, &[format!("{scheme}://{address}{path}")])?;
    Ok((simulator, source))
}

fn source(config: &Config, urls: &[impl AsRef<str>]) -> anyhow::Result<Source> {
    let resume_parameter = pulso_simulator::resume_parameter(&config.stream).map(str::to_owned);
    let any = |is: fn(&str) -> bool| urls.iter().any(|url| is(url.as_ref()));
    let (protocol, resume_margin) = if any(speaks_jetstream) {
        (Protocol::Jetstream, Source::JETSTREAM_MARGIN)
    } else if any(speaks_http) {
        let protocol = Protocol::Http { format: Format::Lines, resume_parameter: None };
        (protocol, Source::RESUME_MARGIN)
    } else {
        (Protocol::Websocket { resume_parameter }, Source::RESUME_MARGIN)
    };
    let read = |url: &str| {
        Source::read_url(url, &protocol).or_else(|(problem, hint)| {
            Err(anyhow!("`{url}` {problem}")).exit(Exit::Usage).hint(hint)
        })
    };
    let urls = urls.iter().map(|url| read(url.as_ref())).collect::<anyhow::Result<Vec<_>>>()?;
    let (name, stream, admission) = (SOURCE.into(), config.stream.clone(), Admission::default());
    Ok(Source { name, stream, urls, protocol, admission, resume_margin })
}

/// An answer that does not end, with a message on each line.
fn speaks_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

fn files(config: &Config, paths: &[String]) -> Source {
    let protocol = Protocol::File { paths: paths.to_vec(), from: FilesFrom::Start };
    let (name, stream, urls) = (SOURCE.into(), config.stream.clone(), Vec::new());
    let (admission, resume_margin) = (Admission::default(), Source::RESUME_MARGIN);
    Source { name, stream, urls, protocol, admission, resume_margin }
}

/// By its path.
fn speaks_jetstream(url: &str) -> bool {
    let place = url.split_once('?').map_or(url, |(place, _)| place);
    [Protocol::JETSTREAM_1, Protocol::JETSTREAM_2].iter().any(|path| place.ends_with(path))
}

#[cfg(test)]
mod tests {
    use pulso_simulator::Control;
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn config(stream: &str) -> Config {
        Config::default().of_stream(stream).unwrap()
    }

    fn live() -> DemoArgs {
        DemoArgs { live: true, ..DemoArgs::default() }
    }

    #[test]
    fn a_stream_has_its_public_servers_or_none() {
        let source = named(&config("posts"), &live()).unwrap().unwrap();
        assert_eq!(source.protocol, Protocol::Jetstream);
        let hosts: Vec<_> = source.urls.iter().filter_map(|url| url.host()).collect();
        assert_eq!(hosts, ["jetstream.us-east.bsky.network", "jetstream.us-west.bsky.network"]);
        assert!(source.urls.iter().all(|url| url.path() == Protocol::JETSTREAM_2));
        let error = named(&Config::default(), &live()).unwrap_err();
        let expected = format!("the stream `{}` has no public server", Config::STREAM);
        assert_eq!(error.to_string(), expected);
        assert!(named(&config("posts"), &DemoArgs::default()).unwrap().is_none());
    }

    #[tokio::test]
    async fn a_stream_that_cannot_be_simulated_needs_a_url() {
        let made = simulated(&config("comments"), &DemoArgs::default()).await;
        let error = made.err().unwrap();
        assert_eq!(error.to_string(), "there is no simulated stream of `comments`");
    }

    async fn posts() -> (Simulator, Control, Source) {
        let args = DemoArgs { seed: Some(1), ..DemoArgs::default() };
        let (simulator, source) = simulated(&config("posts"), &args).await.unwrap();
        let control = simulator.control();
        (simulator, control, source)
    }

    #[tokio::test]
    async fn the_first_server_that_answers_is_read_first() {
        let (simulator, _, source) = posts().await;
        let answers = source.urls[0].clone();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let away = format!("ws://{}{}", free.local_addr().unwrap(), Protocol::JETSTREAM_2);
        drop(free);
        let away = Source::read_url(&away, &source.protocol).unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(simulator.run(stop.clone()));
        let urls = vec![away.clone(), answers.clone()];
        let options = Config::default().acquisition;
        let found = reachable(Source { urls, ..source.clone() }, &options).await.unwrap();
        assert_eq!(found.urls, [answers, away.clone()]);
        stop.cancel();
        serving.await.unwrap().unwrap();

        let alone = Source { urls: vec![away], ..source };
        let error = reachable(alone, &options).await.unwrap_err();
        let text = format!("{error:#}");
        assert!(text.starts_with("no public server of the stream answers: ws://127"), "{text}");
    }
}
