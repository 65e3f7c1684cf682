//! All programs over Kafka and Elasticsearch answer as one process does over a folder.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pulso_model::{Stream, View, ViewKind};
use pulso_streams::Streams;
use pulso_testkit::{servers, view};

use crate::support::{assert_same, export, pulso, recorded_posts, recording, replay, run};

/// How long all windows may take to be in Elasticsearch; by far more than they need.
const DEADLINE: Duration = Duration::from_secs(120);

/// A folder with the configuration of a deployment, and links to its programs.
struct Deployment {
    folder: PathBuf,
    /// Whether its views are in a file, which is there once somebody has begun to write.
    embedded: bool,
}

impl Deployment {
    /// `None`, after a loud line, without the servers that it needs. `streams` is more configuration.
    fn new(folder: &Path, log: &str, views: &str, streams: &str) -> Option<Self> {
        let kafka = if log == "kafka" { servers::kafka()? } else { "127.0.0.1:1" };
        let elasticsearch = match views {
            "elasticsearch" => servers::elasticsearch()?,
            _ => "http://127.0.0.1:1",
        };
        let name = servers::unique("pulso-it");
        let brokers: Vec<_> = kafka.split(',').map(|broker| format!("{broker:?}")).collect();
        fs::create_dir_all(folder).unwrap();
        fs::write(
            folder.join("pulso.toml"),
            format!(
                "[data]\ndirectory = {data:?}\n\
                 [log]\nstore = \"{log}\"\n[views]\nstore = \"{views}\"\n\
                 [kafka]\nbrokers = [{brokers}]\ntopic_prefix = \"{name}\"\n\
                 [elasticsearch]\nurls = [{elasticsearch:?}]\nindex_prefix = \"{name}\"\n\
                 [window]\nidle_timeout = \"1s\"\n\
                 [operations]\nspeed = \"off\"\nbatch = \"off\"\nacquisition = \"off\"\n\
                 {streams}",
                data = folder.join("data"),
                brokers = brokers.join(","),
            ),
        )
        .unwrap();
        for program in ["pulso-acquisition", "pulso-speed", "pulso-batch", "pulso-web"] {
            symlink(env!("CARGO_BIN_EXE_pulso"), folder.join(program)).unwrap();
        }
        symlink(env!("CARGO_BIN_EXE_pulso"), folder.join("pulso")).unwrap();
        Some(Self { folder: folder.to_owned(), embedded: views == "embedded" })
    }

    /// One of the programs, by the name of its link.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        for (variable, _) in pulso().get_envs() {
            command.env_remove(variable);
        }
        command.arg("--config").arg(self.folder.join("pulso.toml"));
        command
    }

    fn export(&self, view: View, layer: &str) -> String {
        let mut command = self.program("pulso");
        command.args(["export", view.name(), "--layer", layer]);
        String::from_utf8(run(0, &mut command).stdout).unwrap()
    }

    fn service(&self, name: &str) -> Service {
        let mut command = self.program(name);
        let child = command.arg("run").stdout(Stdio::null()).spawn().unwrap();
        Service { child }
    }

    /// Whether the speed layer has made its file.
    fn has_views(&self) -> bool {
        let mut command = self.program("pulso");
        command.args(["export", view("responses").name(), "--layer", "speed"]);
        command.output().unwrap().status.success()
    }

    /// Waits until the speed layer has written what is expected of these views.
    fn wait_for(&self, views: &[View], expected: &[(String, String)]) {
        let begun = now();
        while self.embedded && !self.has_views() {
            assert!(begun.elapsed() < DEADLINE, "the speed layer does not begin");
            std::thread::sleep(Duration::from_millis(100));
        }
        while views.iter().zip(expected).any(|(view, (_, expected))| {
            self.export(*view, "speed").lines().count() < expected.lines().count()
        }) {
            assert!(begun.elapsed() < DEADLINE, "the speed layer does not come to an end");
            std::thread::sleep(Duration::from_millis(300));
        }
    }
}

/// A running program; killed at the end of a test that fails.
struct Service {
    child: Child,
}

