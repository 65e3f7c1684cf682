use proptest::prelude::*;

use super::*;

fn of(numbers: &[i64]) -> Statistics {
    let mut statistics = Statistics::default();
    numbers.iter().for_each(|&number| statistics.add(number));
    statistics
}

fn summary(numbers: &[i64]) -> Summary {
    of(numbers).summary(1).unwrap()
}

/// Within one part in 10^15 of each other, or nothing: a few roundings.
fn near(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= expected.abs() * 1e-15 || found == expected
}

/// By fractions with exact numerators, worked out on paper.
#[test]
fn moments_are_those_of_the_numbers_themselves() {
    let all = summary(&[2, 4, 4, 4, 5, 5, 7, 9]);
    assert_eq!((all.count, all.min, all.max, all.sum), (8, 2, 9, 40));
    assert_eq!((all.mean, all.variance), (5.0, 4.0));
    // The cubes of the differences are -27, -1 three times, 0 twice, 8 and 64: 42 / 8 / 2³.
    assert_eq!(all.skewness, Some(0.65625));
    // The fourth powers are 81, 1, 1, 1, 0, 0, 16 and 256: 356 / 8 / 2⁴ - 3.
    assert_eq!(all.kurtosis, Some(-0.21875));
    assert_eq!(all.power_sums, ["40", "232", "1522", "10996"]);
    assert_eq!(all.quantiles, [4.0, 9.0, 9.0, 9.0]);
    let histogram =
        Histogram { values: vec![2.0, 4.0, 5.0, 7.0, 9.0], counts: vec![1, 3, 2, 1, 1] };
    assert_eq!(all.histogram, histogram);
}

#[test]
fn equal_numbers_have_no_shape_and_no_numbers_have_nothing() {
    let all = summary(&[7, 7, 7]);
    assert_eq!((all.mean, all.variance, all.skewness, all.kurtosis), (7.0, 0.0, None, None));
    assert_eq!(of(&[]).summary(1), None);
    assert_eq!(of(&[NUMBER_MAX + 1, -NUMBER_MAX - 1, i64::MIN]), of(&[]));
}

/// Two equal halves: nothing has a smaller kurtosis, wherever the halves are.
#[test]
fn the_least_kurtosis_is_minus_two_to_the_last_digit() {
    for other in 1..2000 {
        assert_eq!(summary(&[0, other * other * 31 + 7]).kurtosis, Some(-2.0), "{other}");
    }
}

/// What a difference of floats loses: the numbers differ in the last of thirteen digits.
#[test]
fn a_small_spread_of_large_numbers_is_exact() {
    let all = summary(&[NUMBER_MAX, NUMBER_MAX - 1, NUMBER_MAX - 3]);
    assert_eq!(all.variance, 14.0 / 9.0);
    let shifted = summary(&[3, 2, 0]);
    assert_eq!((all.skewness, all.kurtosis), (shifted.skewness, shifted.kurtosis));
}

#[test]
fn a_scale_divides_what_readers_see() {
    let scaled = of(&[1500, -250]).summary(1000).unwrap();
    assert_eq!((scaled.min, scaled.max, scaled.sum), (-250, 1500, 1250));
    assert_eq!((scaled.mean, scaled.variance), (0.625, 0.765625));
    assert_eq!(scaled.quantiles, [-0.25, 1.4995, 1.4995, 1.4995]);
    assert_eq!(scaled.histogram, Histogram { values: vec![-0.25, 1.4995], counts: vec![1, 1] });
}

#[test]
fn a_quantile_is_the_number_that_as_many_are_below() {
    let numbers: Vec<i64> = (1..=200).collect();
    assert_eq!(summary(&numbers).quantiles, [100.0, 180.0, 190.0, 198.0]);
    assert_eq!(summary(&[3]).quantiles, [3.0; 4]);
    assert_eq!(summary(&[100_000]).quantiles, [100_000.0; 4], "no further than the only number");
}

