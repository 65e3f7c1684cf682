use pulso_model::{ColumnType, FactsView, FieldType, KeyField, Part};

use super::*;

/// Everything that a descriptor can say.
pub(super) const SIGHTINGS: &str = r#"
name = "sightings"
title = "Bird sightings"
about = "Who saw which birds."
message = "text"
decode = "decode.vrl"
identity = ["observer", "second", "manner", "birds"]
actor = "observer"

[fact]
one = "sighting"
many = "sightings"
activity = "bird-activity"
kind = "manner"
kinds = ["heard", "seen"]
scope = { name = "country", values = "country" }
sums = ["birds"]
place = true
shown = false

[columns]
observer = "text"
site_latitude = "float"
site_longitude = "float"
tags = "texts"

[[facets]]
one = "bird"
many = "bird_species"
names = "species_names"
by_scope = true

[[facets]]
one = "marsh"
many = "marshes"
count = "actors"

[fields]
"who.observer" = "observer"
manner = "manner"
birds = "birds"
"seen.country" = "country"
"seen.location" = "place"
"site.location" = ["site_latitude", "site_longitude"]
species = "bird_species"

[[jobs]]
view = "marsh-days"
title = "Marshes by day"
per = "day"
key = ["day", "marsh.name"]
sql = "marshes.sql"

[jobs.fields]
day = "day"
"marsh.name" = "text"
"marsh.country" = "text"
complete = "boolean"

[[jobs]]
view = "birds"
per = "now"
key = ["bird"]

[jobs.fields]
bird = "text"
place = "location"
"#;

/// As little as a descriptor can say.
const TICKS: &str = r#"
name = "ticks"

[fact]
one = "tick"
many = "ticks"
kinds = ["tick"]
"#;

fn file(name: &str) -> Option<String> {
    (name != "missing.sql").then(|| format!("SELECT '{name}'"))
}

pub(super) fn good(text: &str) -> Descriptor {
    read(text, &file).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Each problem with its line.
fn problems(text: &str) -> Vec<String> {
    let Err(problems) = read(text, &file) else { panic!("no problem was found") };
    problems.iter().map(ToString::to_string).collect()
}

/// A good descriptor with one text replaced has one problem, at a line.
fn check(before: &str, after: &str, line: usize, problem: &str) {
    assert!(SIGHTINGS.contains(before), "{before}");
    let problems = problems(&SIGHTINGS.replacen(before, after, 1));
    assert_eq!(problems, [format!("line {line}: {problem}")], "{after}");
}

pub(super) fn fields(view: View) -> Vec<(&'static str, FieldType)> {
    view.fields().iter().map(|field| (field.name, field.field_type)).collect()
}

pub(super) fn names(view: View) -> Vec<&'static str> {
    view.fields().iter().map(|field| field.name).collect()
}

pub(super) fn key(view: View) -> Vec<&'static str> {
    view.key().iter().map(|key| key.name()).collect()
}

#[test]
fn a_descriptor_says_what_a_fact_is_made_of() {
    let Descriptor { stream, message, decode } = good(SIGHTINGS);
    assert_eq!((message, decode.as_deref()), (MessageFormat::Text, Some("decode.vrl")));
    assert_eq!((stream.name, stream.title), ("sightings", "Bird sightings"));
    assert_eq!(stream.about, "Who saw which birds.");
    assert_eq!(stream.fact, Names { one: "sighting", many: "sightings" });
    assert_eq!(stream.kind, KindField { name: "manner", values: vec!["heard", "seen"] });
    let scope = ScopeField { name: "country", values: ScopeValues::Country };
    assert_eq!(stream.scope, Some(scope));
    assert_eq!((&stream.sums[..], stream.place), (&["birds"][..], true));
    let columns: Vec<_> = stream.columns.iter().map(|c| (c.name, c.column_type)).collect();
    let expected = [
        ("observer", ColumnType::Text),
        ("site_latitude", ColumnType::Float),
        ("site_longitude", ColumnType::Float),
        ("tags", ColumnType::Texts),
    ];
    assert_eq!(columns, expected);
    assert_eq!(stream.actor, Some(0));
    let identity = [Part::Column(0), Part::Second, Part::Kind, Part::Sum(0)];
    assert_eq!(stream.identity, identity);
    let [species, marshes] = &stream.facets[..] else { panic!("two facets") };
    assert_eq!(species.term, Names { one: "bird", many: "bird_species" });
    assert_eq!((species.names_column, species.counts), ("species_names", Counts::Facts));
    assert_eq!((marshes.names_column, marshes.counts), ("marsh_names", Counts::Actors));
    assert_eq!(marshes.by_scope_view, None);
}