impl Service {
    fn stop(mut self) {
        let id = self.child.id().to_string();
        run(0, Command::new("kill").args(["-TERM", &id]));
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// What the speed layer writes of RSVPs.
fn speed_views() -> [View; 5] {
    [
        view("responses"),
        view("country-activity"),
        view("trending-topics"),
        view("trending-topics-by-country"),
        View::LATE_FACTS,
    ]
}

/// What the batch layer writes of them.
fn batch_views() -> Vec<View> {
    pulso_testkit::stream().views()
}

fn all(
    views: &[View],
    layer: &str,
    export: impl Fn(View, &str) -> String,
) -> Vec<(String, String)> {
    views.iter().map(|view| (format!("{view} {layer}"), export(*view, layer))).collect()
}

#[test]
fn a_deployment_answers_as_one_process_does() {
    check("kafka", "elasticsearch");
}

#[test]
fn stores_of_both_kinds_go_together() {
    check("embedded", "elasticsearch");
    check("kafka", "embedded");
}

fn check(log: &str, views: &str) {
    let folder = tempfile::tempdir().unwrap();
    let Some(deployment) = Deployment::new(&folder.path().join("deployment"), log, views, "")
    else {
        return;
    };
    let recording = recording(folder.path(), 11, 3_000, 20);
    let embedded = folder.path().join("embedded");
    replay(&recording, &embedded);
    let one_process = |view, layer: &str| export(view, layer, &embedded);
    let expected = all(&speed_views(), "speed", one_process);

    run(0, deployment.program("pulso").arg("setup"));
    run(0, deployment.program("pulso").arg("setup"));
    run(0, deployment.program("pulso-acquisition").arg("run").arg("--file").arg(&recording));
    let speed = deployment.service("pulso-speed");
    deployment.wait_for(&speed_views(), &expected);
    speed.stop();
    assert_same(&all(&speed_views(), "speed", |v, l| deployment.export(v, l)), &expected);
    for command in ["archive", "run all", "verify", "retain", "check"] {
        run(0, deployment.program("pulso-batch").args(command.split(' ')));
    }
    let expected = all(&batch_views(), "batch", one_process);
    assert_same(&all(&batch_views(), "batch", |v, l| deployment.export(v, l)), &expected);
    run(0, deployment.program("pulso-speed").arg("check"));
    run(0, deployment.program("pulso-web").arg("check"));
}

/// Two streams with windows of their own.
const STREAMS: &str =
    "[streams.rsvps]\n[streams.posts.window]\nsize = \"10m\"\nidle_timeout = \"1s\"\n";

#[test]
fn one_process_of_each_program_serves_several_streams() {
    check_streams("embedded", "embedded");
}

#[test]
fn a_deployment_serves_several_streams() {
    check_streams("kafka", "elasticsearch");
}

fn check_streams(log: &str, views: &str) {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("deployment");
    let Some(deployment) = Deployment::new(&place, log, views, STREAMS) else { return };
    let recordings = [
        ("rsvps", recording(folder.path(), 11, 3_000, 20)),
        ("posts", recorded_posts(folder.path(), 7, 10_000, 20)),
    ];
    let (streams, embedded) = (folder.path().join("streams.toml"), folder.path().join("embedded"));
    fs::write(&streams, STREAMS).unwrap();
    run(0, deployment.program("pulso").arg("setup"));
    for (stream, recording) in &recordings {
        let mut replay = pulso();
        replay.arg("--config").arg(&streams).args(["replay", "--stream", stream]).arg(recording);
        run(0, replay.arg("--data").arg(&embedded));
        let mut acquisition = deployment.program("pulso-acquisition");
        run(0, acquisition.args(["run", "--stream", stream, "--file"]).arg(recording));
    }
    let one_process = |view, layer: &str| export(view, layer, &embedded);
    let views: Vec<_> = speed_views().into_iter().chain(speed_views_of_posts()).collect();
    let expected = all(&views, "speed", one_process);

    let speed = deployment.service("pulso-speed");
    deployment.wait_for(&views, &expected);
    speed.stop();
    assert_same(&all(&views, "speed", |v, l| deployment.export(v, l)), &expected);
    run(0, deployment.program("pulso-speed").arg("check"));
    for command in ["archive", "run all", "verify", "retain", "check", "list"] {
        let done = run(0, deployment.program("pulso-batch").args(command.split(' ')));
        let said = String::from_utf8(done.stdout).unwrap();
        let names: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("stream ")).collect();
        assert_eq!(names, ["posts", "rsvps"], "{command}: {said}");
    }
    let one = run(0, deployment.program("pulso-batch").args(["run", "hashtag-days"]));
    let one = String::from_utf8(one.stdout).unwrap();
    assert!(one.starts_with("hashtag-days: "), "of its stream alone: {one}");
    let views = [&batch_views()[..], &posts().views()[1..]].concat();
    let expected = all(&views, "batch", one_process);
    assert_same(&all(&views, "batch", |v, l| deployment.export(v, l)), &expected);
}

fn posts() -> &'static Stream {
    Streams::brought().get("posts").unwrap().stream
}

/// What the speed layer writes of posts.
fn speed_views_of_posts() -> Vec<View> {
    let written = |view: &View| view.kind() == ViewKind::Day && *view != posts().facts_view.view;
    posts().views().into_iter().filter(written).collect()
}

#[expect(clippy::disallowed_methods, reason = "a deadline, on which no result depends")]
fn now() -> Instant {
    Instant::now()
}
