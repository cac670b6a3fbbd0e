//! What is known of workers, read from the metadata of their corpus.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use service::Result;
use validators::fill::WorkerFacts;
use wire::CallContext;
use wire::vectors::SearchHit;

use crate::FactsConfig;
use crate::matrix::Matrix;

impl Matrix {
    /// The facts of those of `ids` that exist.
    ///
    /// # Errors
    /// 400 for an id that cannot be, 404 without a corpus of workers, 503 when vectord does not answer.
    pub(crate) async fn facts(
        &self,
        ctx: &CallContext,
        ids: &[String],
    ) -> Result<BTreeMap<String, WorkerFacts>> {
        let config = &self.config.facts;
        let workers = self.corpora.items(ctx, &config.corpus, ids.iter().cloned().collect()).await?;
        let facts = |hit: SearchHit| {
            // What vectord stores can be parsed; anything else says nothing of the worker.
            let metadata = hit.metadata.parse().unwrap_or_default();
            (hit.id, read(&metadata, config))
        };
        Ok(workers.into_iter().map(facts).collect())
    }
}

/// What is known of one worker.
pub(crate) fn read(metadata: &Map<String, Value>, config: &FactsConfig) -> WorkerFacts {
    let value = |keys: &[String]| keys.iter().find_map(|key| metadata.get(key));
    let text = |keys: &[String]| value(keys).and_then(Value::as_str).map(str::to_owned);
    WorkerFacts {
        role: text(&config.role),
        certifications: value(&config.certifications).map(list).unwrap_or_default(),
        location: text(&config.location),
        shift: text(&config.shift),
    }
}

/// A list of texts, or one text with commas or semicolons.
fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => {
            text.split([',', ';']).map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(metadata: Value) -> WorkerFacts {
        let Value::Object(metadata) = metadata else { panic!("an object") };
        read(&metadata, &FactsConfig::default())
    }

    #[test]
    fn facts_are_read_as_index_jobs_write_them() {
        let metadata = json!({"role": "Welder", "occupation": "Welders, Cutters", "area": "Tulsa, OK",
                              "shift": "night", "certifications": "AWS D1.1, OSHA 10"});
        let expected = WorkerFacts {
            role: Some("Welder".into()),
            certifications: vec!["AWS D1.1".into(), "OSHA 10".into()],
            location: Some("Tulsa, OK".into()),
            shift: Some("night".into()),
        };
        assert_eq!(facts(metadata), expected);
        assert_eq!(facts(json!({"certifications": ["A, B", "C"]})).certifications, ["A, B", "C"]);
        assert_eq!(facts(json!({"role": 7, "certifications": null})), WorkerFacts::default());
    }
}
