//! The terms of one key: found by value, gone through in order, each with the slots that have it.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::mask::Mask;
use super::slots::Slots;
use super::term::Kind;

/// A term's ordinal says as how many-th it came. A term with one slot costs about 30 bytes beside its own: a key may have
/// another value for every item.
#[derive(Debug, Clone, Default)]
pub(super) struct Terms {
    terms: TermBytes,
    /// By ordinal of the term.
    postings: Vec<Posting>,
    lists: Vec<Slots>,
    ordinals: HashTable<u32>,
    hasher: RandomState,
    /// Ordinals of the first terms, in order of the terms. The later ones are looked at one by one.
    in_order: Vec<u32>,
}

/// The slots of a term.
#[derive(Debug, Clone, Copy)]
enum Posting {
    One(u32),
    /// Index into the lists.
    Many(u32),
}

/// The bytes of terms, one after the other.
#[derive(Debug, Clone, Default)]
struct TermBytes {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// So many terms are looked at one by one before they are sorted in.
const UNORDERED_AT_LEAST: usize = 256;

impl Terms {
    /// Gives `slot`, the last so far or a later one, the term.
    pub(super) fn add(&mut self, term: &[u8], slot: u32) {
        let hash = self.hasher.hash_one(term);
        if let Some(ordinal) = self.ordinal_of(hash, term) {
            return self.add_slot(ordinal, slot);
        }
        let ordinal = self.terms.push(term);
        self.postings.push(Posting::One(slot));
        let rehash = |ordinal: &u32| self.hasher.hash_one(self.terms.get(*ordinal));
        self.ordinals.insert_unique(hash, ordinal, rehash);
        // Sorted at each doubling: that costs little more in all than to sort once.
        if self.postings.len() > 2 * self.in_order.len() + UNORDERED_AT_LEAST {
            self.sort();
        }
    }

    fn add_slot(&mut self, ordinal: u32, slot: u32) {
        let posting = &mut self.postings[ordinal as usize];
        match *posting {
            Posting::One(only) if only == slot => {}
            Posting::One(only) => {
                let mut slots = Slots::default();
                slots.push(only);
                slots.push(slot);
                *posting = Posting::Many(self.lists.len() as u32);
                self.lists.push(slots);
            }
            Posting::Many(list) => self.lists[list as usize].push(slot),
        }
    }

    fn sort(&mut self) {
        self.in_order.extend(self.in_order.len() as u32..self.postings.len() as u32);
        // Stable, because that finds and keeps the run of those that are in order.
        self.in_order.sort_by(|a, b| self.terms.get(*a).cmp(self.terms.get(*b)));
    }

    /// Adds to `mask` the slots that have the term.
    pub(super) fn find(&self, term: &[u8], mask: &mut Mask) {
        if let Some(ordinal) = self.ordinal_of(self.hasher.hash_one(term), term) {
            self.add_to(mask, ordinal);
        }
    }

    fn ordinal_of(&self, hash: u64, term: &[u8]) -> Option<u32> {
        self.ordinals.find(hash, |ordinal| self.terms.get(*ordinal) == term).copied()
    }

    /// Adds to `mask` the slots with a term of `kind` whose comparison `holds`. `compare` gets the term without its
    /// kind, and rises with the terms of the kind.
    pub(super) fn select(
        &self,
        kind: Kind,
        compare: impl Fn(&[u8]) -> Ordering,
        holds: impl Fn(Ordering) -> bool,
        mask: &mut Mask,
    ) {
        let compare = |ordinal: &u32| compare(self.terms.payload(*ordinal));
        let of_kind = self.in_order_of(kind);
        let less = of_kind.partition_point(|ordinal| compare(ordinal).is_lt());
        let at_most_equal = of_kind.partition_point(|ordinal| compare(ordinal).is_le());
        for (ordering, part) in [
            (Ordering::Less, &of_kind[..less]),
            (Ordering::Equal, &of_kind[less..at_most_equal]),
            (Ordering::Greater, &of_kind[at_most_equal..]),
        ] {
            if holds(ordering) {
                part.iter().for_each(|ordinal| self.add_to(mask, *ordinal));
            }
        }
        (self.in_order.len() as u32..self.postings.len() as u32)
            .filter(|ordinal| self.terms.kind(*ordinal) == kind as u8 && holds(compare(ordinal)))
            .for_each(|ordinal| self.add_to(mask, ordinal));
    }

