//! An inverted index: for each key of metadata its values, for each value the slots that have it.

use std::hash::RandomState;

use hashbrown::HashMap;

use super::Filter;
use super::Object;
use super::column::Column;
use super::evaluate::Evaluation;
use crate::bitset::Bitset;

/// Answers filters for the items in slots `0..len`, of one segment or of the write buffer. Slots are never taken out:
/// which of them live is the caller's to know.
///
/// All values are indexed but nested ones and texts above 256 bytes, of which it knows only where they are: an item
/// that has one is looked at, if a filter depends on it.
#[derive(Debug, Clone, Default)]
pub(crate) struct FilterIndex {
    columns: Columns,
    len: u32,
}

/// By key of the metadata.
pub(super) type Columns = HashMap<String, Column, RandomState>;

impl FilterIndex {
    /// Takes in the metadata of the next slot.
    pub(crate) fn push(&mut self, metadata: &Object) {
        let mut term = Vec::new();
        for (key, value) in metadata {
            let column = self.columns.entry_ref(key.as_str()).or_default();
            column.push(value, self.len, &mut term);
        }
        self.len += 1;
    }

    /// How many slots it covers.
    #[cfg(test)]
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// To be called when no more slots are expected: sorts what came last, and gives spare memory back.
    pub(crate) fn finish(&mut self) {
        self.columns.values_mut().for_each(Column::finish);
        self.columns.shrink_to_fit();
    }

    /// What it holds in memory.
    #[cfg(test)]
    pub(crate) fn memory_bytes(&self) -> usize {
        let columns = self.columns.iter().map(|(key, column)| key.capacity() + column.heap_bytes());
        self.columns.allocation_size() + columns.sum::<usize>()
    }

    /// Removes from `eligible` those of the slots `first_slot..first_slot + len` that `filter` does not hold for. Slot
    /// `first_slot` of `eligible` is slot 0 here.
    ///
    /// `matches` looks at the item in a slot of `eligible`. It is asked only about slots that are still eligible, and
    /// only when the filter depends on values that are not indexed.
    pub(crate) fn retain_matching(
        &self,
        filter: &Filter,
        first_slot: u32,
        eligible: &mut Bitset,
        matches: impl Fn(u32) -> bool,
    ) {
        let mut evaluation = Evaluation::new(&self.columns, self.len);
        let candidates = evaluation.candidates(filter);
        eligible.remove_words(first_slot, candidates.complement().words());
        if !evaluation.is_exact() {
            let refuted: Vec<u32> = eligible
                .iter_from(first_slot)
                .take_while(|slot| slot - first_slot < self.len)
                .filter(|slot| !matches(*slot))
                .collect();
            refuted.into_iter().for_each(|slot| eligible.remove(slot));
        }
    }
}

impl<'a> FromIterator<&'a Object> for FilterIndex {
    /// The finished index of a segment.
    fn from_iter<I: IntoIterator<Item = &'a Object>>(items: I) -> Self {
        let mut index = Self::default();
        items.into_iter().for_each(|metadata| index.push(metadata));
        index.finish();
        index
    }
}
