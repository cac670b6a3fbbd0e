//! Searches of one body that take their ids from what earlier ones have found.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use service::{ApiError, Result};
use vector_index::{Filter, Invalid};
use wire::vectors::IdsFrom;

use crate::answers::Found;

/// An [`IdsFrom`] that has been checked.
pub(crate) struct Reference {
    search: usize,
    key: String,
    filter: Option<Filter>,
}

impl Reference {
    /// Reads the reference of the search at `place`.
    ///
    /// # Errors
    /// 400 for a search that is not before it, and for a filter that is none.
    pub(crate) fn new(from: IdsFrom, place: usize) -> Result<Self> {
        let IdsFrom { search, key, filter } = from;
        if search >= place {
            return Err(ApiError::invalid(format!(
                "ids_from of search {place} refers to search {search}: it must be one before it, counted from 0"
            )));
        }
        let filter = filter.as_ref().map(Filter::parse).transpose().map_err(Invalid::from);
        Ok(Self { search, key, filter: filter.map_err(ApiError::invalid)? })
    }

    /// The ids that it names, each once.
    pub(crate) fn ids(&self, answers: &[Found]) -> Vec<String> {
        let hits = answers.get(self.search).map(Found::hits).unwrap_or_default();
        let ids: BTreeSet<String> = hits.iter().filter_map(|hit| self.id(hit.metadata.parse())).collect();
        ids.into_iter().collect()
    }

    fn id(&self, mut metadata: Map<String, Value>) -> Option<String> {
        if self.filter.as_ref().is_some_and(|filter| !filter.matches(&metadata)) {
            return None;
        }
        match metadata.remove(&self.key) {
            Some(Value::String(id)) => Some(id),
            _ => None,
        }
    }
}
