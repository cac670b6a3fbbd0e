//! Matches the columns of a body to those of a table by name.

use std::collections::HashSet;

use arrow::datatypes::Schema;

use super::ReadError;

/// The most columns that a table is created with.
pub(crate) const MAX_COLUMNS: usize = 4_096;

/// Checks the names of a body's columns: there are some, none is empty, no two are alike.
///
/// Names that differ only in case are alike: SQL folds them, and other engines refuse such tables.
///
/// # Errors
/// [`ReadError::Malformed`] that says which name is at fault.
pub(crate) fn check_names(names: &[String]) -> Result<(), ReadError> {
    if names.is_empty() || names.len() > MAX_COLUMNS {
        return Err(ReadError::malformed(format!(
            "the body has {} columns, a table has 1 to {MAX_COLUMNS}",
            names.len()
        )));
    }
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(ReadError::malformed(format!("column {} has no name", index + 1)));
        }
        if name.chars().any(char::is_control) {
            return Err(ReadError::malformed(format!(
                "the name {name:?} of column {} has control characters",
                index + 1
            )));
        }
        if !seen.insert(name.to_lowercase()) {
            return Err(ReadError::malformed(format!(
                "the column name {name:?} occurs twice (case does not count)"
            )));
        }
    }
    Ok(())
}

/// For each column of the body, its position in the table.
///
/// # Errors
/// [`ReadError::Unfit`] for a column that the table does not have, naming the nearest one that it has, and for a
/// required column of the table that the body does not have.
pub(crate) fn positions(names: &[String], table: &Schema) -> Result<Vec<usize>, ReadError> {
    let positions: Vec<usize> = names
        .iter()
        .map(|name| table.index_of(name).map_err(|_| ReadError::unfit(unknown_column(name, table))))
        .collect::<Result<_, _>>()?;
    let is_missing = |name: &str| !names.iter().any(|known| known == name);
    match table.fields().iter().find(|field| !field.is_nullable() && is_missing(field.name())) {
        Some(field) => {
            Err(ReadError::unfit(format!("the body lacks the required column {:?}", field.name())))
        }
        None => Ok(positions),
    }
}

/// Says that `name` is no column of `table`, and which one may have been meant.
pub(crate) fn unknown_column(name: &str, table: &Schema) -> String {
    let likeness = |field: &str| strsim::jaro_winkler(&name.to_lowercase(), &field.to_lowercase());
    let nearest = table.fields().iter().max_by(|a, b| likeness(a.name()).total_cmp(&likeness(b.name())));
    match nearest {
        Some(field) => format!("the table has no column {name:?}; the nearest is {:?}", field.name()),
        None => format!("the table has no column {name:?}"),
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn table() -> Schema {
        Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("area_title", DataType::Utf8, true),
        ])
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_nullable_ones_may_miss() {
        assert_eq!(positions(&names(&["area_title", "id"]), &table()).unwrap(), [1, 0]);
        assert_eq!(positions(&names(&["id"]), &table()).unwrap(), [0]);
    }

    #[test]
    fn unknown_column_is_refused_with_the_nearest_known_one() {
        let error = positions(&names(&["id", "area_titel"]), &table()).unwrap_err().to_string();
        assert!(error.contains("\"area_titel\"") && error.contains("\"area_title\""), "{error}");
    }

    #[test]
    fn required_column_must_be_in_the_body() {
        let error = positions(&names(&["area_title"]), &table()).unwrap_err().to_string();
        assert!(error.contains("\"id\""), "{error}");
    }

    #[test]
    fn names_must_be_distinct_and_not_empty() {
        for bad in [&["a", "a"][..], &["a", "A"], &["a", ""], &["a\0"], &[]] {
            assert!(check_names(&names(bad)).is_err(), "{bad:?}");
        }
    }
}
