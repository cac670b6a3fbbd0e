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

    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words.get(word_of(slot)).is_some_and(|word| word & bit_of(slot) != 0)
    }

    pub(crate) fn insert(&mut self, slot: u32) {
        let word = word_of(slot);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.count += usize::from(self.words[word] & bit_of(slot) == 0);
        self.words[word] |= bit_of(slot);
    }

    pub(crate) fn remove(&mut self, slot: u32) {
        if self.contains(slot) {
            self.words[word_of(slot)] &= !bit_of(slot);
            self.count -= 1;
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

    /// How many members are below `end`.
    pub(crate) fn count_below(&self, end: u32) -> usize {
        let last = word_of(end);
        let whole: u32 = self.words.iter().take(last).map(|word| word.count_ones()).sum();
        let part = self.words.get(last).map_or(0, |word| (word & (bit_of(end) - 1)).count_ones());
        (whole + part) as usize
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
        assert_eq!([0, 1, 63, 64, 65, 201, 9999].map(|end| set.count_below(end)), [0, 1, 1, 2, 3, 4, 4]);
        assert_eq!(Bitset::from_words(set.words().to_vec()), set);
        set.remove(63);
        set.remove(63);
        set.remove(9999);
        assert_eq!((set.count(), set.contains(63), set.contains(200)), (3, false, true));
    }
}
