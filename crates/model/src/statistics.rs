//! Statistics of numbers without the numbers: how many, the smallest and the largest, sums of powers, and a
//! histogram.
//!
//! All of it is integers, so that it can be added up in any order with the same result. Only what is
//! [summed up](Summary) for readers is divided, from exact integers: there is no difference of two floats
//! that are nearly equal, in which most digits of a variance are lost.

mod histogram;
#[cfg(test)]
mod tests;
mod wide;

use serde::{Deserialize, Serialize};

use histogram::Buckets;
pub use histogram::bucket_of;
use wide::Wide;

/// The largest number, up or down, that is counted; what is beyond is left out.
pub const NUMBER_MAX: i64 = 1_000_000_000_000;

/// The quantiles that a [`Summary`] has: their names, and percent.
pub const QUANTILES: [(&str, u64); 4] = [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99)];

/// Numbers, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    count: u64,
    /// 0 while there is no number, as the largest.
    min: i64,
    max: i64,
    sum: i128,
    squares: i128,
    cubes: Wide,
    fourth_powers: Wide,
    buckets: Buckets,
}

/// What readers are told of numbers. Where it is not said otherwise, they are divided by the scale that
/// was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    pub count: u64,
    /// Not divided, as [`max`](Self::max) and [`sum`](Self::sum).
    pub min: i64,
    pub max: i64,
    pub sum: i128,
    /// Of the numbers, their squares, cubes and fourth powers: not divided, in decimal digits.
    pub power_sums: [String; 4],
    pub mean: f64,
    /// Of these numbers, not an estimate for others: the sum of squared differences is divided by how many
    /// there are.
    pub variance: f64,
    /// The third standardised moment. `None` when all numbers are equal.
    pub skewness: Option<f64>,
    /// The fourth standardised moment less 3, which that of a normal distribution is. `None` when all
    /// numbers are equal.
    pub kurtosis: Option<f64>,
    /// By [`QUANTILES`].
    pub quantiles: [f64; QUANTILES.len()],
    pub histogram: Histogram,
}

/// The buckets that are not empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Their middles, ascending.
    pub values: Vec<f64>,
    /// How many numbers are in each.
    pub counts: Vec<u64>,
}

impl Statistics {
    /// Adds a number. One beyond [`NUMBER_MAX`] is left out.
    pub fn add(&mut self, number: i64) {
        if number.unsigned_abs() > NUMBER_MAX.unsigned_abs() {
            return;
        }
        self.widen(number, number);
        self.count += 1;
        self.buckets.add(bucket_of(number), 1);
        let number = i128::from(number);
        let square = number * number;
        self.sum += number;
        self.squares += square;
        self.cubes += Wide::from(square * number);
        self.fourth_powers += Wide::from(square) * Wide::from(square);
    }

    /// Adds what another has.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.widen(other.min, other.max);
        self.count += other.count;
        self.buckets.merge(&other.buckets);
        self.sum += other.sum;
        self.squares += other.squares;
        self.cubes += other.cubes;
        self.fourth_powers += other.fourth_powers;
    }

    /// How many numbers there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// About how much memory it takes besides itself, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.buckets.heap_bytes()
    }

    fn widen(&mut self, min: i64, max: i64) {
        let empty = self.count == 0;
        self.min = if empty { min } else { self.min.min(min) };
        self.max = if empty { max } else { self.max.max(max) };
    }

    /// What readers are told: numbers are units of 1 / `scale`. `None` while there is no number.
    pub fn summary(&self, scale: u32) -> Option<Summary> {
        let &Self { count, min, max, sum, squares, cubes, fourth_powers, .. } = self;
        if count == 0 {
            return None;
        }
        let moments = Moments::of(self);
        let unit = f64::from(scale);
        let spread = (moments.second != Wide::default()).then_some(moments.second);
        let of_numbers = Wide::from(i128::from(count));
        Some(Summary {
            count,
            min,
            max,
            sum,
            power_sums: [Wide::from(sum), Wide::from(squares), cubes, fourth_powers]
                .map(|sum| sum.to_string()),
            mean: Wide::from(sum).to_f64() / of_numbers.to_f64() / unit,
            variance: moments.second.to_f64() / (of_numbers * of_numbers).to_f64() / (unit * unit),
            skewness: spread
                .map(|second| moments.third.to_f64() / (second.to_f64() * second.to_f64().sqrt())),
            kurtosis: spread.map(|second| moments.excess.to_f64() / (second * second).to_f64()),
            quantiles: QUANTILES.map(|(_, percent)| {
                // The smallest number of which no fewer than these percent are as small or smaller.
                let rank = (u128::from(count) * u128::from(percent)).div_ceil(100);
                self.buckets.middle_at(rank, (min, max), scale)
            }),
            histogram: self.buckets.histogram(scale),
        })
    }
}

/// Central moments as whole numbers: the second is that of the numbers times n², the third times n³; the excess of
/// the fourth, m₄ − 3·m₂², times n⁴.
///
/// With up to 2⁴⁸ numbers of [`NUMBER_MAX`], less than 2⁴⁰, no product here has more than 360 bits.
struct Moments {
    second: Wide,
    third: Wide,
    excess: Wide,
}

impl Moments {
    fn of(statistics: &Statistics) -> Self {
        let whole = |number: i128| Wide::from(number);
        let n = whole(i128::from(statistics.count));
        let (s1, s2) = (whole(statistics.sum), whole(statistics.squares));
        let (s3, s4) = (statistics.cubes, statistics.fourth_powers);
        let second = n * s2 - s1 * s1;
        let third = n * n * s3 - whole(3) * n * s1 * s2 + whole(2) * s1 * s1 * s1;
        let fourth = n * n * n * s4 - whole(4) * n * n * s1 * s3 + whole(6) * n * s1 * s1 * s2
            - whole(3) * s1 * s1 * s1 * s1;
        Self { second, third, excess: fourth - whole(3) * second * second }
    }
}
