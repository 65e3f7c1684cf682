//! Reads `stream.toml`: what a stream is called, what its facts are made of, and which views show them.
//!
//! Every problem of a file is told at once, with its line and with what is allowed there.

mod deletions;
mod fields;
mod parts;
mod sessions;
mod statistics;
mod table;
#[cfg(test)]
mod tests;
mod views;
mod words;

use std::cell::RefCell;
use std::time::Duration;

use pulso_model::{
    Column, ColumnType, Counts, FACETS_MAX, Facet, Job, KINDS_MAX, KindField, Names, SUMS_MAX,
    ScopeField, ScopeValues, Stream, View, ViewDescriptor, ViewKind,
};
use toml::de::DeTable;

pub(crate) use parts::RESERVED;
use parts::{Parts, reserved};
pub use table::Problem;
use table::{Placed, Problems, Table};
pub use words::column_type_name;
use words::{check_name, column_type, leak};
pub(crate) use words::{is_reserved_view, problem_of_stream_name};

/// What a descriptor says.
#[derive(Debug)]
pub struct Descriptor {
    pub stream: Stream,
    pub message: MessageFormat,
    /// The file with the program that decodes; `None` for a stream that Pulso decodes itself.
    pub decode: Option<String>,
}

/// What a message is, before it is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageFormat {
    #[default]
    Json,
    /// A line of text.
    Text,
}

/// Reads a descriptor. `file` gives the text of a file beside it.
///
/// # Errors
/// Every problem, in the order of lines.
pub fn read(text: &str, file: &dyn Fn(&str) -> Option<String>) -> Result<Descriptor, Vec<Problem>> {
    let (parsed, errors) = DeTable::parse_recoverable(text);
    let problems = RefCell::new(Problems::new(text));
    for error in errors {
        let span = error.span().unwrap_or_default();
        problems.borrow_mut().add(&span, error.message());
    }
    let whole = Table::new(parsed.get_ref(), "", 0..0, &problems);
    let descriptor = Reader { file }.read(whole);
    for message in descriptor.iter().flat_map(|read| words::taken(&read.stream.views())) {
        problems.borrow_mut().add(&(0..0), message);
    }
    let problems = problems.into_inner().into_vec();
    match descriptor {
        Some(descriptor) if problems.is_empty() => Ok(descriptor),
        _ => Err(problems),
    }
}

struct Reader<'f> {
    file: &'f dyn Fn(&str) -> Option<String>,
}

/// What `[fact]` says.
struct RawFact {
    names: Names,
    kind: KindField,
    scope: Option<ScopeField>,
    sums: Vec<&'static str>,
    place: bool,
    shown: bool,
    activity: &'static str,
    trends: &'static str,
}

