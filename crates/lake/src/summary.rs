//! The summary of a snapshot: what it added, what it removed, and the totals after it.

use std::collections::HashMap;

use iceberg::spec::{DataFile, Operation, Snapshot, SnapshotSummaryCollector, Summary, TableMetadata};

/// Totals that every snapshot carries forward, with the keys of what a snapshot adds to and takes from them.
/// Iceberg specification, "Optional Snapshot Summary Fields".
const TOTALS: [(&str, &str, &str); 6] = [
    ("total-data-files", "added-data-files", "deleted-data-files"),
    ("total-delete-files", "added-delete-files", "removed-delete-files"),
    ("total-records", "added-records", "deleted-records"),
    ("total-files-size", "added-files-size", "removed-files-size"),
    ("total-position-deletes", "added-position-deletes", "removed-position-deletes"),
    ("total-equality-deletes", "added-equality-deletes", "removed-equality-deletes"),
];

/// Rows in the current snapshot, as its writer counted them: 0 without a snapshot, `None` if the writer did not say.
pub fn total_records(metadata: &TableMetadata) -> Option<u64> {
    match metadata.current_snapshot() {
        None => Some(0),
        Some(snapshot) => figure(&snapshot.summary().additional_properties, "total-records"),
    }
}

/// Summarises a snapshot on top of the current one. `properties` are the caller's own; a computed figure wins over
/// one of the same name, so that nobody can make the totals lie.
pub(crate) fn summarise(
    metadata: &TableMetadata,
    operation: Operation,
    added: &[DataFile],
    removed: &[DataFile],
    properties: HashMap<String, String>,
) -> Summary {
    let mut collector = SnapshotSummaryCollector::default();
    let schema = metadata.current_schema();
    let spec = metadata.default_partition_spec();
    for file in added {
        collector.add_file(file, schema.clone(), spec.clone());
    }
    for file in removed {
        collector.remove_file(file, schema.clone(), spec.clone());
    }
    let mut figures = properties;
    figures.extend(collector.build());
    add_totals(&mut figures, metadata.current_snapshot().map(AsRef::as_ref));
    Summary { operation, additional_properties: figures }
}

/// A total is left out where the previous snapshot, written by another engine, has none that can be read.
fn add_totals(figures: &mut HashMap<String, String>, previous: Option<&Snapshot>) {
    for (total, added, removed) in TOTALS {
        let before = match previous {
            None => Some(0),
            Some(snapshot) => figure(&snapshot.summary().additional_properties, total),
        };
        let delta = |key| figure(figures, key).unwrap_or(0);
        let after = before.and_then(|n| n.checked_add(delta(added))?.checked_sub(delta(removed)));
        match after {
            Some(after) => figures.insert(total.to_owned(), after.to_string()),
            None => figures.remove(total),
        };
    }
}

fn figure(figures: &HashMap<String, String>, key: &str) -> Option<u64> {
    figures.get(key)?.parse().ok()
}
