//! Reads the two kinds of `.npy` files that the data come in: matrices of f16 and of i32, version 1.0 to 3.0, row by row.
//! The format is described in numpy's `numpy.lib.format`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use half::f16;

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// The first rows of a matrix, one after the other.
#[derive(Debug)]
pub struct Rows<T> {
    /// Values in a row.
    pub columns: usize,
    /// `[rows, columns]`.
    pub values: Vec<T>,
}

/// Reads at most `max_rows` rows of f16, widened.
///
/// # Errors
/// When the file cannot be read, or is something else: names the file.
pub fn read_f16(path: &Path, max_rows: usize) -> anyhow::Result<Rows<f32>> {
    read(path, max_rows, "<f2", |bytes: [u8; 2]| f16::from_le_bytes(bytes).to_f32())
}

/// Reads at most `max_rows` rows of whole numbers that are not negative.
///
/// # Errors
/// As [`read_f16`].
pub fn read_i32(path: &Path, max_rows: usize) -> anyhow::Result<Rows<u32>> {
    read(path, max_rows, "<i4", u32::from_le_bytes)
}

fn read<T, const N: usize>(
    path: &Path,
    max_rows: usize,
    kind: &str,
    decode: impl Fn([u8; N]) -> T,
) -> anyhow::Result<Rows<T>> {
    let read = || {
        let mut file = BufReader::new(File::open(path)?);
        let [rows, columns] = read_header(&mut file, kind)?;
        let mut bytes = vec![0; rows.min(max_rows) * columns * N];
        file.read_exact(&mut bytes).context("it is shorter than its header says")?;
        let values = bytes.as_chunks::<N>().0.iter().map(|bytes| decode(*bytes)).collect();
        anyhow::Ok(Rows { columns, values })
    };
    read().with_context(|| format!("read {}", path.display()))
}

/// The shape that the header tells, if what follows is of `kind` and in row order.
fn read_header(file: &mut impl Read, kind: &str) -> anyhow::Result<[usize; 2]> {
    let mut start = [0; 8];
    file.read_exact(&mut start)?;
    ensure!(start.starts_with(MAGIC), "it is no .npy file");
    let length = match start[6] {
        1 => u32::from(u16::from_le_bytes(take(file)?)),
        2 | 3 => u32::from_le_bytes(take(file)?),
        version => bail!(".npy version {version} is not known"),
    };
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)?;
    let header = String::from_utf8(header)?;
    ensure!(value(&header, "descr")?.trim_matches('\'') == kind, "its values are not of the kind {kind}");
    ensure!(value(&header, "fortran_order")? == "False", "it is stored by column");
    let shape =
        header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).context("it has no shape")?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty()).map(str::parse);
    let sizes: Vec<usize> = sizes.collect::<Result<_, _>>()?;
    sizes.try_into().map_err(|sizes| anyhow::anyhow!("it is no matrix: its shape is {sizes:?}"))
}

fn take<const N: usize>(file: &mut impl Read) -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The text behind `'key':` in a Python dictionary, up to the next comma.
fn value<'a>(header: &'a str, key: &str) -> anyhow::Result<&'a str> {
    let rest = header.split_once(&format!("'{key}':")).with_context(|| format!("it has no {key}"))?.1;
    Ok(rest.split(',').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, body: &[u8]) -> tempfile::NamedTempFile {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn rows_of_both_kinds_are_read_up_to_the_limit() {
        // 1.0, -2.0 and 0.5 are 0x3C00, 0xC000 and 0x3800 in half precision.
        let halves = file(
            "{'descr': '<f2', 'fortran_order': False, 'shape': (3, 1), }\n",
            &[0x00, 0x3C, 0x00, 0xC0, 0x00, 0x38],
        );
        let rows = read_f16(halves.path(), 2).unwrap();
        assert_eq!((rows.columns, rows.values), (1, vec![1.0, -2.0]));

        let header = "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2), }\n";
        let rows = read_i32(file(header, &[7, 0, 0, 0, 0, 1, 0, 0]).path(), 9).unwrap();
        assert_eq!((rows.columns, rows.values), (2, vec![7, 256]));
    }

    #[test]
    fn file_that_is_something_else_is_refused_with_the_reason() {
        for (header, reason) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", "not of the kind <f2"),
            ("{'descr': '<f2', 'fortran_order': True, 'shape': (1, 1), }", "by column"),
            ("{'descr': '<f2', 'fortran_order': False, 'shape': (1,), }", "no matrix"),
            ("{'descr': '<f2', 'fortran_order': False, 'shape': (9, 9), }", "shorter"),
        ] {
            let error = format!("{:#}", read_f16(file(header, &[0, 0]).path(), 9).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