impl Reader<'_> {
    /// `None` only when a problem was found.
    fn read(&self, mut whole: Table<'_, '_>) -> Option<Descriptor> {
        let name = whole.required_text("name");
        let name = name.and_then(|name| check_name(&whole, &name).then_some(leak(name.value)));
        let title = whole.text("title").map(|title| leak(title.value)).or(name);
        let about = whole.text("about").map_or("", |about| leak(about.value));
        let live = whole.texts("live").into_iter().map(|url| leak(url.value)).collect();
        let message = message_format(&mut whole);
        let decode = whole.text("decode").map(|file| file.value.to_owned());
        let [identity, visitor] = ["identity", "visitor"].map(|key| whole.texts(key));
        let echoes_within = whole.duration("echoes_within");
        let [actor, state] = ["actor", "state"].map(|key| whole.text(key));
        let personal = whole.optional_texts("personal");
        let fact = fact(&mut whole);
        let columns = columns(&mut whole);
        let [facets, jobs, statistics, sessions, deletions] =
            ["facets", "jobs", "statistics", "sessions", "deletions"].map(|key| whole.tables(key));
        let fields = whole.table("fields");

        let Some(fact) = fact else {
            whole.finish();
            return None;
        };
        // What is missing has been told; a stand-in lets all that follows be read.
        let (name, title) = (name.unwrap_or("stream"), title.or(name).unwrap_or("stream"));
        let facets = read_facets(&whole, facets, name, fact.scope, actor.is_some());
        let parts = parts_of(&whole, &fact, &columns, &facets);
        let identity: Vec<_> =
            identity.iter().filter_map(|part| parts.of_identity(&whole, part)).collect();
        let [actor, state] = [actor, state].map(|name| parts.column(&whole, &name?));
        let personal = parts.of_people(&whole, personal, actor);
        let statistics = statistics::read(statistics, name, &fact, &parts, &personal);
        let visitor = parts.columns(&whole, &visitor);
        let keys = sessions::Keys { columns: &columns, actor, visitor: &visitor };
        let of = sessions::Reader { stream: name, fact: &fact, facets: &facets, parts: &parts };
        let sessions = of.sessions(sessions, &keys, &personal);
        let by_default = fields.is_none();
        let facts_view = fields::facts_view(name, &fact, fields, &parts, &facets, &identity);
        let jobs = jobs.into_iter().filter_map(|job| self.job(job, name, fact.scope)).collect();
        let activity_view = views::activity_view(name, title, &fact);
        let ended_views = views::ended_views(name, fact.trends, &facets, fact.scope);
        let Some(facts_view) = facts_view else {
            whole.finish();
            return None;
        };
        let stream = Stream {
            name,
            title,
            about,
            live,
            fact: fact.names,
            kind: fact.kind,
            scope: fact.scope,
            sums: fact.sums,
            place: fact.place,
            columns,
            actor,
            visitor,
            personal,
            deletions: deletions::read(deletions, &parts),
            state,
            identity,
            echoes_within: echoes_within.as_ref().map(|within| within.value),
            facets,
            statistics,
            sessions,
            facts_view,
            activity_view,
            trends_view: ended_views[0],
            trends_by_scope_view: ended_views[1],
            jobs,
        };
        check(whole, &stream, echoes_within.as_ref(), by_default);
        Some(Descriptor { stream, message, decode })
    }

    fn job(
        &self,
        mut job: Table<'_, '_>,
        stream: &'static str,
        scope: Option<ScopeField>,
    ) -> Option<Job> {
        let name = job.required_text("view")?;
        let named = check_name(&job, &name);
        let title = job.text("title").map_or(name.value, |title| title.value);
        let kind = match job.required_text("per") {
            Some(Placed { value: "day", .. }) => Some(ViewKind::BatchDay),
            Some(Placed { value: "now", .. }) => Some(ViewKind::Now),
            Some(other) => {
                let message = format!("`per` is `{}`; it can be `day` or `now`", other.value);
                job.problem(&other.span, message);
                None
            }
            None => None,
        };
        let fields = job.table("fields").map(|fields| fields::declared(&fields));
        if fields.is_none() {
            job.problem(
                &job.span().clone(),
                "`fields` is missing in `[[jobs]]`: the columns of the query",
            );
        }
        let fields = fields.unwrap_or_default();
        let key = fields::key(&mut job, &fields);
        let personal = fields::personal(&mut job, &fields);
        let edges = fields::edges(&mut job, &fields);
        let default_file = format!("{}.sql", name.value);
        let file = job.text("sql");
        let span = file.as_ref().map_or(job.span().clone(), |file| file.span.clone());
        let file = file.map_or(default_file, |file| file.value.to_owned());
        let sql = (self.file)(&file);
        if sql.is_none() {
            job.problem(
                &span,
                format!("there is no file `{file}` with the query of `{}`", name.value),
            );
        }
        job.finish();
        let scope_field = scope.and_then(|scope| fields::scope_field(&fields, scope.name));
        let view = View::new(ViewDescriptor {
            name: leak(name.value),
            title: leak(title),
            stream: Some(stream),
            kind: kind?,
            fields: fields.leak(),
            key: key.leak(),
            aliases: scope_field
                .and_then(fields::scope_alias)
                .into_iter()
                .collect::<Vec<_>>()
                .leak(),
            scope_field,
            position_field: None,
            first_write_wins: false,
            edges,
        });
        named.then_some(Job { view, personal: personal.leak(), sql: leak(&sql?) })
    }
}

