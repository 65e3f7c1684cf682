//! Reads addresses of servers, and names of what is on them.

use http::Uri;
use toml::Value;

use crate::config::reader::{Reader, Wrong, show, text};
use crate::config::sections::masked_url;

/// The longest name of a client; Kafka takes no longer ones of topics.
const NAME_LENGTH_MAX: usize = 249;

/// Room behind it for a view, a layer and a day in the 255 bytes that Elasticsearch takes, and for a stream
/// and what it keeps in the 249 that Kafka does.
const PREFIX_LENGTH_MAX: usize = 100;

pub(super) fn brokers(reader: &mut Reader) -> Vec<String> {
    some(reader, "kafka.brokers", |text| {
        let wrong = || Wrong::new("is not a broker", "write it like \"kafka.example.org:9092\"");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let plain = |c: char| !c.is_whitespace() && !matches!(c, ',' | '/' | '@');
        let port = port.parse::<u16>().ok().filter(|port| *port > 0);
        if host.is_empty() || !host.chars().all(plain) || port.is_none() {
            return Err(wrong());
        }
        Ok(text.to_owned())
    })
}

pub(super) fn urls(reader: &mut Reader) -> Vec<Uri> {
    some(reader, "elasticsearch.urls", url)
}

/// The address of Elasticsearch or Kibana.
pub(super) fn url(text: &str) -> Result<Uri, Wrong> {
    let hint = "write it like \"https://elasticsearch.example.org:9200\"";
    let url: Uri = text.parse().map_err(|_| Wrong::new("is not a url", hint))?;
    let host = url.host().filter(|host| !host.is_empty());
    let (Some("http" | "https"), Some(host)) = (url.scheme_str(), host) else {
        return Err(Wrong::new("is not an http url", hint));
    };
    let authority = url.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        let hint = "set `elasticsearch.username` and `elasticsearch.password` instead";
        return Err(Wrong::new("has a user name", hint));
    }
    if url.port().is_none() && authority != host {
        return Err(Wrong::new("has a port that is not a number from 0 to 65535", hint));
    }
    Ok(url)
}

/// A list of at least one place.
fn some<T>(reader: &mut Reader, key: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Vec<T> {
    let values = reader.read(key, |value| match array(value)? {
        list if list.is_empty() => Err(Wrong::new("is empty", "name at least one")),
        list => Ok(list),
    });
    each(reader, key, &values, parse)
}

/// A list of places, which may be empty.
pub(in crate::config::values) fn list<T>(
    reader: &mut Reader,
    key: &str,
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Vec<T> {
    let values = reader.read(key, array);
    each(reader, key, &values, parse)
}

fn array(value: &Value) -> Result<Vec<Value>, Wrong> {
    let wrong = || Wrong::new("is not a list", "write it in square brackets");
    value.as_array().cloned().ok_or_else(wrong)
}

/// Each place of a list; what is wrong is noted by place.
fn each<T>(
    reader: &mut Reader,
    key: &str,
    values: &[Value],
    parse: impl Fn(&str) -> Result<T, Wrong>,
) -> Vec<T> {
    let mut parsed = Vec::new();
    for (index, value) in values.iter().enumerate() {
        match text(value).and_then(&parse) {
            Ok(place) => parsed.push(place),
            Err(Wrong { text, hint }) => {
                let (place, origin) = (format!("{key}[{index}]"), reader.origin(key));
                let message = format!("`{place}` ({}){origin} {text}", masked_url(&show(value)));
                reader.problem(&place, message, hint);
            }
        }
    }
    parsed
}

pub(super) fn name(value: &Value) -> Result<String, Wrong> {
    let name = text(value)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = (1..=NAME_LENGTH_MAX).contains(&name.len()) && name != "." && name != "..";
    if fits && name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    Err(Wrong::new("is not a name for Kafka", "use letters, digits, `-`, `_` and `.`"))
}

pub(super) fn topic_prefix(value: &Value) -> Result<String, Wrong> {
    name(value).ok().filter(|prefix| prefix.len() <= PREFIX_LENGTH_MAX).ok_or_else(|| {
        let hint = "use up to 100 letters, digits, `-`, `_` and `.`";
        Wrong::new("is not the beginning of a topic's name", hint)
    })
}

pub(super) fn index_prefix(value: &Value) -> Result<String, Wrong> {
    let prefix = text(value)?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let begins = prefix.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if begins && prefix.len() <= PREFIX_LENGTH_MAX && prefix.chars().all(plain) {
        return Ok(prefix.to_owned());
    }
    let hint = "use lower-case letters, digits, `-` and `_`, beginning with a letter";
    Err(Wrong::new("is not the beginning of an index name", hint))
}
