//! Lists of indices with counts as two lists, of the steps from index to index and of the counts: nearly
//! all are small, so that they take a byte each and compress well.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub(crate) fn serialize<S: Serializer>(
    pairs: &[(u32, u32)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let before = std::iter::once(0).chain(pairs.iter().map(|&(index, _)| index));
    let step = |(&(index, _), before): (&(u32, u32), u32)| index.wrapping_sub(before).cast_signed();
    let steps: Vec<i32> = pairs.iter().zip(before).map(step).collect();
    let counts: Vec<u32> = pairs.iter().map(|&(_, count)| count).collect();
    (steps, counts).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(u32, u32)>, D::Error> {
    let (steps, counts) = <(Vec<i32>, Vec<u32>)>::deserialize(deserializer)?;
    if steps.len() != counts.len() {
        return Err(serde::de::Error::custom("as many counts as indices"));
    }
    let index = |before: &mut u32, step: i32| {
        *before = before.wrapping_add_signed(step);
        Some(*before)
    };
    Ok(steps.into_iter().scan(0, index).zip(counts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Listed(#[serde(with = "super")] Vec<(u32, u32)>);

    #[test]
    fn any_order_and_any_step_reads_back() {
        let all =
            [vec![], vec![(7, 1), (7, 2), (3, u32::MAX)], vec![(u32::MAX, 0), (0, 5), (1, 1)]];
        for pairs in all {
            let text = serde_json::to_string(&Listed(pairs.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Listed>(&text).unwrap(), Listed(pairs));
        }
    }

    #[test]
    fn lists_of_different_lengths_are_refused() {
        let error = serde_json::from_str::<Listed>("[[1, 2], [1]]").unwrap_err().to_string();
        assert!(error.starts_with("as many counts as indices"), "{error}");
    }

    #[test]
    fn neighbours_take_two_bytes() {
        let pairs = (100_000..101_000).map(|index| (index, 1)).collect();
        let bytes = postcard::to_stdvec(&Listed(pairs)).unwrap().len();
        assert!(bytes < 2 * 1000 + 10, "{bytes}");
    }
}