#[test]
fn single_facts_are_shown_as_the_fields_say() {
    use FieldType::{Integer, Location, Text, TextList, Time};
    let FactsView { view, shown, parts } = good(SIGHTINGS).stream.facts_view;
    assert!(!shown);
    assert!(view.first_write_wins());
    let expected = [
        ("@timestamp", Time),
        ("who.observer", Text),
        ("manner", Text),
        ("birds", Integer),
        ("seen.country", Text),
        ("seen.location", Location),
        ("site.location", Location),
        ("species", TextList),
    ];
    assert_eq!(fields(view), expected);
    let expected = [
        Part::Time,
        Part::Column(0),
        Part::Kind,
        Part::Sum(0),
        Part::Scope,
        Part::Place,
        Part::Columns(1, 2),
        Part::TermKeys(0),
    ];
    assert_eq!(parts, expected);
    let expected = [
        KeyField::Value("who.observer"),
        KeyField::Second("@timestamp"),
        KeyField::Value("manner"),
        KeyField::Value("birds"),
    ];
    assert_eq!(view.key(), expected);
    assert_eq!((view.scope_field(), view.scope_name()), (Some("seen.country"), Some("country")));
    assert_eq!(view.aliases(), [("country", "seen.country"), ("bird", "species")]);
}

#[test]
fn without_fields_every_column_is_shown() {
    let start = SIGHTINGS.find("[fields]").unwrap();
    let end = SIGHTINGS.find("[[jobs]]").unwrap();
    let mut text = SIGHTINGS.to_owned();
    text.replace_range(start..end, "");
    let view = good(&text).stream.facts_view.view;
    let expected = [
        "@timestamp",
        "manner",
        "country",
        "birds",
        "location",
        "observer",
        "site_latitude",
        "site_longitude",
        "tags",
        "bird_species",
        "species_names",
        "marshes",
        "marsh_names",
    ];
    assert_eq!(names(view), expected);
    assert_eq!(key(view), ["observer", "@timestamp", "manner", "birds"]);
    assert_eq!(view.aliases(), [("bird", "bird_species"), ("marsh", "marshes")]);
}

#[test]
fn jobs_have_their_query_and_their_fields() {
    let [days, birds] = good(SIGHTINGS).stream.jobs[..] else { panic!("two jobs") };
    assert_eq!((days.sql, birds.sql), ("SELECT 'marshes.sql'", "SELECT 'birds.sql'"));
    assert_eq!((days.view.kind(), birds.view.kind()), (ViewKind::BatchDay, ViewKind::Now));
    assert_eq!((days.view.title(), birds.view.title()), ("Marshes by day", "birds"));
    let expected = [
        ("@timestamp", FieldType::Time),
        ("day", FieldType::Day),
        ("marsh.name", FieldType::Text),
        ("marsh.country", FieldType::Text),
        ("complete", FieldType::Boolean),
    ];
    assert_eq!(fields(days.view), expected);
    assert_eq!(key(days.view), ["day", "marsh.name"]);
    assert_eq!(days.view.scope_field(), Some("marsh.country"));
    assert_eq!(days.view.aliases(), [("country", "marsh.country")]);
    assert_eq!(birds.view.scope_field(), None);
}

