//! One offset for each partition of a log.

use std::fmt;

use crate::Position;

/// An offset for each partition of a log: where to read next, or where the partitions begin or end.
///
/// Whatever takes two looks at the partitions that both have; those of one log have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets(Vec<u64>);

impl Offsets {
    /// Where a log begins that still has all its messages.
    pub fn zero(partitions: u32) -> Self {
        (0..partitions).map(|_| 0).collect()
    }

    pub fn partitions(&self) -> u32 {
        u32::try_from(self.0.len()).expect("partitions are numbered by a u32")
    }

    /// Whether there is no partition.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether no message comes before.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|offset| *offset == 0)
    }

    /// The offset of a partition, if there is such a partition.
    pub fn get(&self, partition: impl TryInto<usize>) -> Option<u64> {
        self.0.get(partition.try_into().ok()?).copied()
    }

    /// Each partition with its offset.
    pub fn by_partition(&self) -> impl Iterator<Item = (u32, u64)> {
        (0..).zip(self.0.iter().copied())
    }

    /// Each partition with its offset here and there.
    pub fn zip(&self, other: &Self) -> impl Iterator<Item = (u32, u64, u64)> {
        self.by_partition()
            .zip(&other.0)
            .map(|((partition, here), there)| (partition, here, *there))
    }

    /// The later one of each partition.
    pub fn at_least(&self, other: &Self) -> Self {
        self.zip(other).map(|(_, here, there)| here.max(there)).collect()
    }

    /// The earlier one of each partition.
    pub fn at_most(&self, other: &Self) -> Self {
        self.zip(other).map(|(_, here, there)| here.min(there)).collect()
    }

    /// So many messages earlier in each partition, or its very beginning.
    pub fn back_by(&self, messages: u64) -> Self {
        self.0.iter().map(|offset| offset.saturating_sub(messages)).collect()
    }

    /// How many messages each partition has from here to `ends`; none where it is past them.
    pub fn lags(&self, ends: &Self) -> impl Iterator<Item = (u32, u64)> {
        self.zip(ends).map(|(partition, here, end)| (partition, end.saturating_sub(here)))
    }

    /// How many messages all partitions have from here to `ends`.
    pub fn messages_until(&self, ends: &Self) -> u64 {
        self.lags(ends).map(|(_, lag)| lag).sum()
    }

    /// How many messages come before, over all partitions.
    pub fn messages_before(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Whether each partition is at or after `ends`.
    pub fn reach(&self, ends: &Self) -> bool {
        self.lags(ends).all(|(_, lag)| lag == 0)
    }

    /// Whether a message comes before. That of a partition which is not here does not. Takes signed
    /// numbers too, as the columns of tables have.
    pub fn have_passed(&self, partition: impl TryInto<usize>, offset: impl TryInto<u64>) -> bool {
        let next_offset = self.get(partition);
        next_offset.zip(offset.try_into().ok()).is_some_and(|(next, offset)| offset < next)
    }

    /// Goes on after a message.
    ///
    /// # Panics
    /// When there is no such partition.
    pub fn pass(&mut self, Position { partition, offset }: Position) {
        self.0[partition as usize] = offset + 1;
    }
}

impl FromIterator<u64> for Offsets {
    fn from_iter<I: IntoIterator<Item = u64>>(offsets: I) -> Self {
        Self(offsets.into_iter().collect())
    }
}

impl<const PARTITIONS: usize> From<[u64; PARTITIONS]> for Offsets {
    fn from(offsets: [u64; PARTITIONS]) -> Self {
        Self(offsets.into())
    }
}

impl<const PARTITIONS: usize> PartialEq<[u64; PARTITIONS]> for Offsets {
    fn eq(&self, other: &[u64; PARTITIONS]) -> bool {
        self.0 == other
    }
}

/// In the order of the partitions: `[4, 0, 17]`.
impl fmt::Display for Offsets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets<const PARTITIONS: usize>(offsets: [u64; PARTITIONS]) -> Offsets {
        offsets.into()
    }

    #[test]
    fn partitions_have_numbers() {
        let offsets = offsets([4, 0, 17]);
        assert_eq!(offsets.partitions(), 3);
        assert_eq!(
            (offsets.get(2_u32), offsets.get(3_u32), offsets.get(-1)),
            (Some(17), None, None)
        );
        assert_eq!(offsets.by_partition().collect::<Vec<_>>(), [(0, 4), (1, 0), (2, 17)]);
        assert_eq!(offsets.to_string(), "[4, 0, 17]");
        assert_eq!(offsets.messages_before(), 21);
    }

    #[test]
    fn a_whole_log_begins_at_zero() {
        assert_eq!(Offsets::zero(2), [0, 0]);
        let empty = Offsets::default();
        assert!(empty.is_empty() && empty.is_zero());
        assert!(!Offsets::zero(2).is_empty() && Offsets::zero(2).is_zero());
        assert!(!offsets([0, 1]).is_zero());
    }

    #[test]
    fn partitions_are_compared_one_by_one() {
        let (one, other) = (offsets([4, 9]), offsets([5, 7]));
        assert_eq!(one.zip(&other).collect::<Vec<_>>(), [(0, 4, 5), (1, 9, 7)]);
        assert_eq!((one.at_least(&other), one.at_most(&other)), (offsets([5, 9]), offsets([4, 7])));
        assert_eq!(one.back_by(5), [0, 4]);
        assert_eq!(one.zip(&offsets([1])).collect::<Vec<_>>(), [(0, 4, 1)], "only one has two");
    }

    #[test]
    fn a_lag_is_what_is_left_to_read() {
        let ends = offsets([5, 7, 3]);
        for (next_offsets, lags) in [
            ([2, 7, 1], [3, 0, 2]),
            ([5, 7, 3], [0; 3]),
            ([9, 8, 3], [0; 3]),
            ([9, 6, 3], [0, 1, 0]),
        ] {
            let next_offsets = offsets(next_offsets);
            let found: Vec<_> = next_offsets.lags(&ends).collect();
            assert_eq!(found, (0..).zip(lags).collect::<Vec<_>>());
            assert_eq!(next_offsets.messages_until(&ends), lags.iter().sum::<u64>());
            assert_eq!(next_offsets.reach(&ends), lags == [0; 3], "{next_offsets}");
        }
    }

    #[test]
    fn a_message_is_passed_once_the_next_offset_is_after_it() {
        let mut next_offsets = offsets([0, 5]);
        assert!(!next_offsets.have_passed(1_u32, 5_u64));
        next_offsets.pass(Position { partition: 1, offset: 5 });
        assert_eq!(next_offsets, [0, 6]);
        assert!(next_offsets.have_passed(1_i32, 5_i64) && next_offsets.have_passed(1_i32, 0_i64));
        for nowhere in [(0, 0), (1, 6), (2, 0), (-1, 0), (1, -1)] {
            assert!(!next_offsets.have_passed(nowhere.0, nowhere.1), "{nowhere:?}");
        }
    }
}
