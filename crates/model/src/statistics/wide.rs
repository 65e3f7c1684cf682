//! Whole numbers of 384 bits: sums of fourth powers need up to 208, and what moments are made of up to 360.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

use serde::{Deserialize, Serialize};

const LIMBS: usize = 6;

/// The largest power of ten below 2^64.
const TEN_TO_19: u64 = 10_000_000_000_000_000_000;

/// Two's complement, the least significant limb first. What does not fit is cut off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wide([u64; LIMBS]);

impl Wide {
    /// The nearest double; of two the even one.
    pub(super) fn to_f64(self) -> f64 {
        let limbs = self.magnitude().0;
        let Some(top) = limbs.iter().rposition(|&limb| limb != 0) else { return 0.0 };
        let shift = limbs[top].leading_zeros();
        let next = top.checked_sub(1).map_or(0, |next| limbs[next]);
        let (leading, rest) = halves(joined(limbs[top], next) << shift);
        // The conversion rounds 64 bits to 53; their last one says whether there is anything behind them.
        let more = rest != 0 || limbs[..top.saturating_sub(1)].iter().any(|&limb| limb != 0);
        let float = (leading | u64::from(more)) as f64 * power_of_two(64 * top)
            / power_of_two(shift as usize);
        if self.negative() { -float } else { float }
    }

    fn negative(self) -> bool {
        self.0[LIMBS - 1].leading_ones() > 0
    }

    fn negated(self) -> Self {
        Self::default() - self
    }

    fn magnitude(self) -> Self {
        if self.negative() { self.negated() } else { self }
    }
}

impl From<i128> for Wide {
    fn from(number: i128) -> Self {
        let (high, low) = halves(number.cast_unsigned());
        let sign = if number < 0 { u64::MAX } else { 0 };
        Self([low, high, sign, sign, sign, sign])
    }
}

impl Add for Wide {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(sum(self.0, other.0, 0))
    }
}

impl AddAssign for Wide {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Wide {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        // The bits of a number turned over are its negative less one.
        Self(sum(self.0, other.0.map(|limb| !limb), 1))
    }
}

impl Mul for Wide {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut product = [0; LIMBS];
        for (at, ours) in self.0.into_iter().enumerate().filter(|(_, limb)| *limb != 0) {
            let mut carry = 0;
            for (place, theirs) in product[at..].iter_mut().zip(other.0) {
                let added = u128::from(ours) * u128::from(theirs) + u128::from(*place);
                (carry, *place) = halves(added + u128::from(carry));
            }
        }
        Self(product)
    }
}

impl fmt::Display for Wide {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut limbs = self.magnitude().0;
        let mut digits = Vec::new();
        while digits.is_empty() || limbs != [0; LIMBS] {
            let mut rest = 0;
            for limb in limbs.iter_mut().rev() {
                let dividend = joined(rest, *limb);
                (_, *limb) = halves(dividend / u128::from(TEN_TO_19));
                (_, rest) = halves(dividend % u128::from(TEN_TO_19));
            }
            digits.push(rest);
        }
        let mut text = digits.pop().unwrap_or_default().to_string();
        text.extend(digits.iter().rev().map(|digits| format!("{digits:019}")));
        formatter.pad_integral(!self.negative(), "", &text)
    }
}

fn sum(ours: [u64; LIMBS], theirs: [u64; LIMBS], mut carry: u64) -> [u64; LIMBS] {
    let mut sum = [0; LIMBS];
    for (place, (ours, theirs)) in sum.iter_mut().zip(ours.into_iter().zip(theirs)) {
        (carry, *place) = halves(u128::from(ours) + u128::from(theirs) + u128::from(carry));
    }
    sum
}

fn joined(high: u64, low: u64) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

/// The high and the low half.
fn halves(whole: u128) -> (u64, u64) {
    let half = |bits: u128| u64::try_from(bits).expect("half of the bits");
    (half(whole >> 64), half(whole & u128::from(u64::MAX)))
}

fn power_of_two(exponent: usize) -> f64 {
    f64::from_bits((1023 + exponent as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn power(base: i128, exponent: u32) -> Wide {
        (0..exponent).fold(Wide::from(1), |power, _| power * Wide::from(base))
    }

    #[test]
    fn numbers_of_128_bits_are_what_they_were() {
        for number in [0, 1, -1, 7, i128::from(u64::MAX), i128::MAX, i128::MIN, -(1 << 64)] {
            let wide = Wide::from(number);
            assert_eq!(wide.to_string(), number.to_string());
            assert_eq!(wide.to_f64(), number as f64, "{number}");
            assert_eq!((wide - wide).to_string(), "0");
        }
    }

    #[test]
    fn products_are_exact_in_many_digits() {
        assert_eq!(power(10, 100).to_string(), format!("1{}", "0".repeat(100)));
        assert_eq!(power(-10, 99).to_string(), format!("-1{}", "0".repeat(99)));
        assert_eq!((power(10, 100) - Wide::from(1)).to_string(), "9".repeat(100));
        assert_eq!(power(-10, 100), power(10, 50) * power(10, 50));
        assert_eq!((power(-10, 51) * power(10, 40)).to_string(), format!("-1{}", "0".repeat(91)));
    }

    /// As the standard library reads the same digits, which rounds to the nearest as well.
    #[test]
    fn floats_are_the_nearest() {
        let two_to = |exponent| power(2, exponent);
        let all = [
            power(10, 100),
            power(3, 200),
            power(-7, 111),
            two_to(53) + Wide::from(1),
            two_to(53) + Wide::from(3),
            two_to(117) + two_to(64),
            two_to(117) + two_to(64) + Wide::from(1),
            two_to(300) + two_to(247) + Wide::from(1),
            two_to(300) + two_to(247),
        ];
        for wide in all {
            assert_eq!(wide.to_f64(), wide.to_string().parse::<f64>().unwrap(), "{wide}");
        }
    }
}
