//! One way to configure: defaults < TOML file < environment (`LAKEHOUSE_<SECTION>__<KEY>`) < flags.
//!
//! The file has sections that all daemons share and one per daemon. Unknown keys are refused, naming the nearest
//! known one.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::PeerUrls;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wire::DaemonName;

use crate::auth::AuthConfig;
use crate::cli::Flags;

/// The sections that are no daemon's own.
const SHARED_SECTIONS: [&str; 5] = ["service", "auth", "listen", "peers", "lake"];

/// The folder of a unit's own secrets: `LoadCredential=` in systemd.exec(5).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// `[service]`: how every daemon serves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServiceConfig {
    /// Where all daemons keep their data, each in a folder of its own.
    pub data: PathBuf,
    /// What is logged: a level, or directives such as `info,vectord=debug`.
    pub log: String,
    /// How it is logged.
    pub log_format: LogFormat,
    /// Which requests get a line in the log.
    pub access_log: AccessLog,
    /// The largest body of a request that is not streamed, bytes.
    pub max_body_bytes: usize,
    /// Requests served at the same time; more are shed with 429.
    pub max_in_flight: usize,
    /// The longest a request may take, milliseconds; a caller may ask for less with `x-deadline-ms`.
    pub request_timeout_ms: u64,
    /// The same for uploads and downloads, milliseconds.
    pub stream_timeout_ms: u64,
    /// How long requests in flight may finish after SIGTERM, milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./var"),
            log: "info".to_owned(),
            log_format: LogFormat::Auto,
            access_log: AccessLog::Failures,
            max_body_bytes: 16 << 20,
            max_in_flight: 1024,
            request_timeout_ms: 30_000,
            stream_timeout_ms: 3_600_000,
            drain_timeout_ms: 10_000,
        }
    }
}

impl ServiceConfig {
    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn stream_timeout(&self) -> Duration {
        Duration::from_millis(self.stream_timeout_ms)
    }
}

/// The form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Pretty on a terminal, JSON elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For eyes.
    Pretty,
}

/// Which requests get a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccessLog {
    /// Every one.
    All,
    /// Those answered with 4xx or 5xx.
    Failures,
}

/// `[lake]`: where the tables are.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LakeConfig {
    /// `file:///…` or `s3://bucket/prefix`; absent: the folder `warehouse` under `service.data`.
    pub warehouse: Option<String>,
}

/// Everything that is in force for one daemon.
#[derive(Debug, Clone, Serialize)]
pub struct Settings<C> {
    /// `[service]`.
    pub service: ServiceConfig,
    /// `[auth]`.
    pub auth: AuthConfig,
    /// The address of this daemon from `[listen]`.
    pub bind: SocketAddr,
    /// `[peers]`.
    pub peers: PeerUrls,
    /// `[lake]`, with the default filled in.
    pub warehouse: String,
    /// The daemon's own section.
    pub own: C,
}

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A key or section is not known, or a value is not of its type: one sentence for each.
    #[error("the configuration is not valid:\n  {}", .0.join("\n  "))]
    Invalid(Vec<String>),
    /// The configuration file named on the command line is not there.
    #[error("the configuration file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Listening beyond loopback without tokens would let anybody in.
    #[error(
        "refusing to listen on {0}: it is not loopback and no token is configured; add [[auth.tokens]] or bind to 127.0.0.1"
    )]
    OpenToTheWorld(SocketAddr),
}

