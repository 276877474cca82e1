//! Shards: the partitions of the log. A directory's events all stand in one of them, so that their
//! order is the order of their positions.

use serde::{Deserialize, Serialize};

use crate::ids::DirectoryId;

/// The shard of a directory, among so many (at least 1). How it is found never changes: the log's
/// partitioning depends on it. It is the low 64 bits of the id's UUID, which UUIDv7 draws at random
/// (RFC 9562 §5.7), modulo the number of shards.
pub fn shard_of(directory: &DirectoryId, shards: u16) -> u16 {
    let random = directory.uuid().as_u64_pair().1;
    u16::try_from(random % u64::from(shards.max(1))).unwrap_or(0)
}

/// A place in the log: a position in each shard, everything up to which lies behind. A shard that is
/// not named is at 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Positions(Vec<u64>);

impl Positions {
    /// The beginning of the log.
    pub const fn beginning() -> Self {
        Self(Vec::new())
    }

    /// The position in a shard.
    pub fn at(&self, shard: u16) -> u64 {
        self.0.get(usize::from(shard)).copied().unwrap_or(0)
    }

    /// Moves to a position of a shard.
    pub fn set(&mut self, shard: u16, position: u64) {
        let index = usize::from(shard);
        if index >= self.0.len() {
            self.0.resize(index + 1, 0);
        }
        self.0[index] = position;
    }

    /// How many shards are named: the highest one and those before it.
    pub fn shards(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }

    /// Each shard that is named, with its position.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        (0..).zip(self.0.iter().copied())
    }
}

impl From<Vec<u64>> for Positions {
    fn from(positions: Vec<u64>) -> Self {
        Self(positions)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_directory_keeps_its_shard() {
        let id = |text: &str| DirectoryId::from_uuid(Uuid::parse_str(text).unwrap());
        for (text, of_1, of_32) in [
            ("0199f0a1-0000-7000-8000-000000000000", 0, 0),
            ("0199f0a1-0000-7000-8000-00000000001f", 0, 31),
            ("0199f0a1-ffff-7fff-bfff-ffffffffffff", 0, 31),
            ("0199f0a1-0000-7000-8000-000000000025", 0, 5),
        ] {
            assert_eq!((shard_of(&id(text), 1), shard_of(&id(text), 32)), (of_1, of_32), "{text}");
        }
    }

    #[test]
    fn a_shard_that_is_not_named_is_at_its_beginning() {
        let mut place = Positions::beginning();
        place.set(2, 7);
        assert_eq!(place.iter().collect::<Vec<_>>(), [(0, 0), (1, 0), (2, 7)]);
        assert_eq!((place.at(2), place.at(9)), (7, 0));
        assert_eq!(serde_json::to_string(&place).unwrap(), "[0,0,7]");
    }
}
