//! One provider, and calls to it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use transport::{Answer, Body, Origin, Settings, Transport, TransportError};
use url::Url;
use wire::context::Secret;

use crate::{Error, Result};

/// A provider that is down should be known to be so at once. A new connection to one on the Internet takes several round trips,
/// so those of a busy minute are kept.
const TO_PROVIDERS: Settings =
    Settings { connect_timeout: Duration::from_secs(3), max_idle_connections: 64, is_outward: true };
/// The largest answer that is read whole.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How much of a provider's error text is passed on.
const MAX_MESSAGE_CHARS: usize = 300;

/// Which interface a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Ollama's own: `/api/chat`, `/api/embed`, `/api/tags`.
    #[default]
    Ollama,
    /// OpenAI's, which many servers speak: `/v1/chat/completions`, `/v1/embeddings`, `/v1/models`.
    OpenAi,
}

/// Where a provider is and how to ask it, as the configuration says.
#[derive(Debug, Clone)]
pub struct Address {
    /// The name that requests, errors and metrics use.
    pub name: String,
    /// Which interface it speaks.
    pub kind: Kind,
    /// `http://host:port`, without the path of the interface.
    pub url: String,
    /// The environment variable that holds the API key.
    pub api_key_env: Option<String>,
    /// The file that holds the API key; white space around it is cut off.
    pub api_key_file: Option<PathBuf>,
    /// How long a whole answer, or the first byte of a streamed one, may take.
    pub timeout: Duration,
}

/// A provider that can be called.
#[derive(Debug, Clone)]
pub struct Endpoint {
    name: String,
    kind: Kind,
    origin: Origin,
    key: Option<Secret>,
    /// The key among them, marked so that nothing prints it.
    headers: HeaderMap,
    timeout: Duration,
    http: Http,
}

/// Sends requests to all providers; cheap to clone, and all clones share their connections. Redirects are not followed, as one
/// could carry the key elsewhere.
#[derive(Debug, Clone)]
pub struct Http(Transport);

impl Http {
    /// Needs rustls' default crypto provider to be installed in the process.
    ///
    /// # Errors
    /// When there is none, or the system's certificates cannot be read.
    pub fn new() -> io::Result<Self> {
        Transport::new(TO_PROVIDERS).map(Self)
    }
}

impl Endpoint {
    /// Checks `address` and reads its key.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the URL is none, or the key is not where it should be.
    pub fn new(address: &Address, http: Http) -> Result<Self> {
        let Address { name, kind, url, timeout, .. } = address;
        let wrong = |reason| Error::Configuration { provider: name.clone(), reason };
        let parsed = Url::parse(url).map_err(|error| wrong(format!("`url` {url:?}: {error}")))?;
        // The URL stands in errors and listings, and a key could stand in these: it is not repeated here either.
        if !parsed.username().is_empty() || parsed.password().is_some() || parsed.query().is_some() {
            let reason = "`url` must have neither a user nor a query: a key belongs into `api_key_env` or `api_key_file`";
            return Err(wrong(reason.to_owned()));
        }
        let key = read_key(address.api_key_env.as_deref(), address.api_key_file.as_deref()).map_err(wrong)?;
        let mut headers = HeaderMap::new();
        if let Some(key) = &key {
            headers.insert(AUTHORIZATION, header(&format!("Bearer {}", key.expose())).map_err(wrong)?);
        }
        let url = parsed.as_str().trim_end_matches('/');
        // OpenAI's own documentation writes the base URL with /v1, Ollama's without: both are understood.
        let origin = url.strip_suffix("/v1").unwrap_or(url).parse();
        let origin = origin.map_err(|error| wrong(format!("`url` {url:?}: {error}")))?;
        Ok(Self { name: name.clone(), kind: *kind, origin, key, headers, timeout: *timeout, http })
    }

