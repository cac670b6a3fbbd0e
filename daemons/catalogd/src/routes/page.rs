//! Pages of listings, as Iceberg REST has them: only who sends a token gets pages.

use crate::CatalogError;

/// The entries of a page when the client leaves the size to us.
const DEFAULT_SIZE: usize = 1000;

/// A part of a sorted list.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// The page of `all` that begins after `token`, which is the name of the entry before it.
    ///
    /// # Errors
    /// [`CatalogError::BadRequest`] for a page of no entries.
    pub(crate) fn of(
        all: Vec<T>,
        token: Option<String>,
        size: Option<usize>,
        name: impl Fn(&T) -> String,
    ) -> Result<Self, CatalogError> {
        if size == Some(0) {
            return Err(CatalogError::BadRequest("pageSize must be 1 or more".to_owned()));
        }
        let Some(token) = token else { return Ok(Self { entries: all, next: None }) };
        let size = size.unwrap_or(DEFAULT_SIZE);
        let mut entries: Vec<T> =
            all.into_iter().filter(|entry| name(entry) > token).take(size + 1).collect();
        let has_more = entries.len() > size;
        entries.truncate(size);
        let next = entries.last().filter(|_| has_more).map(name);
        Ok(Self { entries, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(token: Option<&str>, size: Option<usize>) -> (Vec<String>, Option<String>) {
        let all = ["a", "b", "c"].map(str::to_owned).to_vec();
        let page = Page::of(all, token.map(str::to_owned), size, Clone::clone).unwrap();
        (page.entries, page.next)
    }

    #[test]
    fn pages_follow_one_another_without_gap_or_overlap() {
        assert_eq!(page(None, Some(1)).0, ["a", "b", "c"]);
        assert_eq!(page(Some(""), None), (vec!["a".into(), "b".into(), "c".into()], None));
        assert_eq!(page(Some(""), Some(2)), (vec!["a".into(), "b".into()], Some("b".into())));
        assert_eq!(page(Some("b"), Some(2)), (vec!["c".into()], None));
        assert_eq!(page(Some("c"), Some(2)), (vec![], None));
    }

    #[test]
    fn page_of_nothing_is_refused() {
        assert!(Page::of(vec![1], Some(String::new()), Some(0), ToString::to_string).is_err());
    }
}
