//! `servers start|stop|status`: keeps the servers of the tests running; see scripts/servers.sh.

#![expect(clippy::print_stdout, reason = "a program for a person and for `eval`")]

use std::process::ExitCode;

use pulso_testkit::servers;

const VARIABLES: [&str; 2] = ["KAFKA_BROKERS", "ELASTICSEARCH_URL"];

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("start") => match servers::start_all() {
            Some(addresses) => print(addresses.map(Some)),
            // It has said why.
            None => return ExitCode::from(3),
        },
        Some("status") => print(servers::running()),
        Some("stop") => servers::stop_all(),
        _ => {
            eprintln!("usage: servers start|status|stop");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn print(addresses: [Option<String>; 2]) {
    for (variable, address) in VARIABLES.into_iter().zip(addresses) {
        match address {
            Some(address) => println!("export {variable}={address}"),
            None => println!("# {variable}: not running"),
        }
    }
}
