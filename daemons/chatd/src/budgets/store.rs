//! What has been spent, in SQLite: a row for each budget and five minutes in which it was used, for a day.

use std::collections::BTreeMap;
use std::path::Path;

use ledger::Ledger;
use llm::budget::Spending;

/// The budgets by name, and how many tokens they gave in a slot.
const SCHEMA: &str = "CREATE TABLE spending (
    slot INTEGER NOT NULL, budget TEXT NOT NULL, tokens INTEGER NOT NULL, PRIMARY KEY (slot, budget)
) STRICT, WITHOUT ROWID";

type Outcome<T> = Result<T, ledger::Error>;

/// An open file.
pub(super) struct Store {
    ledger: Ledger,
    /// What is not written yet, by slot and budget.
    waiting: BTreeMap<(u64, String), u64>,
}

impl Store {
    /// Opens or creates it. A file that is damaged is set aside: budgets start anew, which is better than no chat.
    pub(super) fn open(file: &Path) -> Outcome<Self> {
        let open = || Ledger::open(file, &[SCHEMA]);
        let ledger = open().or_else(|error| {
            let aside = ledger::set_aside(file);
            tracing::warn!(%error, aside = %aside.display(), "what was spent of the budgets cannot be read: the file is set aside");
            open()
        })?;
        Ok(Self { ledger, waiting: BTreeMap::new() })
    }

    /// All that may count at `now_s`, oldest first.
    pub(super) async fn spendings(&self, now_s: u64) -> Outcome<Vec<(String, Spending)>> {
        self.ledger
            .read(move |connection| -> Outcome<_> {
                let sql = "SELECT budget, slot, tokens FROM spending WHERE slot >= ?1 ORDER BY slot";
                let mut select = connection.prepare(sql)?;
                let rows = select.query_map([Spending::oldest(now_s)], |row| {
                    Ok((row.get(0)?, Spending { slot: row.get(1)?, tokens: row.get(2)? }))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Remembers what is to be written.
    pub(super) fn note(&mut self, budget: &str, spendings: Vec<Spending>) {
        for Spending { slot, tokens } in spendings {
            self.waiting.insert((slot, budget.to_owned()), tokens);
        }
    }

    /// Writes it, and deletes what does not count any more. What could not be written waits for the next time.
    pub(super) async fn write(&mut self, now_s: u64) -> Outcome<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let waiting = self.waiting.clone();
        self.ledger
            .write(move |transaction| -> Outcome<()> {
                let mut insert = transaction.prepare_cached(
                    "INSERT OR REPLACE INTO spending (slot, budget, tokens) VALUES (?1, ?2, ?3)",
                )?;
                for ((slot, budget), tokens) in &waiting {
                    insert.execute((slot, budget, tokens))?;
                }
                transaction.execute("DELETE FROM spending WHERE slot < ?1", [Spending::oldest(now_s)])?;
                Ok(())
            })
            .await?;
        self.waiting.clear();
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.ledger.close().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    #[tokio::test]
    async fn what_counts_is_kept_and_what_is_older_than_a_day_goes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("budgets.db");
        let mut store = Store::open(&file).unwrap();
        let (new, old) = (Spending::oldest(NOW) + 1, Spending::oldest(NOW) - 1);
        store.note("a", vec![Spending { slot: old, tokens: 1 }, Spending { slot: new, tokens: 2 }]);
        store.write(NOW).await.unwrap();
        store.note("a", vec![Spending { slot: new, tokens: 5 }]);
        store.write(NOW).await.unwrap();
        store.close().await;
        let store = Store::open(&file).unwrap();
        let kept = vec![("a".to_owned(), Spending { slot: new, tokens: 5 })];
        assert_eq!(store.spendings(0).await.unwrap(), kept);
    }

    #[tokio::test]
    async fn damaged_file_is_set_aside_and_budgets_start_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("budgets.db");
        std::fs::write(&file, "my diary ".repeat(1000)).unwrap();
        assert_eq!(Store::open(&file).unwrap().spendings(NOW).await.unwrap(), []);
        assert!(folder.path().join("budgets.db.set-aside").is_file());
    }
}