    fn in_order_of(&self, kind: Kind) -> &[u32] {
        let from = self.in_order.partition_point(|ordinal| self.terms.kind(*ordinal) < kind as u8);
        let to = self.in_order.partition_point(|ordinal| self.terms.kind(*ordinal) <= kind as u8);
        &self.in_order[from..to]
    }

    fn add_to(&self, mask: &mut Mask, ordinal: u32) {
        match self.postings[ordinal as usize] {
            Posting::One(slot) => mask.insert(slot),
            Posting::Many(list) => self.lists[list as usize].add_to(mask),
        }
    }

    /// Sorts what is not sorted yet and gives spare memory back.
    pub(super) fn finish(&mut self) {
        self.sort();
        self.terms.bytes.shrink_to_fit();
        self.terms.ends.shrink_to_fit();
        self.postings.shrink_to_fit();
        self.lists.iter_mut().for_each(Slots::shrink_to_fit);
        self.lists.shrink_to_fit();
        self.ordinals.shrink_to_fit(|ordinal| self.hasher.hash_one(self.terms.get(*ordinal)));
        self.in_order.shrink_to_fit();
    }

    #[cfg(test)]
    pub(super) fn heap_bytes(&self) -> usize {
        self.terms.bytes.capacity()
            + self.terms.ends.capacity() * size_of::<usize>()
            + self.postings.capacity() * size_of::<Posting>()
            + self.lists.capacity() * size_of::<Slots>()
            + self.lists.iter().map(Slots::heap_bytes).sum::<usize>()
            + self.ordinals.allocation_size()
            + self.in_order.capacity() * size_of::<u32>()
    }
}

impl TermBytes {
    fn push(&mut self, term: &[u8]) -> u32 {
        let ordinal = self.ends.len() as u32;
        self.bytes.extend_from_slice(term);
        self.ends.push(self.bytes.len());
        ordinal
    }

    #[inline]
    fn get(&self, ordinal: u32) -> &[u8] {
        let ordinal = ordinal as usize;
        let from = if ordinal == 0 { 0 } else { self.ends[ordinal - 1] };
        &self.bytes[from..self.ends[ordinal]]
    }

    /// No term is empty.
    fn kind(&self, ordinal: u32) -> u8 {
        self.get(ordinal)[0]
    }

    fn payload(&self, ordinal: u32) -> &[u8] {
        &self.get(ordinal)[1..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn term_that_no_other_slot_has_costs_no_list() {
        let mut terms = Terms::default();
        for slot in 0..100_000_u32 {
            terms.add(&[&[Kind::Text as u8], &slot.to_be_bytes()[..]].concat(), slot);
        }
        terms.finish();
        assert!(terms.lists.is_empty());
        let own = 5 * 100_000;
        assert!(terms.heap_bytes() - own < 30 * 100_000, "{}", terms.heap_bytes());
    }

    #[test]
    fn term_that_comes_twice_in_a_slot_counts_once() {
        let mut terms = Terms::default();
        terms.add(&[Kind::Null as u8], 7);
        terms.add(&[Kind::Null as u8], 7);
        assert!(terms.lists.is_empty());
        terms.add(&[Kind::Null as u8], 9);
        terms.add(&[Kind::Null as u8], 9);
        let mut mask = Mask::none(10);
        terms.find(&[Kind::Null as u8], &mut mask);
        assert_eq!(mask.words(), [1 << 7 | 1 << 9]);
    }
}
