//! The times of access logs.

use pulso_model::EventTime;

const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Reads the time of the common format, `17/May/2015:10:05:03 +0000`, as UTC; `None` when it is none.
pub(super) fn common(text: &[u8]) -> Option<EventTime> {
    // Some servers do not fill up the day.
    let (day, rest) = match text {
        [one, b'/', rest @ ..] => (digit(*one)?, rest),
        [tens, ones, b'/', rest @ ..] => (digit(*tens)? * 10 + digit(*ones)?, rest),
        _ => return None,
    };
    let (month, rest) = rest.split_first_chunk::<3>()?;
    let month = month.map(|letter| letter.to_ascii_lowercase());
    let month = MONTHS.iter().position(|name| **name == month)?;
    let [b'/', y0, y1, y2, y3, b':', h0, h1, b':', m0, m1, b':', s0, s1, zone @ ..] = rest else {
        return None;
    };
    let year = digits(&[*y0, *y1, *y2, *y3])?;
    let (hour, minute, second) = (digits(&[*h0, *h1])?, digits(&[*m0, *m1])?, digits(&[*s0, *s1])?);
    // A leap second is the first of the next minute.
    let valid = year > 0 && hour < 24 && minute < 60 && second <= 60;
    let days = days(year, month, day).filter(|_| valid)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(EventTime(seconds * 1000)).filter(|time| EventTime::RANGE.contains(&time.0))
}

/// Seconds that a zone is ahead of UTC: ` +0200`.
fn offset(zone: &[u8]) -> Option<i64> {
    let [b' ', sign, h0, h1, m0, m1] = zone else { return None };
    let (hours, minutes) = (digits(&[*h0, *h1])?, digits(&[*m0, *m1])?);
    let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
    match sign {
        b'+' => Some(seconds),
        b'-' => Some(-seconds),
        _ => None,
    }
}

/// Days from 1970 to a day of a year after 0, `month` from 0; `None` when the month is shorter.
fn days(year: i64, month: usize, day: i64) -> Option<i64> {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = BEFORE[month + 1] - BEFORE[month] + i64::from(leap && month == 1);
    let years = year - 1;
    let leap_days = years / 4 - years / 100 + years / 400;
    let in_year = BEFORE[month] + i64::from(leap && month > 1) + day - 1;
    (1..=length).contains(&day).then_some(years * 365 + leap_days + in_year - 719_162)
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, &byte| Some(number * 10 + digit(byte)?))
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map(|time| time.parse().unwrap());
        assert_eq!(common(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn times_are_those_of_the_common_format() {
        check("17/May/2015:10:05:03 +0000", Some("2015-05-17T10:05:03Z"));
        check("01/Jul/1995:00:00:01 -0400", Some("1995-07-01T04:00:01Z"));
        check("1/jul/1995:00:00:01 +0530", Some("1995-06-30T18:30:01Z"));
        check("29/Feb/2024:23:59:60 +0000", Some("2024-03-01T00:00:00Z"));
        for wrong in [
            "",
            "17/May/2015",
            "17/May/2015:10:05:03",
            "17/May/2015:10:05:03 CEST",
            "17/Mai/2015:10:05:03 +0000",
            "00/May/2015:10:05:03 +0000",
            "31/Apr/2015:10:05:03 +0000",
            "29/Feb/2023:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:60:03 +0000",
            "17/May/0000:10:05:03 +0000",
            "17/May/2015:10:05:03 +2500",
            "1a/May/2015:10:05:03 +0000",
        ] {
            check(wrong, None);
        }
    }

    proptest! {
        /// Two ways to the same time.
        #[test]
        fn times_agree_with_those_of_iso_8601(
            year in 1_i64..=9999, month in 0_usize..12, day in 1..=31, second in 0..86_400,
        ) {
            let [hour, minute, second] = [second / 3600, second / 60 % 60, second % 60];
            let name = str::from_utf8(MONTHS[month]).unwrap();
            let text = format!("{day:02}/{name}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000");
            let month = month + 1;
            let iso = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            prop_assert_eq!(common(text.as_bytes()), iso.parse().ok(), "{}", text);
        }
    }
}
