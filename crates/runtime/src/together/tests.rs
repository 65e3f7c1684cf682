use anyhow::anyhow;

use super::*;
use crate::config::Layers;
use crate::{Exit, FailureExt};

fn both() -> Vec<Config> {
    let pair = |key: &str| (key.to_owned(), "{}".to_owned());
    let overrides = vec![pair("streams.posts"), pair("streams.rsvps")];
    Config::load(&Layers { overrides, ..Layers::default() }).unwrap().each_stream()
}

/// Posts wait for a server all the time.
#[tokio::test]
async fn a_stream_that_waits_does_not_hold_up_the_others() {
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let done =
        together(both(), &shutdown, async move |config: Config, stopped: CancellationToken| {
            match config.stream.as_str() {
                "posts" => stopped.cancelled().await,
                _ => stop.cancel(),
            }
            Ok(config.stream)
        });
    let mut done = done.await.unwrap();
    done.sort();
    assert_eq!(done, ["posts", "rsvps"]);
}

#[tokio::test]
async fn a_stream_that_fails_stops_the_others_and_is_named() {
    let shutdown = CancellationToken::new();
    let failed = together(both(), &shutdown, async |config: Config, stopped: CancellationToken| {
        if config.stream == "posts" {
            return Err(anyhow!("no such topic")).exit(Exit::Unavailable).hint("make it");
        }
        stopped.cancelled().await;
        Ok(())
    });
    let error = failed.await.unwrap_err();
    assert_eq!(format!("{error:#}"), "stream `posts`: no such topic");
    assert!(!shutdown.is_cancelled());
    assert_eq!(
        format!("{:?}", crate::report(Err(error))),
        format!("{:?}", std::process::ExitCode::from(3))
    );
}

#[tokio::test]
async fn one_stream_alone_needs_no_name() {
    let fails = async |_: &Config| Err(anyhow!("no"));
    let error = in_turn(vec![Config::default()], fails).await.unwrap_err();
    assert_eq!(error.to_string(), "no");
    let mut streams = Vec::new();
    let fails = async |config: &Config| {
        streams.push(config.stream.clone());
        Err(anyhow!("no"))
    };
    let error = in_turn(both(), fails).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "stream `posts`: no");
    assert_eq!(streams, ["posts", "rsvps"], "the others are done all the same");
}
