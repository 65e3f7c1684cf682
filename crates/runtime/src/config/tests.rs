use super::*;

mod admission;
mod deployment;
mod guard;
mod sources;
mod streams;

fn layers(file: &str) -> Layers {
    let file = ConfigFile { path: "x.toml".into(), text: file.to_owned() };
    Layers { file: Some(file), ..Layers::default() }
}

fn load(file: &str) -> Config {
    Config::load(&layers(file)).unwrap()
}

/// Loads a file that has exactly one problem.
#[track_caller]
fn check(file: &str, message: &str, hint: &str) {
    let error = Config::load(&layers(file)).unwrap_err();
    assert_eq!(error.to_string(), format!("failed to load config `x.toml`: {message}"));
    assert_eq!(error.hints(), [hint]);
}

#[test]
fn the_defaults_are_valid() {
    let config = Config::default();
    assert_eq!(config.window.size.as_secs(), 300);
    assert_eq!(config.acquisition.message_bytes_max, ByteSize(16 << 20));
    assert_eq!(config.acquisition.sources, []);
    assert_eq!(config.web.listen.to_string(), "127.0.0.1:8080");
    assert_eq!((config.time.ahead_max.as_secs(), config.time.behind_max), (60, None));
    assert_eq!(config.stream, "rsvps");
    assert!(config.batch.cores() >= 1);
}

/// The defaults are the reference manual.
#[test]
fn every_key_and_section_of_the_reference_is_described() {
    let lines: Vec<_> = DEFAULT.lines().collect();
    let described: Vec<_> = lines.windows(2).filter(|pair| !pair[1].starts_with('#')).collect();
    let keys = described.iter().filter(|pair| pair[1].contains(" = "));
    let bare: Vec<_> = keys.clone().filter(|pair| !pair[0].starts_with('#')).collect();
    assert_eq!(bare, Vec::<&&[&str]>::new());
    let table: toml::Table = DEFAULT.parse().unwrap();
    let count: usize = table.values().map(|section| section.as_table().unwrap().len()).sum();
    assert_eq!(keys.count(), count, "one key on each line");
}

#[test]
fn a_file_changes_only_what_it_holds() {
    let config = load(
        "[window]\nsize = \"10m\"\n\
         [[acquisition.sources]]\nname = \"a\"\nurl = \"ws://localhost:1/x?y=z\"\n\
         [[acquisition.sources]]\nname = \"b\"\nurl = \"wss://b.example\"\nresume_parameter = \"\"\n\
         resume_margin = \"10m\"",
    );
    assert_eq!((config.window.size.as_secs(), config.window.slide.as_secs()), (600, 10));
    let [a, b] = config.acquisition.sources.as_slice() else { panic!("not two sources") };
    assert_eq!((&*a.name, a.urls[0].to_string().as_str()), ("a", "ws://localhost:1/x?y=z"));
    let websocket = |parameter: Option<&str>| Protocol::Websocket {
        resume_parameter: parameter.map(str::to_owned),
    };
    assert_eq!((&a.protocol, a.urls.len()), (&websocket(Some("since_mtime")), 1));
    assert_eq!((b.urls[0].host(), &b.protocol), (Some("b.example"), &websocket(None)));
    assert_eq!((a.resume_margin, b.resume_margin.as_secs()), (Source::RESUME_MARGIN, 600));
}

#[test]
fn later_layers_override_earlier_ones() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let layers = Layers {
        environment: vec![
            pair("PULSO__WINDOW__SIZE", "20m"),
            pair("PULSO__LOG__PARTITIONS", "8"),
            pair("PULSO__ACQUISITION__SOURCES", "[{name=\"a\", url=\"ws://a.example/\"}]"),
            pair("PULSO__DATA__DIRECTORY", "7"),
            pair("PULSO_OTHER", "not ours"),
        ],
        overrides: vec![pair("window.size", "30m"), pair("schedule.enabled", "false")],
        ..layers("[window]\nsize = \"10m\"\nslide = \"20s\"")
    };
    let config = Config::load(&layers).unwrap();
    assert_eq!((config.window.size.as_secs(), config.window.slide.as_secs()), (1800, 20));
    assert_eq!((config.log.partitions, config.schedule.enabled), (8, false));
    assert_eq!(config.acquisition.sources.len(), 1);
    assert_eq!(config.data.directory.to_str(), Some("7"), "text needs no quotes");
}

#[test]
fn a_syntax_error_has_its_place() {
    let error = Config::load(&layers("[window]\nsize = \"é\" x")).unwrap_err().to_string();
    let start = "failed to load config `x.toml`: line 2, column 12: ";
    assert!(error.starts_with(start), "{error}");
    let twice = Config::load(&layers("[window]\n[window]")).unwrap_err().to_string();
    assert!(twice.contains("line 2, column "), "{twice}");
    assert_eq!(Config::load(&layers("[window")).unwrap_err().hints().len(), 1);
}

