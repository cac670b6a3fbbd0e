//! The vectors of texts that were embedded lately.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::Vector;

/// Which model and which text, in 32 bytes whatever the text's length: so the bound in entries is one in bytes, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// `text` is what the model reads, the prefix of the kind of text included.
    pub(crate) fn new(model: &str, text: &str) -> Self {
        let mut hasher = Sha256::new();
        // The length keeps (ab, c) and (a, bc) apart.
        hasher.update(model.len().to_le_bytes());
        hasher.update(model);
        hasher.update(text);
        Self(hasher.finalize().into())
    }
}

/// Least recently used goes first; a bound of zero entries turns it off.
pub(crate) struct Cache(Option<Mutex<LruCache<Key, Vector>>>);

impl Cache {
    pub(crate) fn new(entries: usize) -> Self {
        Self(NonZeroUsize::new(entries).map(|entries| Mutex::new(LruCache::new(entries))))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Vector> {
        self.0.as_ref()?.lock().get(key).map(Arc::clone)
    }

    pub(crate) fn put(&self, key: Key, vector: &Vector) {
        if let Some(cache) = &self.0 {
            cache.lock().put(key, Arc::clone(vector));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(x: f32) -> Vector {
        Arc::from([x].as_slice())
    }

    #[test]
    fn cache_keeps_no_more_than_its_bound_and_drops_the_least_recently_used() {
        let cache = Cache::new(2);
        let [a, b, c] = ["a", "b", "c"].map(|text| Key::new("m", text));
        cache.put(a, &vector(1.0));
        cache.put(b, &vector(2.0));
        cache.get(&a);
        cache.put(c, &vector(3.0));
        assert_eq!(cache.get(&a), Some(vector(1.0)));
        assert_eq!(cache.get(&b), None);
    }

    #[test]
    fn cache_of_no_entries_keeps_nothing() {
        let cache = Cache::new(0);
        cache.put(Key::new("m", "a"), &vector(1.0));
        assert_eq!(cache.get(&Key::new("m", "a")), None);
    }

    #[test]
    fn same_text_under_another_model_is_another_key() {
        assert_ne!(Key::new("ab", "c"), Key::new("a", "bc"));
    }
}
