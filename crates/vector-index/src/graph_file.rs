//! Graph files: `"LHVECGRF" | format u32 | slots u32`, then what [`Graph::encode`] gives. The checksum over the whole
//! file is in the manifest that names it.

use std::fs;
use std::io::Write;
use std::path::Path;

use crate::codec::{Fields, Put};
use crate::durable::{Disk, Sum, create_atomically};
use crate::error::Error;
use crate::files::{Entry, FileName, Role};
use crate::graph::Graph;

const MAGIC: &[u8; 8] = b"LHVECGRF";
const FORMAT: u32 = 3;

/// Writes the graph file `number`, durably.
pub(crate) fn write(disk: &dyn Disk, folder: &Path, number: u64, graph: &Graph) -> Result<Entry, Error> {
    let path = FileName::new(Role::Graph, number).path(folder);
    let mut header = MAGIC.to_vec();
    header.put_u32(FORMAT);
    header.put_u32(graph.len());
    let sum = create_atomically(disk, &path, |out| {
        out.write_all(&header)?;
        out.write_all(&graph.encode())
    })?;
    Ok(Entry { number, slots: graph.len(), sum })
}

/// Reads and checks the graph that `entry` names. `None` if an earlier release wrote it in another format: what it says is in
/// the vectors, and a seal builds it anew.
pub(crate) fn read(folder: &Path, entry: &Entry) -> Result<Option<Graph>, Error> {
    let path = &FileName::new(Role::Graph, entry.number).path(folder);
    let bytes = fs::read(path).map_err(|e| Error::io("read", path, e))?;
    entry.check(path, Sum { bytes: bytes.len() as u64, crc: crc32fast::hash(&bytes) })?;
    decode(&bytes, entry.slots).map_err(|reason| Error::corrupt(path, reason))
}

fn decode(bytes: &[u8], slots: u32) -> Result<Option<Graph>, String> {
    let mut fields = Fields(bytes);
    if fields.take(MAGIC.len())? != MAGIC {
        return Err("it does not begin as a graph does".to_owned());
    }
    let format = fields.u32()?;
    if format < FORMAT {
        return Ok(None);
    }
    if format > FORMAT {
        return Err(format!("format {format} is newer than the format {FORMAT} of this build"));
    }
    let stored_slots = fields.u32()?;
    if stored_slots != slots {
        return Err(format!("it covers {stored_slots} slots instead of {slots}"));
    }
    Ok(Some(Graph::decode(fields.0, slots)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graph_of_an_earlier_format_is_none_and_of_a_later_one_an_error() {
        let header = |format: u32| {
            let mut bytes = MAGIC.to_vec();
            bytes.put_u32(format);
            bytes.put_u32(7);
            bytes
        };
        assert_eq!(decode(&header(FORMAT - 1), 7), Ok(None));
        let later = decode(&header(FORMAT + 1), 7).unwrap_err();
        assert!(later.contains("format 4 is newer than the format 3"), "{later}");
    }
}
