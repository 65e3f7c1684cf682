//! Reads `[[deletions]]`: which messages take facts back, and which facts.

use pulso_model::{ColumnType, Deletion};

use super::parts::Parts;
use super::table::{Placed, Table};
use super::words::leak;

pub(super) fn read(tables: Vec<Table<'_, '_>>, parts: &Parts) -> Vec<Deletion> {
    tables.into_iter().filter_map(|table| deletion(table, parts)).collect()
}

/// `None` only when a problem was found.
fn deletion(mut table: Table<'_, '_>, parts: &Parts) -> Option<Deletion> {
    let skipped = table.required_text("skipped");
    let named = table.table("columns");
    if named.is_none() {
        let message = "`columns` is missing in `[[deletions]]`: where messages name the facts";
        table.problem(&table.span().clone(), message);
    }
    let columns: Vec<_> = named.map(|named| columns(named, parts)).unwrap_or_default();
    table.finish();
    Some(Deletion { skipped: leak(skipped?.value), columns })
}

fn columns(mut table: Table<'_, '_>, parts: &Parts) -> Vec<(usize, Vec<&'static str>)> {
    let mut columns = Vec::new();
    for (name, _) in table.entries() {
        let paths = table.texts(leak(name.value));
        let Some(column) = column(&table, &name, parts) else { continue };
        if paths.is_empty() {
            let message = format!("`{}` needs one path in a message at least", name.value);
            table.problem(&name.span, message);
        }
        columns.push((column, paths.into_iter().map(|path| leak(path.value)).collect()));
    }
    if table.entries().is_empty() {
        let message = "`columns` is empty: it would take back every fact";
        table.problem(&table.span().clone(), message);
    }
    columns
}

fn column(table: &Table<'_, '_>, name: &Placed<&str>, parts: &Parts) -> Option<usize> {
    let column = parts.column(table, name)?;
    let (_, column_type) = parts.named(table, name)?;
    let comparable = matches!(column_type, ColumnType::Text | ColumnType::Integer);
    if !comparable {
        let message = format!("`{}` cannot name facts: only texts and integers can", name.value);
        table.problem(&name.span, message);
    }
    comparable.then_some(column)
}

#[cfg(test)]
mod tests {
    use crate::descriptor::tests::{SIGHTINGS, good};

    const DELETIONS: &str = r#"
[[deletions]]
skipped = "withdrawn"

[deletions.columns]
observer = ["who", "payload.who"]
"#;

    #[test]
    fn deletions_name_columns_and_where_messages_say_them() {
        assert_eq!(good(SIGHTINGS).stream.deletions, []);
        let stream = good(&format!("{SIGHTINGS}{DELETIONS}")).stream;
        let [deletion] = &stream.deletions[..] else { panic!("{:?}", stream.deletions) };
        assert_eq!(deletion.skipped, "withdrawn");
        assert_eq!(deletion.columns, [(0, vec!["who", "payload.who"])]);
        assert!(deletion.is_of_person(&stream));
    }

    #[test]
    fn a_deletion_that_says_too_little_is_refused() {
        let check = |before: &str, after: &str, expected: &[&str]| {
            let deletions = DELETIONS.replacen(before, after, 1);
            let file = |_: &str| Some("SELECT 1".to_owned());
            let read = crate::descriptor::read(&format!("{SIGHTINGS}{deletions}"), &file);
            let problems = read.unwrap_err().into_iter().map(|problem| problem.message);
            assert_eq!(problems.collect::<Vec<_>>(), expected, "{after}");
        };
        check("skipped = \"withdrawn\"", "", &["`skipped` is missing in `[[deletions]]`"]);
        check("observer =", "manner =", &["`manner` is not one of `[columns]`"]);
        let float = "`site_latitude` cannot name facts: only texts and integers can";
        check("observer =", "site_latitude =", &[float]);
        let no_path = "`observer` needs one path in a message at least";
        check("[\"who\", \"payload.who\"]", "[]", &[no_path]);
        let empty = "`columns` is empty: it would take back every fact";
        check("observer = [\"who\", \"payload.who\"]", "", &[empty]);
        let missing = "`columns` is missing in `[[deletions]]`: where messages name the facts";
        let columns = "[deletions.columns]\nobserver = [\"who\", \"payload.who\"]\n";
        check(columns, "", &[missing]);
    }
}
