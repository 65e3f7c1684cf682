//! Writes the descriptor and the program of what was guessed.

use std::fmt::Write;

use super::choices::Kind;
use super::facets::FacetField;
use super::fields::{MESSAGE, Path};
use super::names::{Names, identifier, of_path};
use super::roles::{ColumnField, Roles};
use super::sample::Sample;
use crate::descriptor::MessageFormat;

/// The kind of all that comes later.
const OTHER: &str = "other";

/// Lines of a program: the first and last of a block, and what is between.
type Block = (&'static str, Vec<(String, String)>);

/// What was guessed, with names.
pub(super) struct Named<'r> {
    stream: &'r str,
    sample: &'r Sample,
    copied: bool,
    roles: &'r Roles,
    /// Some messages have no time.
    pub(super) skips: Option<String>,
    one: String,
    many: String,
    activity: String,
    trends: String,
    pub(super) kind: String,
    kinds: Vec<String>,
    pub(super) scope: Option<String>,
    pub(super) sums: Vec<String>,
    pub(super) columns: Vec<String>,
    pub(super) facets: Vec<NamedFacet>,
}

pub(super) struct NamedFacet {
    pub(super) one: String,
    pub(super) many: String,
    pub(super) view: String,
    pub(super) by_scope: bool,
}

impl<'r> Named<'r> {
    pub(super) fn new(
        stream: &'r str,
        sample: &'r Sample,
        roles: &'r Roles,
        mut names: Names,
        (copied, skips): (bool, bool),
    ) -> Self {
        let (one, many) = names.facts(stream);
        let wishes = [view(&[&one, "activity"]), view(&[stream, "activity"])];
        let activity = names.view(&wishes, &[String::new()]);
        let kind_field = roles.kind.path().map_or("kind".to_owned(), of_path);
        let kind = names.column(&kind_field);
        let scope = roles.scope.as_ref().map(|scope| names.column(&of_path(&scope.path)));
        let sums = roles.sums.iter().map(|path| names.column(&of_path(path))).collect();
        let facets = roles.facets.iter().enumerate();
        let facets = facets
            .map(|(at, facet)| named_facet(&mut names, stream, facet, scope.as_deref(), at == 0))
            .collect();
        let wishes = [view(&[&one, "trends"]), view(&[stream, "trends"])];
        let trends = names.view(&wishes, &endings(scope.as_deref()));
        let columns = roles.columns.iter().map(|(path, _)| names.column(&of_path(path))).collect();
        let kinds = match &roles.kind {
            Kind::One => vec![one.clone()],
            Kind::Text { values, .. } => {
                let other = values.iter().all(|value| value != OTHER).then_some(OTHER.to_owned());
                values.iter().cloned().chain(other).collect()
            }
            Kind::Status { .. } => (1..=5).map(|class| format!("{class}xx")).collect(),
        };
        let skips = skips.then(|| format!("no_{}", identifier(roles.time.path.name())));
        Self {
            stream,
            sample,
            copied,
            roles,
            skips,
            one,
            many,
            activity,
            trends,
            kind,
            kinds,
            scope,
            sums,
            columns,
            facets,
        }
    }

    fn column_of(&self, path: &Path) -> &str {
        let at = self.roles.columns.iter().position(|(column, _)| column == path);
        at.map_or("", |at| &self.columns[at])
    }

    /// The text of `stream.toml`.
    pub(super) fn descriptor(&self) -> String {
        let mut text = String::new();
        let mut line = |line: String| text.push_str(&(line + "\n"));
        line(
            "# Guessed from a sample: look at every line, and say here what the stream is."
                .to_owned(),
        );
        line(format!("name = \"{}\"", self.stream));
        line(format!("title = \"{}\"", title(self.stream)));
        line("about = \"\"".to_owned());
        if self.sample.format == MessageFormat::Text {
            line("message = \"text\"".to_owned());
        }
        match &self.roles.identity {
            Some(path) => line(format!("identity = [\"{}\", \"time\"]", self.column_of(path))),
            None => line(NO_IDENTITY.to_owned()),
        }
        if let Some(path) = &self.roles.actor {
            line(format!("actor = \"{}\"", self.column_of(path)));
        }
        text.push_str(&self.fact());
        text.push_str(&self.columns_and_facets());
        text
    }

    fn fact(&self) -> String {
        let mut text = String::from("\n[fact]\n");
        let mut line = |line: String| text.push_str(&(line + "\n"));
        line(format!("one = \"{}\"", self.one));
        line(format!("many = \"{}\"", self.many));
        line(format!("activity = \"{}\"", self.activity));
        if self.trends != view(&[&self.one, "trends"]) {
            line(format!("trends = \"{}\"", self.trends));
        }
        line(format!("kind = \"{}\"", self.kind));
        line(format!("kinds = [{}]", quoted(&self.kinds)));
        if let (Some(name), Some(scope)) = (&self.scope, &self.roles.scope) {
            let values = scope.values;
            line(format!("scope = {{ name = \"{name}\", values = \"{values}\" }}"));
        }
        if !self.sums.is_empty() {
            line(format!("sums = [{}]", quoted(&self.sums)));
        }
        if self.roles.place.is_some() {
            line("place = true".to_owned());
        }
        text
    }

