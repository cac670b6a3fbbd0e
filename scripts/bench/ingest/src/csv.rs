//! A table of workers' shifts as CSV: the same rows for the same number, of all the types that a table has.

use std::fmt::Write as _;
use std::io::{self, Write};

const ROLES: [&str; 8] = [
    "Forklift Operator",
    "CNC Operator",
    "Order Picker",
    "Welder, MIG",
    "Packer",
    "Warehouse Associate",
    "Machine Operator",
    "Quality Inspector",
];
const CITIES: [&str; 8] =
    ["Houston", "Dallas", "Tulsa", "Oklahoma City", "Memphis", "Louisville", "Columbus", "Indianapolis"];

pub(crate) const HEADER: &str =
    "shift_id,worker_id,zip,role,city,day,began_at,hours,rate,is_night,rating,remark\n";
/// Rows between two writes.
const ROWS_PER_WRITE: u64 = 10_000;

/// Writes the header and rows until there are `bytes` bytes or a few more; returns (rows, bytes).
///
/// # Errors
/// Those of `output`.
pub(crate) fn generate(output: &mut dyn Write, bytes: u64) -> io::Result<(u64, u64)> {
    let mut text = HEADER.to_owned();
    let (mut rows, mut written) = (0, 0);
    while written < bytes {
        for _ in 0..ROWS_PER_WRITE {
            push_row(&mut text, rows);
            rows += 1;
        }
        output.write_all(text.as_bytes())?;
        written += text.len() as u64;
        text.clear();
    }
    Ok((rows, written))
}

fn push_row(text: &mut String, row: u64) {
    // SplitMix64 (Steele, Lea, Flood 2014): every number gives another that looks drawn.
    let mut z = row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let drawn = z ^ (z >> 31);
    let part = |shift: u32, of: u64| (drawn >> shift) % of;
    let (role, city) = (ROLES[part(0, 8) as usize], CITIES[part(3, 8) as usize]);
    let quote = if role.contains(',') { "\"" } else { "" };
    let (month, day, hour, minute) = (1 + part(6, 12), 1 + part(10, 28), part(15, 24), 15 * part(20, 4));
    let remark = if part(22, 4) == 0 { "asked for more shifts of this kind" } else { "" };
    // Writing to a text cannot fail.
    let _ = writeln!(
        text,
        "{row},W{:06},{:05},{quote}{role}{quote},{city},2026-{month:02}-{day:02},2026-{month:02}-{day:02}T{hour:02}:{minute:02}:00,\
         {}.{},{}.{:02},{},{}.{:04},{remark}",
        part(24, 100_000),
        part(40, 99_999),
        4 + part(44, 8),
        5 * part(47, 2),
        14 + part(48, 20),
        part(52, 100),
        part(56, 2) == 0,
        part(57, 5),
        part(30, 10_000),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_same_each_time_and_have_the_fields_of_the_header() {
        let generated = || {
            let mut text = Vec::new();
            let (rows, bytes) = generate(&mut text, 1 << 20).unwrap();
            assert_eq!((rows % ROWS_PER_WRITE, bytes), (0, text.len() as u64));
            String::from_utf8(text).unwrap()
        };
        let text = generated();
        assert_eq!(text, generated());
        let fields = HEADER.matches(',').count();
        for row in text.lines().skip(1) {
            assert_eq!(row.replace("Welder, MIG", "").matches(',').count(), fields, "{row}");
        }
    }
}
