//! What an occupation earns in an area, read from a table of wages through queryd, for the fill validator.
//!
//! A fill must not wait for statistics, nor fail for want of them: answers are cached, the look-up has a deadline of its
//! own, and while the table or queryd is missing the pay is not held against the market. That is counted in
//! `matrixd_market_lookups_total` and said in the log, once in [`MarketConfig::retry_s`].

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use client::Queryd;
use lru::LruCache;
use parking_lot::Mutex;
use serde_json::Value;
use validators::fill::MarketRange;
use wire::CallContext;
use wire::matrix::Job;
use wire::sql::SqlRequest;

use crate::config::MarketConfig;

/// The longest a look-up may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longer names of a role or a place are none.
const MAX_NAME_BYTES: usize = 256;
/// Occupations of the table that one of our roles may stand for.
const MAX_OCCUPATIONS: usize = 16;

/// Role and place, lower-case.
type Key = (String, String);

struct Cached {
    /// `None` if the table does not have the occupation in the area.
    range: Option<MarketRange>,
    since: Instant,
}

/// Wages of the market: those of late from memory, others from queryd.
pub(crate) struct Market {
    queryd: Queryd,
    config: MarketConfig,
    /// The table, `namespace.name`, whose columns `role` and `occupation` say which occupation a role is.
    workers: Option<String>,
    cache: Mutex<LruCache<Key, Cached>>,
    /// When a look-up failed last.
    failed: Mutex<Option<Instant>>,
}

impl Market {
    /// Wages by `config`; `workers` is the lake table that says which occupation a role is.
    pub(crate) fn new(queryd: Queryd, config: MarketConfig, workers: Option<String>) -> Self {
        let capacity = NonZeroUsize::new(config.cached).unwrap_or(NonZeroUsize::MIN);
        let cache = Mutex::new(LruCache::new(capacity));
        Self { queryd, config, workers, cache, failed: Mutex::new(None) }
    }

    /// What the job's role earns at its place; `None` where the job has no pay rate to compare, or that is not known.
    pub(crate) async fn range(&self, ctx: &CallContext, job: &Job) -> Option<MarketRange> {
        job.pay_rate?;
        let place = job.location.as_deref()?.trim();
        let role = job.role.trim();
        let is_name = |text: &str| (1..=MAX_NAME_BYTES).contains(&text.len());
        if self.config.table.is_empty() || !is_name(role) || !is_name(place) {
            return None;
        }
        let key = (role.to_lowercase(), place.to_lowercase());
        if let Some(range) = self.cached(&key) {
            count("cache");
            return range;
        }
        if self.is_failing() {
            count("skipped");
            return None;
        }
        let looked_up = tokio::time::timeout(PATIENCE, self.look_up(ctx, &key)).await;
        let failure = match looked_up {
            Ok(Ok(range)) => {
                count(if range.is_some() { "table" } else { "not_in_table" });
                self.cache.lock().put(key, Cached { range, since: Instant::now() });
                return range;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("queryd took more than {} s", PATIENCE.as_secs()),
        };
        count("failed");
        *self.failed.lock() = Some(Instant::now());
        let (table, retry_s) = (&self.config.table, self.config.retry_s);
        tracing::warn!(%table, retry_s, failure, "pay is not held against the market: wages cannot be read");
        None
    }

    fn cached(&self, key: &Key) -> Option<Option<MarketRange>> {
        let mut cache = self.cache.lock();
        let entry = cache.get(key)?;
        if entry.since.elapsed() < Duration::from_secs(self.config.ttl_s) {
            return Some(entry.range);
        }
        cache.pop(key);
        None
    }

    fn is_failing(&self) -> bool {
        self.failed.lock().is_some_and(|since| since.elapsed() < Duration::from_secs(self.config.retry_s))
    }

    async fn look_up(&self, ctx: &CallContext, (role, place): &Key) -> client::Result<Option<MarketRange>> {
        let mut occupations = vec![role.clone()];
        if let Some(workers) = &self.workers {
            // Without such a table or such columns, roles are occupations by name.
            match self.sql(ctx, occupations_of_role(workers), vec![role.clone()]).await {
                Ok(rows) => occupations.extend(rows.into_iter().filter_map(|mut row| match row.pop() {
                    Some(Value::String(occupation)) => Some(occupation.to_lowercase()),
                    _ => None,
                })),
                Err(error) if error.problem().is_some_and(|problem| problem.status < 500) => {
                    tracing::debug!(%workers, %error, "roles are taken for occupations by name");
                }
                Err(error) => return Err(error),
            }
        }
        let sql = wages(&self.config.table, occupations.len());
        let rows = self.sql(ctx, sql, [vec![place.clone()], occupations].concat()).await?;
        let number = |value: Option<&Value>| value.and_then(Value::as_f64);
        let range = rows.first().map(|row| MarketRange { p10: number(row.first()), p90: number(row.get(1)) });
        Ok(range.filter(|range| *range != MarketRange::default()))
    }

    async fn sql(
        &self,
        ctx: &CallContext,
        sql: String,
        params: Vec<String>,
    ) -> client::Result<Vec<Vec<Value>>> {
        let params = params.into_iter().map(Value::String).collect();
        Ok(self.queryd.sql(ctx, &SqlRequest { sql, params }).await?.rows)
    }
}

fn count(from: &'static str) {
    metrics::counter!("matrixd_market_lookups_total", "from" => from).increment(1);
}

/// `$1` is the role, lower-case.
fn occupations_of_role(workers: &str) -> String {
    let table = quoted(workers);
    format!("SELECT DISTINCT \"occupation\" FROM {table} WHERE lower(\"role\") = $1 LIMIT {MAX_OCCUPATIONS}")
}

/// `$1` is the place, `$2` and so on are the occupations, all lower-case. The columns are those of the Occupational Employment
/// and Wage Statistics.
fn wages(table: &str, occupations: usize) -> String {
    let titles: Vec<String> = (2..2 + occupations).map(|n| format!("${n}")).collect();
    format!(
        "SELECT min(\"h_p10\"), max(\"h_p90\") FROM {} WHERE lower(\"area_name\") = $1 AND lower(\"soc_title\") IN ({})",
        quoted(table),
        titles.join(", ")
    )
}

/// `namespace.name` as identifiers; names were checked to have no quotes.
fn quoted(table: &str) -> String {
    table
        .rsplit_once('.')
        .map_or_else(|| format!("\"{table}\""), |(namespace, name)| format!("\"{namespace}\".\"{name}\""))
}
