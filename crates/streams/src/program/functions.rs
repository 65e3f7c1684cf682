//! The functions of VRL that a program may call: all but those that are refused here.
//!
//! A test holds the documentation against them, so that a function which a new version of VRL brings is
//! judged before it is offered.

use vrl::compiler::Function;
use vrl::diagnostic::Diagnostic;

const CLOCK: &str =
    "it asks the clock, and a message must decode to the same fact whenever it is read";
const YEAR: &str = "it takes the year from the clock where a line has none; use `parse_regex` and `parse_timestamp`";
const RANDOM: &str =
    "its result is random, and a message must decode to the same fact whenever it is read";
const OUTSIDE: &str = "it asks the network or the machine, and a message must decode to the same fact wherever it is read";
const FILE: &str =
    "it reads a file, which may change; only the folder of the stream says what a message is";
const UNPACKS: &str = "a short message could unpack to gigabytes";
const PACKS: &str = "packed bytes are no text, and a fact has texts";
const DEEP: &str = "a message could nest so deep that it exhausts the stack";
const LARGE: &str = "a message could make its result as large as it likes";
const SLOW: &str = "its patterns may take time without bound; use `parse_regex`";
const SECRET: &str = "keys do not belong into a program that everyone reads";

/// Some are in VRL only when it is built with them.
const REFUSED: &[(&str, &str)] = &[
    ("decode_gzip", UNPACKS),
    ("decode_lz4", UNPACKS),
    ("decode_snappy", UNPACKS),
    ("decode_zlib", UNPACKS),
    ("decode_zstd", UNPACKS),
    ("decrypt", SECRET),
    ("decrypt_ip", SECRET),
    ("dns_lookup", OUTSIDE),
    ("encode_gzip", PACKS),
    ("encode_lz4", PACKS),
    ("encode_proto", FILE),
    ("encode_snappy", PACKS),
    ("encode_zlib", PACKS),
    ("encode_zstd", PACKS),
    ("encrypt", SECRET),
    ("encrypt_ip", SECRET),
    ("format_number", LARGE),
    ("get_env_var", OUTSIDE),
    ("get_hostname", OUTSIDE),
    ("get_timezone_name", OUTSIDE),
    ("http_request", OUTSIDE),
    ("log", "`pulso streams try` shows what a program makes of a message"),
    ("now", CLOCK),
    ("parse_cbor", DEEP),
    ("parse_etld", FILE),
    ("parse_grok", SLOW),
    ("parse_groks", SLOW),
    ("parse_klog", YEAR),
    ("parse_linux_authorization", YEAR),
    ("parse_proto", FILE),
    ("parse_ruby_hash", DEEP),
    ("parse_syslog", YEAR),
    ("parse_xml", DEEP),
    ("parse_yaml", DEEP),
    ("random_bool", RANDOM),
    ("random_bytes", RANDOM),
    ("random_float", RANDOM),
    ("random_int", RANDOM),
    ("range", LARGE),
    ("reverse_dns", OUTSIDE),
    ("set", LARGE),
    ("unflatten", DEEP),
    ("unnest", "a message is one fact, and a copy of it for each item could be large"),
    ("uuid_v4", RANDOM),
    ("uuid_v7", CLOCK),
    ("validate_json_schema", FILE),
];

/// Why a function is not offered; `None` for one that is, and for one that VRL does not know.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    REFUSED.iter().find(|(refused, _)| *refused == name).map(|(_, reason)| *reason)
}

/// What a program may call.
pub(super) fn offered() -> Vec<Box<dyn Function>> {
    let mut functions = vrl::stdlib::all();
    functions.retain(|function| refused(function.identifier()).is_none());
    functions
}

/// Whether an error is VRL's word for a function that is refused, which has been told with the reason.
pub(super) fn says_refused(error: &Diagnostic, source: &str) -> bool {
    const UNDEFINED_FUNCTION: usize = 105;
    let name =
        error.labels.first().and_then(|label| source.get(label.span.start()..label.span.end()));
    error.code == UNDEFINED_FUNCTION && name.and_then(refused).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails when a new version of VRL has another function: judge it, then name it in the page.
    #[test]
    fn the_documentation_names_every_function_that_is_offered() {
        let page = std::fs::read_to_string("../../docs/declared-streams.md").unwrap();
        let (_, list) = page.split_once("## Functions").unwrap();
        let (_, list) = list.split_once("```text\n").unwrap();
        let (list, _) = list.split_once("```").unwrap();
        let named: Vec<_> = list.split_whitespace().collect();
        let offered = offered();
        let mut offered: Vec<_> = offered.iter().map(|function| function.identifier()).collect();
        offered.sort_unstable();
        assert_eq!(named, offered);
    }

    /// VRL says of its own functions whether they are pure; those that are not must have been looked at.
    #[test]
    fn functions_that_vrl_calls_impure_are_refused_but_for_a_few() {
        let offered = offered();
        let impure = offered.iter().filter(|function| !function.pure());
        let impure: Vec<_> = impure.map(|function| function.identifier()).collect();
        // They end the program, or change the message that it sees: nothing outside of it.
        assert_eq!(impure, ["assert", "assert_eq", "del"]);
    }
}
