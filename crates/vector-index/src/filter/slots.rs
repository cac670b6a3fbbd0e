//! The slots of one term, which only ever grow at the end.

use super::mask::Mask;

/// An ascending set of slots: a list while it is sparse, bits while these take less memory.
#[derive(Debug, Clone)]
pub(super) enum Slots {
    Sparse(Vec<u32>),
    Dense { words: Vec<u64>, count: u32 },
}

/// As many slots take as much memory in bits as one slot does in a list.
const SLOTS_PER_LISTED: u32 = 32;

impl Default for Slots {
    fn default() -> Self {
        Self::Sparse(Vec::new())
    }
}

impl Slots {
    /// `slot` is the last so far, or above it.
    pub(super) fn push(&mut self, slot: u32) {
        match self {
            Self::Sparse(list) if list.last() == Some(&slot) => {}
            Self::Sparse(list) => {
                list.push(slot);
                if list.len() > (slot / SLOTS_PER_LISTED) as usize {
                    *self = to_dense(list);
                }
            }
            // Twice the bound to dense, so that a set does not go to and fro.
            Self::Dense { words, count } if *count < slot / (2 * SLOTS_PER_LISTED) => {
                *self = to_sparse(words, *count);
                self.push(slot);
            }
            Self::Dense { words, count } => {
                words.resize(slot as usize / 64 + 1, 0);
                let word = &mut words[slot as usize / 64];
                *count += u32::from(*word >> (slot % 64) & 1 == 0);
                *word |= 1 << (slot % 64);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Sparse(list) if list.is_empty())
    }

    pub(super) fn add_to(&self, mask: &mut Mask) {
        match self {
            Self::Sparse(list) => list.iter().for_each(|slot| mask.insert(*slot)),
            Self::Dense { words, .. } => mask.insert_words(words),
        }
    }

    pub(super) fn shrink_to_fit(&mut self) {
        match self {
            Self::Sparse(list) => list.shrink_to_fit(),
            Self::Dense { words, .. } => words.shrink_to_fit(),
        }
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Sparse(list) => list.capacity() * size_of::<u32>(),
            Self::Dense { words, .. } => words.capacity() * size_of::<u64>(),
        }
    }
}

fn to_dense(list: &[u32]) -> Slots {
    let last = list.last().map_or(0, |last| *last as usize);
    let mut words = vec![0; last / 64 + 1];
    for slot in list {
        words[*slot as usize / 64] |= 1 << (slot % 64);
    }
    Slots::Dense { words, count: list.len() as u32 }
}

fn to_sparse(words: &[u64], count: u32) -> Slots {
    let mut list = Vec::with_capacity(count as usize);
    for (index, word) in words.iter().enumerate() {
        let mut left = *word;
        while left != 0 {
            list.push(index as u32 * 64 + left.trailing_zeros());
            left &= left - 1;
        }
    }
    Slots::Sparse(list)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn members(slots: &Slots) -> BTreeSet<u32> {
        match slots {
            Slots::Sparse(list) => list.iter().copied().collect(),
            Slots::Dense { words, count } => {
                let Slots::Sparse(list) = to_sparse(words, *count) else { unreachable!() };
                list.into_iter().collect()
            }
        }
    }

    proptest! {
        #[test]
        fn set_keeps_its_members_through_every_change_of_form(
            // Runs of neighbours with gaps of all sizes between them.
            runs in prop::collection::vec((0_u32..14, 1_u32..200), 1..20)
        ) {
            let (mut slots, mut expected, mut next) = (Slots::default(), BTreeSet::new(), 0);
            for (gap, run) in runs {
                next += 1 << gap;
                for slot in next..next + run {
                    slots.push(slot);
                    slots.push(slot);
                    expected.insert(slot);
                    let listed = 4 * expected.len();
                    slots.shrink_to_fit();
                    prop_assert!(slots.heap_bytes() <= 2 * listed + 8, "{} bytes", slots.heap_bytes());
                }
                next += run;
                prop_assert_eq!(members(&slots), expected.clone());
            }
        }
    }
}