fn message_format(whole: &mut Table<'_, '_>) -> MessageFormat {
    match whole.text("message") {
        None | Some(Placed { value: "json", .. }) => MessageFormat::Json,
        Some(Placed { value: "text", .. }) => MessageFormat::Text,
        Some(other) => {
            let message = format!("`message` is `{}`; it can be `json` or `text`", other.value);
            whole.problem(&other.span, message);
            MessageFormat::Json
        }
    }
}

/// What facts consist of, under different names.
fn parts_of(whole: &Table<'_, '_>, fact: &RawFact, columns: &[Column], facets: &[Facet]) -> Parts {
    let mut parts = Parts::new(&fact.kind, fact.scope, &fact.sums, fact.place, columns);
    facets.iter().enumerate().for_each(|(at, facet)| parts.add_facet(at, facet));
    parts.check_unique(whole);
    parts
}

/// Checks what only the whole stream tells.
fn check(
    whole: Table<'_, '_>,
    stream: &Stream,
    echoes_within: Option<&Placed<Duration>>,
    by_default: bool,
) {
    check_echoes(&whole, stream, echoes_within);
    views::check(&whole, stream, by_default);
    whole.finish();
}

fn check_echoes(whole: &Table<'_, '_>, stream: &Stream, within: Option<&Placed<Duration>>) {
    if let Some(within) = within
        && stream.echoes_have_its_time()
    {
        let message = "`echoes_within` is for an `identity` without a time: echoes of this one have the \
            time of their fact";
        whole.problem(&within.span, message);
    }
}

fn fact(whole: &mut Table<'_, '_>) -> Option<RawFact> {
    let fact = whole.table("fact");
    if fact.is_none() {
        let message = "`[fact]` is missing: it says what one fact is called";
        whole.problem(&whole.span().clone(), message);
    }
    fact.map(raw_fact)
}

/// What is missing has a stand-in once it has been told.
fn raw_fact(mut fact: Table<'_, '_>) -> RawFact {
    let one = fact.required_text("one");
    let many = fact.required_text("many");
    let kind = fact.text("kind");
    for word in [&one, &many, &kind].into_iter().flatten() {
        words::check_column(&fact, word);
    }
    let kinds = kinds(&mut fact);
    let sums = fact.texts("sums");
    if let Some(over) = sums.get(SUMS_MAX) {
        fact.problem(&over.span, format!("{} sums; there may be {SUMS_MAX}", sums.len()));
    }
    for sum in &sums {
        words::check_column(&fact, sum);
    }
    let place = fact.boolean("place").unwrap_or(false);
    let shown = fact.boolean("shown").unwrap_or(true);
    let scope = fact.table("scope").and_then(scope_field);
    let activity = fact.text("activity");
    let trends = fact.text("trends");
    for view in [&activity, &trends].into_iter().flatten() {
        check_name(&fact, view);
    }
    fact.finish();
    let or = |word: Option<Placed<&str>>, other| word.map_or(other, |word| leak(word.value));
    let names = Names { one: or(one, "fact"), many: or(many, "facts") };
    let view = |name: Option<Placed<&str>>, of: &str| match name {
        Some(name) => leak(name.value),
        None => leak(&format!("{}-{of}", words::view_name(names.one))),
    };
    let (activity, trends) = (view(activity, "activity"), view(trends, "trends"));
    let kind = KindField { name: or(kind, "kind"), values: kinds };
    let sums = sums.iter().map(|sum| leak(sum.value)).collect();
    RawFact { names, kind, scope, sums, place, shown, activity, trends }
}

/// The names of kinds: documents of two with one name would be one.
fn kinds(fact: &mut Table<'_, '_>) -> Vec<&'static str> {
    let kinds = fact.texts("kinds");
    if kinds.is_empty() {
        fact.problem(
            &fact.span().clone(),
            "`kinds` is missing in `[fact]`: the names of 1 to 16 kinds of facts",
        );
    }
    if let Some(over) = kinds.get(KINDS_MAX) {
        fact.problem(&over.span, format!("{} kinds; there may be {KINDS_MAX}", kinds.len()));
    }
    let mut names = Vec::new();
    for kind in kinds {
        if kind.value.is_empty() {
            fact.problem(&kind.span, "the name of a kind is empty");
        }
        if names.contains(&kind.value) {
            fact.problem(&kind.span, format!("there are two kinds `{}`", kind.value));
        }
        names.push(kind.value);
    }
    names.into_iter().map(leak).collect()
}

