//! `[matrixd]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use validators::fill::HoursPolicy;
use wire::names::{MAX_K, check_name};
use wire::playbooks::Policy;

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
    /// `[matrixd.draft]`
    pub draft: DraftConfig,
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
    /// How recordings near a query are weighed.
    pub policy: Policy,
    /// Policy `direct`: cosine distance beyond which a recorded query says nothing about another one.
    pub max_distance: f32,
    /// How many recordings near a query are looked at.
    pub neighbours: usize,
    /// How many recordings may wait for an index that could not take them.
    pub backlog: usize,
    /// The share of all queries that are answered without playbooks, to measure what these are worth.
    pub holdout: f64,
    /// `[matrixd.playbook.evidence]`
    pub evidence: EvidenceConfig,
}

/// `[matrixd.playbook.evidence]`: the constants of policy `evidence`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceConfig {
    /// Cosine distance beyond which a recorded query says nothing about another one.
    pub max_distance: f32,
    /// The distance at which a vote counts `1 / e`.
    pub bandwidth: f64,
    /// The age at which a vote counts half.
    pub half_life_days: f64,
    /// How sure the lower bound is: the quantile of the normal distribution.
    pub z: f64,
    /// No result loses more places than this.
    pub max_displaced: usize,
    /// So many voters who contradict a recording later silence it.
    pub quarantine_votes: usize,
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
    /// `[matrixd.facts.hours]`
    pub hours: HoursConfig,
    /// `[matrixd.facts.market]`
    pub market: MarketConfig,
}

/// `[matrixd.draft]`: how drafts are written, and where a worker's name and addresses are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DraftConfig {
    /// Answers that a model is asked for at most, 1 to 10: the first draft, and those that mend it.
    pub max_rounds: u32,
    /// How long all of them may take, milliseconds; then the template is the answer.
    pub timeout_ms: u64,
    /// Metadata keys of a worker's name, the first that is there counts; so for the others.
    pub name: Vec<String>,
    /// Of the e-mail address.
    pub email: Vec<String>,
    /// Of the phone number.
    pub phone: Vec<String>,
}

/// `[matrixd.facts.hours]`: rest and hours that the fill validator asks for. House policy: no federal law sets them for
/// adults in general industry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HoursConfig {
    /// Hours of rest between two shifts that are not one day's work, 0 to 24; less is an error.
    pub min_rest_h: u32,
    /// Hours of work within 24, 1 to 24; more is a warning.
    pub max_day_h: u32,
    /// Hours of work within seven days, 1 to 168; more is a warning.
    pub max_week_h: u32,
}

/// `[matrixd.facts.market]`: where the fill validator finds what the market pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MarketConfig {
    /// The table, `namespace.name`, with the columns `area_name`, `soc_title`, `h_p10` and `h_p90` of the Occupational
    /// Employment and Wage Statistics; empty: pay is held against no market.
    pub table: String,
    /// Occupations in areas kept in memory; each takes about 100 bytes.
    pub cached: usize,
    /// How long one is used, seconds.
    pub ttl_s: u64,
    /// After a failure, how long none is asked for, seconds.
    pub retry_s: u64,
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
            cached_queries: 2048,
            cached_query_ttl_s: 300,
            result_cache: ResultCacheConfig::default(),
            playbook: PlaybookConfig::default(),
            retrieve: RetrieveConfig::default(),
            facts: FactsConfig::default(),
            draft: DraftConfig::default(),
            corpora: BTreeMap::from([("workers".to_owned(), workers)]),
        }
    }
}

impl Default for ResultCacheConfig {
    fn default() -> Self {
        Self { max_entries: 4096, max_bytes: 2 << 20, ttl_s: 60 }
    }
}

impl Default for PlaybookConfig {
    fn default() -> Self {
        let (policy, evidence) = (Policy::default(), EvidenceConfig::default());
        Self { policy, max_distance: 0.35, neighbours: 64, backlog: 10_000, holdout: 0.0, evidence }
    }
}

impl Default for EvidenceConfig {
    fn default() -> Self {
        // The first four as tuned on alternate titles of occupations: docs/decisions/0051-evidence.md.
        Self {
            max_distance: 0.6,
            bandwidth: 0.27,
            half_life_days: 180.0,
            z: 1.1,
            max_displaced: 2,
            quarantine_votes: 2,
        }
    }
}

impl PlaybookConfig {
    /// Beyond which distance recordings do not count under `policy`.
    pub(crate) fn max_distance(&self, policy: Policy) -> f32 {
        match policy {
            Policy::Direct => self.max_distance,
            Policy::Evidence => self.evidence.max_distance,
        }
    }
}

