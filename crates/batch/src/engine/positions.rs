//! A set of log positions that costs a bit for each offset.

use std::collections::BTreeMap;

/// How many words of 64 offsets share a page: 8 KiB.
const PAGE_WORDS: usize = 1 << 10;
const PAGE_OFFSETS: i64 = 64 << 10;

type PageKey = (i32, i64);

/// Offsets by partition. A page of bits is kept where there is at least one offset, so 64 million
/// neighbouring offsets take 8 MB.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions {
    pages: BTreeMap<PageKey, Box<[u64]>>,
}

impl Positions {
    /// Adds a position; `false` when it was there already.
    pub(crate) fn insert(&mut self, partition: i32, offset: i64) -> bool {
        let (page, word, bit) = place(offset);
        let words = self
            .pages
            .entry((partition, page))
            .or_insert_with(|| vec![0; PAGE_WORDS].into_boxed_slice());
        let added = words[word] & bit == 0;
        words[word] |= bit;
        added
    }

    pub(crate) fn contains(&self, partition: i32, offset: i64) -> bool {
        self.reader().contains(partition, offset)
    }

    /// How many offsets of a partition are in the set.
    pub(crate) fn count(&self, partition: i32) -> u64 {
        let pages = self.pages.range((partition, i64::MIN)..=(partition, i64::MAX));
        pages.flat_map(|(_, words)| words.iter()).map(|word| u64::from(word.count_ones())).sum()
    }

    /// The offsets of a partition in order.
    pub(crate) fn of_partition(&self, partition: i32) -> impl Iterator<Item = i64> {
        let pages = self.pages.range((partition, i64::MIN)..=(partition, i64::MAX));
        pages.flat_map(|(&(_, page), words)| {
            words.iter().zip(0_i64..).flat_map(move |(&word, index)| {
                let first = page * PAGE_OFFSETS + index * 64;
                (0..64_i64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| first + bit)
            })
        })
    }

    /// Looks positions up; quickest when neighbours are asked for one after the other.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader { positions: self, last: None }
    }
}

/// Remembers the page it looked at last.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    positions: &'a Positions,
    last: Option<(PageKey, Option<&'a [u64]>)>,
}

impl Reader<'_> {
    pub(crate) fn contains(&mut self, partition: i32, offset: i64) -> bool {
        let (page, word, bit) = place(offset);
        let key = (partition, page);
        let words = match self.last {
            Some((last, words)) if last == key => words,
            _ => {
                let words = self.positions.pages.get(&key).map(|words| &**words);
                self.last = Some((key, words));
                words
            }
        };
        words.is_some_and(|words| words[word] & bit != 0)
    }
}

/// The page, the word in the page and the bit in the word.
fn place(offset: i64) -> (i64, usize, u64) {
    let in_page = offset.rem_euclid(PAGE_OFFSETS);
    let word = usize::try_from(in_page / 64).expect("a remainder is not negative and fits");
    (offset.div_euclid(PAGE_OFFSETS), word, 1 << (in_page % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_put_in() {
        let mut positions = Positions::default();
        let inside = [(0, 0), (0, 63), (0, 64), (0, 65_535), (0, 65_536), (1, 5), (7, 1 << 40)];
        for (partition, offset) in inside {
            assert!(positions.insert(partition, offset));
            assert!(!positions.insert(partition, offset), "the second time it is there");
        }
        assert_eq!(positions.of_partition(0).collect::<Vec<_>>(), [0, 63, 64, 65_535, 65_536]);
        assert_eq!(positions.of_partition(7).collect::<Vec<_>>(), [1 << 40]);
        assert_eq!((positions.count(0), positions.count(1), positions.count(2)), (5, 1, 0));
        for outside in [(0, 1), (1, 0), (1, 65_541), (2, 5), (0, -1)] {
            assert!(!positions.contains(outside.0, outside.1), "{outside:?}");
        }
    }
}
