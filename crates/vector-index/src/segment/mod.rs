//! Segment files: items in slots, written once and never changed.
//!
//! ```text
//! header         "LHVECSEG" | format u32 | dimension u32 | slots u64 | number u64 | ids bytes u64
//!                | metadata bytes u64 | has times u32 | zeros | crc32 u32 of all before          64 bytes
//! id ends        [slots] u64, where the id of each slot ends among the ids
//! metadata ends  [slots] u64, likewise
//! times          [slots] u64, Unix milliseconds at which items expire; all ones: never. Left out where none does
//! ids            UTF-8; empty where the slot was dead when the segment was written
//! metadata       JSON objects; empty for {} and for dead slots
//! zeros          to a multiple of 64 bytes
//! vectors        [slots, dimension] f32
//! ```
//! All numbers are little-endian. The checksum over the whole file is in the manifest that names it.

mod held;
mod layout;
mod read;
mod write;

pub(crate) use held::{RowBuffer, Segment};
pub(crate) use read::open;
pub(crate) use write::write;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use super::held::Bytes;
    use super::*;
    use crate::durable::PlainDisk;
    use crate::error::Error;
    use crate::files::{Entry, FileName, Role};
    use crate::metadata::Metadata;
    use crate::records::Record;
    use crate::view::View;

    const DIMENSION: usize = 3;
    /// So long that vectors are read one by one.
    const LONG: usize = crate::codes::SCAN_FROM_DIMENSION;

    /// A segment of every slot of a view in which each tenth is dead.
    fn written(folder: &Path, slots: u32, dimension: usize) -> Entry {
        let mut view = View::new(dimension);
        for i in 0..slots {
            let object = serde_json::json!({ "n": i });
            let metadata = Metadata::from_map(object.as_object().unwrap());
            let expires_ms = expiry_of(i, slots);
            let record = Record { id: format!("id-ö-{i}").into(), metadata, expires_ms };
            view.push(Arc::new(record), &row(i, dimension));
        }
        (0..slots).step_by(10).for_each(|slot| view.bury(slot));
        let all: Vec<u32> = (0..slots).collect();
        write(&PlainDisk, folder, 3, &view, &all).unwrap()
    }

    /// In a segment of an even number of slots every third item expires.
    fn expiry_of(slot: u32, slots: u32) -> Option<u64> {
        (slots.is_multiple_of(2) && slot.is_multiple_of(3)).then(|| u64::from(slot) + 1000)
    }

    fn row(slot: u32, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|place| if place == 0 { slot as f32 } else { 0.5 - place as f32 }).collect()
    }

    fn check(segment: &Segment, slots: u32) {
        for slot in 0..slots {
            let (id, metadata) = match slot % 10 {
                0 => (String::new(), String::new()),
                _ => (format!("id-ö-{slot}"), format!(r#"{{"n":{slot}}}"#)),
            };
            assert_eq!((segment.id(slot), segment.stored_metadata(slot)), (id.as_str(), metadata.as_str()));
            let mut buffer = RowBuffer::default();
            assert_eq!(segment.row(slot, &mut buffer).unwrap(), row(slot, segment.layout.dimension));
            let expires_ms = expiry_of(slot, slots).filter(|_| slot % 10 != 0);
            assert_eq!(segment.expires_ms(slot), expires_ms, "{slot} of {slots}");
        }
    }

    #[test]
    fn small_segment_is_held_in_memory_and_a_large_one_is_left_in_its_file() {
        let folder = tempfile::tempdir().unwrap();
        for (slots, dimension, kind) in [
            (1, DIMENSION, "heap"),
            (20, DIMENSION, "heap"),
            (21, LONG, "heap"),
            (30_000, DIMENSION, "mapped"),
            (30_001, DIMENSION, "mapped"),
            (6001, LONG, "read"),
        ] {
            let entry = written(folder.path(), slots, dimension);
            assert_eq!(entry.slots, slots);
            let segment = open(folder.path(), &entry, dimension, |_| ()).unwrap();
            let held = match &segment.bytes {
                Bytes::Heap { .. } => "heap",
                Bytes::Mapped(_) => "mapped",
                Bytes::Read { .. } => "read",
            };
            assert_eq!(held, kind, "{slots} slots");
            check(&segment, slots);
            fs::remove_file(FileName::new(Role::Segment, 3).path(folder.path())).unwrap();
            check(&segment, slots);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file stays behind");
    }

    #[test]
    fn vector_that_cannot_be_read_any_more_is_an_error_and_not_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let entry = written(folder.path(), 6000, LONG);
        let segment = open(folder.path(), &entry, LONG, |_| ()).unwrap();
        let path = FileName::new(Role::Segment, 3).path(folder.path());
        fs::OpenOptions::new().write(true).open(path).unwrap().set_len(entry.sum.bytes - 1).unwrap();
        let mut buffer = RowBuffer::default();
        assert_eq!(segment.row(5998, &mut buffer).unwrap(), row(5998, LONG));
        assert!(segment.row(5999, &mut buffer).is_err());
    }

    #[test]
    fn any_flipped_byte_and_any_truncation_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        for (slots, step) in [(20, 1), (30_000, 40_009)] {
            let entry = written(folder.path(), slots, DIMENSION);
            let path = FileName::new(Role::Segment, 3).path(folder.path());
            let good = fs::read(&path).unwrap();
            for at in (0..good.len()).step_by(step) {
                let mut bad = good.clone();
                bad[at] ^= 1;
                fs::write(&path, &bad).unwrap();
                let damaged = open(folder.path(), &entry, DIMENSION, |_| ());
                assert!(matches!(damaged, Err(Error::Corrupt { .. })), "flip at {at}");
                fs::write(&path, &good[..at]).unwrap();
                let cut = open(folder.path(), &entry, DIMENSION, |_| ());
                assert!(matches!(cut, Err(Error::Corrupt { .. })), "cut at {at}");
            }
        }
    }

    #[test]
    fn segment_of_another_index_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let entry = written(folder.path(), 20, DIMENSION);
        let other = open(folder.path(), &entry, DIMENSION + 1, |_| ()).unwrap_err();
        assert!(other.to_string().contains("vectors of 3 numbers instead of 4"), "{other}");
        let twin = Entry { slots: 19, ..entry };
        assert!(open(folder.path(), &twin, DIMENSION, |_| ()).is_err());
    }
}
