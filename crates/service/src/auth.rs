//! Static bearer tokens with scopes (RFC 6750). Without tokens everybody on loopback may do everything.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wire::ErrorCode;
use wire::context::Secret;

use crate::ApiError;

/// The shortest token that is accepted in a configuration: 128 bits in hexadecimal.
const MIN_TOKEN_BYTES: usize = 32;

/// What a token permits; each scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Reads and searches.
    Read,
    /// Adding and changing data.
    Write,
    /// Dropping whole indexes or tables, and maintenance.
    Admin,
}

/// `[auth]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// The tokens that are known.
    pub tokens: Vec<TokenConfig>,
    /// The name of the one that daemons use for calls that no user makes; see [`ServiceToken`].
    pub service_token: Option<String>,
}

/// One `[[auth.tokens]]`: who, what for, and where the secret is. The secret itself never stands in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenConfig {
    /// Who holds it, for the log.
    pub name: String,
    /// What it permits.
    pub scope: Scope,
    /// The environment variable that holds it.
    #[serde(default)]
    pub env: Option<String>,
    /// The file that holds it, for example a systemd credential.
    #[serde(default)]
    pub file: Option<PathBuf>,
}

impl TokenConfig {
    fn secret(&self) -> anyhow::Result<Secret> {
        let text = match (&self.env, &self.file) {
            (Some(name), None) => std::env::var(name).with_context(|| format!("read variable {name}"))?,
            (None, Some(path)) => {
                std::fs::read_to_string(path).with_context(|| format!("read file {}", path.display()))?
            }
            _ => bail!("exactly one of `env` and `file` must say where the secret is"),
        };
        let text = text.trim();
        if text.len() < MIN_TOKEN_BYTES {
            bail!("the secret has {} bytes, at least {MIN_TOKEN_BYTES} are needed", text.len());
        }
        Ok(Secret::new(text))
    }
}

/// With what a daemon makes calls that no user makes, or that outlive the call of the user who asked for them: an index
/// job that goes on after a restart. A user's token is never written down for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceToken {
    /// No tokens are configured, so nobody asks for one.
    NotNeeded,
    /// Tokens are configured, but none is named in `auth.service_token`.
    Missing,
    /// The token that `auth.service_token` names.
    Known(Secret),
}

impl ServiceToken {
    /// Finds the token that `config` names, and reads its secret.
    pub(crate) fn find(config: &AuthConfig) -> anyhow::Result<Self> {
        let Some(name) = &config.service_token else {
            return Ok(if config.tokens.is_empty() { Self::NotNeeded } else { Self::Missing });
        };
        let token = config.tokens.iter().find(|token| token.name == *name);
        let token = token.with_context(|| {
            format!("auth.service_token is {name:?}, but no [[auth.tokens]] has that name")
        })?;
        if token.scope < Scope::Write {
            bail!("auth.service_token is {name:?}, whose scope is \"read\"; \"write\" is needed");
        }
        token.secret().map(Self::Known).with_context(|| format!("token {name:?} in [auth]"))
    }

    /// The secret to send, if there is one.
    pub fn secret(&self) -> Option<Secret> {
        match self {
            Self::Known(secret) => Some(secret.clone()),
            Self::NotNeeded | Self::Missing => None,
        }
    }
}

struct Token {
    digest: [u8; 32],
    scope: Scope,
}

/// Knows the tokens; cheap to clone.
#[derive(Clone)]
pub(crate) struct Gatekeeper(Arc<[Token]>);

impl Gatekeeper {
    /// Reads the secrets that `config` points to.
    pub(crate) fn new(config: &AuthConfig) -> anyhow::Result<Self> {
        let token = |config: &TokenConfig| {
            let secret = config.secret().with_context(|| format!("token {:?} in [auth]", config.name))?;
            anyhow::Ok(Token { digest: digest(secret.expose()), scope: config.scope })
        };
        Ok(Self(config.tokens.iter().map(token).collect::<anyhow::Result<_>>()?))
    }

    /// Lets the caller pass if its token has `needed`, or if no tokens are configured.
    pub(crate) fn check(&self, headers: &HeaderMap, needed: Scope) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Some(presented) = bearer(headers) else {
            let detail = "send the header `authorization: Bearer <token>`";
            return Err(ApiError::new(ErrorCode::Unauthenticated, detail));
        };
        let presented = digest(presented);
        match self.0.iter().find(|token| bool::from(token.digest.ct_eq(&presented))) {
            None => Err(ApiError::new(ErrorCode::Unauthenticated, "this token is not known")),
            Some(token) if token.scope < needed => Err(ApiError::new(
                ErrorCode::PermissionDenied,
                format!("this call needs a token with scope {needed:?}, yours has {:?}", token.scope),
            )),
            Some(_) => Ok(()),
        }
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Tokens are compared by digest, so that neither their length nor their content shows in the time it takes.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gatekeeper() -> Gatekeeper {
        let token = |text: &str, scope| Token { digest: digest(text), scope };
        Gatekeeper([token("reader", Scope::Read), token("boss", Scope::Admin)].into())
    }

    fn with(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, format!("bearer {token}").parse().unwrap())])
    }

    fn code(headers: &HeaderMap, needed: Scope) -> Option<ErrorCode> {
        gatekeeper().check(headers, needed).err().map(|error| error.code())
    }

    #[test]
    fn scope_includes_those_below_and_excludes_those_above() {
        assert_eq!(code(&with("reader"), Scope::Read), None);
        assert_eq!(code(&with("reader"), Scope::Write), Some(ErrorCode::PermissionDenied));
        assert_eq!(code(&with("boss"), Scope::Write), None);
    }

    #[test]
    fn missing_and_unknown_tokens_are_refused() {
        assert_eq!(code(&HeaderMap::new(), Scope::Read), Some(ErrorCode::Unauthenticated));
        assert_eq!(code(&with("guess"), Scope::Read), Some(ErrorCode::Unauthenticated));
    }

    #[test]
    fn short_secret_is_refused_at_start() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "short\n").unwrap();
        let config = TokenConfig { name: "x".into(), scope: Scope::Read, env: None, file: Some(file) };
        let auth = AuthConfig { tokens: vec![config], service_token: None };
        let error = Gatekeeper::new(&auth).err().unwrap();
        assert!(format!("{error:#}").contains("at least 32"), "{error:#}");
    }

    #[test]
    fn service_token_is_one_of_the_tokens_that_may_write() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").unwrap();
        let token =
            |name: &str, scope| TokenConfig { name: name.into(), scope, env: None, file: Some(file.clone()) };
        let tokens = vec![token("reader", Scope::Read), token("jobs", Scope::Write)];
        let find = |tokens: &[TokenConfig], name: Option<&str>| {
            let service_token = name.map(str::to_owned);
            ServiceToken::find(&AuthConfig { tokens: tokens.to_vec(), service_token })
        };
        assert_eq!(find(&[], None).unwrap(), ServiceToken::NotNeeded);
        assert_eq!(find(&tokens, None).unwrap(), ServiceToken::Missing);
        let known = find(&tokens, Some("jobs")).unwrap().secret().unwrap();
        assert_eq!(known.expose(), "0123456789abcdef0123456789abcdef");
        for (name, complaint) in [("reader", "\"write\" is needed"), ("job", "no [[auth.tokens]]")] {
            let error = find(&tokens, Some(name)).unwrap_err().to_string();
            assert!(error.contains(complaint), "{error}");
        }
    }
}
