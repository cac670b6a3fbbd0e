//! Whether a store serves us and keeps its word, asked of the store itself.

use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult, UpdateVersion};
use uuid::Uuid;

use crate::{Outage, RESERVED_SEGMENT};

/// Why a store cannot hold a warehouse, or not yet.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It serves nobody now.
    #[error("{outage}")]
    Outage {
        /// Which way.
        outage: Outage,
        /// What it said.
        source: Error,
    },
    /// It breaks a promise that this crate makes: what two writers do at the same time would be lost.
    #[error("the object store of the warehouse cannot hold one: {0}")]
    Unsound(&'static str),
    /// It fails in another way.
    #[error("the object store of the warehouse cannot be used; the log says why")]
    Other(#[source] Error),
}

impl From<Error> for ProbeError {
    fn from(source: Error) -> Self {
        match Outage::of(&source) {
            Some(outage) => Self::Outage { outage, source },
            None => Self::Other(source),
        }
    }
}

/// Asks for an object that nobody stores: for those who only read, and may not be permitted to write.
///
/// # Errors
/// [`ProbeError`]; another try may succeed.
pub async fn reach(url: &str, store: &dyn ObjectStore) -> Result<(), ProbeError> {
    if is_folder(url) {
        return Ok(());
    }
    match store.get(&Path::from_iter([RESERVED_SEGMENT, "nothing"])).await.map_err(ProbeError::from) {
        Ok(_) | Err(ProbeError::Other(Error::NotFound { .. })) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes an object of our own under every condition that this crate promises, reads it back and deletes it: some
/// stores that speak S3 take the headers of a conditional put and ignore them.
///
/// # Errors
/// [`ProbeError`]; after all but [`ProbeError::Unsound`] another try may succeed.
pub async fn probe(url: &str, store: &dyn ObjectStore) -> Result<(), ProbeError> {
    if is_folder(url) {
        return Ok(());
    }
    let location = Path::from_iter([RESERVED_SEGMENT, "probe", &Uuid::now_v7().to_string()]);
    let kept = keeps_its_word(store, &location).await;
    // After a failure it may not be there, or not be ours to delete; what stays is hidden and small.
    let deleted = store.delete(&location).await;
    kept?;
    Ok(deleted?)
}

/// A folder is asked nothing: opening it was the test, and [`crate::LocalStore`] is ours.
fn is_folder(url: &str) -> bool {
    url.starts_with("file:")
}

async fn keeps_its_word(store: &dyn ObjectStore, location: &Path) -> Result<(), ProbeError> {
    let put = |content: &'static str, mode: PutMode| {
        store.put_opts(location, content.into(), PutOptions::from(mode))
    };
    let first = put("first", PutMode::Create).await?;
    if !is_refused(put("created again", PutMode::Create).await)? {
        return Err(ProbeError::Unsound("it overwrites an object although `If-None-Match: *` forbids it"));
    }
    let version = |of: &PutResult| PutMode::Update(UpdateVersion { e_tag: of.e_tag.clone(), version: None });
    put("second", version(&first)).await?;
    if !is_refused(put("updated again", version(&first)).await)? {
        return Err(ProbeError::Unsound("it overwrites an object although `If-Match` names another version"));
    }
    if store.get(location).await?.bytes().await? != "second" {
        return Err(ProbeError::Unsound("it does not answer with what was stored last"));
    }
    Ok(())
}

/// Whether a put was refused for its condition.
fn is_refused(put: Result<PutResult, Error>) -> Result<bool, ProbeError> {
    match put {
        Ok(_) => Ok(false),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Careless;

    const URL: &str = "s3://bucket";

    #[tokio::test]
    async fn sound_store_passes_and_keeps_nothing_of_it() {
        let store = Careless::new(Ok);
        probe(URL, &store).await.unwrap();
        assert!(store.list_with_delimiter(None).await.unwrap().common_prefixes.is_empty());
    }

    #[tokio::test]
    async fn store_that_ignores_a_condition_is_refused_by_its_name() {
        let creates = |mode| Ok(if mode == PutMode::Create { PutMode::Overwrite } else { mode });
        let updates = |mode| Ok(if mode == PutMode::Create { mode } else { PutMode::Overwrite });
        for (store, header) in
            [(Careless::new(creates), "If-None-Match"), (Careless::new(updates), "If-Match")]
        {
            let refused = probe(URL, &store).await.unwrap_err();
            assert!(matches!(refused, ProbeError::Unsound(why) if why.contains(header)), "{refused}");
        }
    }

    #[tokio::test]
    async fn store_that_does_not_let_us_write_is_an_outage_for_those_who_write() {
        let store =
            Careless::new(|_| Err(Error::PermissionDenied { path: String::new(), source: "403".into() }));
        let refused = probe(URL, &store).await.unwrap_err();
        assert!(matches!(refused, ProbeError::Outage { outage: Outage::Refused, .. }), "{refused}");
        reach(URL, &store).await.unwrap();
    }
}
