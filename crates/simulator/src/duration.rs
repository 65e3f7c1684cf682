//! Durations as people write them: `250ms`, `10s`, `5m`, `2h`, `1d`.

use std::time::Duration;

/// Parses a whole number with one of the units `ms`, `s`, `m`, `h`, `d`.
///
/// # Errors
/// A message for the user when the text is anything else, or too long for a [`Duration`].
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let problem = || {
        format!(
            "`{text}` is not a duration; write a number and a unit, like `250ms`, `10s` or `5m`"
        )
    };
    let text = text.trim();
    let unit_start =
        text.find(|character: char| !character.is_ascii_digit()).ok_or_else(problem)?;
    let (number, unit) = text.split_at(unit_start);
    let number: u64 = number.parse().map_err(|_| problem())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(problem()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_number_and_a_known_unit() {
        for (text, ms) in [
            ("250ms", 250),
            ("10s", 10_000),
            (" 5m ", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in [
            "",
            "10",
            "s",
            "1.5s",
            "-1s",
            "10 s",
            "5w",
            "99999999999999999999s",
            "9999999999999999999d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
