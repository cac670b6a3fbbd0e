//! Vector indexes that lose no acknowledged write: create, upsert, delete, get, filtered top-k search, drop.
//!
//! A [`Store`] is a folder with one folder per [`Collection`]. A change goes, together with those of other writers, as
//! one checksummed frame into the index's log ([`wal`]), and is acknowledged when the log is synced. Searches scan up to
//! [`Settings::exact_below`] items exactly; above, a graph over immutable slots finds the near ones, and what was
//! written since the graph was built is scanned beside it ([`search`]). Walks and scans read int8 codes ([`codes`]), and
//! the vectors only of what they may return; filters are answered by an inverted index ([`filter`]). In the background what the log holds becomes a
//! segment file, the graph grows, and the log begins anew ([`seal`]); a manifest says which files count ([`manifest`]).
//! Whatever a crash leaves behind, opening the store gives the acknowledged state ([`recovery`]), or quarantines the one
//! index whose files fail a check.
//!
//! All methods block. There is no async runtime, no HTTP, no clock and no source of randomness in here; only this
//! crate knows `hnsw_rs`.

mod archive;
mod bitset;
mod codec;
mod codes;
mod collection;
mod commit;
mod distance;
mod durable;
mod error;
mod files;
mod filter;
mod graph;
mod graph_file;
mod items;
mod kernel;
mod manifest;
mod metadata;
mod ops;
mod plan;
mod records;
mod recovery;
mod rows;
mod seal;
mod sealed;
mod search;
mod segment;
mod settings;
mod store;
mod table;
mod view;
mod wal;

pub use archive::Exported;
pub use collection::{Collection, Info, Version};
pub use distance::Distance;
pub use durable::{Disk, PlainDisk};
pub use error::{Error, Invalid};
pub use filter::{Filter, FilterError};
pub use items::Item;
pub use metadata::Metadata;
pub use ops::Changed;
pub use search::{Answer, Hit, Query};
pub use settings::{GraphBuilder, Settings};
pub use store::{Created, Listed, Store};

/// The most numbers per vector.
pub const MAX_DIMENSION: usize = 16_384;
