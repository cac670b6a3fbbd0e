//! `[matrixd]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wire::names::{MAX_K, check_name};

/// `[matrixd]`: what is cached, how the learning loop acts, which tables belong to which corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Query vectors kept in memory; each takes about 2 KiB at 384 dimensions.
    pub cached_queries: usize,
    /// How long a cached query vector is used, seconds: a model that is swapped acts after that.
    pub cached_query_ttl_s: u64,
    /// `[matrixd.result_cache]`
    pub result_cache: ResultCacheConfig,
    /// `[matrixd.playbook]`
    pub playbook: PlaybookConfig,
    /// `[matrixd.retrieve]`
    pub retrieve: RetrieveConfig,
    /// `[matrixd.facts]`
    pub facts: FactsConfig,
    /// `[matrixd.corpora.NAME]`: the lake table that the items of a corpus come from.
    pub corpora: BTreeMap<String, CorpusConfig>,
}

/// `[matrixd.result_cache]`: answers kept for searches that ask for `use_result_cache`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ResultCacheConfig {
    /// Answers kept in memory at most; 0 turns the cache off.
    pub max_entries: usize,
    /// Bytes that they take at most, roughly.
    pub max_bytes: usize,
    /// How long an answer is used at most, seconds, even if nothing has changed: what a policy makes of the age of
    /// recordings changes with time alone.
    pub ttl_s: u64,
}

/// `[matrixd.playbook]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaybookConfig {
    /// Cosine distance beyond which a recorded query says nothing about another one.
    pub max_distance: f32,
    /// How many recordings near a query are looked at.
    pub neighbours: usize,
    /// How many recordings may wait for an index that could not take them.
    pub backlog: usize,
}

/// `[matrixd.retrieve]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrieveConfig {
    /// Up to so many matching rows, their ids restrict the vector search; beyond, vectors go first.
    pub sql_first_rows: usize,
}

/// `[matrixd.facts]`: where the fill validator finds what is known of a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactsConfig {
    /// The corpus of workers.
    pub corpus: String,
    /// Metadata keys of the role, the first that is there counts; so for the others.
    pub role: Vec<String>,
    /// Of the certifications: a list, or a text with commas or semicolons.
    pub certifications: Vec<String>,
    /// Of the place.
    pub location: Vec<String>,
    /// Of the shift.
    pub shift: Vec<String>,
}

/// `[matrixd.corpora.NAME]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusConfig {
    /// The table, `namespace.name`.
    pub table: String,
    /// Its column that holds the item's id.
    pub id_column: String,
}

impl Default for Config {
    fn default() -> Self {
        let workers =
            CorpusConfig { table: "staffing.workers".to_owned(), id_column: "worker_id".to_owned() };
        Self {
            cached_queries: 4096,
            cached_query_ttl_s: 300,
            result_cache: ResultCacheConfig::default(),
            playbook: PlaybookConfig::default(),
            retrieve: RetrieveConfig::default(),
            facts: FactsConfig::default(),
            corpora: BTreeMap::from([("workers".to_owned(), workers)]),
        }
    }
}

impl Default for ResultCacheConfig {
    fn default() -> Self {
        Self { max_entries: 4096, max_bytes: 8 << 20, ttl_s: 60 }
    }
}

impl Default for PlaybookConfig {
    fn default() -> Self {
        Self { max_distance: 0.35, neighbours: 64, backlog: 10_000 }
    }
}

impl Default for RetrieveConfig {
    fn default() -> Self {
        Self { sql_first_rows: 2000 }
    }
}

impl Default for FactsConfig {
    fn default() -> Self {
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        Self {
            corpus: "workers".to_owned(),
            role: keys(&["role", "occupation"]),
            certifications: keys(&["certifications"]),
            location: keys(&["location", "area"]),
            shift: keys(&["shift"]),
        }
    }
}

impl Config {
    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let PlaybookConfig { max_distance, neighbours, backlog } = self.playbook;
        anyhow::ensure!(
            (0.0..=2.0).contains(&max_distance),
            "matrixd.playbook.max_distance is a cosine distance, 0 to 2"
        );
        anyhow::ensure!((1..=MAX_K).contains(&neighbours), "matrixd.playbook.neighbours is 1 to {MAX_K}");
        anyhow::ensure!(backlog > 0, "matrixd.playbook.backlog is 1 or more");
        anyhow::ensure!(
            (1..=MAX_K).contains(&self.retrieve.sql_first_rows),
            "matrixd.retrieve.sql_first_rows is 1 to {MAX_K}"
        );
        for (corpus, config) in &self.corpora {
            let is_table = config
                .table
                .rsplit_once('.')
                .is_some_and(|(namespace, table)| check_name(namespace).is_ok() && check_name(table).is_ok());
            anyhow::ensure!(is_table, "matrixd.corpora.{corpus}.table is written namespace.name");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        Config::default().check().unwrap();
    }

    #[test]
    fn setting_that_cannot_work_is_named() {
        let mut config = Config::default();
        config.playbook.max_distance = f32::NAN;
        assert!(config.check().unwrap_err().to_string().contains("max_distance"));
        let mut config = Config::default();
        config.corpora.insert("x".into(), CorpusConfig { table: "workers".into(), id_column: "id".into() });
        assert!(config.check().unwrap_err().to_string().contains("matrixd.corpora.x.table"));
    }
}
