//! `POST /query`: SQL.

use wire::DaemonName;

use super::adapter::{Adapter, chosen};
use crate::table::leaf;

pub(crate) const ADAPTER: Adapter = Adapter {
    line: leaf("/query", DaemonName::Queryd, "/sql"),
    methods: "POST",
    native: "/v1/sql",
    about: "One SQL statement that reads. `?format=` or `Accept` chooses another form than JSON, as on the native route.",
    request: &[
        chosen("sql", "the statement; tables are written `namespace.name`").required(),
        chosen("params", "values of `$1`, `$2`, …"),
    ],
    answer: &[
        chosen("columns", "the columns, also when there are no rows").required(),
        chosen("columns[].name", "a column's name").required(),
        chosen("columns[].type", "its Arrow type").required(),
        chosen("rows", "the rows, each a list with one value a column").required(),
        chosen("row_count", "how many there are").required(),
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::sql::{SqlAnswer, SqlColumn, SqlRequest};

    use super::*;
    use crate::legacy::testing::{assert_answer, assert_request};

    #[test]
    fn table_has_every_field_of_the_native_route() {
        let request = SqlRequest { sql: "SELECT $1".into(), params: vec![json!(1)] };
        assert_request::<SqlRequest>(&ADAPTER, &json!(request), &[]);
        let columns = vec![SqlColumn { name: "a".into(), data_type: "Int64".into() }];
        let answer = json!(SqlAnswer { columns, rows: vec![vec![json!(1)]], row_count: 1 });
        assert_answer(&ADAPTER, &answer, &answer, &[]);
    }
}
