//! Where a country is on a map.

use std::array;
use std::sync::LazyLock;

use pulso_model::Coordinate;

/// A line for each country: its code by ISO 3166, and the latitude and longitude of its middle in degrees. That is
/// the centroid of the largest of its areas in Natural Earth's map 1:110,000,000, or 1:50,000,000 for those that are
/// too small for it (public domain; npm's `world-atlas` 2.0.2). Parts of a country that have a code of their own
/// but no area of their own there, such as `GF`, have no line.
const MIDDLES: &str = include_str!("countries.txt");

const LETTERS: usize = 26;

static BY_CODE: LazyLock<[[Option<Coordinate>; LETTERS]; LETTERS]> = LazyLock::new(|| {
    let mut by_code = array::from_fn(|_| [None; LETTERS]);
    for line in MIDDLES.lines() {
        let mut parts = line.split(' ');
        let at = parts.next().and_then(letters);
        let mut degrees = || parts.next()?.parse().ok();
        if let (Some((first, second)), Some(latitude), Some(longitude)) = (at, degrees(), degrees())
        {
            by_code[first][second] = Coordinate::new(latitude, longitude);
        }
    }
    by_code
});

/// The middle of a country; `None` for an unknown one.
pub(super) fn middle(country: &str) -> Option<Coordinate> {
    letters(country).and_then(|(first, second)| BY_CODE[first][second])
}

fn letters(code: &str) -> Option<(usize, usize)> {
    let place = |letter: u8| letter.is_ascii_uppercase().then(|| usize::from(letter - b'A'));
    match code.as_bytes() {
        [first, second] => place(*first).zip(place(*second)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_country() {
        for line in MIDDLES.lines() {
            let (code, degrees) = line.split_once(' ').unwrap();
            let middle =
                middle(code).map(|at| format!("{:.1} {:.1}", at.latitude(), at.longitude()));
            assert_eq!(middle.as_deref(), Some(degrees), "{line}");
        }
    }

    #[test]
    fn what_is_no_country_is_nowhere() {
        for code in ["ZZ", "", "D", "DEU", "de", "É"] {
            assert_eq!(middle(code), None, "{code}");
        }
    }
}
