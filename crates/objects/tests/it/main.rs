//! What the stores promise, tested from outside.

mod conditions;
mod keys;
mod listing;
mod uploads;

use std::sync::Arc;

use object_store::ObjectStore;
use objects::LocalStore;
use tempfile::TempDir;

/// A local store in a folder of its own, removed when dropped.
fn local() -> (TempDir, Arc<LocalStore>) {
    let dir = TempDir::new().unwrap();
    let store = LocalStore::open(&dir.path().join("root")).unwrap();
    (dir, Arc::new(store))
}

/// The keys of all objects, in the order of the listing.
async fn keys(store: &dyn ObjectStore) -> Vec<String> {
    let page = objects::list_page(store, "", None, usize::MAX).await.unwrap();
    page.objects.into_iter().map(|object| object.location.to_string()).collect()
}
