//! A set of slots, one bit each.

/// A growable set of small integers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bitset {
    words: Vec<u64>,
    count: usize,
}

impl Bitset {
    /// How many members it has.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// How many members are below `end`.
    pub(crate) fn count_below(&self, end: u32) -> usize {
        let whole = word_of(end).min(self.words.len());
        let rest = self.words.get(word_of(end)).map_or(0, |word| word & (bit_of(end) - 1));
        let count: u32 = self.words[..whole].iter().map(|word| word.count_ones()).sum();
        (count + rest.count_ones()) as usize
    }

    /// Whether `slot` is a member.
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words.get(word_of(slot)).is_some_and(|word| word & bit_of(slot) != 0)
    }

    /// Makes `slot` a member.
    pub(crate) fn insert(&mut self, slot: u32) {
        let word = word_of(slot);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.count += usize::from(self.words[word] & bit_of(slot) == 0);
        self.words[word] |= bit_of(slot);
    }

    /// Makes `slot` no member.
    pub(crate) fn remove(&mut self, slot: u32) {
        if self.contains(slot) {
            self.words[word_of(slot)] &= !bit_of(slot);
            self.count -= 1;
        }
    }

    /// Removes slot `first + i` for each bit `i` of `removed`, 64 bits a word.
    pub(crate) fn remove_words(&mut self, first: u32, removed: &[u64]) {
        let shift = first % 64;
        let mut carried = 0;
        let shifted = removed.iter().chain(&[0]).map(|word| {
            let low = word << shift | carried;
            carried = word.checked_shr(64 - shift).unwrap_or(0);
            low
        });
        for (word, removed) in self.words.iter_mut().skip(word_of(first)).zip(shifted) {
            self.count -= (*word & removed).count_ones() as usize;
            *word &= !removed;
        }
    }

    /// The members at or above `from`, in ascending order.
    pub(crate) fn iter_from(&self, from: u32) -> impl Iterator<Item = u32> {
        let first = word_of(from);
        self.words.iter().enumerate().skip(first).flat_map(move |(index, &word)| {
            let mut left = if index == first { word & (u64::MAX << (from % 64)) } else { word };
            std::iter::from_fn(move || {
                let bit = (left != 0).then(|| left.trailing_zeros())?;
                left &= left - 1;
                Some(index as u32 * 64 + bit)
            })
        })
    }

    /// The bits, from the lowest slot upwards.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Inverse of [`Bitset::words`].
    pub(crate) fn from_words(words: Vec<u64>) -> Self {
        let count = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, count }
    }

    /// The members, in ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.iter_from(0)
    }
}

impl FromIterator<u32> for Bitset {
    fn from_iter<I: IntoIterator<Item = u32>>(slots: I) -> Self {
        let mut set = Self::default();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

const fn word_of(slot: u32) -> usize {
    slot as usize / 64
}

const fn bit_of(slot: u32) -> u64 {
    1 << (slot % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_back_in_order_and_are_counted_once() {
        let mut set: Bitset = [200, 0, 63, 64, 63].into_iter().collect();
        assert_eq!(set.count(), 4);
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 200]);
        assert_eq!(set.iter_from(64).collect::<Vec<_>>(), [64, 200]);
        assert_eq!(set.iter_from(65).collect::<Vec<_>>(), [200]);
        assert_eq!(set.iter_from(1000).count(), 0);
        assert_eq!(
            [0, 1, 63, 64, 65, 200, 201, 9999].map(|end| set.count_below(end)),
            [0, 1, 1, 2, 3, 3, 4, 4]
        );
        assert_eq!(Bitset::from_words(set.words().to_vec()), set);
        set.remove(63);
        set.remove(63);
        set.remove(9999);
        assert_eq!((set.count(), set.contains(63), set.contains(200)), (3, false, true));
    }

    #[test]
    fn words_are_removed_from_any_slot_on_and_nowhere_else() {
        let removed = [0xf0f0_1234_5678_9abc_u64, u64::MAX, 1 << 63 | 1];
        for first in (0..70).chain([128, 300, 500, 1000]) {
            for members in [0_u32, 100, 129, 400] {
                let mut set: Bitset = (0..members).collect();
                set.remove_words(first, &removed);
                let is_removed = |slot: u32| {
                    let at = slot.wrapping_sub(first);
                    removed.get(at as usize / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
                };
                let expected: Vec<u32> = (0..members).filter(|slot| !is_removed(*slot)).collect();
                assert_eq!(set.iter().collect::<Vec<_>>(), expected, "from {first} on, of {members}");
                assert_eq!(set.count(), expected.len());
            }
        }
    }
}
