//! How unusual a count is.

use pulso_model::Comparison;

use super::busy::Busyness;

/// What the score of a term is made of, worldwide or in one scope. The first three are numbers of what the
/// facet counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// Of the term in the window.
    pub(super) count: u32,
    /// The same `growth` slides earlier.
    pub(super) earlier: u32,
    /// Over the windows of the past.
    pub(super) sum: u64,
    /// Of the stream.
    pub(super) busyness: Busyness,
}

/// How far the count is above what is usual, or would be if it went on growing, in units of what it may
/// vary by; rounded to three decimals. `None` where the past has too few `windows` to say.
///
/// What is usual is the mean of the past, corrected by how much busier the rest of the stream is now. A count varies by its square root if it is chance, and by a fifth of itself as habits change; the 1
/// keeps rare terms calm. What growth adds varies more, as fewer facts make it.
///
/// The order of operations is part of the definition: SQL must arrive at the same float.
pub(super) fn score(seen: Observation, windows: i64, comparison: Comparison) -> Option<f64> {
    if windows < comparison.windows_min().max(1) {
        return None;
    }
    let Observation { count, earlier, sum, busyness } = seen;
    let (count, earlier) = (i64::from(count), i64::from(earlier));
    let Comparison { size, growth, .. } = comparison;
    let others = signed(busyness.now) - count + Comparison::OTHERS;
    let others_sum = signed(busyness.past) - signed(sum) + Comparison::OTHERS * windows;
    let usual = sum as f64 * others as f64 / others_sum as f64;
    let grown = (size * count - (size - growth) * earlier) as f64 / growth as f64;
    let spread = (2 * size - growth) as f64 / growth as f64;
    let habit = 0.04 * (usual * usual);
    let now = (count as f64 - usual) / (usual + habit + 1.0).sqrt();
    let soon = (grown - usual) / (spread * usual + habit + spread).sqrt();
    Some((now.max(soon) * 1000.0).round() / 1000.0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("logs are shorter than 2^63 messages")
}