#[test]
fn what_is_not_said_has_a_plain_value() {
    let Descriptor { stream, message, decode } = good(TICKS);
    assert_eq!((message, decode), (MessageFormat::Json, None));
    assert_eq!((stream.title, stream.about, stream.place), ("ticks", "", false));
    assert_eq!((stream.scope, stream.actor), (None, None));
    assert!(stream.identity.is_empty() && stream.columns.is_empty() && stream.sums.is_empty());
    let FactsView { view, shown, parts } = &stream.facts_view;
    assert!(shown);
    assert_eq!(names(*view), ["@timestamp", "partition", "offset", "kind"]);
    assert_eq!(parts[..], [Part::Time, Part::Partition, Part::Offset, Part::Kind]);
    assert_eq!(key(*view), ["partition", "offset"]);
    assert_eq!(stream.activity_view.name(), "tick-activity");
    assert_eq!(names(stream.activity_view), ["@timestamp", "kind", "ticks"]);
    assert_eq!(key(stream.activity_view), ["@timestamp", "kind"]);
}

/// A descriptor with a problem in nearly every line.
const WRONG: &str = r#"name = "Big Name"
colour = "red"
identity = ["when", "size", "tags"]
actor = "kind"
message = 7

[fact]
one = "two words"
kinds = []
scope = { name = "country", values = "planet", kind = 1 }
sums = ["a", "b", "c", "d", "e"]
place = "yes"

[columns]
size = "float"
tags = "texts"
weight = "heavy"
offset = "integer"

[[facets]]
one = "tag"
count = "everyone"

[fields]
"a.b.c" = "size"
place = "nowhere"
site = ["size", "tags"]

[[jobs]]
view = "missing"
per = "week"
key = ["day"]

[jobs.fields]
days = "days"
"#;

const PROBLEMS: [&str; 25] = [
    "line 1: `Big Name` is not a name: lower-case letters, digits and hyphens, a letter \
             first, at most 48",
    "line 2: unknown key `colour`; there are `about`, `actor`, `columns`, `decode`, \
             `deletions`, `echoes_within`, `facets`, `fact`, `fields`, `identity`, `jobs`, `live`, `message`, \
             `name`, `personal`, `sessions`, `state`, `statistics`, `title`, `visitor`",
    "line 3: there is no column `when`; there are `time`, `kind`, `country`, `a`, `b`, \
             `c`, `d`, `e`, `size`, `tags`, `weight`",
    "line 3: `size` cannot be a part of the identity: floats and lists do not compare \
             exactly",
    "line 3: `tags` cannot be a part of the identity: floats and lists do not compare \
             exactly",
    "line 4: `kind` is not one of `[columns]`",
    "line 5: `message` is not a text, but an integer",
    "line 7: `many` is missing in `[fact]`",
    "line 7: `kinds` is missing in `[fact]`: the names of 1 to 16 kinds of facts",
    "line 8: `two words` is not a name: lower-case letters, digits and underscores, a \
             letter first, at most 48",
    "line 10: `values` is `planet`; it can be `country` (ISO 3166), `language` (BCP 47) \
             or `text`",
    "line 10: unknown key `kind` in `[scope]`; there are `name`, `values`",
    "line 11: 5 sums; there may be 4",
    "line 12: `place` is not `true` or `false`, but a string",
    "line 17: the type of `weight` can be `boolean`, `integer`, `float`, `text`, `texts` \
             or `time`",
    "line 18: `offset` is a name of Pulso's own columns; choose another",
    "line 20: `many` is missing in `[[facets]]`",
    "line 22: `count` is `everyone`; it can be `facts` or `actors`",
    "line 25: `a.b.c` is not the name of a field: lower-case letters, digits and \
             underscores, with one dot at most",
    "line 26: there is no column `nowhere`; there are `time`, `kind`, `country`, `a`, \
             `b`, `c`, `d`, `e`, `size`, `tags`, `weight`",
    "line 27: `site` is the name of a column, or `[latitude, longitude]`: two columns of \
             floats",
    "line 29: there is no file `missing.sql` with the query of `missing`",
    "line 31: `per` is `week`; it can be `day` or `now`",
    "line 32: `day` is not one of `fields`",
    "line 35: the type of `days` can be `boolean`, `integer`, `float`, `text`, `texts`, \
             `time`, `day` or `location`",
];

