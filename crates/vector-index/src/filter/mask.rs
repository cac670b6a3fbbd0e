//! A set out of a fixed range of slots, for arithmetic on whole sets.

/// A subset of the slots `0..len`.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    /// 64 slots each; bits from `len` on are 0.
    words: Vec<u64>,
    len: u32,
}

impl Mask {
    pub(super) fn none(len: u32) -> Self {
        Self { words: vec![0; len.div_ceil(64) as usize], len }
    }

    pub(super) fn all(len: u32) -> Self {
        Self::none(len).complement()
    }

    pub(super) fn words(&self) -> &[u64] {
        &self.words
    }

    pub(super) fn insert(&mut self, slot: u32) {
        self.words[slot as usize / 64] |= 1 << (slot % 64);
    }

    pub(super) fn insert_words(&mut self, words: &[u64]) {
        for (word, other) in self.words.iter_mut().zip(words) {
            *word |= other;
        }
    }

    pub(super) fn or(mut self, other: &Self) -> Self {
        self.insert_words(&other.words);
        self
    }

    pub(super) fn and(mut self, other: &Self) -> Self {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
        self
    }

    pub(super) fn complement(mut self) -> Self {
        for word in &mut self.words {
            *word = !*word;
        }
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= !(u64::MAX << used);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complement_has_no_slot_beyond_the_last() {
        for len in [0, 1, 63, 64, 65, 128] {
            let all = Mask::all(len);
            let count: u32 = all.words().iter().map(|word| word.count_ones()).sum();
            assert_eq!(count, len);
            assert!(all.complement().words().iter().all(|word| *word == 0));
        }
    }
}
