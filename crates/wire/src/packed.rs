//! Packed vectors: base64 (RFC 4648 section 4, padded) of little-endian f32 components.
//!
//! A third of the bytes of a JSON array of numbers, and no number to parse: the form in which our own daemons hand vectors on.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Packs `vector`.
pub fn pack(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// Unpacks what [`pack`] made.
///
/// # Errors
/// A sentence that says what is wrong, for the `detail` of a 400.
pub fn unpack(text: &str) -> Result<Vec<f32>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| format!("a packed vector is base64: {error}"))?;
    let (components, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("a packed vector has 4 bytes a component, this one has {} in all", bytes.len()));
    }
    Ok(components.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_vector_is_little_endian_base64_and_round_trips() {
        assert_eq!(pack(&[1.0, -2.5]), "AACAPwAAIMA=");
        let vector = [f32::MIN_POSITIVE, -0.0, 1e30];
        assert_eq!(unpack(&pack(&vector)).unwrap(), vector);
    }

    #[test]
    fn text_that_is_no_packed_vector_is_refused() {
        assert!(unpack("###").unwrap_err().contains("base64"));
        assert!(unpack("AAAAAAA=").unwrap_err().contains("4 bytes"));
    }
}