/// A value that the file does not show is not to be looked for there.
#[test]
fn a_problem_names_the_variable_or_flag_that_it_comes_from() {
    let check = |variable: &str, value: &str, message: &str| {
        let environment = vec![(variable.to_owned(), value.to_owned())];
        let layers = Layers { environment, ..layers("[web]\nlisten = \"127.0.0.1:1\"") };
        let error = Config::load(&layers).unwrap_err().to_string();
        assert_eq!(error, format!("failed to load config `x.toml`: {message}"));
    };
    let name = "PULSO__WEB__LISTEN";
    check(name, "1", "`web.listen` (1), from PULSO__WEB__LISTEN, is not a socket address");
    check(
        "PULSO__WEB__PAGE_LIMIT_MAX",
        "10",
        "`web.page_limit_default` (100) is more than `web.page_limit_max` (10), from \
         PULSO__WEB__PAGE_LIMIT_MAX",
    );
    check(
        "PULSO__ACQUISITION__SOURCES",
        "[{name='a', url='b'}]",
        "`acquisition.sources[0].url` (b), from PULSO__ACQUISITION__SOURCES, is not a websocket url",
    );
    let overrides = vec![("web.listen".to_owned(), "2".to_owned())];
    let environment = vec![(name.to_owned(), "1".to_owned())];
    let both = Config::load(&Layers { environment, overrides, ..Layers::default() }).unwrap_err();
    assert!(both.to_string().contains("`web.listen` (2), from a flag, is not"), "{both}");
}

#[test]
fn unknown_keys_are_refused_in_every_layer() {
    check(
        "[checkpoint]\nintervall = \"1s\"",
        "`checkpoint.intervall` is not a key of the configuration",
        "the keys here are `interval`, `records_max`",
    );
    check("demo = 5", "`demo` is a section, not 5", "the keys here are `rate`");
    let sections = "the sections are `acquisition`, `archive`, `batch`, `checkpoint`, `data`, \
        `demo`, `echo`, `elasticsearch`, `guard`, `kafka`, `kibana`, `log`, `logs`, `operations`, \
        `organiser`, `privacy`, `retention`, `schedule`, `sessions`, `spool`, `streams`, `time`, `trends`, \
        `views`, `web`, `window`";
    check("[windows]", "`windows` is not a key of the configuration", sections);
    for (environment, overrides, from) in [
        (vec!["PULSO__DEMO__RATTE"], vec![], "PULSO__DEMO__RATTE"),
        (vec![], vec!["demo.ratte"], "a flag"),
    ] {
        let pairs = |keys: Vec<&str>| keys.into_iter().map(|k| (k.into(), "1".into())).collect();
        let (environment, overrides) = (pairs(environment), pairs(overrides));
        let error = Config::load(&Layers { file: None, environment, overrides }).unwrap_err();
        let message = format!("`demo.ratte`, from {from}, is not a key of the configuration");
        assert_eq!(error.to_string(), format!("failed to load config: {message}"));
    }
    for key in ["", ".", "demo", "demo.rate.x", "=", "a.b.c"] {
        let overrides = vec![(key.to_owned(), "x".to_owned())];
        let result = Config::load(&Layers { overrides, ..Layers::default() });
        assert!(result.is_err(), "{key}");
    }
}

#[test]
fn values_must_be_what_their_key_needs() {
    let duration = "write a number and a unit, like \"10s\" or \"5m\"";
    let forever = "write a number and a unit, like \"7d\", or \"off\"";
    let size = "write a number and a unit, like \"64KiB\" or \"1GiB\"";
    check("window.size = 5", "`window.size` (5) is not a duration", duration);
    check("echo.horizon = '5 min'", "`echo.horizon` (5 min) is not a duration", duration);
    check(
        "echo.horizon = '0s'",
        "`echo.horizon` (0s) is out of range",
        "choose a duration from 1ms to 3650d",
    );
    check("batch.memory_max = '1GB'", "`batch.memory_max` (1GB) is not a size", size);
    check(
        "archive.batch_bytes = '0B'",
        "`archive.batch_bytes` (0B) is out of range",
        "choose a size of at least 1B",
    );
    check(
        "acquisition.buffer_bytes = '4GiB'",
        "`acquisition.buffer_bytes` (4GiB) is out of range",
        "choose a size of less than 4GiB",
    );
    check(
        "log.partitions = 65",
        "`log.partitions` (65) is out of range",
        "choose a number from 1 to 64",
    );
    check(
        "log.partitions = -1",
        "`log.partitions` (-1) is out of range",
        "choose a number from 1 to 64",
    );
    check("demo.rate = '5'", "`demo.rate` (5) is not a whole number", "write it without quotes");
    check(
        "demo.rate = [5]",
        "`demo.rate` (a list) is not a whole number",
        "write it without quotes",
    );
    check(
        "logs.format = 'xml'",
        "`logs.format` (xml) is not a log format",
        "use \"text\" or \"json\"",
    );
    check(
        "logs.filter = 'info,,=x'",
        "`logs.filter` (info,,=x) is not a log filter",
        "use a level like \"info\", or levels by module like \"info,pulso_speed=debug\"",
    );
    check(
        "schedule.enabled = 1",
        "`schedule.enabled` (1) is neither true nor false",
        "write `true` or `false`",
    );
    check(
        "schedule.jobs = 'hourly'",
        "`schedule.jobs` (hourly) is not a cron expression",
        "write minute, hour, day, month and weekday, like \"10 * * * *\"",
    );
    check(
        "web.listen = 'localhost'",
        "`web.listen` (localhost) is not a socket address",
        "write an address and a port, like \"127.0.0.1:8080\" or \"[::]:8080\"",
    );
    check("time.ahead_max = 'off'", "`time.ahead_max` (off) is not a duration", duration);
    check("time.behind_max = 'never'", "`time.behind_max` (never) is not a duration", forever);
    check("data.directory = 1", "`data.directory` (1) is not text", "write it in double quotes");
    check(
        "data.directory = ''",
        "`data.directory` () is empty",
        "name a directory; \".\" is the working directory",
    );
}