#[test]
fn every_problem_is_found_at_once_with_its_line() {
    assert_eq!(problems(WRONG), PROBLEMS);
}

#[test]
fn a_text_that_is_no_toml_is_told_where() {
    let found = problems("name = \"x\"\n[fact]\none = \nmany = \"xs\"\nkinds = [\"x\"]\n");
    assert!(found[0].starts_with("line 3: "), "{found:?}");
}

const COLUMNS: &str = "there are `time`, `manner`, `country`, `birds`, `latitude`, `longitude`, \
                       `observer`, `site_latitude`, `site_longitude`, `tags`, `bird_species`, \
                       `species_names`, `marshes`, `marsh_names`";

#[test]
fn words_that_are_not_known_are_told_with_those_that_are() {
    let message = "`message` is `xml`; it can be `json` or `text`";
    check("message = \"text\"", "message = \"xml\"", 5, message);
    let identity = format!("there is no column `observers`; {COLUMNS}");
    check("[\"observer\", \"sec", "[\"observers\", \"sec", 7, &identity);
    check(
        "sums = [\"birds\"]",
        "sums = [\"birds\", 4]",
        17,
        "`sums` is not a list of texts, but an integer",
    );
    check("shown = false", "shown = \"no\"", 19, "`shown` is not `true` or `false`, but a string");
    let column_type =
        "the type of `tags` can be `boolean`, `integer`, `float`, `text`, `texts` or `time`";
    check("tags = \"texts\"", "tags = 5", 25, column_type);
    check("per = \"now\"", "per = \"week\"", 62, "`per` is `week`; it can be `day` or `now`");
    let field_type = "the type of `bird` can be `boolean`, `integer`, `float`, `text`, `texts`, `time`, \
                      `day` or `location`";
    check("bird = \"text\"", "bird = \"string\"", 66, field_type);
    let key = "unknown key `extent` in `[[jobs]]`; there are `edges`, `fields`, `key`, `per`, `personal`, `sql`, `title`, `view`";
    check("per = \"now\"", "per = \"now\"\nextent = \"all\"", 63, key);
}

#[test]
fn what_needs_another_is_told_what() {
    check("actor = \"observer\"", "actor = \"manner\"", 8, "`manner` is not one of `[columns]`");
    let actor = "`count` by actors needs an `actor` of the stream";
    check("actor = \"observer\"", "", 33, actor);
    let by_scope = "`by_scope` needs a `scope` in `[fact]`";
    let facet = "kinds = [\"tick\"]\n[[facets]]\none = \"tag\"\nmany = \"tags\"\nby_scope = true";
    let text = TICKS.replace("kinds = [\"tick\"]", facet);
    assert_eq!(problems(&text), [format!("line 8: {by_scope}")]);
    let identity = "`manner` is part of the identity, but no field shows it";
    check("manner = \"manner\"\n", "", 38, identity);
    let within = "`echoes_within` is for an `identity` without a time: echoes of this one have the time of \
                  their fact";
    let actor = "actor = \"observer\"";
    check(actor, &format!("{actor}\nechoes_within = \"1d\""), 9, within);
    let day = "`echoes_within` is `a day`, which is no time such as \"1d\" or \"1h30m\"";
    check(actor, &format!("{actor}\nechoes_within = \"a day\""), 9, day);
    let visitor = format!("{actor}\nvisitor = [\"tags\", \"manner\"]");
    check(actor, &visitor, 9, "`manner` is not one of `[columns]`");
    let missing = "there is no file `missing.sql` with the query of `marsh-days`";
    check("sql = \"marshes.sql\"", "sql = \"missing.sql\"", 52, missing);
    check("key = [\"bird\"]", "key = [\"birds\"]", 63, "`birds` is not one of `fields`");
    let key = "`key` is missing in `[[jobs]]`: the fields that tell its documents apart";
    check("key = [\"bird\"]", "", 60, key);
    assert_eq!(
        problems("name = \"x\""),
        ["line 1: `[fact]` is missing: it says what one fact is called"]
    );
}

