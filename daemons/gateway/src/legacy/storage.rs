//! `/storage` and `/storage/{key}`: objects.

use wire::DaemonName;

use super::adapter::{Adapter, chosen};
use crate::table::tree;

pub(crate) const ADAPTER: Adapter = Adapter {
    line: tree("/storage", DaemonName::Storaged, "/storage"),
    methods: "GET, PUT, HEAD, DELETE",
    native: "/v1/storage",
    about: "Objects. `PUT`, `GET`, `HEAD` and `DELETE /storage/{key}` carry bytes, which are streamed, with the same conditions and \
            ranges as on the native route; `GET /storage` lists, and its fields are those below: of the query, and of the answer. \
            A `PUT` is answered by `key` and `etag` of what is now on disk.",
    request: &[
        chosen("prefix", "only keys that begin so"),
        chosen("after", "only keys after this one: `next` of the page before"),
        chosen("limit", "at most so many, 1 to 10,000; 1,000 if absent"),
    ],
    answer: &[
        chosen("objects", "a page of objects, in the order of their keys").required(),
        chosen("objects[].key", "the key").required(),
        chosen("objects[].size", "bytes").required(),
        chosen("objects[].etag", "entity tag, quoted").required(),
        chosen("objects[].modified", "when it was last written, RFC 3339").required(),
        chosen("next", "what to pass as `after`; absent on the last page"),
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::storage::{ListObjects, ObjectInfo, ObjectList};

    use super::*;
    use crate::legacy::testing::{assert_answer, assert_request};

    #[test]
    fn table_has_every_field_of_the_native_route() {
        let query = ListObjects { prefix: "a/".into(), after: Some("a/b".into()), limit: Some(3) };
        assert_request::<ListObjects>(&ADAPTER, &json!(query), &[]);
        let object = ObjectInfo { key: "k".into(), size: 1, etag: "\"e\"".into(), modified: "2026".into() };
        let list = |next| json!(ObjectList { objects: vec![object.clone()], next });
        assert_answer(&ADAPTER, &list(Some("k".into())), &list(None), &[]);
    }
}
