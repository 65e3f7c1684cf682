//! `send`: the configuration that the arguments describe, and what is printed at the end.

use tokio::runtime::Runtime;

use super::arguments::{PostArguments, SendArguments, StreamName};
use super::serve::{print_line, until_signal};
use super::shape::Shape;
use crate::config::{EventTime, Input, Pace, Stall};
use crate::error::SimulatorError;
use crate::requests::Format;
use crate::send::{self, Destination, SendConfig, Transport};

/// Share of malformed messages, unless told otherwise.
const MALFORMED_DEFAULT: f64 = 0.001;

const NO_POSTS: PostArguments =
    PostArguments { hashtags: None, post_share: None, spam: None, late: None };

pub(super) fn run(arguments: &SendArguments) -> Result<(), SimulatorError> {
    let config = config(arguments)?;
    let runtime = Runtime::new().map_err(|source| SimulatorError::Runtime { source })?;
    runtime.block_on(async {
        let shutdown = until_signal()?;
        let sent = send::send(config, shutdown).await?;
        print_line(&sent.to_string())
    })
}

fn config(arguments: &SendArguments) -> Result<SendConfig, SimulatorError> {
    let to = destination(arguments)?;
    let SendArguments { rate, messages, cut_every, stall_every, stall_for, .. } = arguments;
    if matches!(rate, Pace::Recorded { .. }) {
        return problem("`rate` is `recorded`, and nothing here is");
    }
    let config = SendConfig {
        pace: *rate,
        messages_max: *messages,
        cut_every: *cut_every,
        stall: stall_every.map(|every| Stall { every, length: *stall_for }),
        ..SendConfig::new(input(arguments, &to)?, to)
    };
    config.validate()?;
    Ok(config)
}

fn input(arguments: &SendArguments, to: &Destination) -> Result<Input, SimulatorError> {
    let per_second = arguments.rate_event_time;
    let paced = |start_ms| EventTime::Paced { start_ms, per_second };
    let visits = matches!(to, Destination::Http { .. });
    let malformed = if visits { 0.0 } else { MALFORMED_DEFAULT };
    let shape = Shape {
        stream: arguments.stream,
        seed: arguments.seed,
        event_time: arguments.start.map_or(EventTime::Live, paced),
        malformed: arguments.malformed.unwrap_or(malformed),
        posts: &NO_POSTS,
        requests: &arguments.requests,
        clock: &arguments.clock,
    };
    if !visits {
        return shape.input();
    }
    if arguments.stream != StreamName::Requests {
        return problem("a web server is asked: `--stream` has to be `requests`");
    }
    let server_writes = [
        ("log-line", arguments.requests.log_line.is_some()),
        ("malformed", arguments.malformed.is_some()),
        ("clock-back-every", arguments.clock.clock_back_every.is_some()),
    ];
    if let Some((name, _)) = server_writes.iter().find(|(_, given)| *given) {
        return problem(&format!("`{name}` is not for `http:`: the server writes the lines"));
    }
    let mut requests = shape.requests();
    requests.format = Format::Asked;
    Ok(Input::Requests(requests))
}

fn destination(arguments: &SendArguments) -> Result<Destination, SimulatorError> {
    let SendArguments { to, rotation, syslog, .. } = arguments;
    let mut to = to.clone();
    match &mut to {
        Destination::File { rotation: how, .. } => *how = rotation.rotation(),
        _ if rotation.is_given() => return problem("only `file:` is rotated and compressed"),
        _ => {}
    }
    match &mut to {
        Destination::Syslog { format, transport, .. } => {
            *format = syslog.format();
            match transport {
                Transport::Tcp(framing) => *framing = syslog.framing(),
                Transport::Udp if syslog.framing.is_some() => {
                    return problem("`framing` is for `syslog+tcp:`: a datagram is one message");
                }
                Transport::Udp => {}
            }
        }
        _ if syslog.syslog.is_some() || syslog.framing.is_some() => {
            return problem("`syslog` and `framing` are for `syslog:` and `syslog+tcp:`");
        }
        _ => {}
    }
    Ok(to)
}

fn problem<T>(problem: &str) -> Result<T, SimulatorError> {
    Err(SimulatorError::Config { problem: problem.to_owned() })
}