#[test]
fn names_are_different() {
    let columns =
        "there are two columns `tags`; names of kinds, scope, sums, facets and columns differ";
    check("names = \"species_names\"", "names = \"tags\"", 1, columns);
    let reserved = |name| format!("`{name}` is a name of Pulso's own columns; choose another");
    check("tags = \"texts\"", "time = \"time\"", 25, &reserved("time"));
    check("many = \"marshes\"", "many = \"source\"", 1, &reserved("source"));
    let kinds = |kinds, problem| check("[\"heard\", \"seen\"]", kinds, 15, problem);
    kinds("[\"seen\", \"seen\"]", "there are two kinds `seen`");
    kinds("[\"seen\", \"\"]", "the name of a kind is empty");
    for view in [
        "bird-activity",
        "trending-marshes",
        "sighting-trends",
        "sightings",
        "marsh-days",
        "health",
    ] {
        let problem = format!("there are two views `{view}`");
        check("view = \"birds\"", &format!("view = \"{view}\""), 1, &problem);
    }
    let rank = "in the view `trending-marshes` there are two fields `rank`";
    check("one = \"marsh\"", "one = \"rank\"", 1, rank);
}

#[test]
fn fields_can_be_written_one_after_the_other() {
    let fields = |line, problem| check("species = \"bird_species\"", line, 45, problem);
    let dots = "`a.b.c` is not the name of a field: lower-case letters, digits and underscores, with one \
                dot at most";
    fields("\"a.b.c\" = \"tags\"", dots);
    fields("manner = \"tags\"", "duplicate key");
    fields("\"who.tags\" = \"tags\"", "`who.tags` stands apart from the other fields of `who`");
    fields("who = \"tags\"", "`who` cannot be a field: it holds others");
    fields("\"birds.tags\" = \"tags\"", "`birds.tags` cannot be a field: `birds` is one");
    let pair = "`site.location` is the name of a column, or `[latitude, longitude]`: two columns of floats";
    check("\"site_latitude\", \"site_longitude\"", "\"site_latitude\", \"tags\"", 44, pair);
    let apart = "`marsh.size` stands apart from the other fields of `marsh`";
    check(
        "complete = \"boolean\"",
        "complete = \"boolean\"\n\"marsh.size\" = \"float\"",
        59,
        apart,
    );
    let default = "in the view `ticks` there are two fields `location`";
    let text = TICKS.to_owned() + "place = true\n[columns]\nlocation = \"text\"\n";
    assert_eq!(problems(&text), [format!("line 1: {default}")]);
}

#[test]
fn documents_of_a_job_may_be_edges() {
    let edges = "key = [\"bird\"]\nedges = { from = \"bird\", to = \"marsh\", weight = \"seen\" }";
    let more = "\nmarsh = \"text\"\nseen = \"integer\"\n";
    let text = SIGHTINGS.replace("key = [\"bird\"]", edges);
    let with = text.replace("bird = \"text\"\n", &format!("bird = \"text\"{more}"));
    let views = good(&with).stream.views();
    let birds = views.iter().find(|view| view.name() == "birds").unwrap();
    let expected = pulso_model::Edges { from: "bird", to: "marsh", weight: "seen" };
    assert_eq!(birds.edges(), Some(expected));
    assert!(views.iter().filter(|view| view.edges().is_some()).count() == 1);

    let wrong = |weight: &str, message: &str| {
        let key = "key = [\"day\", \"marsh.name\"]";
        let ends = "from = \"marsh.name\", to = \"marsh.country\"";
        check(key, &format!("{key}\nedges = {{ {ends}, weight = \"{weight}\" }}"), 52, message);
    };
    wrong("birds", "`birds` is not one of `fields`");
    wrong("complete", "`complete` is of the type `boolean`; `weight` needs `integer`");
}
