//! Contacts as CSV (RFC 4180).

use super::answers::ContactEntry;

const HEAD: &str =
    "time,person,name,event,event_name,by,note,km,reasons,converted,converted_event\r\n";

pub(super) fn of(contacts: &[ContactEntry]) -> String {
    let mut csv = HEAD.to_owned();
    for contact in contacts {
        let km = contact.km.map(|km| km.to_string());
        let cells = [
            Some(&contact.time),
            Some(&contact.person),
            Some(&contact.name),
            Some(&contact.event),
            contact.event_name.as_ref(),
            Some(&contact.by),
            Some(&contact.note),
            km.as_ref(),
            Some(&contact.reasons.join("; ")),
            contact.converted.as_ref(),
            contact.converted_event.as_ref(),
        ]
        .map(|cell| quoted(cell.map_or("", String::as_str)));
        csv.push_str(&cells.join(","));
        csv.push_str("\r\n");
    }
    csv
}

/// Text that a spreadsheet would take for a formula begins with an apostrophe: names and notes come from
/// anybody.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    match cell.contains(['"', ',', '\r', '\n', ';']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        assert_eq!(quoted("plain"), "plain");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\"\n"), "\"say \"\"hi\"\"\n\"");
        assert_eq!(quoted("=HYPERLINK(1,2)"), "\"'=HYPERLINK(1,2)\"");
        assert_eq!(quoted("@home"), "'@home");
    }
}
