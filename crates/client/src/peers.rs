//! Where the eleven daemons are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use transport::{Origin, Settings, Transport};
use wire::DaemonName;

use crate::Peer;
use crate::replicas::Replicas;

/// Peers are near, and called directly: a proxy of the environment is meant for the way out and not for the way to the neighbour.
/// Idle connections are few, as each has buffers on both sides (docs/decisions/0071-memory.md).
const TO_PEERS: Settings =
    Settings { connect_timeout: Duration::from_secs(2), max_idle_connections: 16, is_outward: false };

/// Base URLs by daemon, as in the `[peers]` section; a daemon that is not listed is at its own port on loopback.
///
/// A daemon may have several, which are replicas of it: a list, or one text with commas, as an environment variable has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PeerUrls(BTreeMap<DaemonName, Urls>);

/// At least one base URL, without trailing slashes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Urls(Vec<String>);

impl Urls {
    fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let urls = texts.into_iter().flat_map(|text| text.split(',')).map(str::trim);
        let urls = urls.filter(|url| !url.is_empty());
        Self(urls.map(|url| url.trim_end_matches('/').to_owned()).collect())
    }
}

impl Serialize for Urls {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => serializer.serialize_str(one),
            several => serializer.collect_seq(several),
        }
    }
}

impl<'de> Deserialize<'de> for Urls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrSeveral;

        impl<'de> Visitor<'de> for OneOrSeveral {
            type Value = Urls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a URL, several with commas between them, or a list of URLs")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Urls, E> {
                Ok(Urls::of([text]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Urls, A::Error> {
                let mut texts: Vec<String> = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Urls::of(texts.iter().map(String::as_str)))
            }
        }

        let urls = deserializer.deserialize_any(OneOrSeveral)?;
        if urls.0.is_empty() { Err(de::Error::custom("at least one URL is needed")) } else { Ok(urls) }
    }
}

impl PeerUrls {
    /// All daemons on loopback, each at its own port plus `offset`.
    pub fn on_loopback(offset: u16) -> Self {
        Self::each_at(|daemon| format!("http://127.0.0.1:{}", daemon.port().saturating_add(offset)))
    }

    /// All daemons through the gateway at `url`: below its `/v1` each has the paths that it has itself.
    pub fn behind_gateway(url: &str) -> Self {
        let url = url.trim_end_matches('/');
        Self::each_at(|daemon| match daemon {
            DaemonName::Gateway => url.to_owned(),
            _ => format!("{url}/v1"),
        })
    }

    fn each_at(url: impl Fn(DaemonName) -> String) -> Self {
        Self(DaemonName::ALL.map(|daemon| (daemon, Urls::of([url(daemon).as_str()]))).into())
    }

    /// Says where `daemon` is, or with commas between them where its replicas are.
    pub fn set(&mut self, daemon: DaemonName, url: impl AsRef<str>) {
        self.0.insert(daemon, Urls::of([url.as_ref()]));
    }

    /// The base URL of `daemon`, the first of several, without a trailing slash.
    pub fn url(&self, daemon: DaemonName) -> String {
        self.clone().take(daemon).swap_remove(0)
    }

    /// The base URLs of all replicas of `daemon`, at least one.
    fn take(&mut self, daemon: DaemonName) -> Vec<String> {
        match self.0.remove(&daemon) {
            Some(Urls(urls)) if !urls.is_empty() => urls,
            _ => vec![format!("http://127.0.0.1:{}", daemon.port())],
        }
    }
}

/// Clients for all daemons over one shared connection pool; cheap to clone.
#[derive(Debug, Clone)]
pub struct Peers {
    replicas: Arc<BTreeMap<DaemonName, Arc<Replicas>>>,
    http: Transport,
}

impl Peers {
    /// Clients for the daemons at `urls`.
    ///
    /// # Errors
    /// When no TLS provider is installed: see [`install_tls_provider`](crate::install_tls_provider). When one of `urls` is none, which
    /// it names.
    pub fn new(mut urls: PeerUrls) -> io::Result<Self> {
        let http = Transport::new(TO_PEERS)?;
        let replicas = DaemonName::ALL.into_iter().map(|daemon| {
            let origins =
                urls.take(daemon).iter().map(|url| origin(daemon, url)).collect::<io::Result<_>>()?;
            Ok((daemon, Arc::new(Replicas::new(origins))))
        });
        Ok(Self { replicas: Arc::new(replicas.collect::<io::Result<_>>()?), http })
    }

    /// An untyped client for `daemon`: its replicas take turns.
    pub fn peer(&self, daemon: DaemonName) -> Peer {
        Peer::new(daemon, Arc::clone(&self.replicas[&daemon]), self.http.clone())
    }

    /// A client for each replica of `daemon` alone.
    pub(crate) fn each(&self, daemon: DaemonName) -> impl Iterator<Item = Peer> {
        let alone = move |origin: &Origin| {
            Peer::new(daemon, Arc::new(Replicas::new(vec![origin.clone()])), self.http.clone())
        };
        self.replicas[&daemon].origins().map(alone)
    }
}

/// Where a replica of `daemon` is. A URL that is refused is not repeated: there may be a password in it.
fn origin(daemon: DaemonName, url: &str) -> io::Result<Origin> {
    let refuse = |error| io::Error::new(io::ErrorKind::InvalidInput, format!("the URL of {daemon}: {error}"));
    url.parse().map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_that_nothing_can_be_sent_to_is_refused_at_start_by_the_name_of_its_daemon() {
        crate::install_tls_provider();
        let mut urls = PeerUrls::default();
        urls.set(DaemonName::Matrixd, "http://a,localhost:4218");
        let error = Peers::new(urls).unwrap_err().to_string();
        assert_eq!(error, "the URL of matrixd: it must begin with http:// or https:// and a host");
    }

    #[test]
    fn one_url_several_with_commas_and_a_list_are_read_and_nothing_else() {
        let read = |text: &str| {
            serde_json::from_str::<PeerUrls>(text).map(|mut urls| urls.take(DaemonName::Matrixd))
        };
        assert_eq!(read(r#"{"matrixd": "http://a/"}"#).unwrap(), ["http://a"]);
        assert_eq!(read(r#"{"matrixd": "http://a, http://b/"}"#).unwrap(), ["http://a", "http://b"]);
        assert_eq!(read(r#"{"matrixd": ["http://a", "http://b"]}"#).unwrap(), ["http://a", "http://b"]);
        assert_eq!(read("{}").unwrap(), ["http://127.0.0.1:4218"]);
        for (bad, word) in [
            (r#"{"matrixd": []}"#, "at least one"),
            (r#"{"matrixd": " ,"}"#, "at least one"),
            (r#"{"matrixd": 4218}"#, "a list of URLs"),
            (r#"{"matrixd": [1]}"#, "string"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
        let mut urls = PeerUrls::default();
        urls.set(DaemonName::Matrixd, "http://a,http://b");
        urls.set(DaemonName::Vectord, "http://c");
        let written = serde_json::to_string(&urls).unwrap();
        assert_eq!(written, r#"{"vectord":"http://c","matrixd":["http://a","http://b"]}"#);
    }
}
