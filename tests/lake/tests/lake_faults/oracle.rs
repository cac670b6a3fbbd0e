//! What must be in the table, and what may be.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail, ensure};
use arrow::array::{Array, Int64Array, StringArray};
use axum::http::Method;
use lake::rest::LoadedTable;
use lake::{References, VersionedMetadata};
use object_store::ObjectStoreExt;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::world::World;

/// What is known of the rows of one body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Acknowledged: each of its rows is there once.
    Present,
    /// Not acknowledged: all of them, or none.
    Unknown,
    /// Acknowledged to be gone, or seen not to have come.
    Absent,
}

/// The rows of all bodies that were sent, by body.
#[derive(Default)]
pub(crate) struct Oracle(Mutex<BTreeMap<String, (BTreeSet<i64>, Fate)>>);

/// What a table holds: ids by body.
type Found = BTreeMap<String, Vec<i64>>;

impl Oracle {
    pub(crate) fn is_sent(&self, body: &str, ids: impl IntoIterator<Item = i64>) {
        self.0.lock().insert(body.to_owned(), (ids.into_iter().collect(), Fate::Unknown));
    }

    pub(crate) fn is(&self, body: &str, fate: Fate) {
        if let Some((_, known)) = self.0.lock().get_mut(body) {
            *known = fate;
        }
    }

    /// The bodies whose rows are there.
    pub(crate) fn present(&self) -> Vec<String> {
        let all = self.0.lock();
        all.iter().filter(|(_, (_, fate))| *fate == Fate::Present).map(|(body, _)| body.clone()).collect()
    }

    /// Compares the table with what is known, and learns what was not. Every file that its metadata name must be there.
    ///
    /// # Errors
    /// Names what is lost, doubled, halved or missing.
    pub(crate) async fn verify(&self, world: &World) -> anyhow::Result<()> {
        let Some(version) = load(world).await? else {
            let present = self.present();
            ensure!(present.is_empty(), "there is no table, and {present:?} were acknowledged");
            return Ok(());
        };
        let mut found = rows(world, &version).await?;
        for (body, (ids, fate)) in self.0.lock().iter_mut() {
            let mut rows = found.remove(body).unwrap_or_default();
            rows.sort_unstable();
            let is_whole = rows.iter().eq(ids.iter());
            match fate {
                Fate::Present => ensure!(is_whole, "{body} was acknowledged with {ids:?}; found {rows:?}"),
                Fate::Absent => ensure!(rows.is_empty(), "{body} was gone; found {rows:?}"),
                Fate::Unknown => {
                    ensure!(is_whole || rows.is_empty(), "of {body} with {ids:?} a part is there: {rows:?}");
                }
            }
            *fate = if is_whole { Fate::Present } else { Fate::Absent };
        }
        ensure!(found.is_empty(), "nobody has sent {found:?}");
        let references = References::of(&world.warehouse(), &version).await?;
        for location in references.locations() {
            ensure!(
                world.warehouse().exists(location).await?,
                "the metadata name {location}, which is not there"
            );
        }
        Ok(())
    }

    /// Nothing is in the table's folder but what its metadata name.
    ///
    /// # Errors
    /// Names what is left over.
    pub(crate) async fn verify_clean(&self, world: &World) -> anyhow::Result<()> {
        let Some(version) = load(world).await? else { return Ok(()) };
        let warehouse = world.warehouse();
        let references = References::of(&warehouse, &version).await?;
        let folder = warehouse.object_path(version.metadata.location())?;
        let listed = objects::list_page(&*warehouse.store(), folder.as_ref(), None, usize::MAX).await?;
        let of_table = listed.objects.iter().map(|object| format!("{}{}", lake::BUCKET, object.location));
        let left: Vec<_> = of_table.filter(|location| !references.contains(location)).collect();
        ensure!(left.is_empty(), "left over after orphans were removed: {left:?}");
        Ok(())
    }
}

async fn load(world: &World) -> anyhow::Result<Option<VersionedMetadata>> {
    let path = "/iceberg/v1/namespaces/lake/tables/rows";
    let answer = world.ask_catalogd(Method::GET, path, &serde_json::Value::Null).await;
    let (status, body) = answer.context("catalogd died although nothing goes wrong")?;
    match status.as_u16() {
        200 => {
            let LoadedTable { metadata_location, metadata, .. } = serde_json::from_slice(&body)?;
            Ok(Some(VersionedMetadata { location: metadata_location.context("no location")?, metadata }))
        }
        404 => Ok(None),
        other => bail!("load the table: {other} {}", String::from_utf8_lossy(&body)),
    }
}

async fn rows(world: &World, version: &VersionedMetadata) -> anyhow::Result<Found> {
    let warehouse = world.warehouse();
    let mut found = Found::new();
    for file in lake::data_files(&warehouse, &version.metadata, None).await? {
        let bytes = warehouse.store().get(&file.path).await?.bytes().await?;
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes)?.build()? {
            let batch = batch?;
            let column = |name| batch.column_by_name(name).context("a column is missing");
            let ids = column("id")?.as_any().downcast_ref::<Int64Array>().context("ids")?;
            let bodies = column("body")?.as_any().downcast_ref::<StringArray>().context("bodies")?;
            for row in 0..batch.num_rows() {
                found.entry(bodies.value(row).to_owned()).or_default().push(ids.value(row));
            }
        }
    }
    Ok(found)
}
