//! SQL text of a retrieve.

use crate::CorpusConfig;

/// The alias under which the id of a row comes back, as text.
pub(crate) const ID_ALIAS: &str = "_lakehouse_id";

/// A table with a condition on its rows.
pub(crate) struct Rows<'a> {
    pub(crate) corpus: &'a CorpusConfig,
    /// Checked by [`condition::check`](crate::condition::check).
    pub(crate) condition: Option<&'a str>,
}

impl Rows<'_> {
    /// Ids of matching rows, `limit` at most.
    pub(crate) fn ids(&self, limit: Option<usize>) -> String {
        let limit = limit.map(|limit| format!(" LIMIT {limit}")).unwrap_or_default();
        format!(
            "SELECT {} AS {} FROM {}{}{limit}",
            self.id(),
            name(ID_ALIAS),
            self.table(),
            self.filter(None)
        )
    }

    /// The columns (all, if `None`) of matching rows with one of `ids`, the id last.
    pub(crate) fn values(&self, columns: Option<&[String]>, ids: &[String]) -> String {
        let columns = match columns {
            Some(columns) => columns.iter().map(|column| format!("{}, ", name(column))).collect(),
            None => "*, ".to_owned(),
        };
        let id = self.id();
        format!("SELECT {columns}{id} AS {} FROM {}{}", name(ID_ALIAS), self.table(), self.filter(Some(ids)))
    }

    fn filter(&self, ids: Option<&[String]>) -> String {
        let condition = self.condition.map(|condition| format!("({condition})"));
        let among = ids.map(|ids| {
            let list: Vec<String> = ids.iter().map(|id| literal(id)).collect();
            format!("{} IN ({})", self.id(), list.join(", "))
        });
        let parts: Vec<String> = condition.into_iter().chain(among).collect();
        if parts.is_empty() { String::new() } else { format!(" WHERE {}", parts.join(" AND ")) }
    }

    fn id(&self) -> String {
        format!("CAST({} AS VARCHAR)", name(&self.corpus.id_column))
    }

    fn table(&self) -> String {
        match self.corpus.table.rsplit_once('.') {
            Some((namespace, table)) => format!("{}.{}", name(namespace), name(table)),
            None => name(&self.corpus.table),
        }
    }
}

/// A quoted identifier: its case counts.
fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_quote_what_they_are_given() {
        let corpus = CorpusConfig { table: "staffing.workers".into(), id_column: "worker_id".into() };
        let rows = Rows { corpus: &corpus, condition: Some("years >= 5 OR true") };
        let from = "FROM \"staffing\".\"workers\" WHERE (years >= 5 OR true)";
        let id = "CAST(\"worker_id\" AS VARCHAR)";
        assert_eq!(rows.ids(Some(3)), format!("SELECT {id} AS \"_lakehouse_id\" {from} LIMIT 3"));
        assert_eq!(
            rows.values(Some(&["na\"me".into()]), &["a'b".into(), "2".into()]),
            format!("SELECT \"na\"\"me\", {id} AS \"_lakehouse_id\" {from} AND {id} IN ('a''b', '2')")
        );
        let all = Rows { corpus: &corpus, condition: None };
        assert_eq!(all.ids(None), format!("SELECT {id} AS \"_lakehouse_id\" FROM \"staffing\".\"workers\""));
        assert!(all.values(None, &["1".into()]).starts_with("SELECT *, CAST"));
    }
}
