//! Changes of an index, their form in the log, and what they do to the items.

use std::sync::Arc;

use crate::codec::{Fields, Malformed, Put};
use crate::items::Items;
use crate::metadata::Metadata;
use crate::records::{NEVER_MS, Record, expiry_of};

/// One acknowledged change; it raises the version of the index by one.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Upsert(Vec<Admitted>),
    Delete(Vec<String>),
    /// Deletes what has expired by then. The log says when that was, so that replay deletes the same.
    Expire {
        now_ms: u64,
    },
}

/// An item that has passed all checks.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) record: Arc<Record>,
    pub(crate) row: Vec<f32>,
}

impl Admitted {
    fn decode(fields: &mut Fields<'_>, dimension: usize) -> Result<Self, Malformed> {
        let (id, metadata) = (fields.text()?.into(), Metadata::from_stored(fields.text()?));
        let record = Record { id, metadata, expires_ms: expiry_of(fields.u64()?) };
        Ok(Self { record: Arc::new(record), row: fields.f32s(dimension)? })
    }

    /// How many bytes it takes in the log, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.record.id.len() + self.record.metadata.stored().len() + size_of_val(&*self.row)
    }
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
const EXPIRE: u8 = 3;

impl Op {
    /// Appends `kind u8 | count u32 | items`, an item being `id | metadata | expires_ms u64 | row` or, to delete, `id`;
    /// to expire, `kind u8 | now_ms u64`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Upsert(items) => {
                out.put_u8(UPSERT);
                out.put_u32(items.len() as u32);
                for Admitted { record, row } in items {
                    out.put_bytes(record.id.as_bytes());
                    out.put_bytes(record.metadata.stored().as_bytes());
                    out.put_u64(record.expires_ms.unwrap_or(NEVER_MS));
                    out.put_f32s(row);
                }
            }
            Self::Delete(ids) => {
                out.put_u8(DELETE);
                out.put_u32(ids.len() as u32);
                for id in ids {
                    out.put_bytes(id.as_bytes());
                }
            }
            Self::Expire { now_ms } => {
                out.put_u8(EXPIRE);
                out.put_u64(*now_ms);
            }
        }
    }

    fn decode(fields: &mut Fields<'_>, dimension: usize) -> Result<Self, Malformed> {
        match fields.u8()? {
            UPSERT => (0..fields.u32()?)
                .map(|_| Admitted::decode(fields, dimension))
                .collect::<Result<_, _>>()
                .map(Self::Upsert),
            DELETE => (0..fields.u32()?)
                .map(|_| fields.text().map(str::to_owned))
                .collect::<Result<_, _>>()
                .map(Self::Delete),
            EXPIRE => Ok(Self::Expire { now_ms: fields.u64()? }),
            _ => Err("an unknown kind of change"),
        }
    }

    /// Makes the change. The caller has made it durable.
    pub(crate) fn apply(&self, items: &mut Items) -> Changed {
        let mut changed = Changed::default();
        match self {
            Self::Upsert(admitted) => {
                for Admitted { record, row } in admitted {
                    if items.upsert(Arc::clone(record), row) {
                        changed.updated += 1;
                    } else {
                        changed.added += 1;
                    }
                }
            }
            Self::Delete(ids) => changed.deleted = ids.iter().filter(|id| items.delete(id)).count(),
            Self::Expire { now_ms } => changed.deleted = items.expire(*now_ms),
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
        Op::decode(&mut fields, items.view().rows().dimension())?.apply(items);
    }
    fields.end()?;
    Ok(version + u64::from(count))
}
