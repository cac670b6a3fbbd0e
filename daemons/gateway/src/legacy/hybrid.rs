//! `POST /vectors/hybrid`: rows that satisfy a condition, nearest to a text.

use wire::DaemonName;

use super::adapter::{Adapter, chosen};
use crate::table::leaf;

pub(crate) const ADAPTER: Adapter = Adapter {
    line: leaf("/vectors/hybrid", DaemonName::Matrixd, "/matrix/retrieve"),
    methods: "POST",
    native: "/v1/matrix/retrieve",
    about: "Rows of a table that satisfy a condition in SQL, those first that are nearest in meaning to a text.",
    request: &[
        chosen("query_text", "the text").required(),
        chosen("corpus", "a corpus whose table is configured").required(),
        chosen("where", "one SQL boolean expression over the table's columns; all rows if absent"),
        chosen("columns", "the columns to return; all if absent"),
        chosen("k", "how many rows, 1 to 10,000; 10 if absent"),
        chosen("explain", "whether the answer says what each hop did"),
    ],
    answer: &[
        chosen("columns", "names of the columns returned").required(),
        chosen("rows", "at most `k` rows, nearest first").required(),
        chosen("rows[].id", "the value of the table's id column").required(),
        chosen("rows[].distance", "distance to the text").required(),
        chosen("rows[].values", "column name to value").required(),
        chosen("plan", "how the answer was found").required(),
        chosen("plan.strategy", "`sql_first` or `vectors_first`").required(),
        chosen("plan.matching_rows", "rows that satisfy the condition, as far as they were counted")
            .required(),
        chosen("plan.candidates", "vectors looked at").required(),
        chosen("plan.table", "the table that was read").required(),
        chosen("explain", "what each hop did, where `explain` asks for it"),
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;
    use wire::matrix::{Plan, RetrieveRequest, RetrieveResponse, RetrievedRow, Strategy};

    use super::*;
    use crate::legacy::testing::{assert_answer, assert_request};

    #[test]
    fn table_has_every_field_of_the_native_route() {
        let request = RetrieveRequest {
            query_text: "forklift".into(),
            corpus: "workers".into(),
            condition: Some("years >= 5".into()),
            columns: Some(vec!["role".into()]),
            k: 3,
            explain: true,
        };
        assert_request::<RetrieveRequest>(&ADAPTER, &json!(request), &[]);
        let plan =
            Plan { strategy: Strategy::SqlFirst, matching_rows: 1, candidates: 1, table: "hr.people".into() };
        let rows = vec![RetrievedRow { id: "a".into(), distance: 0.5, values: BTreeMap::new() }];
        let least = json!(RetrieveResponse { columns: vec!["role".into()], rows, plan, explain: None });
        let mut full = least.clone();
        full["explain"] = json!({});
        assert_answer(&ADAPTER, &full, &least, &[]);
    }
}
