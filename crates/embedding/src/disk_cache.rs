//! Vectors that survive a restart: a table in SQLite, off unless it is configured.
//!
//! It is a cache. Whatever is wrong with the file, the daemon starts and serves: the file is set aside, or nothing is kept.

use std::path::{Path, PathBuf};

use ledger::Ledger;
use ledger::rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::cache::Key;
use crate::embedding::{Embedding, Extent};
use crate::unit::is_unit;

/// Where vectors are kept, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskCacheSettings {
    /// The file; SQLite keeps its log beside it.
    pub file: PathBuf,
    /// The pages that are in use, at most; its log takes some megabytes more.
    pub max_bytes: u64,
}

/// `tokens` is null where a text was read whole, and 0 where the number is not known.
const SCHEMA: &str = "CREATE TABLE vectors (
    id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, read INTEGER NOT NULL, tokens INTEGER, vector BLOB NOT NULL)";
/// Rows that go at once when there is no room: the oldest ones.
const EVICTED_ROWS: u32 = 64;

type Outcome<T> = Result<T, ledger::Error>;

/// An open one.
#[derive(Clone)]
pub(crate) struct DiskCache {
    ledger: Ledger,
    max_bytes: u64,
}

impl DiskCache {
    /// Opens or creates it. A file that is damaged, or is no such table, is renamed, and a new one begun; `None` where that fails too.
    ///
    /// Blocks while it reads the whole file.
    pub(crate) fn open(settings: &DiskCacheSettings) -> Option<Self> {
        let DiskCacheSettings { file, max_bytes } = settings;
        let opened = open(file).or_else(|error| {
            let aside = ledger::set_aside(file);
            tracing::warn!(%error, file = %file.display(), aside = %aside.display(), "the vectors kept on disk cannot be used: the file is set aside");
            open(file)
        });
        match opened {
            Ok(ledger) => Some(Self { ledger, max_bytes: *max_bytes }),
            Err(error) => {
                tracing::warn!(%error, file = %file.display(), "no vectors are kept on disk");
                None
            }
        }
    }

    /// What is kept for each of `keys`.
    pub(crate) async fn get(&self, keys: Vec<Key>) -> Vec<Option<Embedding>> {
        let count = keys.len();
        let found = self.ledger.read(move |connection| -> Outcome<Vec<Option<Embedding>>> {
            keys.iter().map(|key| Ok(row(connection, key)?)).collect()
        });
        found.await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the vectors kept on disk cannot be read");
            vec![None; count]
        })
    }

    /// Keeps these, in place of the oldest ones where there is no room.
    pub(crate) async fn put(&self, entries: Vec<(Key, Embedding)>) {
        let max_bytes = self.max_bytes;
        let kept = self.ledger.write(move |transaction| -> Outcome<()> {
            entries.iter().try_for_each(|(key, embedding)| insert(transaction, key, embedding))?;
            Ok(evict(transaction, max_bytes)?)
        });
        if let Err(error) = kept.await {
            tracing::warn!(%error, "vectors cannot be kept on disk");
        }
    }
}

fn open(file: &Path) -> Outcome<Ledger> {
    let ledger = Ledger::open(file, &[SCHEMA])?;
    // A database of somebody else may have our version number.
    Connection::open(file)?.prepare("SELECT id, key, read, tokens, vector FROM vectors")?;
    Ok(ledger)
}

/// A vector that is not as it was written has no unit length, and is not there.
fn row(connection: &Connection, key: &Key) -> ledger::rusqlite::Result<Option<Embedding>> {
    let mut select = connection.prepare_cached("SELECT read, tokens, vector FROM vectors WHERE key = ?1")?;
    let read = |row: &ledger::rusqlite::Row<'_>| {
        let (read, tokens, bytes): (u32, Option<u32>, Vec<u8>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let vector: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let extent = tokens.map_or(Extent::Whole, |tokens| Extent::Cut((tokens > 0).then_some(tokens)));
        Ok(is_unit(&vector).then(|| Embedding { vector: vector.into(), read, extent }))
    };
    Ok(select.query_row([key.as_bytes()], read).optional()?.flatten())
}

fn insert(transaction: &Transaction<'_>, key: &Key, embedding: &Embedding) -> Outcome<()> {
    let bytes: Vec<u8> = embedding.vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    let tokens = match embedding.extent {
        Extent::Whole => None,
        Extent::Cut(tokens) => Some(tokens.unwrap_or(0)),
    };
    let sql = "INSERT OR REPLACE INTO vectors (key, read, tokens, vector) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = transaction.prepare_cached(sql)?;
    insert.execute(params![key.as_bytes(), embedding.read, tokens, bytes])?;
    Ok(())
}

