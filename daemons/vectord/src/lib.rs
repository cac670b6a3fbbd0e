//! Vector indexes over HTTP.