/// Reads the configuration of `daemon` from its four sources.
///
/// # Errors
/// [`ConfigError`], which names each key that is wrong, where it stands, and the nearest known one.
pub(crate) fn load<C>(daemon: DaemonName, flags: &Flags) -> Result<Settings<C>, ConfigError>
where
    C: Default + Serialize + DeserializeOwned,
{
    let mut sources = Figment::new();
    if let Some(path) = &flags.config {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.clone(), source })?;
        let folder = std::env::var(CREDENTIALS_DIRECTORY).ok();
        sources = sources.merge(WithCredentials { source: Toml::string(&text), folder });
    }
    let is_setting = |key: &figment::value::UncasedStr| key.as_str().contains("__");
    sources = sources.merge(Env::prefixed("LAKEHOUSE_").filter(is_setting).split("__"));
    let settings = assemble(daemon, &sources, flags)?;
    if !settings.bind.ip().is_loopback() && settings.auth.tokens.is_empty() {
        return Err(ConfigError::OpenToTheWorld(settings.bind));
    }
    Ok(settings)
}

fn assemble<C>(daemon: DaemonName, sources: &Figment, flags: &Flags) -> Result<Settings<C>, ConfigError>
where
    C: Default + Serialize + DeserializeOwned,
{
    check_sections(sources)?;
    let mut service: ServiceConfig = section(sources, "service")?;
    if let Some(data) = &flags.data {
        service.data.clone_from(data);
    }
    let listen: BTreeMap<DaemonName, SocketAddr> = section(sources, "listen")?;
    let default_bind = SocketAddr::from((Ipv4Addr::LOCALHOST, daemon.port()));
    let lake: LakeConfig = section(sources, "lake")?;
    Ok(Settings {
        bind: flags.bind.or_else(|| listen.get(&daemon).copied()).unwrap_or(default_bind),
        warehouse: lake.warehouse.unwrap_or_else(|| default_warehouse(&service.data)),
        service,
        auth: section(sources, "auth")?,
        peers: section(sources, "peers")?,
        own: section(sources, daemon.as_str())?,
    })
}

fn default_warehouse(data: &Path) -> String {
    let folder = std::path::absolute(data.join("warehouse")).unwrap_or_else(|_| data.join("warehouse"));
    format!("file://{}", folder.display())
}

/// A source in which a path may begin with `$CREDENTIALS_DIRECTORY/`, as one file configures units that have each a folder of
/// their own.
struct WithCredentials<P> {
    source: P,
    folder: Option<String>,
}

impl<P: Provider> Provider for WithCredentials<P> {
    fn metadata(&self) -> Metadata {
        self.source.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut data = self.source.data()?;
        if let Some(folder) = &self.folder {
            data.values_mut().flat_map(Map::values_mut).for_each(|value| find_credentials(value, folder));
        }
        Ok(data)
    }
}

fn find_credentials(value: &mut Value, folder: &str) {
    match value {
        Value::String(_, text) => {
            let name = text.strip_prefix('$').and_then(|text| text.strip_prefix(CREDENTIALS_DIRECTORY));
            if let Some(name) = name.filter(|name| name.starts_with('/')) {
                *text = format!("{folder}{name}");
            }
        }
        Value::Dict(_, members) => members.values_mut().for_each(|value| find_credentials(value, folder)),
        Value::Array(_, values) => values.iter_mut().for_each(|value| find_credentials(value, folder)),
        _ => {}
    }
}

fn check_sections(sources: &Figment) -> Result<(), ConfigError> {
    let data = sources.data().map_err(|error| invalid("", error))?;
    let known: Vec<&str> =
        SHARED_SECTIONS.into_iter().chain(DaemonName::ALL.map(DaemonName::as_str)).collect();
    let unknown: Vec<String> = data
        .values()
        .flat_map(Map::keys)
        .filter(|name| !known.contains(&name.as_str()))
        .map(|name| format!("unknown section [{name}]{}", suggestion(name, &known)))
        .collect();
    if unknown.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(unknown)) }
}

