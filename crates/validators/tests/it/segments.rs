//! Segment counts against an independent oracle: what three published libraries count, recorded by `sms_uci/record.py`.

use sha2::{Digest, Sha256};
use validators::segments::{Encoding, segment};

use crate::evaluation::{evaluation_bytes, say};

/// What was recorded.
static RECORD: &str = include_str!("sms_uci/segments.txt");

struct Record {
    /// SHA-256 of the collection, hexadecimal.
    collection: String,
    real: String,
    made: String,
}

fn record() -> Record {
    let recorded: String = RECORD
        .lines()
        .filter(|line| !line.starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n");
    let (real, made) = recorded.split_once("\nmade\n").unwrap();
    let (title, real) = real.split_once('\n').unwrap();
    let collection = title.strip_prefix("real ").unwrap().to_owned();
    Record { collection, real: real.replace('\n', ""), made: made.replace('\n', "") }
}

/// The count of `text`, written as in the record.
fn code(text: &str) -> char {
    let found = segment(text);
    let count = u8::try_from(found.segments).unwrap();
    char::from(match found.encoding {
        Encoding::Gsm7 => b'0' + count,
        Encoding::Ucs2 => b'a' + count - 1,
    })
}

#[test]
fn real_messages_take_as_many_segments_as_three_libraries_count() {
    let Some(collection) = evaluation_bytes("sms_uci/SMSSpamCollection") else { return };
    let record = record();
    let digest: String = Sha256::digest(&collection).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        digest, record.collection,
        "this is not the collection that was recorded: run sms_uci/record.py"
    );
    let text = String::from_utf8_lossy(&collection);
    let messages: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('\t')?.1)).collect();
    let wrong: Vec<usize> = messages
        .iter()
        .zip(record.real.chars())
        .enumerate()
        .filter(|(_, (message, known))| code(message) != *known)
        .map(|(line, _)| line + 1)
        .collect();
    let of_several = messages.iter().filter(|message| segment(message).segments > 1).count();
    say(&format!(
        "{} of {} real messages take as many segments, and the same encoding, as smsutil, sms-segments-calculator and \
         split-sms count; {of_several} take several",
        messages.len() - wrong.len(),
        messages.len()
    ));
    assert_eq!((messages.len(), record.real.len()), (5574, 5574));
    assert!(wrong.is_empty(), "lines {wrong:?}");
}

#[test]
fn texts_at_every_edge_take_as_many_segments_as_three_libraries_count() {
    let made = (0..400).flat_map(|n| {
        [
            "a".repeat(n) + "€" + &"b".repeat(n / 2),
            "я".repeat(n) + &"😀".repeat(n / 3 + 1),
            "€".repeat(n + 1),
            "€a".repeat(n) + "’",
        ]
    });
    let counted: String = made.map(|text| code(&text)).collect();
    assert_eq!(counted, record().made);
}
