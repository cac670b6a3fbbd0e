//! What is known of the items in the write buffer besides their vectors.

use std::sync::{Arc, OnceLock};

use crate::metadata::Metadata;

/// Places in a full block.
const BLOCK_PLACES: usize = 4096;
/// Places of the first block when it is new; it doubles until it is full-sized, so that small lists stay small.
const FIRST_PLACES: usize = 8;

/// An item without its vector.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: Box<str>,
    pub(crate) metadata: Metadata,
    /// See [`crate::Item::expires_ms`].
    pub(crate) expires_ms: Option<u64>,
}

/// On disk, the time of what never expires.
pub(crate) const NEVER_MS: u64 = u64::MAX;

/// Inverse of `expires_ms.unwrap_or(NEVER_MS)`.
pub(crate) fn expiry_of(stored_ms: u64) -> Option<u64> {
    (stored_ms != NEVER_MS).then_some(stored_ms)
}

/// An append-only list. A clone costs a few reference counts and sees the records that were there when it was made,
/// while the original goes on growing in the same memory (as [`crate::table::Table`] does for numbers).
#[derive(Debug, Clone, Default)]
pub(crate) struct Records {
    len: usize,
    blocks: Vec<Arc<[Place]>>,
}

/// Filled once, by the list that comes first.
type Place = OnceLock<Arc<Record>>;

impl Records {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, index: usize) -> &Arc<Record> {
        assert!(index < self.len, "record {index} of {}", self.len);
        match self.blocks[index / BLOCK_PLACES][index % BLOCK_PLACES].get() {
            Some(record) => record,
            None => unreachable!("`push` fills a place before it counts it"),
        }
    }

    pub(crate) fn push(&mut self, record: Arc<Record>) {
        let (index, at) = (self.len / BLOCK_PLACES, self.len % BLOCK_PLACES);
        if index == self.blocks.len() {
            self.blocks.push(block(&[], if index == 0 { FIRST_PLACES } else { BLOCK_PLACES }));
        }
        let capacity = self.blocks[index].len();
        let refused = match self.blocks[index].get(at) {
            Some(place) => place.set(record).err(),
            None => Some(record),
        };
        if let Some(record) = refused {
            // Full, or a clone of this list has put its own record there.
            let larger = if at == capacity { (2 * capacity).min(BLOCK_PLACES) } else { capacity };
            let copy = block(&self.blocks[index][..at], larger);
            copy[at].get_or_init(|| record);
            self.blocks[index] = copy;
        }
        self.len += 1;
    }
}

/// A block that begins with `filled`.
fn block(filled: &[Place], places: usize) -> Arc<[Place]> {
    let empty = (filled.len()..places).map(|_| Place::new());
    filled.iter().cloned().chain(empty).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: usize) -> Arc<Record> {
        Arc::new(Record { id: id.to_string().into(), metadata: Metadata::default(), expires_ms: None })
    }

    fn filled(len: usize) -> Records {
        let mut records = Records::default();
        (0..len).for_each(|i| records.push(record(i)));
        records
    }

    #[test]
    fn clone_keeps_what_it_saw_and_grows_apart_from_its_original() {
        for len in [0, 1, FIRST_PLACES, FIRST_PLACES + 1, 100, BLOCK_PLACES, BLOCK_PLACES + 3] {
            let mut original = filled(len);
            let mut clone = original.clone();
            original.push(record(7));
            clone.push(record(8));
            original.push(record(9));
            let ids = |records: &Records| -> Vec<String> {
                (0..records.len()).map(|i| records.get(i).id.to_string()).collect()
            };
            let before: Vec<String> = (0..len).map(|i| i.to_string()).collect();
            assert_eq!(ids(&original), [before.clone(), vec!["7".to_owned(), "9".to_owned()]].concat());
            assert_eq!(ids(&clone), [before, vec!["8".to_owned()]].concat());
        }
    }

    #[test]
    fn original_that_grows_shares_memory_with_its_clones() {
        let mut records = filled(3);
        let clone = records.clone();
        records.push(record(3));
        assert!(std::ptr::eq(records.get(0), clone.get(0)));
    }

    #[test]
    #[should_panic(expected = "record 2 of 2")]
    fn record_beyond_the_clone_is_refused_even_if_the_original_has_it() {
        let mut records = filled(2);
        let clone = records.clone();
        records.push(record(2));
        clone.get(2);
    }
}