fn section<T>(sources: &Figment, name: &'static str) -> Result<T, ConfigError>
where
    T: Default + Serialize + DeserializeOwned,
{
    Figment::from(Serialized::default(name, T::default()))
        .merge(sources)
        .extract_inner(name)
        .map_err(|error| invalid(name, error))
}

fn invalid(section: &str, errors: figment::Error) -> ConfigError {
    ConfigError::Invalid(errors.into_iter().map(|error| explain(section, &error)).collect())
}

fn explain(section: &str, error: &figment::Error) -> String {
    let source = error.metadata.as_ref().map_or_else(String::new, |source| format!(" ({})", source.name));
    match &error.kind {
        Kind::UnknownField(name, known) | Kind::UnknownVariant(name, known) => {
            format!("[{section}] unknown key or value {name:?}{}{source}", suggestion(name, known))
        }
        kind => format!("[{section}] {}: {kind}{source}", error.path.join(".")),
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    let nearest =
        known.iter().max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Own {
        cut_over: usize,
    }

    fn read(toml: &str, flags: &Flags) -> Result<Settings<Own>, ConfigError> {
        assemble(DaemonName::Vectord, &Figment::from(Toml::string(toml)), flags)
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let toml = "[service]\ndata = \"/a\"\n[listen]\nvectord = \"127.0.0.1:9\"\n[vectord]\ncut_over = 7";
        let settings = read(toml, &Flags::default()).unwrap();
        assert_eq!((settings.own.cut_over, settings.bind.port()), (7, 9));
        assert_eq!(settings.service.data, Path::new("/a"));
        assert_eq!(settings.service.max_in_flight, ServiceConfig::default().max_in_flight);

        let flags =
            Flags { bind: Some("127.0.0.1:0".parse().unwrap()), data: Some("/b".into()), ..Flags::default() };
        let settings = read(toml, &flags).unwrap();
        assert_eq!(settings.bind.port(), 0);
        assert_eq!(settings.warehouse, "file:///b/warehouse");
    }

    #[test]
    fn secret_may_lie_among_the_credentials_of_the_unit() {
        let toml = "[[auth.tokens]]\nname = \"a\"\nscope = \"read\"\nfile = \"$CREDENTIALS_DIRECTORY/a.token\"\n\
                    [[auth.tokens]]\nname = \"b\"\nscope = \"read\"\nfile = \"/etc/$CREDENTIALS_DIRECTORY/b\"";
        let files = |folder: Option<&str>| {
            let source = WithCredentials { source: Toml::string(toml), folder: folder.map(str::to_owned) };
            let settings: Settings<Own> =
                assemble(DaemonName::Vectord, &Figment::from(source), &Flags::default()).unwrap();
            settings.auth.tokens.into_iter().filter_map(|token| token.file).collect::<Vec<_>>()
        };
        let other = "/etc/$CREDENTIALS_DIRECTORY/b";
        assert_eq!(
            files(Some("/run/credentials/x")),
            [Path::new("/run/credentials/x/a.token"), Path::new(other)]
        );
        assert_eq!(files(None), [Path::new("$CREDENTIALS_DIRECTORY/a.token"), Path::new(other)]);
    }

    #[test]
    fn unknown_key_names_the_nearest_known_one() {
        let error = read("[vectord]\ncutover = 7", &Flags::default()).unwrap_err().to_string();
        assert!(error.contains("\"cutover\"") && error.contains("\"cut_over\""), "{error}");
    }

    #[test]
    fn unknown_section_names_the_nearest_known_one() {
        let error = read("[vectorb]\ncut_over = 7", &Flags::default()).unwrap_err().to_string();
        assert!(error.contains("[vectorb]") && error.contains("\"vectord\""), "{error}");
    }

    #[test]
    fn value_of_the_wrong_type_names_its_key() {
        let error = read("[vectord]\ncut_over = \"many\"", &Flags::default()).unwrap_err().to_string();
        assert!(error.contains("cut_over") && error.contains("many"), "{error}");
    }

    #[test]
    fn listening_beyond_loopback_needs_tokens() {
        let flags = Flags { bind: Some("0.0.0.0:0".parse().unwrap()), ..Flags::default() };
        let refused = load::<Own>(DaemonName::Vectord, &flags);
        assert!(matches!(refused, Err(ConfigError::OpenToTheWorld(_))));
    }
}
