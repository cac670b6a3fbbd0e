//! Listings with a delimiter: what lies deeper shows as one common prefix.

use object_store::{ObjectMeta, ObjectStore, Result};

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) objects: Vec<ObjectMeta>,
    /// Each ends with the delimiter.
    pub(super) common_prefixes: Vec<String>,
    /// After which key or prefix the next page begins; none after the last page.
    pub(super) next: Option<String>,
}

/// What is asked of a listing.
#[derive(Debug)]
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    /// Empty: none.
    pub(super) delimiter: &'a str,
    /// Objects and common prefixes after this.
    pub(super) after: Option<&'a str>,
    /// The most objects and common prefixes together.
    pub(super) limit: usize,
}

/// Greater than every character that keys have, so that it comes after everything that begins with a prefix.
const LAST: char = '\u{10FFFF}';
/// Objects that are looked at in one go.
const STEP: usize = 1000;

/// Lists in the byte order of keys. What a common prefix stands for is not looked at.
///
/// # Errors
/// Those of the store.
pub(super) async fn list(store: &dyn ObjectStore, query: &Query<'_>) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut after = query.after.map(|after| resume_after(query, after));
    loop {
        let page = objects::list_page(store, query.prefix, after.as_deref(), STEP).await?;
        let mut skipped = None;
        for object in page.objects {
            let key = object.location.to_string();
            if listing.objects.len() + listing.common_prefixes.len() == query.limit {
                return Ok(listing);
            }
            match common_prefix(query, &key) {
                None => {
                    listing.next = Some(key);
                    listing.objects.push(object);
                }
                Some(prefix) => {
                    listing.next = Some(prefix.to_owned());
                    listing.common_prefixes.push(prefix.to_owned());
                    skipped = Some(format!("{prefix}{LAST}"));
                    break;
                }
            }
        }
        if skipped.is_none() && !page.has_more {
            listing.next = None;
            return Ok(listing);
        }
        after = skipped.or_else(|| listing.next.clone());
    }
}

/// A page that ended with a common prefix goes on behind all that has it.
fn resume_after(query: &Query<'_>, after: &str) -> String {
    let is_prefix = !query.delimiter.is_empty() && after.ends_with(query.delimiter);
    if is_prefix { format!("{after}{LAST}") } else { after.to_owned() }
}

/// The part of a key up to the first delimiter behind the query's prefix.
fn common_prefix<'k>(query: &Query<'_>, key: &'k str) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let rest = key.get(query.prefix.len()..)?;
    let end = query.prefix.len() + rest.find(query.delimiter)? + query.delimiter.len();
    key.get(..end)
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use objects::LocalStore;

    use super::*;

    async fn pages(prefix: &str, delimiter: &str, limit: usize) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path()).unwrap();
        for key in ["a", "b/1", "b/2", "b/c/3", "b-d", "d", "e/f/4"] {
            store.put(&key.into(), "x".into()).await.unwrap();
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = Query { prefix, delimiter, after: after.as_deref(), limit };
            let page = list(&store, &query).await.unwrap();
            assert!(page.objects.len() + page.common_prefixes.len() <= limit);
            let mut names: Vec<String> =
                page.objects.iter().map(|object| object.location.to_string()).collect();
            names.extend(page.common_prefixes);
            names.sort();
            found.extend(names);
            match page.next {
                Some(next) => after = Some(next),
                None => return found,
            }
        }
    }

    #[tokio::test]
    async fn pages_of_any_size_show_each_key_or_prefix_once_and_in_order() {
        for limit in [1, 2, 3, 100] {
            assert_eq!(
                pages("", "", limit).await,
                ["a", "b-d", "b/1", "b/2", "b/c/3", "d", "e/f/4"],
                "{limit}"
            );
            assert_eq!(pages("", "/", limit).await, ["a", "b-d", "b/", "d", "e/"], "{limit}");
            assert_eq!(pages("b/", "/", limit).await, ["b/1", "b/2", "b/c/"], "{limit}");
            assert_eq!(pages("b", "/", limit).await, ["b-d", "b/"], "{limit}");
            assert_eq!(pages("e/", "", limit).await, ["e/f/4"], "{limit}");
            assert_eq!(pages("x", "/", limit).await, Vec::<String>::new(), "{limit}");
        }
    }
}
