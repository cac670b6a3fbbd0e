//! The vectors of texts that were embedded lately.

use std::num::NonZeroUsize;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::embedding::{Embedding, Item};

/// Which model and which text, in 32 bytes whatever the text's length: so the bound in entries is one in bytes, too.
///
/// The kind of a text is in the key by its prefix, which is all that it changes. Vectors are kept whole, so that one entry
/// answers for every dimension that may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// `revision` says which model and how it is used, `item` is what it reads.
    pub(crate) fn new(revision: &str, item: &Item) -> Self {
        let mut hasher = Sha256::new();
        // The length keeps (ab, c) and (a, bc) apart, the next byte a text and its tokens.
        hasher.update(revision.len().to_le_bytes());
        hasher.update(revision);
        match item {
            Item::Text(text) => {
                hasher.update([0]);
                hasher.update(text);
            }
            Item::Tokens(ids) => {
                hasher.update([1]);
                ids.iter().for_each(|id| hasher.update(id.to_le_bytes()));
            }
        }
        Self(hasher.finalize().into())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Least recently used goes first; a bound of zero entries turns it off.
pub(crate) struct Cache(Option<Mutex<LruCache<Key, Embedding>>>);

impl Cache {
    pub(crate) fn new(entries: usize) -> Self {
        Self(NonZeroUsize::new(entries).map(|entries| Mutex::new(LruCache::new(entries))))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Embedding> {
        self.0.as_ref()?.lock().get(key).cloned()
    }

    pub(crate) fn put(&self, key: Key, embedding: &Embedding) {
        if let Some(cache) = &self.0 {
            cache.lock().put(key, embedding.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::Extent;

    fn embedding(x: f32) -> Embedding {
        Embedding { vector: [x].as_slice().into(), read: 1, extent: Extent::Whole }
    }

    fn key(revision: &str, text: &str) -> Key {
        Key::new(revision, &Item::Text(text.into()))
    }

    #[test]
    fn cache_keeps_no_more_than_its_bound_and_drops_the_least_recently_used() {
        let cache = Cache::new(2);
        let [a, b, c] = ["a", "b", "c"].map(|text| key("m", text));
        cache.put(a, &embedding(1.0));
        cache.put(b, &embedding(2.0));
        cache.get(&a);
        cache.put(c, &embedding(3.0));
        assert_eq!(cache.get(&a), Some(embedding(1.0)));
        assert_eq!(cache.get(&b), None);
    }

    #[test]
    fn cache_of_no_entries_keeps_nothing() {
        let cache = Cache::new(0);
        cache.put(key("m", "a"), &embedding(1.0));
        assert_eq!(cache.get(&key("m", "a")), None);
    }

    #[test]
    fn same_text_under_another_model_and_the_tokens_that_spell_it_are_other_keys() {
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("m", "\u{1}\0\0\0"), Key::new("m", &Item::Tokens(vec![1])));
    }
}
