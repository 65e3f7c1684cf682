//! A small random number generator whose sequence never changes.
//!
//! The bytes of `--seed 1` must be the same in every build, so they may not depend on a library
//! that is free to change its algorithm. This is the public SplitMix64 sequence: a counter followed
//! by an avalanche function. Do not use it for secrets.

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A deterministic sequence of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The next 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        unit(self.bits())
    }

    /// True in `share` (0 to 1) of all calls.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A number in `[0, bound)`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        below(self.bits(), bound)
    }

    /// A number in `[low, high]`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(span))
    }

    /// An index into a slice of `length` items.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        index(self.bits(), length)
    }
}

/// Turns a number into one in which each bit depends on all bits of the input.
pub(crate) fn mix(value: u64) -> u64 {
    let mut bits = value;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Combines a key with a salt, so that one key gives many independent random values.
pub(crate) fn salted(key: u64, salt: u64) -> u64 {
    mix(key ^ mix(salt.wrapping_add(STEP)))
}

/// Maps random bits to `[0, 1)`.
pub(crate) fn unit(bits: u64) -> f64 {
    // 53 bits are what a double holds without rounding.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// Maps random bits to `[0, bound)`.
pub(crate) fn below(bits: u64, bound: u64) -> u64 {
    let product = u128::from(bits) * u128::from(bound);
    u64::try_from(product >> 64).expect("the high half of a 128-bit product fits in 64 bits")
}

/// Maps random bits to an index into a slice of `length` items.
pub(crate) fn index(bits: u64, length: usize) -> usize {
    usize::try_from(below(bits, length as u64)).expect("an index below a usize fits in a usize")
}

/// Draws indices with probabilities proportional to their weights.
#[derive(Debug, Clone)]
pub(crate) struct Weighted {
    cumulative: Vec<f64>,
}

impl Weighted {
    pub(crate) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut total = 0.0;
        let cumulative = weights
            .into_iter()
            .map(|weight| {
                total += weight;
                total
            })
            .collect();
        Self { cumulative }
    }

    /// Zipf's law with Mandelbrot's offset: the weight of rank `k` (from 0) is `1 / (k + 1 + offset)`.
    pub(crate) fn zipf(count: usize, offset: f64) -> Self {
        Self::new((0..count).map(|rank| 1.0 / (rank as f64 + 1.0 + offset)))
    }

    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let target = random.unit() * total;
        let found = self.cumulative.partition_point(|&sum| sum <= target);
        found.min(self.cumulative.len().saturating_sub(1))
    }
}
