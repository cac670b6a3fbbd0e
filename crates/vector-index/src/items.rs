//! The items of one index in memory: rows, ids, metadata, and which of them live.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bitset::Bitset;
use crate::codes::Codes;
use crate::rows::Rows;

/// What a user attaches to an item: a JSON object.
pub type Metadata = serde_json::Map<String, serde_json::Value>;

/// What a user stores.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// 1 to 512 bytes without control characters; unique in its index.
    pub id: String,
    /// `[dimension]`, finite.
    pub vector: Vec<f32>,
    /// Anything; filters look at its top-level keys.
    pub metadata: Metadata,
}

/// Items in slots. A slot is written once: an update kills the old slot and takes a new one, so that whatever was
/// built over old slots (a graph, a snapshot) stays true.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    rows: Rows,
    codes: Codes,
    ids: Vec<Arc<str>>,
    metadata: Vec<Arc<Metadata>>,
    alive: Bitset,
    by_id: HashMap<Arc<str>, u32>,
    /// Shared by all dead slots, whose own metadata is given back.
    nothing: Arc<Metadata>,
}

impl Items {
    pub(crate) fn new(dimension: usize) -> Self {
        Self {
            rows: Rows::new(dimension),
            codes: Codes::new(dimension),
            ids: Vec::new(),
            metadata: Vec::new(),
            alive: Bitset::default(),
            by_id: HashMap::new(),
            nothing: Arc::default(),
        }
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(crate) fn codes(&self) -> &Codes {
        &self.codes
    }

    pub(crate) fn alive(&self) -> &Bitset {
        &self.alive
    }

    /// How many slots are taken, by the living and the dead.
    pub(crate) fn slots(&self) -> u32 {
        self.ids.len() as u32
    }

    pub(crate) fn live(&self) -> usize {
        self.alive.count()
    }

    pub(crate) fn dead(&self) -> usize {
        self.ids.len() - self.live()
    }

    pub(crate) fn id(&self, slot: u32) -> &Arc<str> {
        &self.ids[slot as usize]
    }

    pub(crate) fn metadata(&self, slot: u32) -> &Arc<Metadata> {
        &self.metadata[slot as usize]
    }

    pub(crate) fn slot_of(&self, id: &str) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    /// Stores an admitted vector under `id`. Returns whether that replaced an item.
    pub(crate) fn upsert(&mut self, id: Arc<str>, row: &[f32], metadata: Arc<Metadata>) -> bool {
        let slot = self.slots();
        let replaced = self.by_id.insert(Arc::clone(&id), slot);
        if let Some(old) = replaced {
            self.bury(old);
        }
        self.rows.push(row);
        self.codes.push(row);
        self.ids.push(id);
        self.metadata.push(metadata);
        self.alive.insert(slot);
        replaced.is_some()
    }

    /// Returns whether there was such an item.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let slot = self.by_id.remove(id);
        if let Some(slot) = slot {
            self.bury(slot);
        }
        slot.is_some()
    }

    fn bury(&mut self, slot: u32) {
        self.alive.remove(slot);
        self.metadata[slot as usize] = Arc::clone(&self.nothing);
    }

    /// The same living items in the same order, without the dead.
    pub(crate) fn compacted(&self) -> Self {
        if self.dead() == 0 {
            return self.clone();
        }
        let mut compact = Self::new(self.rows.dimension());
        for slot in self.alive.iter() {
            compact.upsert(Arc::clone(self.id(slot)), self.rows.row(slot), Arc::clone(self.metadata(slot)));
        }
        compact
    }

    /// Brings `compact`, made by [`Items::compacted`] when `self` was `then`, up to what `self` is now.
    pub(crate) fn catch_up(&self, then: &Self, compact: &mut Self) {
        for slot in then.alive.iter().filter(|slot| !self.alive.contains(*slot)) {
            compact.delete(then.id(slot));
        }
        for slot in self.alive.iter_from(then.slots()) {
            compact.upsert(Arc::clone(self.id(slot)), self.rows.row(slot), Arc::clone(self.metadata(slot)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(items: &mut Items, id: &str, x: f32) -> bool {
        items.upsert(id.into(), &[x], Arc::default())
    }

    fn contents(items: &Items) -> Vec<(String, f32)> {
        let mut all: Vec<_> = items
            .alive()
            .iter()
            .map(|slot| (items.id(slot).to_string(), items.rows().row(slot)[0]))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    #[test]
    fn compaction_that_raced_with_writes_ends_in_the_same_items() {
        let mut items = Items::new(1);
        for (i, id) in ["a", "b", "c", "d"].into_iter().enumerate() {
            assert!(!put(&mut items, id, i as f32));
        }
        items.delete("b");
        let then = items.clone();
        let mut compact = then.compacted();
        assert_eq!((compact.slots(), compact.dead()), (3, 0));

        assert!(put(&mut items, "a", 10.0)); // updated meanwhile
        assert!(items.delete("c")); // deleted meanwhile
        assert!(!put(&mut items, "b", 11.0)); // back from the dead
        assert!(!put(&mut items, "e", 12.0));
        assert!(items.delete("e")); // came and went
        items.catch_up(&then, &mut compact);

        assert_eq!(contents(&compact), contents(&items));
        assert_eq!(compact.live(), 3);
        assert_eq!(compact.slot_of("c"), None);
    }
}
