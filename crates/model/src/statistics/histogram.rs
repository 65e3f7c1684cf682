//! Counts of numbers by size, in buckets that grow with the numbers.
//!
//! As in HdrHistogram (Gil Tene, <https://hdrhistogram.org>): a power of two is cut into 128 buckets of one
//! width, so that none is wider than 1/128 of the smallest number in it, and numbers below 256 have a bucket each.
//! The middle of a bucket is no further than 1/256 (0.4 %) from any of its numbers. Buckets of negative
//! numbers mirror the others.

use serde::{Deserialize, Serialize};

use super::Histogram;

/// A power of two has as many buckets as this power of two.
const PRECISION_BITS: u32 = 7;

/// Counts of the buckets that are not empty, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Buckets(Vec<(i16, u64)>);

/// The bucket of a number of at most [`NUMBER_MAX`](super::NUMBER_MAX), up or down.
///
/// From 256 on, bucket = 128 · shift + (number >> shift), where the shift leaves 8 bits of the number.
pub fn bucket_of(number: i64) -> i16 {
    let size = number.unsigned_abs();
    let bits = u64::BITS - size.leading_zeros();
    let shift = bits.saturating_sub(PRECISION_BITS + 1);
    let bucket = (u64::from(shift) << PRECISION_BITS) + (size >> shift);
    let bucket = i16::try_from(bucket).expect("64 powers of two have fewer than 2^15 buckets");
    if number < 0 { -bucket } else { bucket }
}

/// Twice the number in the middle of a bucket: between two numbers where there is an even number of them.
fn double_middle(bucket: i16) -> i64 {
    let size = i64::from(bucket.unsigned_abs());
    let shift = ((size >> PRECISION_BITS) - 1).max(0);
    let first = (size - (shift << PRECISION_BITS)) << shift;
    let double = 2 * first + (1 << shift) - 1;
    if bucket < 0 { -double } else { double }
}

impl Buckets {
    pub(super) fn add(&mut self, bucket: i16, count: u64) {
        match self.0.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.0[at].1 += count,
            Err(at) => self.0.insert(at, (bucket, count)),
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for &(bucket, count) in &other.0 {
            self.add(bucket, count);
        }
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(i16, u64)>()
    }

    /// The middle of the bucket of the number with this rank, from 1, as far as it is within the smallest and the
    /// largest number; in units of 1 / `scale`.
    pub(super) fn middle_at(&self, rank: u128, (min, max): (i64, i64), scale: u32) -> f64 {
        let mut seen = 0;
        let reached = self.0.iter().find(|(_, count)| {
            seen += u128::from(*count);
            seen >= rank
        });
        let double = reached.map_or(2 * max, |(bucket, _)| double_middle(*bucket));
        halved(double.clamp(2 * min, 2 * max), scale)
    }

    pub(super) fn histogram(&self, scale: u32) -> Histogram {
        let middles = self.0.iter().map(|(bucket, _)| halved(double_middle(*bucket), scale));
        let counts = self.0.iter().map(|(_, count)| *count);
        Histogram { values: middles.collect(), counts: counts.collect() }
    }
}

fn halved(double: i64, scale: u32) -> f64 {
    double as f64 / (2.0 * f64::from(scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::NUMBER_MAX;
    use super::*;

    #[test]
    fn small_numbers_have_a_bucket_each_and_larger_ones_share() {
        let check = |number, bucket, middle: f64| {
            assert_eq!(bucket_of(number), bucket, "{number}");
            assert_eq!(halved(double_middle(bucket), 1), middle, "{number}");
        };
        check(0, 0, 0.0);
        check(1, 1, 1.0);
        check(-1, -1, -1.0);
        check(255, 255, 255.0);
        check(256, 256, 256.5);
        check(257, 256, 256.5);
        check(258, 257, 258.5);
        check(511, 383, 510.5);
        check(512, 384, 513.5);
        check(-515, -384, -513.5);
        check(516, 385, 517.5);
        check(NUMBER_MAX, 32 * 128 + 232, 998_579_896_319.5);
    }

    proptest! {
        #[test]
        fn a_middle_is_near_every_number_of_its_bucket(bits in 0..40u32, number in 0..=NUMBER_MAX) {
            let number = number >> bits;
            let bucket = bucket_of(number);
            let double = double_middle(bucket);
            prop_assert!((double - 2 * number).abs() * 128 <= number, "{} {}", double, number);
            prop_assert!(bucket <= bucket_of(number + 1), "larger numbers, later buckets");
            prop_assert_eq!(bucket_of(-number), -bucket);
            prop_assert_eq!(double_middle(-bucket), -double);
            prop_assert_eq!(bucket_of(double / 2), bucket, "the middle is in the bucket");
        }
    }
}
