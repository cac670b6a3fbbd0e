//! The items of one index in memory, and which slot an id has.

use std::collections::BTreeSet;
use std::hash::BuildHasher;
use std::sync::Arc;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::bitset::Bitset;
use crate::codec::Malformed;
use crate::filter::{Filter, FilterIndex};
use crate::metadata::Metadata;
use crate::records::Record;
use crate::view::View;

/// What a user stores.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// 1 to 512 bytes without control characters; unique in its index.
    pub id: String,
    /// `[dimension]`, finite.
    pub vector: Vec<f32>,
    /// Anything; filters look at its top-level keys.
    pub metadata: Metadata,
    /// From this time on, Unix milliseconds, no search returns it, and the next [`crate::Collection::expire`] deletes
    /// it.
    pub expires_ms: Option<u64>,
}

/// What searches read, and beside it what only the lock gives access to.
#[derive(Debug)]
pub(crate) struct Items {
    view: Arc<View>,
    /// The slots of the living by the hash of their ids, which it does not own.
    by_id: HashTable<u32>,
    hashing: DefaultHashBuilder,
    /// Over the metadata of the write buffer; those of the segments are in the segments.
    filters: FilterIndex,
    /// When those of the living that expire do so, Unix milliseconds, and their slots.
    expiring: BTreeSet<(u64, u32)>,
}

impl Items {
    /// The items of a view whose write buffer is empty. Says what is wrong if segments contradict each other.
    pub(crate) fn of_sealed(view: View) -> Result<Self, Malformed> {
        let hashing = DefaultHashBuilder::default();
        let mut by_id: HashTable<u32> = HashTable::with_capacity(view.live());
        let mut expiring = BTreeSet::new();
        let hash = |slot: &u32| hashing.hash_one(view.id(*slot));
        for slot in view.alive().iter() {
            let id = view.id(slot);
            if id.is_empty() {
                return Err("a live item has no id");
            }
            match by_id.entry(hash(&slot), |other| view.id(*other) == id, hash) {
                Entry::Occupied(_) => return Err("two live items have the same id"),
                Entry::Vacant(entry) => entry.insert(slot),
            };
            expiring.extend(view.expires_ms(slot).map(|expires_ms| (expires_ms, slot)));
        }
        Ok(Self { view: Arc::new(view), by_id, hashing, filters: FilterIndex::default(), expiring })
    }

    /// The items now. Whoever keeps it sees no later change, and keeps nobody waiting.
    pub(crate) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Leaves of `eligible` the slots whose metadata match.
    pub(crate) fn retain_matching(&self, filter: &Filter, eligible: &mut Bitset) {
        let matches = |slot| filter.matches(&self.view.parsed_metadata(slot));
        let sealed = self.view.sealed();
        for (first_slot, segment) in sealed.first_slots().zip(sealed.segments()) {
            segment.filters().retain_matching(filter, first_slot, eligible, matches);
        }
        self.filters.retain_matching(filter, sealed.slots(), eligible, matches);
    }

    pub(crate) fn slot_of(&self, id: &str) -> Option<u32> {
        self.by_id.find(self.hashing.hash_one(id), |slot| self.view.id(*slot) == id).copied()
    }

    /// Stores an item with its admitted vector. Returns whether that replaced one of the same id.
    pub(crate) fn upsert(&mut self, record: Arc<Record>, row: &[f32]) -> bool {
        let (view, hashing) = (Arc::make_mut(&mut self.view), &self.hashing);
        self.filters.push(&record.metadata.parse());
        self.expiring.extend(record.expires_ms.map(|expires_ms| (expires_ms, view.slots())));
        let slot = view.push(record, row);
        let id = view.id(slot);
        let is_same = |other: &u32| view.id(*other) == id;
        match self.by_id.entry(hashing.hash_one(id), is_same, |other| hashing.hash_one(view.id(*other))) {
            Entry::Occupied(mut entry) => {
                let old = std::mem::replace(entry.get_mut(), slot);
                bury(view, &mut self.expiring, old);
                true
            }
            Entry::Vacant(entry) => {
                entry.insert(slot);
                false
            }
        }
    }

