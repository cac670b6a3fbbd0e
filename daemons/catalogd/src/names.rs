//! Names of namespaces and tables, as they travel in paths and are stored.

use std::fmt;

use wire::catalog::NAMESPACE_SEPARATOR;
use wire::names::check_name;

use crate::CatalogError;

/// How deep namespaces may nest.
const MAX_PARTS: usize = 8;

/// A namespace: one or more parts, each a valid name without a dot, so that `a.b.t` can be read in one way only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Vec<String>);

impl Namespace {
    /// Checks the parts of a namespace.
    ///
    /// # Errors
    /// [`CatalogError::BadRequest`] names the part that breaks a rule.
    pub fn from_parts(parts: Vec<String>) -> Result<Self, CatalogError> {
        if parts.is_empty() || parts.len() > MAX_PARTS {
            let text = format!("a namespace has 1 to {MAX_PARTS} parts, this one has {}", parts.len());
            return Err(CatalogError::BadRequest(text));
        }
        parts.iter().try_for_each(|part| check_part(part))?;
        Ok(Self(parts))
    }

    /// Reads a namespace from a path: parts divided by the unit separator, as Iceberg REST has it, or by dots.
    ///
    /// # Errors
    /// As [`Namespace::from_parts`].
    pub fn from_path(text: &str) -> Result<Self, CatalogError> {
        Self::from_parts(text.split([NAMESPACE_SEPARATOR, '.']).map(str::to_owned).collect())
    }

    /// The parts, outermost first.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The namespace around this one, if it is not at the top.
    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        (!parent.is_empty()).then(|| Self(parent.to_vec()))
    }

    /// The namespace stored under [`Display`](fmt::Display)'s text.
    pub(crate) fn from_stored(text: &str) -> Self {
        Self(text.split('.').map(str::to_owned).collect())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// A table's whole name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Where it is.
    pub namespace: Namespace,
    /// What it is called there.
    pub name: String,
}

impl TableName {
    /// Checks a table's name.
    ///
    /// # Errors
    /// [`CatalogError::BadRequest`] names the rule that it breaks.
    pub fn new(namespace: Namespace, name: String) -> Result<Self, CatalogError> {
        check_part(&name)?;
        Ok(Self { namespace, name })
    }

    /// Reads `namespace.name`.
    ///
    /// # Errors
    /// [`CatalogError::BadRequest`] names the rule that it breaks.
    pub fn from_text(text: &str) -> Result<Self, CatalogError> {
        let (namespace, name) = text.rsplit_once('.').ok_or_else(|| {
            CatalogError::BadRequest(format!("{text:?} is no name of a table: namespace.table is expected"))
        })?;
        Self::new(Namespace::from_path(namespace)?, name.to_owned())
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

fn check_part(part: &str) -> Result<(), CatalogError> {
    check_name(part).map_err(CatalogError::BadRequest)?;
    if part.contains('.') {
        let text = format!("{part:?} is not a valid part of a table's name: a dot divides parts");
        return Err(CatalogError::BadRequest(text));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespace_is_read_from_both_separators() {
        let parts = ["a".to_owned(), "b".to_owned()];
        assert_eq!(Namespace::from_path("a\u{1f}b").unwrap().parts(), parts);
        assert_eq!(Namespace::from_path("a.b").unwrap().parts(), parts);
        assert_eq!(Namespace::from_path("a.b").unwrap().parent().unwrap().to_string(), "a");
        assert_eq!(Namespace::from_path("a").unwrap().parent(), None);
    }

    #[test]
    fn hostile_names_are_refused() {
        for bad in
            ["", ".", "..", "a..b", "../x", "a/b", "a\0", "a b", "'; DROP TABLE tables; --", "%2e%2e", "é"]
        {
            assert!(Namespace::from_path(bad).is_err(), "{bad:?} must be refused");
            let namespace = Namespace::from_path("ok").unwrap();
            assert!(TableName::new(namespace, bad.to_owned()).is_err(), "{bad:?} must be refused");
        }
        assert!(Namespace::from_path(&"a.".repeat(20)).is_err());
        assert!(Namespace::from_parts(vec!["a.b".to_owned()]).is_err());
    }
}