fn scope_field(mut scope: Table<'_, '_>) -> Option<ScopeField> {
    let name = scope.required_text("name");
    let values = match scope.text("values") {
        None | Some(Placed { value: "text", .. }) => ScopeValues::Text,
        Some(Placed { value: "country", .. }) => ScopeValues::Country,
        Some(Placed { value: "language", .. }) => ScopeValues::Language,
        Some(other) => {
            let message = format!(
                "`values` is `{}`; it can be `country` (ISO 3166), `language` (BCP 47) or `text`",
                other.value
            );
            scope.problem(&other.span, message);
            ScopeValues::Text
        }
    };
    if let Some(name) = &name {
        words::check_column(&scope, name);
    }
    scope.finish();
    Some(ScopeField { name: leak(name?.value), values })
}

fn columns(whole: &mut Table<'_, '_>) -> Vec<Column> {
    let Some(table) = whole.table("columns") else { return Vec::new() };
    let mut columns = Vec::new();
    for (name, value) in table.entries() {
        if !words::check_column(&table, &name) {
            continue;
        }
        if RESERVED.contains(&name.value) {
            table.problem(&name.span, reserved(name.value));
            continue;
        }
        // A wrong type has been told; other parts may name the column.
        let column_type = column_type(&table, &name, value).unwrap_or(ColumnType::Text);
        columns.push(Column { name: leak(name.value), column_type });
    }
    columns
}

fn read_facets(
    whole: &Table<'_, '_>,
    facets: Vec<Table<'_, '_>>,
    stream: &'static str,
    scope: Option<ScopeField>,
    has_actor: bool,
) -> Vec<Facet> {
    if let Some(over) = facets.get(FACETS_MAX) {
        let message = format!("{} facets; there may be {FACETS_MAX}", facets.len());
        whole.problem(over.span(), message);
    }
    let read = |facet| read_facet(facet, stream, scope, has_actor);
    facets.into_iter().filter_map(read).collect()
}

fn read_facet(
    mut facet: Table<'_, '_>,
    stream: &'static str,
    scope: Option<ScopeField>,
    has_actor: bool,
) -> Option<Facet> {
    let one = facet.required_text("one");
    let many = facet.required_text("many");
    let names = facet.text("names");
    for word in [&one, &many, &names].into_iter().flatten() {
        words::check_column(&facet, word);
    }
    let counts = match facet.text("count") {
        None | Some(Placed { value: "facts", .. }) => Counts::Facts,
        Some(Placed { value: "actors", .. }) => Counts::Actors,
        Some(other) => {
            let message = format!("`count` is `{}`; it can be `facts` or `actors`", other.value);
            facet.problem(&other.span, message);
            Counts::Facts
        }
    };
    if counts == Counts::Actors && !has_actor {
        facet.problem(&facet.span().clone(), "`count` by actors needs an `actor` of the stream");
    }
    let view_name = facet.text("view");
    if let Some(name) = &view_name {
        check_name(&facet, name);
    }
    let by_scope = facet.boolean("by_scope").unwrap_or(false);
    if by_scope && scope.is_none() {
        let message = "`by_scope` needs a `scope` in `[fact]`";
        facet.problem(&facet.span().clone(), message);
    }
    facet.finish();
    let term = Names { one: leak(one?.value), many: leak(many?.value) };
    let names_column = match names {
        Some(names) => leak(names.value),
        None => leak(&format!("{}_names", term.one)),
    };
    let view_name = match view_name {
        Some(name) => name.value.to_owned(),
        None => format!("trending-{}", words::view_name(term.many)),
    };
    let view = |scope| views::trends_view(stream, &view_name, term, counts, scope);
    let by_scope_view = scope.filter(|_| by_scope).map(|scope| view(Some(scope)));
    Some(Facet { term, names_column, counts, view: view(None), by_scope_view })
}
