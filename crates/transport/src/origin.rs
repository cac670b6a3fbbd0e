//! Where requests go.

use std::fmt;
use std::str::FromStr;

use http::uri::{Authority, InvalidUri, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::BoxError;

/// The start of all URLs of an interface: `http://host:port`, and the path below which it is, if there is one. It is read once and
/// not for each request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    url: String,
    scheme: Scheme,
    authority: Authority,
    path: String,
    host: HeaderValue,
}

impl Origin {
    /// The URL, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// The value of `Host` in requests that go there: RFC 9110, section 7.2.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// `path_and_query` there.
    pub(crate) fn at(&self, path_and_query: &str) -> Result<Uri, BoxError> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(match &*self.path {
            "" => PathAndQuery::try_from(path_and_query)?,
            path => PathAndQuery::try_from([path, path_and_query].concat())?,
        });
        Ok(Uri::from_parts(parts)?)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(url: &str) -> Result<Self, InvalidOrigin> {
        let url = url.trim_end_matches('/');
        let parts = Uri::try_from(url).map_err(InvalidOrigin::Url)?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(InvalidOrigin::Scheme);
        };
        let default_port = match scheme.as_str() {
            "http" => 80,
            "https" => 443,
            _ => return Err(InvalidOrigin::Scheme),
        };
        let path = parts.path_and_query.filter(|path| path != "/");
        let has_query = path.as_ref().is_some_and(|path| path.query().is_some());
        if has_query || authority.as_str().contains('@') {
            return Err(InvalidOrigin::UserOrQuery);
        }
        let host = match authority.port_u16() {
            Some(port) if port == default_port => authority.host(),
            _ => authority.as_str(),
        };
        let host = HeaderValue::from_str(host).map_err(|_| InvalidOrigin::Scheme)?;
        let path = path.map(|path| path.to_string()).unwrap_or_default();
        Ok(Self { url: url.to_owned(), scheme, authority, path, host })
    }
}

/// Why a URL is no [`Origin`]. It is not repeated: there may be a password in it.
#[derive(Debug)]
pub enum InvalidOrigin {
    /// It is no URL.
    Url(InvalidUri),
    /// It begins neither with `http://` nor with `https://`, or names no host after it.
    Scheme,
    /// It has a user or a query, which no request would be sent with.
    UserOrQuery,
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "{error}"),
            Self::Scheme => f.write_str("it must begin with http:// or https:// and a host"),
            Self::UserOrQuery => f.write_str("it must have neither a user nor a query"),
        }
    }
}

impl std::error::Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_stands_below_that_of_the_origin_and_the_default_port_is_not_said() {
        for (origin, host, uri) in [
            ("http://127.0.0.1:4110", "127.0.0.1:4110", "http://127.0.0.1:4110/a?b=c"),
            ("http://127.0.0.1:4110/v1/", "127.0.0.1:4110", "http://127.0.0.1:4110/v1/a?b=c"),
            ("https://x.example:443", "x.example", "https://x.example:443/a?b=c"),
            ("https://x.example:80/", "x.example:80", "https://x.example:80/a?b=c"),
            ("http://[::1]", "[::1]", "http://[::1]/a?b=c"),
        ] {
            let origin: Origin = origin.parse().unwrap();
            assert_eq!(
                (origin.host().to_str().unwrap(), origin.at("/a?b=c").unwrap()),
                (host, uri.parse().unwrap())
            );
        }
    }

    #[test]
    fn what_no_request_can_be_sent_to_is_refused_and_secrets_in_it_are_not_repeated() {
        for (url, why) in [
            ("", "empty string"),
            ("localhost:4110", "must begin with http://"),
            ("ftp://x", "must begin with http://"),
            ("http://", "must begin with http://"),
            ("http://a b", "invalid uri character"),
            ("http://me:sk-1@x", "neither a user nor a query"),
            ("http://x/?key=sk-1", "neither a user nor a query"),
        ] {
            let error = url.parse::<Origin>().unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("sk-1"), "{url}: {error}");
        }
    }
}
