//! Durations as people write them: `250ms`, `10s`, `1h30m`.

use std::time::Duration;

/// The units, largest first, in milliseconds.
pub const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Reads whole numbers with the units `d`, `h`, `m`, `s`, `ms`, which add up. `None` for other text,
/// and for more than a [`u64`] of milliseconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut millis: u64 = 0;
    let mut rest = text;
    loop {
        let (number, after) = rest.split_at_checked(rest.find(|c: char| !c.is_ascii_digit())?)?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let (_, unit_millis) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*unit_millis)?;
        millis = millis.checked_add(part)?;
        if next.is_empty() {
            return Some(Duration::from_millis(millis));
        }
        rest = next;
    }
}

/// The text that [`parse_duration`] reads back, in as few units as possible; below a millisecond it
/// is cut off.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (name, unit_millis) in UNITS {
        if millis >= unit_millis {
            text.push_str(&format!("{}{name}", millis / unit_millis));
            millis %= unit_millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in
            [("250ms", 250), ("0s", 0), ("5m", 300_000), ("1h30m", 5_400_000), ("1d", 86_400_000)]
        {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(text), Some(duration), "{text}");
            assert_eq!(format_duration(duration), text);
        }
        let wrong = ["", "10", "s", "1.5s", "-1s", "10 s", "5w", "1h30", "é", "99999999999999999d"];
        for text in wrong {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