impl EvidenceConfig {
    /// What the policy itself takes.
    pub(crate) fn policy(&self) -> playbook::Evidence {
        playbook::Evidence {
            max_distance: self.max_distance,
            bandwidth: self.bandwidth,
            half_life_s: self.half_life_days * SECONDS_PER_DAY,
            z: self.z,
            max_displaced: self.max_displaced,
            quarantine_votes: self.quarantine_votes,
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let is_positive = |value: f64| value.is_finite() && value > 0.0;
        anyhow::ensure!(
            (0.0..=2.0).contains(&self.max_distance),
            "matrixd.playbook.evidence.max_distance is a cosine distance, 0 to 2"
        );
        anyhow::ensure!(is_positive(self.bandwidth), "matrixd.playbook.evidence.bandwidth is above 0");
        anyhow::ensure!(
            is_positive(self.half_life_days),
            "matrixd.playbook.evidence.half_life_days is above 0"
        );
        anyhow::ensure!((0.0..=5.0).contains(&self.z), "matrixd.playbook.evidence.z is 0 to 5");
        anyhow::ensure!(self.quarantine_votes > 0, "matrixd.playbook.evidence.quarantine_votes is 1 or more");
        Ok(())
    }
}

const SECONDS_PER_DAY: f64 = 86_400.0;

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
            hours: HoursConfig::default(),
            market: MarketConfig::default(),
        }
    }
}

impl Default for DraftConfig {
    fn default() -> Self {
        let keys = |key: &str| vec![key.to_owned()];
        Self {
            max_rounds: 3,
            timeout_ms: 60_000,
            name: keys("name"),
            email: keys("email"),
            phone: keys("phone"),
        }
    }
}

impl Default for HoursConfig {
    fn default() -> Self {
        let HoursPolicy { min_rest_h, max_day_h, max_week_h } = HoursPolicy::default();
        Self { min_rest_h, max_day_h, max_week_h }
    }
}

impl Default for MarketConfig {
    fn default() -> Self {
        Self { table: "bls.oews".to_owned(), cached: 4096, ttl_s: 3600, retry_s: 60 }
    }
}

impl FactsConfig {
    fn check(&self) -> anyhow::Result<()> {
        let HoursConfig { min_rest_h, max_day_h, max_week_h } = self.hours;
        anyhow::ensure!(min_rest_h <= 24, "matrixd.facts.hours.min_rest_h is 0 to 24");
        anyhow::ensure!((1..=24).contains(&max_day_h), "matrixd.facts.hours.max_day_h is 1 to 24");
        anyhow::ensure!((1..=168).contains(&max_week_h), "matrixd.facts.hours.max_week_h is 1 to 168");
        let table = &self.market.table;
        anyhow::ensure!(
            table.is_empty() || is_table(table),
            "matrixd.facts.market.table is written namespace.name, or empty"
        );
        Ok(())
    }
}

impl Config {
    /// The lake table of the workers, if one is configured.
    pub(crate) fn workers_table(&self) -> Option<String> {
        self.corpora.get(&self.facts.corpus).map(|workers| workers.table.clone())
    }
}

fn is_table(text: &str) -> bool {
    text.rsplit_once('.')
        .is_some_and(|(namespace, table)| check_name(namespace).is_ok() && check_name(table).is_ok())
}

impl Config {
    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let PlaybookConfig { max_distance, neighbours, backlog, holdout, evidence, .. } = self.playbook;
        anyhow::ensure!(
            (0.0..=2.0).contains(&max_distance),
            "matrixd.playbook.max_distance is a cosine distance, 0 to 2"
        );
        anyhow::ensure!((1..=MAX_K).contains(&neighbours), "matrixd.playbook.neighbours is 1 to {MAX_K}");
        anyhow::ensure!(backlog > 0, "matrixd.playbook.backlog is 1 or more");
        anyhow::ensure!(
            (0.0..=0.5).contains(&holdout),
            "matrixd.playbook.holdout is a share of all queries, 0 to 0.5"
        );
        evidence.check()?;
        anyhow::ensure!(
            (1..=MAX_K).contains(&self.retrieve.sql_first_rows),
            "matrixd.retrieve.sql_first_rows is 1 to {MAX_K}"
        );
        self.facts.check()?;
        anyhow::ensure!((1..=10).contains(&self.draft.max_rounds), "matrixd.draft.max_rounds is 1 to 10");
        for (corpus, config) in &self.corpora {
            let is_table = is_table(&config.table);
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
        config.playbook.holdout = 0.6;
        assert!(config.check().unwrap_err().to_string().contains("holdout"));
        let mut config = Config::default();
        config.playbook.evidence.half_life_days = 0.0;
        assert!(config.check().unwrap_err().to_string().contains("half_life_days"));
        let mut config = Config::default();
        config.corpora.insert("x".into(), CorpusConfig { table: "workers".into(), id_column: "id".into() });
        assert!(config.check().unwrap_err().to_string().contains("matrixd.corpora.x.table"));
        let mut config = Config::default();
        config.facts.market.table = "oews\" --.x".into();
        assert!(config.check().unwrap_err().to_string().contains("matrixd.facts.market.table"));
        config.facts.market.table.clear();
        config.facts.hours.max_day_h = 25;
        assert!(config.check().unwrap_err().to_string().contains("matrixd.facts.hours.max_day_h"));
    }
}
