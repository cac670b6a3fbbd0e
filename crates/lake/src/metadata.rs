//! One version of a table's metadata to the next: what a catalogue does between a request and its pointer swap.

use std::collections::HashMap;

use iceberg::spec::{FormatVersion, SortOrder, TableMetadata, TableMetadataBuilder, UnboundPartitionSpec};
use iceberg::{MetadataLocation, TableRequirement, TableUpdate};

use crate::rest::CreateTable;
use crate::{Error, Result, Warehouse};

/// The property by which some clients ask for a format version.
const FORMAT_VERSION: &str = "format-version";

/// Metadata together with the place where that version is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionedMetadata {
    /// `s3://lakehouse/…/metadata/00003-….metadata.json`.
    pub location: String,
    /// What is stored there.
    pub metadata: TableMetadata,
}

/// The first version of a new table; nothing is written yet.
///
/// # Errors
/// [`Error::Invalid`] if the request contradicts itself, [`Error::Location`] if its location is not in the warehouse,
/// [`Error::Unsupported`] for a format version other than 2.
pub fn create(
    warehouse: &Warehouse,
    namespace: &[String],
    request: CreateTable,
) -> Result<VersionedMetadata> {
    let mut properties = request.properties;
    take_format_version(&mut properties)?;
    let location = match request.location {
        Some(location) => location.trim_end_matches('/').to_owned(),
        None => warehouse.new_table_location(namespace, &request.name),
    };
    warehouse.object_path(&location)?;
    let metadata = TableMetadataBuilder::new(
        request.schema,
        request.partition_spec.unwrap_or_else(|| UnboundPartitionSpec::builder().build()),
        request.write_order.unwrap_or_else(SortOrder::unsorted_order),
        location,
        FormatVersion::V2,
        properties,
    )
    .and_then(TableMetadataBuilder::build)
    .map_err(invalid)?
    .metadata;
    let location = MetadataLocation::new_with_metadata(metadata.location(), &metadata).to_string();
    Ok(VersionedMetadata { location, metadata })
}

/// The version that follows `current` if `requirements` hold and after `updates`; nothing is written yet. A commit that
/// changes nothing returns `current`.
///
/// # Errors
/// [`Error::Conflict`] if a requirement does not hold; [`Error::Invalid`] if an update cannot be applied;
/// [`Error::Location`] if one would lead out of the warehouse; [`Error::Unsupported`] for another format version.
pub fn commit(
    warehouse: &Warehouse,
    current: &VersionedMetadata,
    requirements: &[TableRequirement],
    updates: Vec<TableUpdate>,
) -> Result<VersionedMetadata> {
    for requirement in requirements {
        requirement.check(Some(&current.metadata))?;
    }
    let mut builder = current.metadata.clone().into_builder(Some(current.location.clone()));
    for update in updates {
        check_update(warehouse, &current.metadata, &update)?;
        builder = update.apply(builder).map_err(invalid)?;
    }
    let built = builder.build().map_err(invalid)?;
    if built.changes.is_empty() {
        return Ok(current.clone());
    }
    let location = current
        .location
        .parse::<MetadataLocation>()?
        .with_next_version()
        .with_new_metadata(&built.metadata)
        .to_string();
    Ok(VersionedMetadata { location, metadata: built.metadata })
}

/// Stores a version of a table's metadata; durable on return.
///
/// # Errors
/// [`Error::Iceberg`] if the store fails.
pub async fn write_metadata(warehouse: &Warehouse, version: &VersionedMetadata) -> Result<()> {
    let location: MetadataLocation = version.location.parse()?;
    version.metadata.write_to(&warehouse.file_io(), &location).await?;
    Ok(())
}

/// Loads a version of a table's metadata.
///
/// # Errors
/// [`Error::Iceberg`] if the store fails or the file is not valid metadata.
pub async fn read_metadata(warehouse: &Warehouse, location: &str) -> Result<VersionedMetadata> {
    let metadata = TableMetadata::read_from(&warehouse.file_io(), location).await?;
    Ok(VersionedMetadata { location: location.to_owned(), metadata })
}

/// Deletes a version that a catalogue refused, as far as the store lets it: what remains is referenced by nothing.
pub async fn delete_metadata(warehouse: &Warehouse, version: &VersionedMetadata) {
    if let Err(error) = warehouse.file_io().delete(&version.location).await {
        tracing::warn!(location = version.location, %error, "the metadata file of a refused commit remains");
    }
}

/// What the `iceberg` crate lets pass and this warehouse must not.
fn check_update(warehouse: &Warehouse, current: &TableMetadata, update: &TableUpdate) -> Result<()> {
    match update {
        TableUpdate::AssignUuid { uuid } if *uuid != current.uuid() => {
            Err(Error::Invalid("a table keeps its uuid".to_owned()))
        }
        TableUpdate::SetLocation { location } => warehouse.object_path(location).map(drop),
        TableUpdate::AddSnapshot { snapshot } => warehouse.object_path(snapshot.manifest_list()).map(drop),
        TableUpdate::UpgradeFormatVersion { format_version } => refuse_format_version(*format_version),
        _ => Ok(()),
    }
}

fn take_format_version(properties: &mut HashMap<String, String>) -> Result<()> {
    match properties.remove(FORMAT_VERSION).as_deref() {
        None | Some("2") => Ok(()),
        Some(other) => Err(Error::Unsupported(format!("tables are of format version 2, not {other}"))),
    }
}

fn refuse_format_version(version: FormatVersion) -> Result<()> {
    if version == FormatVersion::V2 {
        return Ok(());
    }
    Err(Error::Unsupported(format!("tables are of format version 2, not {version}")))
}

/// An update or a request that cannot be applied is the caller's mistake, not damage in stored metadata.
fn invalid(error: iceberg::Error) -> Error {
    match error.kind() {
        iceberg::ErrorKind::DataInvalid | iceberg::ErrorKind::PreconditionFailed => {
            Error::Invalid(error.message().to_owned())
        }
        _ => error.into(),
    }
}
