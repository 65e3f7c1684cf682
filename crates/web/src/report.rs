//! The page of a report: one file that works from disk, with the data inside.

use pulso_model::Stream;

/// Where the data go. It is made from the sources in `ui/` by `ui/build.sh`.
const PLACE: &str = "PULSO-DATA";

const PAGE: &str = include_str!("../ui/dist/report.html");

/// The shapes of countries, as JSON.
pub const WORLD: &str = include_str!("../ui/dist/world.json");

/// The page with data, which have to be base64: no character of them means anything in HTML.
pub fn page(data: &str) -> Vec<u8> {
    debug_assert!(data.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)));
    PAGE.replacen(PLACE, data, 1).into_bytes()
}

/// A stream as the API describes it.
pub fn described(stream: &'static Stream) -> serde_json::Value {
    crate::http::described(stream)
}
