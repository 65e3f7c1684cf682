//! Runs a Kafka, an Elasticsearch and a proxy in front of it, and obeys commands on standard input.
//!
//! Prints `NAME=ADDRESS` lines, then an empty line, then `ok` for each command. Ends, together with
//! its servers, when standard input does. For scripts/chaos.sh.

#![expect(clippy::print_stdout, reason = "a program for a script")]

use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::str::FromStr;

use pulso_testkit::proxy::{Fault, Proxy};
use pulso_testkit::servers::{Elasticsearch, Generation, Kafka};

fn main() -> ExitCode {
    let kafka = Kafka::start();
    let elasticsearch = Elasticsearch::start(Generation::newest());
    let (Some(mut kafka), Some(mut elasticsearch)) = (kafka, elasticsearch) else {
        return ExitCode::from(3);
    };
    let proxy = Proxy::http(&elasticsearch.url());
    println!("kafka={}", kafka.brokers());
    println!("elasticsearch={}", elasticsearch.url());
    println!("proxy={}\n", proxy.url());
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["kafka", "kill"] => kafka.kill(),
            ["kafka", "stop"] => kafka.stop(),
            ["kafka", "restart"] => kafka.restart(),
            ["kafka", "pause"] => kafka.pause(),
            ["kafka", "go-on"] => kafka.go_on(),
            ["elasticsearch", "kill"] => elasticsearch.kill(),
            ["elasticsearch", "stop"] => elasticsearch.stop(),
            ["elasticsearch", "restart"] => elasticsearch.restart(),
            ["proxy", "next", ref fault @ ..] => proxy.next([parse(fault)]),
            ["proxy", ref fault @ ..] => proxy.set(parse(fault)),
            _ => panic!("`{line}` is not a command"),
        }
        println!("ok");
        drop(io::stdout().flush());
    }
    ExitCode::SUCCESS
}

fn parse(words: &[&str]) -> Fault {
    match words {
        ["pass"] => Fault::None,
        ["refuse"] => Fault::Refuse,
        ["stall"] => Fault::Stall,
        ["cut-request", bytes] => Fault::CutRequest(number(bytes)),
        ["cut-response", bytes] => Fault::CutResponse(number(bytes)),
        ["answer", status] => Fault::status(number(status)),
        _ => panic!("`{}` is not a fault", words.join(" ")),
    }
}

fn number<T: FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not a number"))
}
