//! Changes of an index, their form in the log, and what they do to the items.

use std::sync::Arc;

use crate::codec::{Fields, Malformed, Put, put_metadata};
use crate::items::{Items, Metadata};

/// One acknowledged change; it raises the version of the index by one.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Upsert(Vec<Record>),
    Delete(Vec<String>),
}

/// An item whose vector has been admitted.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: Arc<str>,
    pub(crate) row: Vec<f32>,
    pub(crate) metadata: Arc<Metadata>,
}

/// What a change did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Items that were not there before.
    pub added: usize,
    /// Items that replaced one of the same id.
    pub updated: usize,
    /// Items that are gone.
    pub deleted: usize,
    /// The version of the index after the change.
    pub version: u64,
}

const UPSERT: u8 = 1;
const DELETE: u8 = 2;

impl Op {
    /// Appends `kind u8 | count u32 | items`, an item being `id | metadata | row` or, to delete, `id`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Upsert(records) => {
                out.put_u8(UPSERT);
                out.put_u32(records.len() as u32);
                for record in records {
                    out.put_bytes(record.id.as_bytes());
                    put_metadata(out, &record.metadata);
                    out.put_f32s(&record.row);
                }
            }
            Self::Delete(ids) => {
                out.put_u8(DELETE);
                out.put_u32(ids.len() as u32);
                for id in ids {
                    out.put_bytes(id.as_bytes());
                }
            }
        }
    }

    fn decode(fields: &mut Fields<'_>, dimension: usize) -> Result<Self, Malformed> {
        let (kind, count) = (fields.u8()?, fields.u32()?);
        match kind {
            UPSERT => {
                let mut record = || {
                    let (id, metadata) = (fields.text()?.into(), fields.metadata()?);
                    Ok(Record { id, metadata, row: fields.f32s(dimension)? })
                };
                (0..count).map(|_| record()).collect::<Result<_, _>>().map(Self::Upsert)
            }
            DELETE => (0..count)
                .map(|_| fields.text().map(str::to_owned))
                .collect::<Result<_, _>>()
                .map(Self::Delete),
            _ => Err("an unknown kind of change"),
        }
    }

    /// Makes the change. The caller has made it durable.
    pub(crate) fn apply(&self, items: &mut Items) -> Changed {
        let mut changed = Changed::default();
        match self {
            Self::Upsert(records) => {
                for record in records {
                    if items.upsert(Arc::clone(&record.id), &record.row, Arc::clone(&record.metadata)) {
                        changed.updated += 1;
                    } else {
                        changed.added += 1;
                    }
                }
            }
            Self::Delete(ids) => changed.deleted = ids.iter().filter(|id| items.delete(id)).count(),
        }
        changed
    }
}

/// The payload of a log frame: the changes of one group commit, `version before u64 | count u32 | changes`.
pub(crate) fn encode_commit<'a>(version: u64, ops: impl ExactSizeIterator<Item = &'a Op>) -> Vec<u8> {
    let mut payload = Vec::new();
    payload.put_u64(version);
    payload.put_u32(ops.len() as u32);
    for op in ops {
        op.encode(&mut payload);
    }
    payload
}

/// Makes the changes of a log frame and returns the version after them.
pub(crate) fn replay_commit(payload: &[u8], items: &mut Items, version: u64) -> Result<u64, String> {
    let mut fields = Fields(payload);
    let before = fields.u64()?;
    if before != version {
        return Err(format!("continues version {before}, but the index is at version {version}"));
    }
    let count = fields.u32()?;
    for _ in 0..count {
        Op::decode(&mut fields, items.rows().dimension())?.apply(items);
    }
    fields.end()?;
    Ok(version + u64::from(count))
}