    /// Sends the key in the header `name`, as it is, and not as a bearer token.
    #[must_use]
    pub fn with_key_header(mut self, name: &'static str) -> Self {
        let key = self.headers.remove(AUTHORIZATION).and(self.key.as_ref());
        if let Some(Ok(key)) = key.map(|key| header(key.expose())) {
            self.headers.insert(HeaderName::from_static(name), key);
        }
        self
    }

    /// Sends the header `name` with every request.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// Whether there is a key.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which interface it speaks.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The base URL, without a trailing slash.
    pub fn url(&self) -> &str {
        self.origin.as_str()
    }

    /// How long a whole answer, or the first byte of a streamed one, may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// GET of a JSON document.
    ///
    /// # Errors
    /// Any [`Error`] but `Configuration`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let answer = async {
            let answer = self.send(path, Method::GET, self.headers.clone(), Body::default(), "").await?;
            self.body(path, answer).await
        };
        self.read(path, &self.in_time(path, answer).await?)
    }

    /// POST of a JSON document that asks something of `model`, answered by another one.
    ///
    /// # Errors
    /// Any [`Error`] but `Configuration`.
    pub async fn post<B: Serialize + ?Sized, T: DeserializeOwned>(
        &self,
        path: &str,
        model: &str,
        body: &B,
    ) -> Result<T> {
        let body = serde_json::to_vec(body)
            .map_err(|error| self.malformed(path, format!("the request has no JSON form: {error}")))?;
        self.read(path, &self.post_text(path, model, body).await?)
    }

    /// The same of a JSON text, answered by another one.
    ///
    /// # Errors
    /// Any [`Error`] but `Configuration`.
    pub async fn post_text(&self, path: &str, model: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let answer = async { self.body(path, self.post_streaming(path, model, body).await?).await };
        self.in_time(path, answer).await
    }

    /// The same, answered by a stream that the caller reads. Dropping the answer closes the connection, which is how both
    /// interfaces are told to stop.
    ///
    /// # Errors
    /// Any [`Error`] but `Configuration`.
    pub async fn post_streaming(&self, path: &str, model: &str, body: Vec<u8>) -> Result<Answer> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.send(path, Method::POST, headers, Body::from(Bytes::from(body)), model).await
    }

    /// An answer of this provider that cannot be used.
    pub fn malformed(&self, path: &str, reason: impl Into<String>) -> Error {
        let reason = self.redact(&reason.into());
        Error::Malformed { provider: self.name.clone(), url: self.at(path), reason }
    }

    /// A refusal of this provider: `status`, or what would have been the status if the answer had not begun already.
    pub fn refused(&self, path: &str, status: u16, message: &str) -> Error {
        let (provider, url) = (self.name.clone(), self.at(path));
        Error::Refused { provider, url, status, message: self.redact(message), retry_after_s: None }
    }

    /// The failure of a connection, on the way there or in the middle of an answer.
    fn broken(&self, path: &str, error: &TransportError) -> Error {
        let hint = match self.kind {
            Kind::Ollama => "start it with `ollama serve`, or correct its `url` in the configuration",
            Kind::OpenAi => "check that it runs, or correct its `url` in the configuration",
        };
        let (provider, url) = (self.name.clone(), self.at(path));
        Error::Unreachable { provider, url, reason: error.reason(), hint: hint.into() }
    }

    /// The provider took longer than its timeout.
    pub fn timed_out(&self, path: &str) -> Error {
        self.late(path, self.timeout, "timeout_ms")
    }

    /// The provider took longer than `bound`, which stands under `key` in the configuration.
    pub fn late(&self, path: &str, bound: Duration, key: &'static str) -> Error {
        let (provider, url) = (self.name.clone(), self.at(path));
        Error::TimedOut { provider, url, timeout_ms: bound.as_millis(), key }
    }

    /// `path` here.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    async fn in_time<T>(&self, path: &str, answer: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = tokio::time::timeout(self.timeout, answer).await;
        answer.unwrap_or_else(|_| Err(self.timed_out(path)))
    }

    /// Sends a request and returns the answer if its status is 2xx.
    async fn send(
        &self,
        path: &str,
        method: Method,
        headers: HeaderMap,
        body: Body,
        model: &str,
    ) -> Result<Answer> {
        let answer = self.http.0.send(method, &self.origin, path, headers, body).await;
        let answer = answer.map_err(|error| self.broken(path, &error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let retry_after_s = retry_after_s(answer.headers());
        let message = self.body(path, answer).await.map(|body| error_message(&body)).unwrap_or_default();
        let mut refusal = self.refusal(path, model, status, &message);
        if let Error::Refused { retry_after_s: said, .. } = &mut refusal {
            *said = retry_after_s;
        }
        Err(refusal)
    }

    /// Both interfaces answer 404 for a model they do not have, and for a path they do not know; only the text differs.
    fn refusal(&self, path: &str, model: &str, status: StatusCode, message: &str) -> Error {
        let (provider, url) = (self.name.clone(), self.at(path));
        if status == StatusCode::NOT_FOUND && message.contains("model") {
            let hint = match self.kind {
                Kind::Ollama => format!("run `ollama pull {model}` there"),
                Kind::OpenAi => format!("GET {}/v1/models lists those it has", self.origin),
            };
            return Error::ModelMissing { provider, url, model: model.into(), hint };
        }
        self.refused(path, status.as_u16(), message)
    }

    /// Some servers repeat the key in their complaint about it.
    fn redact(&self, text: &str) -> String {
        let Some(key) = &self.key else { return text.chars().take(MAX_MESSAGE_CHARS).collect() };
        text.replace(key.expose(), "***").chars().take(MAX_MESSAGE_CHARS).collect()
    }

    fn read<T: DeserializeOwned>(&self, path: &str, body: &[u8]) -> Result<T> {
        serde_json::from_slice(body).map_err(|error| self.malformed(path, error.to_string()))
    }

    async fn body(&self, path: &str, mut answer: Answer) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.broken(path, &error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(self.malformed(path, format!("it is longer than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// A header whose value nothing prints.
fn header(value: &str) -> std::result::Result<HeaderValue, String> {
    let mut header = HeaderValue::from_str(value).map_err(|_| "the API key does not fit into a header")?;
    header.set_sensitive(true);
    Ok(header)
}

/// `Retry-After` in seconds (RFC 9110, section 10.2.3); its other form, a date, is not used by model providers.
fn retry_after_s(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()
}

/// Reads a key from the environment variable or from the file that has it; `None` if neither is named.
///
/// # Errors
/// What is wrong, in terms of the keys `api_key_env` and `api_key_file` of the configuration.
pub fn read_key(
    api_key_env: Option<&str>,
    api_key_file: Option<&Path>,
) -> std::result::Result<Option<Secret>, String> {
    let key = match (api_key_env, api_key_file) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err("set `api_key_env` or `api_key_file`, not both".into()),
        (Some(variable), None) => std::env::var(variable)
            .map_err(|_| format!("the environment variable {variable} of `api_key_env` is not set"))?,
        (None, Some(file)) => std::fs::read_to_string(file)
            .map_err(|error| format!("`api_key_file` {}: {error}", file.display()))?,
    };
    let key = key.trim();
    // Refused here, as a header cannot hold it, rather than at each call.
    if key.is_empty() || key.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err("the API key is empty, or has a character that a header cannot hold".into());
    }
    Ok(Some(Secret::new(key)))
}

/// The text in `{"error":"…"}` (Ollama) or `{"error":{"message":"…"}}` (OpenAI), or else the body itself.
fn error_message(body: &[u8]) -> String {
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &json["error"];
    let text = error.as_str().or_else(|| error["message"].as_str());
    let text = text.map_or_else(|| String::from_utf8_lossy(body).into_owned(), str::to_owned);
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        let (name, url) = ("far".to_owned(), url.to_owned());
        let timeout = Duration::from_secs(1);
        Address { name, kind: Kind::OpenAi, url, api_key_env: None, api_key_file: None, timeout }
    }

    fn endpoint(address: &Address) -> Endpoint {
        drop(rustls::crypto::ring::default_provider().install_default());
        Endpoint::new(address, Http::new().unwrap()).unwrap()
    }

    fn key_of(address: &Address) -> std::result::Result<Option<Secret>, String> {
        read_key(address.api_key_env.as_deref(), address.api_key_file.as_deref())
    }

    #[test]
    fn error_text_is_found_in_both_shapes_and_is_bounded() {
        assert_eq!(error_message(br#"{"error":"model 'x' not found"}"#), "model 'x' not found");
        assert_eq!(error_message(br#"{"error":{"message":"no key","type":"t"}}"#), "no key");
        let error = endpoint(&address("http://x")).refused("/", 500, &"é".repeat(1000));
        assert!(error.to_string().chars().count() < MAX_MESSAGE_CHARS + 100, "{error}");
    }

    #[test]
    fn key_shows_in_no_error_and_no_debug_output() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "sk-live-1").unwrap();
        let address = Address { api_key_file: Some(file), ..address("http://localhost") };
        for endpoint in [endpoint(&address), endpoint(&address).with_key_header("x-api-key")] {
            let said = endpoint.refusal("/v1", "m", StatusCode::UNAUTHORIZED, "no such key: sk-live-1");
            let broken = endpoint.malformed("/v1", "no such key: sk-live-1");
            for text in [said.to_string(), broken.to_string(), format!("{said:?}"), format!("{endpoint:?}")] {
                assert!(!text.contains("sk-live-1"), "{text}");
            }
            assert!(said.to_string().contains("no such key: ***"), "{said}");
        }
    }

    #[test]
    fn base_is_understood_as_providers_write_it() {
        for (base, url) in [
            ("http://localhost:1", "http://localhost:1/api/tags"),
            ("http://localhost:1/", "http://localhost:1/api/tags"),
            ("https://x.org/some where/v1/", "https://x.org/some%20where/api/tags"),
            ("https://bücher.example", "https://xn--bcher-kva.example/api/tags"),
        ] {
            assert_eq!(endpoint(&address(base)).at("/api/tags"), url);
        }
    }

    #[test]
    fn url_of_another_scheme_or_that_could_hold_a_key_is_refused_and_the_key_not_repeated() {
        drop(rustls::crypto::ring::default_provider().install_default());
        let error = Endpoint::new(&address("ftp://x"), Http::new().unwrap()).unwrap_err().to_string();
        assert!(error.contains("must begin with http://"), "{error}");
        for url in ["http://me:sk-live-1@x", "ftp://sk-live-1@x", "https://x/v1beta?key=sk-live-1"] {
            let error = Endpoint::new(&address(url), Http::new().unwrap()).unwrap_err().to_string();
            assert!(error.contains("api_key_env") && !error.contains("sk-live-1"), "{error}");
        }
    }

    #[test]
    fn key_is_read_from_a_file_and_never_from_two_places() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        std::fs::write(&file, "sk-1\n").unwrap();
        let mut address = address("http://localhost");
        address.api_key_file = Some(file);
        assert_eq!(key_of(&address).unwrap().unwrap().expose(), "sk-1");
        address.api_key_env = Some("PATH".into());
        assert!(key_of(&address).unwrap_err().contains("not both"));
    }

    #[test]
    fn key_that_is_not_there_or_cannot_be_sent_is_refused_at_start() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        let address = Address { api_key_file: Some(file.clone()), ..address("http://localhost") };
        assert!(key_of(&address).unwrap_err().contains("api_key_file"));
        std::fs::write(&file, "sk 1").unwrap();
        assert!(key_of(&address).unwrap_err().contains("header"));
    }
}
