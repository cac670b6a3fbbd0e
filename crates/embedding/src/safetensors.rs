//! The one tensor of a static model, in a safetensors file: eight bytes with the length of a header in JSON, the header, the numbers
//! (<https://github.com/huggingface/safetensors#format>).

use half::f16;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The header of a file that has this one tensor; `__metadata__` is passed over. Those that newer files of Model2Vec may have beside it
/// change what the vectors are.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    embeddings: Tensor,
    #[serde(default, skip_serializing)]
    weights: Option<IgnoredAny>,
    #[serde(default, skip_serializing)]
    mapping: Option<IgnoredAny>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tensor {
    dtype: Type,
    shape: [usize; 2],
    /// From the end of the header on.
    data_offsets: [usize; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Type {
    F16,
    F32,
}

/// The numbers of the tensor `embeddings`, which must have this shape.
pub(crate) fn read(file: &[u8], shape: [usize; 2]) -> Result<Vec<f16>, String> {
    let short = || "the safetensors file is too short".to_owned();
    let (length, rest) = file.split_first_chunk::<8>().ok_or_else(short)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|error| error.to_string())?;
    let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
    let Header { embeddings, weights, mapping } =
        serde_json::from_slice(header).map_err(|error| format!("safetensors header: {error}"))?;
    if weights.is_some() || mapping.is_some() {
        return Err(
            "the file has `weights` or a `mapping` beside `embeddings`: work them in, a row for each token"
                .into(),
        );
    }
    if embeddings.shape != shape {
        return Err(format!("`embeddings` has shape {:?}, expected {shape:?}", embeddings.shape));
    }
    let [from, to] = embeddings.data_offsets;
    let bytes = data.get(from..to).ok_or_else(short)?;
    let numbers: Vec<f16> = match embeddings.dtype {
        Type::F16 => bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect(),
        Type::F32 => {
            bytes.as_chunks().0.iter().map(|bytes| f16::from_f32(f32::from_le_bytes(*bytes))).collect()
        }
    };
    match numbers.iter().all(|x| x.is_finite()) && numbers.len() == shape[0] * shape[1] {
        true => Ok(numbers),
        false => Err("`embeddings` has numbers that are not finite, or not as many as its shape says".into()),
    }
}

/// A file of these rows, all of one length.
pub(crate) fn write(rows: &[Vec<f32>]) -> Result<Vec<u8>, serde_json::Error> {
    let shape = [rows.len(), rows.first().map_or(0, Vec::len)];
    let data_offsets = [0, shape[0] * shape[1] * size_of::<f16>()];
    let embeddings = Tensor { dtype: Type::F16, shape, data_offsets };
    let header = Header { embeddings, weights: None, mapping: None };
    let mut header = serde_json::to_vec(&header)?;
    // The numbers begin at a multiple of eight, as the format asks.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(rows.iter().flatten().flat_map(|&x| f16::from_f32(x).to_le_bytes()));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let file = write(&[vec![1.0, -0.5], vec![0.25, 3.0], vec![0.0, 2.0]]).unwrap();
        let numbers: Vec<f32> = read(&file, [3, 2]).unwrap().iter().map(|x| x.to_f32()).collect();
        assert_eq!(numbers, [1.0, -0.5, 0.25, 3.0, 0.0, 2.0]);
    }

    #[test]
    fn file_that_is_cut_short_or_is_another_one_is_refused() {
        let file = write(&[vec![1.0, -0.5]]).unwrap();
        for cut in 0..file.len() {
            assert!(read(&file[..cut], [1, 2]).is_err(), "{cut}");
        }
        assert!(read(&file, [2, 1]).unwrap_err().contains("shape"));
        assert!(read(&write(&[vec![f32::NAN, 0.0]]).unwrap(), [1, 2]).unwrap_err().contains("finite"));
        assert!(read(&u64::MAX.to_le_bytes(), [1, 2]).is_err());
        let weighed = r#"{"embeddings":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]},"weights":{}}"#;
        let weighed = [&(weighed.len() as u64).to_le_bytes(), weighed.as_bytes(), &[0; 4]].concat();
        assert!(read(&weighed, [1, 2]).unwrap_err().contains("weights"));
    }
}
