//! Checks the files of the deployment against each other and against the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulso_model::Reason;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new("../..").join(path)).unwrap()
}

/// All words that begin with `prefix`.
fn words(text: &str, prefix: &str) -> BTreeSet<String> {
    let part = |character: char| !(character.is_ascii_alphanumeric() || character == '_');
    text.split(part).filter(|word| word.starts_with(prefix)).map(str::to_owned).collect()
}

#[test]
fn alerts_ask_for_metrics_that_there_are() {
    let known = words(&read("crates/pipeline/src/observe.rs"), "pulso_");
    for metric in words(&read("deploy/prometheus/alerts.yml"), "pulso_") {
        let metric = metric.trim_end_matches("_bucket");
        assert!(known.contains(metric), "no code records `{metric}`");
    }
}

/// What is skipped is discarded as well, for reasons of the stream's own; a stream may skip most of
/// what it gets.
#[test]
fn the_alert_of_dead_letters_names_their_reasons() {
    let alerts = read("deploy/prometheus/alerts.yml");
    let alert = alerts.split("- alert: ").find(|alert| alert.starts_with("PulsoDeadLetters"));
    let named = alert.unwrap().split("reason=~\"").nth(1).and_then(|rest| rest.split('"').next());
    let named: BTreeSet<&str> = named.unwrap().split('|').collect();
    assert_eq!(named, Reason::ALL.map(Reason::name).into());
}

#[test]
fn alerts_name_headings_of_the_operations_page() {
    let page = read("docs/operations.md");
    let headings: Vec<&str> =
        page.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' ')).collect();
    let alerts = read("deploy/prometheus/alerts.yml");
    for line in alerts.lines() {
        if let Some(heading) = line.trim().strip_prefix("see: ") {
            assert!(headings.contains(&heading), "there is no heading `{heading}`");
        }
    }
}

#[test]
fn versions_and_limits_are_in_one_place() {
    let values = read(".env");
    let defined: BTreeSet<&str> = values
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split('=').next())
        .collect();
    for file in ["docker-compose.yml", "compose.tls.yml", "deploy/compose/kibana-on.yml"] {
        let text = read(file);
        for variable in text.split("${").skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(defined.contains(variable), "`{file}`: `{variable}` is not in .env");
        }
        for image in text.lines().filter_map(|line| line.trim().strip_prefix("image: ")) {
            let ours = image.starts_with("pulso-");
            assert!(ours || image.starts_with("${"), "`{file}`: the version of `{image}`");
        }
    }
}

/// All services share it, so that both layers judge a message alike. The end-to-end test overrides it for
/// each of them.
#[test]
fn services_refuse_messages_of_more_than_a_year_ago() {
    let compose = read("docker-compose.yml");
    let shared = compose.split("\n\n").find(|part| part.starts_with("x-environment: ")).unwrap();
    assert!(shared.lines().any(|line| line == "  PULSO__TIME__BEHIND_MAX: 366d"), "{shared}");
    let of_test = read("deploy/compose/e2e.yml");
    let services = compose.split_once("\nservices:\n").unwrap().1;
    for service in services.split("\n\n").filter(|service| service.contains("*environment")) {
        let heading = service.lines().find(|line| line.ends_with(':') && !line.contains('#'));
        let name = heading.unwrap().trim();
        assert!(of_test.contains(&format!("\n  {name} *any-age\n")), "{name}");
    }
}

#[test]
fn configuration_files_hold_keys_that_there_are() {
    let reference = read("crates/runtime/src/config/default.toml");
    let sections = |text: &str| -> BTreeSet<String> {
        let section = |line: &str| line.strip_prefix('[').map(|_| line.to_owned());
        text.lines().filter_map(section).collect()
    };
    for file in fs::read_dir("../../deploy/config").unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for section in sections(&text) {
            assert!(reference.contains(&section), "`{}`: {section}", path.display());
        }
        for key in text.lines().filter_map(|line| line.split_once(" = ")) {
            let line = format!("\n{} = ", key.0);
            assert!(reference.contains(&line), "`{}`: `{}`", path.display(), key.0);
        }
    }
}
