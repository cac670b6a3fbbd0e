//! `POST /vectors/search`: the nearest items of an index.

use wire::DaemonName;

use super::adapter::{Adapter, chosen};
use crate::table::leaf;

pub(crate) const ADAPTER: Adapter = Adapter {
    line: leaf("/vectors/search", DaemonName::Vectord, "/vectors/search"),
    methods: "POST",
    native: "/v1/vectors/search",
    about: "The items of an index that are nearest to a vector. Either one search, or several at once as `searches`, which are \
            answered by `answers`.",
    request: &[
        chosen("index", "the index").required(),
        chosen("vector", "what to search for; either this or `vector_b64`"),
        chosen("vector_b64", "the same: base64 of little-endian f32"),
        chosen("k", "how many results, 1 to 10,000").required(),
        chosen("max_distance", "only items that are not farther than this"),
        chosen("filter", "condition on metadata"),
        chosen("ids", "only these"),
        chosen("ids_from", "only those that an earlier one of `searches` names"),
        chosen("exclude_ids", "never these"),
        chosen("exact", "compare with every item"),
        chosen("ef", "how many candidates a graph search keeps"),
        chosen("collapse", "of results about the same thing, return one"),
        chosen("searches", "several searches, each with the fields above, in place of them"),
    ],
    answer: &[
        chosen("results", "at most `k`, nearest first").required(),
        chosen("results[].id", "the item").required(),
        chosen("results[].distance", "its distance to the vector").required(),
        chosen("results[].metadata", "its metadata").required(),
        chosen("version", "the version of the index that was searched").required(),
        chosen(
            "answers",
            "one for each of `searches`, in place of the above: the same fields, `searched`, or `error`",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::metadata::RawObject;
    use wire::vectors::{BatchAnswers, BatchSearch, Collapse, IdsFrom, IndexSearch, SearchAnswer, SearchHit};

    use super::*;
    use crate::legacy::testing::{assert_answer, assert_request};

    #[test]
    fn table_has_every_field_of_the_native_route() {
        let request = IndexSearch {
            index: "workers".into(),
            vector: Some(vec![1.0]),
            vector_b64: Some("AACAPw==".into()),
            k: 3,
            max_distance: Some(0.5),
            filter: Some(json!({})),
            ids: Some(vec!["a".into()]),
            ids_from: Some(IdsFrom::default()),
            exclude_ids: vec!["b".into()],
            exact: true,
            ef: Some(9),
            collapse: Some(Collapse::default()),
        };
        let mut request = json!(request);
        // What is inside it is for the native interface to say.
        for key in ["ids_from", "collapse"] {
            request[key] = json!(null);
        }
        let BatchSearch { searches: _ } = BatchSearch::default();
        assert_request::<IndexSearch>(&ADAPTER, &request, &["searches"]);

        let hit = SearchHit { id: "a".into(), distance: 0.5, metadata: RawObject::default() };
        let least = json!(SearchAnswer { results: vec![hit], version: 1 });
        let mut full = least.clone();
        full["answers"] = json!(BatchAnswers::default())["answers"].clone();
        assert_answer(&ADAPTER, &full, &least, &[]);
    }
}