/// The largest sums that can be: nothing may wrap.
#[test]
fn the_largest_numbers_fit_a_million_million_times() {
    let mut all = of(&[NUMBER_MAX, -NUMBER_MAX, NUMBER_MAX, 0]);
    for _ in 0..40 {
        let same = all.clone();
        all.merge(&same);
    }
    let (few, all) = (summary(&[NUMBER_MAX, -NUMBER_MAX, NUMBER_MAX, 0]), all.summary(1).unwrap());
    assert_eq!(all.count, 4 << 40);
    assert_eq!((all.mean, all.variance), (few.mean, few.variance));
    assert!(near(all.skewness.unwrap(), few.skewness.unwrap()));
    assert!(near(all.kurtosis.unwrap(), few.kurtosis.unwrap()));
}

/// In two passes, by differences from the mean times n, which are whole numbers: no difference of floats either.
fn naive(numbers: &[i64]) -> (f64, f64, Option<f64>, Option<f64>) {
    let n = numbers.len() as i128;
    let sum: i128 = numbers.iter().map(|&number| i128::from(number)).sum();
    let differences: Vec<f64> =
        numbers.iter().map(|&number| (i128::from(number) * n - sum) as f64 / n as f64).collect();
    let moment = |power: i32| differences.iter().map(|d| d.powi(power)).sum::<f64>() / n as f64;
    let (variance, third, fourth) = (moment(2), moment(3), moment(4));
    let spread = (variance > 0.0).then_some(variance);
    let skewness = spread.map(|variance| third / variance.powf(1.5));
    let kurtosis = spread.map(|variance| fourth / (variance * variance) - 3.0);
    (sum as f64 / n as f64, variance, skewness, kurtosis)
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        0..50i64,
        -300..300i64,
        0..100_000i64,
        -NUMBER_MAX..=NUMBER_MAX,
        Just(NUMBER_MAX),
        NUMBER_MAX - 10..=NUMBER_MAX
    ]
}

proptest! {
    #[test]
    fn the_summary_is_that_of_a_naive_recount(
        numbers in prop::collection::vec(number(), 1..200)
    ) {
        let found = summary(&numbers);
        let (mean, variance, skewness, kurtosis) = naive(&numbers);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
        prop_assert!(close(found.mean, mean) && close(found.variance, variance), "{:?}", found);
        prop_assert_eq!(found.skewness.is_some(), skewness.is_some());
        prop_assert!(close(found.skewness.unwrap_or(0.0), skewness.unwrap_or(0.0)), "{:?} {:?}", found, skewness);
        prop_assert!(close(found.kurtosis.unwrap_or(0.0), kurtosis.unwrap_or(0.0)), "{:?} {:?}", found, kurtosis);
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        prop_assert_eq!((found.min, found.max), (sorted[0], sorted[sorted.len() - 1]));
        for ((_, percent), quantile) in QUANTILES.into_iter().zip(found.quantiles) {
            let rank = (numbers.len() * usize::try_from(percent).unwrap()).div_ceil(100);
            let exact = sorted[rank - 1] as f64;
            prop_assert!((quantile - exact).abs() <= exact.abs() / 256.0, "{} {}", quantile, exact);
        }
        prop_assert_eq!(found.histogram.counts.iter().sum::<u64>(), found.count);
        prop_assert!(found.histogram.values.is_sorted());
    }

    #[test]
    fn parts_add_up_in_any_order(
        parts in prop::collection::vec(prop::collection::vec(number(), 0..30), 0..6)
    ) {
        let whole = of(&parts.concat());
        let mut forwards = Statistics::default();
        parts.iter().for_each(|part| forwards.merge(&of(part)));
        let mut backwards = Statistics::default();
        parts.iter().rev().for_each(|part| backwards.merge(&of(part)));
        prop_assert_eq!(&forwards, &whole);
        prop_assert_eq!(&backwards, &whole);
        let text = serde_json::to_string(&whole).unwrap();
        prop_assert_eq!(serde_json::from_str::<Statistics>(&text).unwrap(), whole);
    }
}
