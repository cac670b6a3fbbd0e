//! What the daemons did and took while a phase ran: their counters, their processor time, their memory.

use std::collections::BTreeMap;

use bench_kit::procfs::{Memory, cpu_s, listener};
use client::{PeerUrls, Peers};
use futures::future::join_all;
use http::Method;
use serde::Serialize;
use wire::DaemonName;
use wire::health::DaemonStatus;

use crate::metrics::{Metrics, grown};
use crate::session::{PATIENCE, Session};

/// What was seen at some moment.
#[derive(Debug)]
pub(crate) struct Seen {
    daemons: Vec<DaemonStatus>,
    metrics: BTreeMap<DaemonName, Metrics>,
    /// Processor time since the start of the process, seconds; of those processes that can be looked at.
    cpu_s: BTreeMap<DaemonName, f64>,
}

/// What all daemons together did during a phase; absent where a daemon does not count it, or started anew.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Searches that vectord computed, in any index.
    pub index_searches: Option<u64>,
    /// Searches that matrixd answered from its result cache.
    pub result_cache_hits: Option<u64>,
    /// Those that it had no answer for.
    pub result_cache_misses: Option<u64>,
    /// Those whose answer was made of an index that had changed.
    pub result_cache_stale: Option<u64>,
    /// Texts that embedd was asked for.
    pub texts: Option<u64>,
    /// Those of them that it had in its cache.
    pub texts_cached: Option<u64>,
    /// Syncs of vectord's logs.
    pub syncs: Option<u64>,
}

/// One daemon's part in a phase.
#[derive(Debug, Clone, Serialize)]
pub struct DaemonWork {
    /// Which.
    pub daemon: DaemonName,
    /// Requests that it answered.
    pub requests: Option<u64>,
    /// Cores that it kept busy.
    pub cores: Option<f64>,
}

/// One daemon's memory.
#[derive(Debug, Clone, Serialize)]
pub struct DaemonMemory {
    /// Which.
    pub daemon: DaemonName,
    /// The version of its build.
    pub version: Option<String>,
    /// Resident memory.
    pub rss_bytes: Option<u64>,
    /// Those of it that are its own (`RssAnon`), where its process can be looked at.
    pub anon_bytes: Option<u64>,
    /// Those of it that are pages of files (`RssFile`): programs, libraries, segments. The kernel takes them back.
    pub file_bytes: Option<u64>,
}

impl Seen {
    /// Looks at all daemons, at their own ports.
    ///
    /// # Errors
    /// When the gateway does not answer. A daemon that does not is left out.
    pub(crate) async fn now(session: &Session) -> anyhow::Result<Self> {
        let daemons = session.status().await?.daemons;
        let mut urls = PeerUrls::default();
        daemons.iter().for_each(|daemon| urls.set(daemon.name, &*daemon.url));
        let peers = Peers::new(urls)?;
        let metrics = join_all(daemons.iter().map(|daemon| {
            let (peer, ctx) = (peers.peer(daemon.name), session.call(PATIENCE));
            async move {
                let reply = peer.request(Method::GET, "/metrics").send(&ctx).await.ok()?;
                Some((peer.name(), Metrics::parse(&String::from_utf8_lossy(&reply.body))))
            }
        }));
        let metrics = metrics.await.into_iter().flatten().collect();
        let cpu_s = daemons.iter().filter_map(|daemon| Some((daemon.name, cpu_s(process(daemon)?).ok()?)));
        Ok(Self { cpu_s: cpu_s.collect(), metrics, daemons })
    }

    /// What the daemons did until `after`.
    pub(crate) fn work_until(&self, after: &Self) -> Work {
        let nothing = Metrics::default();
        let of = |seen: &Self, daemon| seen.metrics.get(&daemon).unwrap_or(&nothing).clone();
        let grown =
            |daemon, name: &str, label: &str| grown(&of(self, daemon), &of(after, daemon), name, label);
        let cache = |outcome: &str| {
            grown(DaemonName::Matrixd, "matrixd_result_cache_total", &format!("outcome=\"{outcome}\""))
        };
        Work {
            index_searches: grown(DaemonName::Vectord, "vectord_search_seconds_count", ""),
            result_cache_hits: cache("hit"),
            result_cache_misses: cache("miss"),
            result_cache_stale: cache("stale"),
            texts: grown(DaemonName::Embedd, "embedd_texts_total", ""),
            texts_cached: grown(DaemonName::Embedd, "embedd_cache_hits_total", ""),
            syncs: grown(DaemonName::Vectord, "vectord_wal_sync_seconds_count", ""),
        }
    }

    /// What each daemon did in the `wall_s` seconds until `after`.
    pub(crate) fn daemons_until(&self, after: &Self, wall_s: f64) -> Vec<DaemonWork> {
        let line = |now: &DaemonStatus| {
            let before = self.daemons.iter().find(|daemon| daemon.name == now.name);
            let cpu_s = self.cpu_s.get(&now.name).zip(after.cpu_s.get(&now.name));
            DaemonWork {
                daemon: now.name,
                requests: before.and_then(|before| now.requests?.checked_sub(before.requests?)),
                cores: cpu_s.map(|(before, after)| (after - before) / wall_s).filter(|cores| *cores >= 0.0),
            }
        };
        after.daemons.iter().map(line).collect()
    }

    /// The memory of each daemon.
    pub(crate) fn memory(&self) -> Vec<DaemonMemory> {
        let line = |daemon: &DaemonStatus| {
            let memory = process(daemon).and_then(|pid| Memory::of(pid).ok());
            DaemonMemory {
                daemon: daemon.name,
                version: daemon.version.clone(),
                rss_bytes: memory.map(Memory::total_bytes).or(daemon.rss_bytes),
                anon_bytes: memory.map(|memory| memory.anon_bytes),
                file_bytes: memory.map(|memory| memory.file_bytes),
            }
        };
        self.daemons.iter().map(line).collect()
    }
}

/// The process of a daemon, if it runs on this machine.
fn process(daemon: &DaemonStatus) -> Option<u32> {
    let (host, port) = daemon.url.trim_end_matches('/').rsplit_once(':')?;
    let is_near = ["http://127.0.0.1", "http://localhost", "http://[::1]"].contains(&host);
    is_near.then(|| port.parse().ok()).flatten().and_then(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(metrics: &[(DaemonName, &str)]) -> Seen {
        let metrics = metrics.iter().map(|(daemon, text)| (*daemon, Metrics::parse(text))).collect();
        Seen { daemons: Vec::new(), metrics, cpu_s: BTreeMap::new() }
    }

    #[test]
    fn work_is_read_from_the_daemon_that_does_it() {
        let before = seen(&[(DaemonName::Vectord, "vectord_search_seconds_count 100\n")]);
        let after = seen(&[
            (DaemonName::Vectord, "vectord_search_seconds_count 160\nvectord_wal_sync_seconds_count 3\n"),
            (
                DaemonName::Matrixd,
                "matrixd_result_cache_total{outcome=\"hit\"} 4\nvectord_search_seconds_count 9\n",
            ),
        ]);
        let work = before.work_until(&after);
        let expected =
            Work { index_searches: Some(60), result_cache_hits: Some(4), syncs: Some(3), ..Work::default() };
        assert_eq!(work, expected);
    }
}