/// Deletes the oldest rows until the pages in use fit. Pages that become free are used again, so the file does not grow on.
fn evict(transaction: &Transaction<'_>, max_bytes: u64) -> ledger::rusqlite::Result<()> {
    let pragma =
        |name: &str| transaction.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, u64>(0));
    let used = || {
        Ok::<_, ledger::rusqlite::Error>(
            (pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?,
        )
    };
    let sql = "DELETE FROM vectors WHERE id IN (SELECT id FROM vectors ORDER BY id LIMIT ?1)";
    while used()? > max_bytes {
        if transaction.prepare_cached(sql)?.execute([EVICTED_ROWS])? == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedding::Item;

    const MAX_BYTES: u64 = 256 << 10;

    fn key(i: usize) -> Key {
        Key::new("m", &Item::Text(i.to_string()))
    }

    fn embedding(i: usize) -> Embedding {
        let mut vector = vec![0.0; 384];
        vector[i % 384] = 1.0;
        let extent = [Extent::Whole, Extent::Cut(Some(999)), Extent::Cut(None)][i % 3];
        Embedding { vector: vector.into(), read: 7, extent }
    }

    fn settings(dir: &Path) -> DiskCacheSettings {
        DiskCacheSettings { file: dir.join("vectors.sqlite"), max_bytes: MAX_BYTES }
    }

    async fn put(cache: &DiskCache, range: std::ops::Range<usize>) {
        cache.put(range.map(|i| (key(i), embedding(i))).collect()).await;
    }

    #[tokio::test]
    async fn what_was_kept_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::open(&settings(dir.path())).unwrap();
        put(&cache, 0..3).await;
        put(&cache, 1..2).await;
        cache.ledger.close().await;
        let later = DiskCache::open(&settings(dir.path())).unwrap();
        let found = later.get(vec![key(2), key(9), key(0), key(1)]).await;
        assert_eq!(found, [Some(embedding(2)), None, Some(embedding(0)), Some(embedding(1))]);
    }

    #[tokio::test]
    async fn file_stays_within_its_bound_and_the_oldest_vectors_go_first() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::open(&settings(dir.path())).unwrap();
        for batch in 0..40 {
            put(&cache, batch * 32..(batch + 1) * 32).await;
        }
        cache.ledger.close().await;
        let size = settings(dir.path()).file.metadata().unwrap().len();
        // 32 rows come in before the oldest go out.
        assert!(size < MAX_BYTES + 32 * 4096, "{size}");
        let cache = DiskCache::open(&settings(dir.path())).unwrap();
        assert_eq!(cache.get(vec![key(0), key(1279)]).await, [None, Some(embedding(1279))]);
    }

    fn execute(file: &Path, sql: &str) {
        Connection::open(file).unwrap().execute_batch(sql).unwrap();
    }

    fn write_text(file: &Path) {
        std::fs::write(file, "my diary ".repeat(1000)).unwrap();
    }

    async fn assert_set_aside(folder: &Path, what: &str) {
        let cache = DiskCache::open(&settings(folder)).unwrap_or_else(|| panic!("{what}: not opened"));
        assert_eq!(cache.get(vec![key(5)]).await, [None], "{what}");
        put(&cache, 5..6).await;
        assert_eq!(cache.get(vec![key(5)]).await, [Some(embedding(5))], "{what}");
        assert!(folder.join("vectors.sqlite.set-aside").is_file(), "{what}");
    }

    #[tokio::test]
    async fn file_of_somebody_else_is_set_aside_and_a_new_one_begun() {
        type Damage = fn(&Path);
        let songs: Damage = |file| execute(file, "CREATE TABLE songs (title TEXT); PRAGMA user_version = 1;");
        let of_a_later_release: Damage = |file| execute(file, "PRAGMA user_version = 99;");
        for (what, damage) in
            [("songs", songs), ("of a later release", of_a_later_release), ("text", write_text)]
        {
            let dir = tempfile::tempdir().unwrap();
            damage(&settings(dir.path()).file);
            assert_set_aside(dir.path(), what).await;
        }
    }

    #[tokio::test]
    async fn torn_file_is_set_aside_and_a_new_one_begun_and_so_is_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = settings(dir.path()).file;
        for round in ["torn", "torn again"] {
            let cache = DiskCache::open(&settings(dir.path())).unwrap();
            put(&cache, 0..99).await;
            cache.ledger.close().await;
            let bytes = std::fs::read(&file).unwrap();
            std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
            assert_set_aside(dir.path(), round).await;
        }
    }

    #[tokio::test]
    async fn vector_with_a_flipped_bit_is_not_served() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DiskCache::open(&settings(dir.path())).unwrap();
        put(&cache, 0..2).await;
        let sql = "UPDATE vectors SET vector = zeroblob(1536) WHERE id = 1";
        Connection::open(settings(dir.path()).file).unwrap().execute(sql, []).unwrap();
        assert_eq!(cache.get(vec![key(0), key(1)]).await, [None, Some(embedding(1))]);
    }

    #[test]
    fn folder_that_cannot_be_written_means_no_cache_and_no_failure() {
        let file = Path::new("/proc/nowhere/vectors.sqlite").to_owned();
        assert!(DiskCache::open(&DiskCacheSettings { file, max_bytes: MAX_BYTES }).is_none());
    }
}
