//! Hash maps as lists of pairs, in their own order.
//!
//! Beside the maps' own implementation, because its feature would be one more variant of a crate that
//! much of the dependency tree is built on.

use std::hash::Hash;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Map<K, V> = IndexMap<K, V, FxBuildHasher>;

pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
    map: &Map<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map)
}

pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<Map<K, V>, D::Error>
where
    K: Deserialize<'de> + Eq + Hash,
    V: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Ok(Vec::deserialize(deserializer)?.into_iter().collect())
}

/// Gives entries other keys, each of which is new, in their places.
pub(crate) fn rename_keys<K: Eq + Hash, V>(map: &mut Map<K, V>, new: impl Fn(&K) -> Option<K>) {
    if map.keys().any(|key| new(key).is_some()) {
        let entries = std::mem::take(map).into_iter();
        *map = entries.map(|(key, value)| (new(&key).unwrap_or(key), value)).collect();
    }
}
