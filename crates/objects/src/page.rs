//! Listings in pages.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, Result};

use crate::RESERVED_SEGMENT;

/// One page of a listing.
#[derive(Debug, Clone)]
pub struct Page {
    /// Objects in the byte order of their keys.
    pub objects: Vec<ObjectMeta>,
    /// Whether more follow; continue after the last key of `objects`.
    pub has_more: bool,
}

/// Up to `limit` objects whose keys begin with the text `prefix` and come after the key `after`, in the byte order of
/// keys. Unlike [`ObjectStore::list`], whose prefixes are whole segments, `prefix` may end anywhere. What is in the store's
/// own folder ([`RESERVED_SEGMENT`]) is left out.
///
/// Relies on the store listing in key order, as [`crate::LocalStore`] and S3 do.
///
/// # Errors
/// Those of the store.
pub async fn list_page(
    store: &dyn ObjectStore,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Page> {
    let folder = prefix.rsplit_once('/').map(|(folder, _)| Path::parse(folder)).transpose()?;
    let mut listing = match after {
        Some(after) => store.list_with_offset(folder.as_ref(), &Path::parse(after)?),
        None => store.list(folder.as_ref()),
    };
    let mut objects = Vec::new();
    while let Some(object) = listing.try_next().await? {
        let key = object.location.as_ref();
        if !key.starts_with(prefix) {
            if key > prefix {
                break;
            }
            continue;
        }
        if key.split('/').next() == Some(RESERVED_SEGMENT) {
            continue;
        }
        if objects.len() == limit {
            return Ok(Page { objects, has_more: true });
        }
        objects.push(object);
    }
    Ok(Page { objects, has_more: false })
}
