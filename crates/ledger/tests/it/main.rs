//! What the ledger promises, over its public interface.
#![allow(clippy::unwrap_used, reason = "in a helper too, it fails the test")]

mod crash;
mod group_commit;
mod idempotency;
mod schema;

use std::path::Path;

use ledger::{Error, Ledger};

const NOTES: &str = "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;";

fn open(folder: &Path) -> Ledger {
    Ledger::open(&folder.join("notes.db"), &[NOTES]).unwrap()
}

async fn add(ledger: &Ledger, id: i64) -> Result<(), Error> {
    ledger
        .write(move |tx| {
            tx.execute("INSERT INTO note (id, text) VALUES (?, 'x')", [id])?;
            Ok(())
        })
        .await
}

async fn ids(ledger: &Ledger) -> Vec<i64> {
    ledger
        .read(|db| {
            let mut statement = db.prepare("SELECT id FROM note ORDER BY id")?;
            let ids = statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok::<_, Error>(ids)
        })
        .await
        .unwrap()
}
