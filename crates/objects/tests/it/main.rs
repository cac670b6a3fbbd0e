//! What the stores promise, tested from outside.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod conditions;
mod keys;
mod listing;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// Waits until no staging file is left: an aborted upload ends when its last write has.
async fn assert_no_staging_file(store: &LocalStore) {
    let staging = store.root().join(".lakehouse/staging");
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::fs::read_dir(&staging).unwrap().count() > 0 {
        assert!(Instant::now() < deadline, "staging files are left in {}", staging.display());
        tokio::task::yield_now().await;
    }
}