#[test]
fn what_may_be_a_secret_is_not_shown() {
    let source = "acquisition.sources = [{name='a', url='wss://a:1/x?key=secret'}]";
    let shown = format!("{:?}", load(source).acquisition);
    assert!(shown.contains("wss://a:1/x?***") && !shown.contains("secret"), "{shown}");
}

#[test]
fn keys_must_fit_each_other() {
    check(
        "window.size = '10m'\nwindow.slide = '3m'",
        "`window.size` (10m) is not a multiple of `window.slide` (3m)",
        "use `slide = \"2m\"` or `slide = \"5m\"`",
    );
    check(
        "window.size = '7h'\nwindow.slide = '7h'\ntrends.baseline = '7h'",
        "`window.slide` (7h) does not divide a day evenly",
        "use `slide = \"1h\"`",
    );
    check(
        "trends.baseline = '65s'",
        "`trends.baseline` (65s) is not a multiple of `window.slide` (10s)",
        "use `slide = \"5s\"`",
    );
    check(
        "trends.baseline = '100ms'\nwindow.slide = '1s'",
        "`trends.baseline` (100ms) is not a multiple of `window.slide` (1s)",
        "choose a `slide` of which `size`, `baseline` and a day are multiples",
    );
    check(
        "trends.baseline = '4m'",
        "`trends.baseline` (4m) is shorter than `window.size` (5m)",
        "a window is compared with earlier ones; choose a baseline of several windows",
    );
    check(
        "trends.unusual_from = '3'",
        "`trends.unusual_from` (3) is not a number",
        "write it without quotes",
    );
    check(
        "trends.unusual_from = -1",
        "`trends.unusual_from` (-1) is out of range",
        "choose a number from 0 to 1000000",
    );
    check(
        "acquisition.backoff_initial = '1m'",
        "`acquisition.backoff_initial` (1m) is longer than `acquisition.backoff_max` (30s)",
        "the first pause cannot exceed the longest",
    );
    check(
        "acquisition.buffer_bytes = '1MiB'",
        "`acquisition.message_bytes_max` (16MiB) is more than `acquisition.buffer_bytes` (1MiB)",
        "the buffer must have room for the longest message",
    );
    check(
        "acquisition.buffer_messages = 10",
        "`acquisition.batch_messages` (1000) is more than `acquisition.buffer_messages` (10)",
        "a batch is taken from the buffer and cannot be larger",
    );
    check(
        "web.page_limit_max = 10",
        "`web.page_limit_default` (100) is more than `web.page_limit_max` (10)",
        "a page without a limit of its own must be allowed",
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let error = Config::load(&layers(
        "[log]\npartitions = 0\nbatch = 1\n[window]\nsize = \"x\"\nslide = \"7s\"\n\
         [acquisition]\nsources = [{}]",
    ));
    let error = error.unwrap_err();
    assert_eq!(error.hints(), Vec::<String>::new());
    assert_eq!(
        error.to_string(),
        "failed to load config `x.toml`: 7 problems
  `log.batch` is not a key of the configuration
    hint: the keys here are `batch_records`, `partitions`, `store`
  `log.partitions` (0) is out of range
    hint: choose a number from 1 to 64
  `acquisition.sources[0].name` is missing
    hint: a source has `name`, `url` (or `urls`) and, optionally, `stream`, `protocol`, `resume_parameter` and `resume_margin`; any source may have `filter` and `sample`
  `acquisition.sources[0].url` is missing
    hint: a source has `name`, `url` (or `urls`) and, optionally, `stream`, `protocol`, `resume_parameter` and `resume_margin`; any source may have `filter` and `sample`
  `window.size` (x) is not a duration
    hint: write a number and a unit, like \"10s\" or \"5m\"
  `trends.baseline` (1h) is not a multiple of `window.slide` (7s)
    hint: use `slide = \"6s\"` or `slide = \"10s\"`
  `window.slide` (7s) does not divide a day evenly
    hint: use `slide = \"6s\"` or `slide = \"10s\"`"
    );
}