    fn columns_and_facets(&self) -> String {
        let mut text = String::new();
        if !self.columns.is_empty() {
            text.push_str("\n[columns]\n");
        }
        for (name, (_, column)) in self.columns.iter().zip(&self.roles.columns) {
            text.push_str(&format!("{name} = \"{}\"\n", column_type(column)));
        }
        for facet in &self.facets {
            let NamedFacet { one, many, view, by_scope } = facet;
            text.push_str(&format!("\n[[facets]]\none = \"{one}\"\nmany = \"{many}\"\n"));
            if *view != self::view(&["trending", many]) {
                text.push_str(&format!("view = \"{view}\"\n"));
            }
            if *by_scope {
                text.push_str("by_scope = true\n");
            }
            if self.roles.actor.is_some() {
                text.push_str(COUNT_ACTORS);
            }
        }
        text
    }

    /// The text of `decode.vrl`.
    pub(super) fn program(&self) -> String {
        let roles = self.roles;
        let mut text = String::from(
            "# Guessed from a sample. The message is `.`, and so is the fact that is left there at the end.\n",
        );
        let mut line = |line: String| text.push_str(&(line + "\n"));
        if let Some(preamble) = self.sample.preamble {
            line(preamble.to_owned());
        }
        if self.copied {
            line(format!("{MESSAGE} = .  # some of its fields are called like parts of a fact"));
        }
        if let Some(reason) = &self.skips {
            line(format!("if {} == null {{ abort \"{reason}\" }}", roles.time.path));
        }
        line(String::new());
        line(format!(".time = {}", roles.time.required()));
        if let Some(path) = roles.identity.as_ref().or(roles.actor.as_ref()) {
            line(format!(".key = {path}"));
        }
        match &roles.kind {
            Kind::One => {}
            Kind::Text { path, values } => line(format!(
                ".kind = if includes([{}], {path}) {{ {path} }} else {{ \"{OTHER}\" }}",
                quoted(values)
            )),
            Kind::Status { path } => {
                line(format!(".kind = to_string(to_int(floor(int!({path}) / 100))) + \"xx\""));
            }
        }
        if let Some(scope) = &roles.scope {
            let first = if scope.first { "[0]" } else { "" };
            line(format!(".scope = {}{first}", scope.path));
        }
        if let Some(place) = &roles.place {
            line(format!(".place = {}", place.expression()));
        }
        for block in self.blocks() {
            text.push_str(&written(&block));
        }
        text
    }

    /// Objects that are assigned as a whole: after `. = …` VRL knows what `.` has.
    fn blocks(&self) -> [Block; 3] {
        let sums = self.sums.iter().cloned().zip(self.roles.sums.iter().map(ToString::to_string));
        let facets = self.facets.iter().map(|facet| facet.many.clone());
        let terms = facets.zip(self.roles.facets.iter().map(FacetField::expression));
        let value = |(path, column): &(Path, ColumnField)| match column {
            ColumnField::Time(time) => time.optional().unwrap_or_default(),
            _ => path.to_string(),
        };
        let columns = self.columns.iter().cloned().zip(self.roles.columns.iter().map(value));
        [("sums", sums.collect()), ("terms", terms.collect()), ("columns", columns.collect())]
    }
}

const NO_IDENTITY: &str = "# identity = [\"…\"]      # columns that tell facts apart; without, each message is a fact of its own";

const COUNT_ACTORS: &str =
    "# count = \"actors\"      # so that one who repeats himself does not make a trend\n";

fn named_facet(
    names: &mut Names,
    stream: &str,
    facet: &FacetField,
    scope: Option<&str>,
    by_scope: bool,
) -> NamedFacet {
    let (one, many) = names.one_and_many(&facet.name());
    let scope = scope.filter(|_| by_scope);
    let endings = endings(scope);
    let wishes = [view(&["trending", &many]), view(&["trending", stream, &many])];
    let view = names.view(&wishes, &endings);
    NamedFacet { one, many, view, by_scope: scope.is_some() }
}

/// What the names of views of trends end in: worldwide and by scope.
fn endings(scope: Option<&str>) -> Vec<String> {
    let by_scope = scope.map(|scope| format!("-by-{}", scope.replace('_', "-")));
    [String::new()].into_iter().chain(by_scope).collect()
}

fn written((part, members): &Block) -> String {
    let mut text = String::new();
    if !members.is_empty() {
        writeln!(text, ".{part} = {{").expect("a text takes all");
        for (name, value) in members {
            writeln!(text, "  \"{name}\": {value},").expect("a text takes all");
        }
        text.push_str("}\n");
    }
    text
}

fn column_type(column: &ColumnField) -> &'static str {
    match column {
        ColumnField::Boolean => "boolean",
        ColumnField::Integer => "integer",
        ColumnField::Float => "float",
        ColumnField::Text => "text",
        ColumnField::Texts => "texts",
        ColumnField::Time(_) => "time",
    }
}

fn quoted(texts: &[String]) -> String {
    texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", ")
}

fn view(words: &[&str]) -> String {
    words.join("-").replace('_', "-")
}

fn title(stream: &str) -> String {
    let mut letters = stream.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect::<String>().replace('-', " ")
}
