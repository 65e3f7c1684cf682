//! A sample of messages: what they are, and the messages as a program finds them.

use vrl::value::Value;

use super::GuessError;
use super::snippet::Snippet;
use crate::descriptor::MessageFormat;

/// As much of a sample as is looked at.
pub const SAMPLE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// As many messages as are looked at.
pub(super) const MESSAGES_MAX: usize = 10_000;

const KEY_VALUES: &str = ". = parse_key_value!(.message)";

/// How lines of text become objects: the first line of a program each, tried in this order.
const LINES: [(&str, &str); 5] = [
    (
        "lines of an access log in the combined format",
        r#". = parse_apache_log!(.message, format: "combined")"#,
    ),
    (
        "lines of an access log in the common format",
        r#". = parse_apache_log!(.message, format: "common")"#,
    ),
    ("lines of nginx's access log", r#". = parse_nginx_log!(.message, format: "combined")"#),
    (
        "lines that begin with a time",
        r#". = parse_regex!(.message, r'^\[?(?P<timestamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^\s\]]*)\]?\s+(\[?(?P<level>[A-Za-z]{3,8})\]?:?\s+)?(?P<text>.*)$')"#,
    ),
    ("lines of `key=value`", KEY_VALUES),
];

/// What a sample has.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) format: MessageFormat,
    /// In words.
    pub(super) what: &'static str,
    /// The first line of the program, where lines of text become objects.
    pub(super) preamble: Option<&'static str>,
    /// All of them objects.
    pub(super) messages: Vec<Value>,
}

impl Sample {
    /// # Errors
    /// When there are no lines, or most of them are of no format that is known here.
    pub(super) fn read(sample: &[u8]) -> Result<Self, GuessError> {
        let whole = sample.len() < SAMPLE_BYTES_MAX;
        let mut lines: Vec<_> = sample.split(|&byte| byte == b'\n').collect();
        if !whole {
            // The last line may have been cut.
            lines.pop();
        }
        lines.retain(|line| !line.trim_ascii().is_empty());
        lines.truncate(MESSAGES_MAX);
        if lines.is_empty() {
            return Err(GuessError::Empty);
        }
        let json: Vec<_> = lines.iter().filter_map(|line| object(line)).collect();
        if json.len() * 2 >= lines.len() {
            let (format, what) = (MessageFormat::Json, "JSON objects");
            return Ok(Self { format, what, preamble: None, messages: json });
        }
        Self::text(&lines)
    }

    fn text(lines: &[&[u8]]) -> Result<Self, GuessError> {
        for (what, preamble) in LINES {
            let parse = Snippet::compile(&format!("{preamble}\n."));
            let parsed = |line: &&[u8]| {
                let line = std::str::from_utf8(line).ok()?;
                // Any words would be keys without a value.
                if preamble == KEY_VALUES && !line.contains('=') {
                    return None;
                }
                let message = Value::Object([("message".into(), line.into())].into());
                parse.run(&message).filter(Value::is_object)
            };
            let messages: Vec<_> = lines.iter().filter_map(parsed).collect();
            if messages.len() * 2 >= lines.len() {
                let (format, preamble) = (MessageFormat::Text, Some(preamble));
                return Ok(Self { format, what, preamble, messages });
            }
        }
        let first = lines.first().map(|line| String::from_utf8_lossy(line)).unwrap_or_default();
        Err(GuessError::Unreadable { line: first.chars().take(80).collect() })
    }
}

/// As a program finds it.
fn object(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok().filter(Value::is_object)
}
