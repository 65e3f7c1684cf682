//! Commands on standard input, which disturb the stream.

use std::time::Duration;

use tracing::{info, warn};

use crate::duration::parse_duration;
use crate::server::Control;

#[derive(Debug, PartialEq, Eq)]
enum Command {
    Drop,
    Stall(Duration),
    Freeze(Duration),
    Garbage(u64),
    TooSlow,
    Stats,
}

/// Obeys commands until the lines end. Blocks; an unknown command is answered with a warning.
pub(super) fn obey(lines: impl Iterator<Item = String>, control: &Control) {
    for line in lines {
        match parse(&line) {
            Ok(Some(command)) => execute(&command, control),
            Ok(None) => {}
            Err(problem) => warn!("{problem}"),
        }
    }
}

fn execute(command: &Command, control: &Control) {
    match command {
        Command::Drop => control.drop_connections(),
        Command::Stall(length) => control.stall(*length),
        Command::Freeze(length) => control.freeze(*length),
        Command::Garbage(count) => control.garbage(*count),
        Command::TooSlow => control.too_slow(),
        Command::Stats => {}
    }
    let stats = control.stats();
    info!(
        ?command,
        clients = stats.clients,
        messages_made = stats.made,
        messages_sent = stats.sent,
        "obeyed"
    );
}

fn parse(line: &str) -> Result<Option<Command>, String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let command = match words[..] {
        [] => return Ok(None),
        ["drop"] => Command::Drop,
        ["stall", length] => Command::Stall(parse_duration(length)?),
        ["freeze", length] => Command::Freeze(parse_duration(length)?),
        ["garbage", count] => {
            Command::Garbage(count.parse().map_err(|_| format!("`{count}` is not a count"))?)
        }
        ["too-slow"] => Command::TooSlow,
        ["stats"] => Command::Stats,
        _ => {
            return Err(format!(
                "`{line}` is not one of `drop`, `stall 5s`, `freeze 5s`, `garbage 10`, `too-slow`, `stats`"
            ));
        }
    };
    Ok(Some(command))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_with_their_argument() {
        assert_eq!(parse("  "), Ok(None));
        assert_eq!(parse("drop"), Ok(Some(Command::Drop)));
        assert_eq!(parse(" stall  5s"), Ok(Some(Command::Stall(Duration::from_secs(5)))));
        assert_eq!(parse("freeze 250ms"), Ok(Some(Command::Freeze(Duration::from_millis(250)))));
        assert_eq!(parse("garbage 10"), Ok(Some(Command::Garbage(10))));
        assert_eq!(parse("stats"), Ok(Some(Command::Stats)));
        for wrong in ["stall", "stall 5", "garbage few", "drop 3", "stop"] {
            parse(wrong).unwrap_err();
        }
    }
}
