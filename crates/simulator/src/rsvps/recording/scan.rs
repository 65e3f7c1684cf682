//! Finds the fields of a JSON object without building it.
//!
//! It is only as strict as cutting out numbers safely requires: it skips strings with their
//! escapes, counts brackets, and does not look into nested objects.

/// One field at the top level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// As written, without the quotes.
    pub(super) key: &'a str,
    /// As written, with the quotes of a string.
    pub(super) value: &'a str,
    /// Byte position of the value.
    pub(super) start: usize,
}

/// The fields of the object in `text`, or `None` if its brackets or quotes do not match.
pub(super) fn top_level(text: &str) -> Option<Vec<Field<'_>>> {
    let bytes = text.as_bytes();
    let mut at = skip_space(bytes, 0);
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    at += 1;
    let mut fields = Vec::with_capacity(10);
    loop {
        let key_start = skip_space(bytes, at);
        let key_end = string_end(bytes, key_start)?;
        let colon = skip_space(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let start = skip_space(bytes, colon + 1);
        let end = value_end(bytes, start)?;
        let value = text.get(start..end)?.trim_end();
        fields.push(Field { key: text.get(key_start + 1..key_end - 1)?, value, start });
        at = end + 1;
        if bytes.get(end) == Some(&b'}') {
            break;
        }
    }
    (skip_space(bytes, at) == bytes.len()).then_some(fields)
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The position behind the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> Option<usize> {
    if bytes.get(start) != Some(&b'"') {
        return None;
    }
    let mut at = start + 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// The position of the `,` or `}` that ends the value that begins at `start`.
fn value_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = string_end(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b',' | b'}' if depth == 0 => return Some(at),
            b'}' | b']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[(&str, &str)]>) {
        let fields = top_level(text);
        let found = fields
            .as_ref()
            .map(|fields| fields.iter().map(|field| (field.key, field.value)).collect());
        let expected: Option<Vec<_>> = expected.map(<[_]>::to_vec);
        assert_eq!(found, expected, "{text}");
        for field in fields.unwrap_or_default() {
            assert!(text.get(field.start..).unwrap().starts_with(field.value));
        }
    }

    #[test]
    fn fields_are_found_at_the_top_level_only() {
        check(
            r#"{"a":1,"b":"x\",}\\","c":{"a":2,"d":[1,{}]} }"#,
            Some(&[("a", "1"), ("b", r#""x\",}\\""#), ("c", r#"{"a":2,"d":[1,{}]}"#)]),
        );
        check(r#" { "a" : -7 , "b":null } "#, Some(&[("a", "-7"), ("b", "null")]));
        for broken in
            ["", "[]", "{", "{}", "{'a':1}", r#"{"a":1"#, r#"{"a":1}}"#, r#"{"a":1,}"#, r#"{"a":"#]
        {
            check(broken, None);
        }
    }
}