    /// Returns whether there was such an item.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let is_it = |slot: &u32| self.view.id(*slot) == id;
        let Ok(entry) = self.by_id.find_entry(self.hashing.hash_one(id), is_it) else { return false };
        let (slot, _) = entry.remove();
        bury(Arc::make_mut(&mut self.view), &mut self.expiring, slot);
        true
    }

    /// The living that have expired by `now_ms`, Unix milliseconds. Costs nothing where there are none.
    pub(crate) fn expired(&self, now_ms: u64) -> impl Iterator<Item = u32> {
        self.expiring.range(..=(now_ms, u32::MAX)).map(|(_, slot)| *slot)
    }

    /// Deletes what has expired by `now_ms` and returns how many that were.
    pub(crate) fn expire(&mut self, now_ms: u64) -> usize {
        let view = Arc::clone(&self.view);
        let expired: Vec<u32> = self.expired(now_ms).collect();
        expired.iter().filter(|slot| self.delete(view.id(**slot))).count()
    }

    /// Brings these items, which hold what `then` holds, up to `now`, a later view over the same segments as `then`.
    pub(crate) fn catch_up(&mut self, then: &View, now: &View) {
        for slot in then.alive().iter().filter(|slot| !now.alive().contains(*slot)) {
            self.delete(then.id(slot));
        }
        for slot in now.alive().iter_from(then.slots()) {
            self.upsert(Arc::clone(now.buffered(slot)), now.rows().buffered(slot));
        }
    }
}

fn bury(view: &mut View, expiring: &mut BTreeSet<(u64, u32)>, slot: u32) {
    if let Some(expires_ms) = view.expires_ms(slot) {
        expiring.remove(&(expires_ms, slot));
    }
    view.bury(slot);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Items {
        Items::of_sealed(View::new(1)).unwrap()
    }

    fn put(items: &mut Items, id: &str, x: f32) -> bool {
        put_until(items, id, x, None)
    }

    fn put_until(items: &mut Items, id: &str, x: f32, expires_ms: Option<u64>) -> bool {
        items.upsert(Arc::new(Record { id: id.into(), metadata: Metadata::default(), expires_ms }), &[x])
    }

    fn contents(items: &Items) -> Vec<(String, f32)> {
        let view = items.view();
        let mut all: Vec<_> = view
            .alive()
            .iter()
            .map(|slot| (view.id(slot).to_owned(), view.rows().buffered(slot)[0]))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    #[test]
    fn copy_that_raced_with_writes_ends_in_the_same_items() {
        let mut items = empty();
        for (i, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
            assert!(!put(&mut items, id, i as f32));
        }
        items.delete("b");
        let then = Arc::clone(items.view());
        let mut copy = empty();
        for (id, x) in contents(&items) {
            put(&mut copy, &id, x);
        }

        assert!(put(&mut items, "a", 10.0)); // updated meanwhile
        assert!(items.delete("c")); // deleted meanwhile
        assert!(!put(&mut items, "b", 11.0)); // back from the dead
        assert!(!put(&mut items, "e", 12.0));
        assert!(items.delete("e")); // came and went
        copy.catch_up(&then, items.view());

        assert_eq!(contents(&copy), contents(&items));
        assert_eq!(copy.view().live(), 3);
        assert_eq!(copy.slot_of("c"), None);
    }

    #[test]
    fn view_does_not_change_while_the_items_do() {
        let mut items = empty();
        put(&mut items, "a", 1.0);
        let then = Arc::clone(items.view());
        put(&mut items, "a", 2.0);
        put(&mut items, "b", 3.0);
        assert_eq!((then.slots(), then.alive().iter().collect::<Vec<_>>()), (1, vec![0]));
        assert_eq!((then.id(0), then.rows().buffered(0)), ("a", &[1.0][..]));
        assert_eq!(contents(&items), [("a".to_owned(), 2.0), ("b".to_owned(), 3.0)]);
    }

    #[test]
    fn only_the_latest_expiry_of_an_id_counts() {
        let mut items = empty();
        for (id, expires_ms) in [
            ("a", Some(10)),
            ("b", Some(20)),
            ("c", None),
            ("a", None),
            ("b", Some(5)),
            ("c", Some(30)),
            ("d", Some(1)),
        ] {
            put_until(&mut items, id, 1.0, expires_ms);
        }
        items.delete("d");
        let expired = |items: &Items, now_ms| -> Vec<String> {
            items.expired(now_ms).map(|slot| items.view().id(slot).to_owned()).collect()
        };
        assert_eq!([expired(&items, 4), expired(&items, 5)], [vec![], vec!["b".to_owned()]]);
        assert_eq!(
            (items.expire(29), items.expire(29), expired(&items, u64::MAX)),
            (1, 0, vec!["c".to_owned()])
        );
        assert_eq!((items.slot_of("b"), items.view().live()), (None, 2));
    }

    #[test]
    fn thousands_of_ids_are_told_apart() {
        let mut items = empty();
        for round in 0..3_u16 {
            for i in 0..5000_u16 {
                assert_eq!(put(&mut items, &i.to_string(), f32::from(i) + f32::from(round)), round > 0);
            }
        }
        for i in 0..5000_u16 {
            let slot = items.slot_of(&i.to_string()).unwrap();
            assert_eq!(items.view().rows().buffered(slot), [f32::from(i) + 2.0]);
        }
        assert!((0..5000_u16).step_by(2).all(|i| items.delete(&i.to_string())));
        assert_eq!((items.view().live(), items.slot_of("0"), items.delete("0")), (2500, None, false));
    }
}
