//! A table's name, `namespace.name`.

use std::fmt;
use std::str::FromStr;

use wire::names::check_name;

/// A table's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    /// The namespace.
    pub namespace: String,
    /// The name in it.
    pub name: String,
}

impl FromStr for TableName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (namespace, name) =
            text.split_once('.').filter(|(_, name)| !name.contains('.')).ok_or_else(|| {
                format!("{text:?} is not a table: a table is named namespace.name, with one dot")
            })?;
        check_name(namespace)?;
        check_name(name)?;
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_has_a_namespace_and_a_name_and_nothing_that_escapes_a_folder() {
        assert_eq!("hr.people".parse::<TableName>().unwrap().to_string(), "hr.people");
        for bad in ["people", "a.b.c", ".b", "a.", "", ".", "../x.y", "a/b.c", "a.b c"] {
            assert!(bad.parse::<TableName>().is_err(), "{bad:?} must be refused");
        }
    }
}
