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
    let builder = TableMetadataBuilder::new(
        request.schema,
        request.partition_spec.unwrap_or_else(|| UnboundPartitionSpec::builder().build()),
        request.write_order.unwrap_or_else(SortOrder::unsorted_order),
        location,
        FormatVersion::V2,
        properties,
    );
    first_version(builder.map_err(invalid)?)
}

/// The first version of a table that is created by a commit, as clients do that were given staged metadata; nothing is
/// written yet.
///
/// # Errors
/// [`Error::Conflict`] if a requirement asks for an existing table; [`Error::Invalid`] if the updates do not make a
/// table; and those of [`create`].
pub fn create_by_commit(
    warehouse: &Warehouse,
    namespace: &[String],
    name: &str,
    requirements: &[TableRequirement],
    updates: Vec<TableUpdate>,
) -> Result<VersionedMetadata> {
    let holds_without_a_table = |requirement: &TableRequirement| {
        use TableRequirement::{NotExist, RefSnapshotIdMatch};
        matches!(requirement, NotExist | RefSnapshotIdMatch { snapshot_id: None, .. })
    };
    if !requirements.iter().all(holds_without_a_table) {
        return Err(Error::Conflict("a requirement asks for a table that does not exist".to_owned()));
    }
    let schema = updates.iter().find_map(|update| match update {
        TableUpdate::AddSchema { schema } => Some(schema.clone()),
        _ => None,
    });
    let schema =
        schema.ok_or_else(|| Error::Invalid("a new table needs an update that adds a schema".to_owned()))?;
    let spec = updates.iter().find_map(|update| match update {
        TableUpdate::AddSpec { spec } => Some(spec.clone()),
        _ => None,
    });
    let order = updates.iter().find_map(|update| match update {
        TableUpdate::AddSortOrder { sort_order } => Some(sort_order.clone()),
        _ => None,
    });
    let mut builder = TableMetadataBuilder::new(
        schema.clone(),
        spec.unwrap_or_else(|| UnboundPartitionSpec::builder().build()),
        order.unwrap_or_else(SortOrder::unsorted_order),
        warehouse.new_table_location(namespace, name),
        FormatVersion::V2,
        HashMap::new(),
    )
    .map_err(invalid)?;
    // Files may have been written with the ids of the staged schema, which are the ids that the builder gives.
    let is_staged = |metadata: &TableMetadata| metadata.current_schema().as_struct() == schema.as_struct();
    let built = builder.clone().build().map_err(invalid)?.metadata;
    if !is_staged(&built) {
        let text = "the ids of the schema's fields are not those of a new table: stage its creation first";
        return Err(Error::Invalid(text.to_owned()));
    }
    for update in updates {
        check_update(warehouse, None, &update)?;
        builder = update.apply(builder).map_err(invalid)?;
    }
    first_version(builder)
}

fn first_version(builder: TableMetadataBuilder) -> Result<VersionedMetadata> {
    let metadata = builder.build().map_err(invalid)?.metadata;
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
        check_update(warehouse, Some(&current.metadata), &update)?;
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

/// Loads a version of a table's metadata that another catalogue wrote into this warehouse.
///
/// # Errors
/// [`Error::Location`] if it, or the table's folder, is not in the warehouse; [`Error::Invalid`] if there is no metadata
/// file; [`Error::Unsupported`] for a format version other than 2.
pub async fn read_foreign_metadata(warehouse: &Warehouse, location: &str) -> Result<VersionedMetadata> {
    warehouse.object_path(location)?;
    // The next version's name follows from this one's.
    let unusable =
        |error: iceberg::Error| Error::Invalid(format!("{location:?} is no metadata file: {error}"));
    location.parse::<MetadataLocation>().map_err(unusable)?;
    if !warehouse.exists(location).await? {
        return Err(Error::Invalid(format!("there is no file {location:?}")));
    }
    let bytes = warehouse.file_io().new_input(location)?.read().await?;
    let metadata: TableMetadata = serde_json::from_slice(&bytes)
        .map_err(|error| Error::Invalid(format!("{location:?} holds no metadata of a table: {error}")))?;
    warehouse.object_path(metadata.location())?;
    refuse_format_version(metadata.format_version())?;
    Ok(VersionedMetadata { location: location.to_owned(), metadata })
}

/// Deletes a version that a catalogue refused, as far as the store lets it: what remains is referenced by nothing.
pub async fn delete_metadata(warehouse: &Warehouse, version: &VersionedMetadata) {
    if let Err(error) = warehouse.file_io().delete(&version.location).await {
        tracing::warn!(location = version.location, %error, "the metadata file of a refused commit remains");
    }
}

/// What the `iceberg` crate lets pass and this warehouse must not.
fn check_update(warehouse: &Warehouse, current: Option<&TableMetadata>, update: &TableUpdate) -> Result<()> {
    match update {
        TableUpdate::AssignUuid { uuid } if current.is_some_and(|current| *uuid != current.uuid()) => {
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
