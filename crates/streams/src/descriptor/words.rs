//! Names and types, as descriptors spell them.

use pulso_model::{ColumnType, FieldType, View};
use toml::Spanned;
use toml::de::DeValue;

use super::table::{Placed, Table};

/// The longest name of a stream, a view or a column: indices have names made of several.
const NAME_MAX: usize = 48;

/// What the stores and the API call other things that lie beside the views.
const TAKEN: [&str; 7] =
    ["checkpoints", "days", "generations", "layers", "status", "streams", "views"];

/// What the stores append to the name of a view: `posts-speed-…` would be of the view `posts`.
const APPENDED: [&str; 3] = ["batch", "empty", "speed"];

/// A stream is read once and lives as long as the program.
pub(super) fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// The name of a view made of that of a column.
pub(super) fn view_name(column: &str) -> String {
    column.replace('_', "-")
}

/// Whether the stores use such a name.
pub(crate) fn is_reserved_view(name: &str) -> bool {
    TAKEN.contains(&name) || name.split('-').skip(1).any(|word| APPENDED.contains(&word))
}

/// A title made of a name.
pub(super) fn capitalised(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect::<String>().replace(['_', '-'], " ")
}

/// Streams and views: lower-case letters, digits and hyphens.
pub(super) fn check_name(table: &Table<'_, '_>, name: &Placed<&str>) -> bool {
    check(table, name, '-', "hyphens")
}

/// Finds the views that the stores or the API would take for something else.
pub(super) fn taken(views: &[View]) -> Vec<String> {
    let names = views.iter().map(|view| view.name()).filter(|name| is_reserved_view(name));
    names
        .map(|name| {
            format!("a view cannot be called `{name}`: the stores or the API use such a name")
        })
        .collect()
}

/// Columns, kinds of facts and of terms: lower-case letters, digits and underscores, as SQL and JSON
/// need no quotes for them.
pub(super) fn check_column(table: &Table<'_, '_>, name: &Placed<&str>) -> bool {
    check(table, name, '_', "underscores")
}

fn check(table: &Table<'_, '_>, name: &Placed<&str>, separator: char, separators: &str) -> bool {
    let problem = problem_of_name(name.value, separator, separators);
    problem.map(|problem| table.problem(&name.span, problem)).is_none()
}

/// Why a stream cannot be called so.
pub(crate) fn problem_of_stream_name(name: &str) -> Option<String> {
    problem_of_name(name, '-', "hyphens")
}

fn problem_of_name(name: &str, separator: char, separators: &str) -> Option<String> {
    let inside = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == separator
    };
    let valid = name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.chars().all(inside)
        && name.len() <= NAME_MAX;
    (!valid).then(|| {
        format!(
            "`{name}` is not a name: lower-case letters, digits and {separators}, a letter first, at most \
             {NAME_MAX}"
        )
    })
}

pub(super) fn column_type(
    table: &Table<'_, '_>,
    name: &Placed<&str>,
    value: &Spanned<DeValue<'_>>,
) -> Option<ColumnType> {
    let found = match value.get_ref().as_str() {
        Some("boolean") => Some(ColumnType::Boolean),
        Some("integer") => Some(ColumnType::Integer),
        Some("float") => Some(ColumnType::Float),
        Some("text") => Some(ColumnType::Text),
        Some("texts") => Some(ColumnType::Texts),
        Some("time") => Some(ColumnType::Time),
        _ => None,
    };
    if found.is_none() {
        let message = format!(
            "the type of `{}` can be `boolean`, `integer`, `float`, `text`, `texts` or `time`",
            name.value
        );
        table.problem(&value.span(), message);
    }
    found
}

/// The type of a field that a job declares.
pub(super) fn field_type(
    table: &Table<'_, '_>,
    name: &Placed<&str>,
    value: &Spanned<DeValue<'_>>,
) -> Option<FieldType> {
    let found = match value.get_ref().as_str() {
        Some("boolean") => Some(FieldType::Boolean),
        Some("integer") => Some(FieldType::Integer),
        Some("float") => Some(FieldType::Float),
        Some("text") => Some(FieldType::Text),
        Some("texts") => Some(FieldType::TextList),
        Some("time") => Some(FieldType::Time),
        Some("day") => Some(FieldType::Day),
        Some("location") => Some(FieldType::Location),
        _ => None,
    };
    if found.is_none() {
        let message = format!(
            "the type of `{}` can be `boolean`, `integer`, `float`, `text`, `texts`, `time`, `day` or \
             `location`",
            name.value
        );
        table.problem(&value.span(), message);
    }
    found
}

/// A type as descriptors spell it.
pub fn column_type_name(column_type: ColumnType) -> &'static str {
    shown_as(column_type).name()
}

/// The field that shows a column.
pub(super) fn shown_as(column_type: ColumnType) -> FieldType {
    match column_type {
        ColumnType::Boolean => FieldType::Boolean,
        ColumnType::Integer => FieldType::Integer,
        ColumnType::Float => FieldType::Float,
        ColumnType::Text => FieldType::Text,
        ColumnType::Texts => FieldType::TextList,
        ColumnType::Time => FieldType::Time,
    }
}

#[cfg(test)]
mod tests {
    use crate::descriptor::read;

    #[test]
    fn views_have_names_that_no_store_uses() {
        let problems = |activity: &str| -> Vec<String> {
            let text = format!(
                "name = \"clicks\"\n[fact]\none = \"click\"\nmany = \"clicks\"\n\
                 kinds = [\"click\"]\nactivity = \"{activity}\"\n"
            );
            let read = read(&text, &|_| None);
            read.err().into_iter().flatten().map(|problem| problem.to_string()).collect()
        };
        for free in ["click-activity", "batch-clicks", "click-days", "speedy-clicks"] {
            assert_eq!(problems(free), [""; 0], "{free}");
        }
        for taken in [
            "days",
            "checkpoints",
            "generations",
            "status",
            "streams",
            "clicks-speed",
            "clicks-batch-runs",
        ] {
            let found = problems(taken).concat();
            assert!(found.contains(&format!("`{taken}`")), "{taken}: {found:?}");
        }
    }

    /// Another stream may have the usual view already.
    #[test]
    fn a_facet_can_name_its_views() {
        let read = |facet: &str| {
            let text = format!(
                "name = \"clicks\"\n[fact]\none = \"click\"\nmany = \"clicks\"\n\
                 kinds = [\"click\"]\nscope = {{ name = \"country\" }}\n\
                 [[facets]]\none = \"domain\"\nmany = \"domains\"\nby_scope = true\n{facet}"
            );
            let read = read(&text, &|_| None);
            read.map(|read| read.stream.facets[0]).map_err(|problems| problems[0].to_string())
        };
        let titles = |facet: &str| {
            let facet = read(facet).unwrap();
            let views = [Some(facet.view), facet.by_scope_view];
            views.map(|view| view.map_or(("", ""), |view| (view.name(), view.title())))
        };
        let usual = [
            ("trending-domains", "Trending domains"),
            ("trending-domains-by-country", "Trending domains by country"),
        ];
        assert_eq!(titles(""), usual);
        let named =
            [("hot-domains", "Hot domains"), ("hot-domains-by-country", "Hot domains by country")];
        assert_eq!(titles("view = \"hot-domains\""), named);
        let wrong = "line 11: `Hot` is not a name: lower-case letters, digits and hyphens, a letter first, \
                     at most 48";
        assert_eq!(read("view = \"Hot\"").unwrap_err(), wrong);
    }
}
