//! Which public path leads to which daemon, and what the daemon calls it.

use http::{HeaderMap, Method};
use wire::DaemonName;
use wire::context::IDEMPOTENCY_KEY;

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// The path that users know. All that is below it is forwarded too, if `has_subtree`.
    pub(crate) public: &'static str,
    /// Who answers.
    pub(crate) daemon: DaemonName,
    /// The daemon's own path for it.
    pub(crate) own: &'static str,
    /// Whether paths below `public` are forwarded as well.
    pub(crate) has_subtree: bool,
}

/// A path with all that is below it.
pub(crate) const fn tree(public: &'static str, daemon: DaemonName, own: &'static str) -> Line {
    Line { public, daemon, own, has_subtree: true }
}

/// A path alone.
pub(crate) const fn leaf(public: &'static str, daemon: DaemonName, own: &'static str) -> Line {
    Line { public, daemon, own, has_subtree: false }
}

/// The whole table, but for the [legacy](crate::legacy) paths.
pub(crate) const TABLE: [Line; 19] = [
    tree("/v1/storage", DaemonName::Storaged, "/storage"),
    tree("/v1/catalog", DaemonName::Catalogd, "/catalog"),
    tree("/iceberg", DaemonName::Catalogd, "/iceberg"),
    tree("/v1/ingest", DaemonName::Ingestd, "/ingest"),
    tree("/v1/tables", DaemonName::Ingestd, "/tables"),
    tree("/v1/index-jobs", DaemonName::Ingestd, "/index-jobs"),
    leaf("/v1/sql", DaemonName::Queryd, "/sql"),
    tree("/v1/vectors", DaemonName::Vectord, "/vectors"),
    leaf("/v1/embed", DaemonName::Embedd, "/embed"),
    leaf("/v1/embeddings", DaemonName::Embedd, "/v1/embeddings"),
    leaf("/api/embed", DaemonName::Embedd, "/api/embed"),
    tree("/v1/pathways", DaemonName::Pathwayd, "/pathways"),
    tree("/v1/matrix", DaemonName::Matrixd, "/matrix"),
    tree("/v1/observer", DaemonName::Observerd, "/observer"),
    // Stands below `/v1/chat` but keeps its name, which is OpenAI's.
    leaf("/v1/chat/completions", DaemonName::Chatd, "/v1/chat/completions"),
    tree("/v1/chat", DaemonName::Chatd, "/chat"),
    leaf("/v1/models", DaemonName::Chatd, "/v1/models"),
    leaf("/api/chat", DaemonName::Chatd, "/api/chat"),
    leaf("/api/tags", DaemonName::Chatd, "/api/tags"),
];

/// POSTs that change nothing, by the daemons' own paths, besides all that end in `/search`. SQL is not among them: a query
/// that has taken one replica down shall not go on to the next.
const READING_POSTS: [&str; 8] = [
    "/matrix/retrieve",
    "/matrix/validate/email",
    "/matrix/validate/sms",
    "/matrix/validate/fill",
    "/vectors/versions",
    "/embed",
    "/v1/embeddings",
    "/api/embed",
];

/// Whether it does no harm to send a request to a second replica after the first has broken off: RFC 9110 section 9.2.2,
/// a POST that reads, or one whose key makes it safe.
pub(crate) fn is_repeatable(method: &Method, own_path_and_query: &str, headers: &HeaderMap) -> bool {
    let path = own_path_and_query.split('?').next().unwrap_or_default();
    method.is_idempotent()
        || headers.contains_key(IDEMPOTENCY_KEY)
        || (*method == Method::POST && (path.ends_with("/search") || READING_POSTS.contains(&path)))
}

impl Line {
    /// What stands before the daemon's own path in the public one: empty where the daemon is known by another.
    pub(crate) fn prefix(&self) -> &'static str {
        self.public.strip_suffix(self.own).unwrap_or_default()
    }

    /// The daemon's own path and query for a public one.
    pub(crate) fn own_path_and_query(&self, path: &str, query: Option<&str>) -> String {
        let below = path.strip_prefix(self.public).unwrap_or_default();
        match query {
            Some(query) => format!("{}{below}?{query}", self.own),
            None => format!("{}{below}", self.own),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::legacy;

    fn line(public: &str) -> Line {
        TABLE.into_iter().find(|line| line.public == public).unwrap()
    }

    #[test]
    fn the_daemon_sees_its_own_path_with_key_and_query_untouched() {
        let own = line("/v1/storage").own_path_and_query("/v1/storage/a%2Fb/ü", Some("x=%20"));
        assert_eq!(own, "/storage/a%2Fb/ü?x=%20");
        assert_eq!(line("/v1/sql").own_path_and_query("/v1/sql", None), "/sql");
    }

    #[test]
    fn prefix_is_what_the_daemon_does_not_see() {
        assert_eq!(line("/v1/ingest").prefix(), "/v1");
        assert_eq!(line("/iceberg").prefix(), "");
    }

    #[test]
    fn only_what_does_no_harm_twice_is_sent_to_a_second_replica() {
        let is_safe = |method, path| is_repeatable(&method, path, &HeaderMap::new());
        assert!(is_safe(Method::GET, "/matrix/playbooks?limit=3") && is_safe(Method::POST, "/matrix/search"));
        assert!(is_safe(Method::POST, "/vectors/index/w/search") && is_safe(Method::POST, "/embed?x"));
        assert!(!is_safe(Method::POST, "/matrix/playbooks/record") && !is_safe(Method::POST, "/sql"));
        let keyed = HeaderMap::from_iter([(IDEMPOTENCY_KEY, "k".parse().unwrap())]);
        assert!(is_repeatable(&Method::POST, "/matrix/playbooks/record", &keyed));
    }

    #[test]
    fn no_public_path_stands_twice() {
        let mut paths: Vec<&str> = TABLE
            .iter()
            .chain(legacy::ADAPTERS.map(|adapter| &adapter.line))
            .map(|line| line.public)
            .collect();
        let count = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), count);
    }
}
