//! How many segments an SMS takes: GSM 7-bit default alphabet or UCS-2 (3GPP TS 23.038), concatenation with a six-byte
//! user data header (3GPP TS 23.040 section 9.2.3.24.1).

use std::ops::Range;

/// The basic character set of TS 23.038 section 6.2.1, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table of section 6.2.1.1: each takes an escape and a second septet.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How the text is coded on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// GSM 7-bit default alphabet; units are septets.
    Gsm7,
    /// UCS-2, UTF-16 in practice; units are 16-bit code units.
    Ucs2,
}

impl Encoding {
    /// Units that fit into a message that is not concatenated.
    const fn single(self) -> usize {
        match self {
            Self::Gsm7 => 160,
            Self::Ucs2 => 70,
        }
    }

    /// Units that fit into each part of a concatenated message.
    const fn part(self) -> usize {
        match self {
            Self::Gsm7 => 153,
            Self::Ucs2 => 67,
        }
    }

    /// Units that `c` takes.
    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm7 if !c.is_ascii_alphanumeric() && EXTENSION.contains(c) => 2,
            Self::Gsm7 => 1,
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

/// What a text costs on the air.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segmentation {
    /// How the whole text is coded.
    pub encoding: Encoding,
    /// Septets or code units in all.
    pub units: usize,
    /// Messages that are sent and paid; none for an empty text.
    pub segments: usize,
    /// The first character that GSM 7-bit does not have, and its bytes: it makes the whole text UCS-2.
    pub flip: Option<(char, Range<usize>)>,
    /// How many such characters there are.
    pub outside: usize,
}

/// Counts the segments of `text`.
pub fn segment(text: &str) -> Segmentation {
    let mut outside = text.char_indices().filter(|(_, c)| !is_gsm(*c)).peekable();
    let flip = outside.peek().map(|(at, c)| (*c, *at..at + c.len_utf8()));
    let outside = outside.count();
    let encoding = if flip.is_some() { Encoding::Ucs2 } else { Encoding::Gsm7 };
    let units = text.chars().map(|c| encoding.units(c)).sum();
    let segments = match units {
        0 => 0,
        _ if units <= encoding.single() => 1,
        _ => parts(text, encoding),
    };
    Segmentation { encoding, units, segments, flip, outside }
}

/// Whether the GSM 7-bit default alphabet has `c`. Its letters are ASCII's, asked first: most of any draft.
fn is_gsm(c: char) -> bool {
    c.is_ascii_alphanumeric() || BASIC.contains(c) || EXTENSION.contains(c)
}

/// Parts of a concatenated message; neither an escape pair nor a surrogate pair is torn apart.
fn parts(text: &str, encoding: Encoding) -> usize {
    let (mut parts, mut room) = (1, encoding.part());
    for units in text.chars().map(|c| encoding.units(c)) {
        if units > room {
            (parts, room) = (parts + 1, encoding.part());
        }
        room -= units;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_segments(text: &str, encoding: Encoding, units: usize, segments: usize) {
        let found = segment(text);
        assert_eq!((found.encoding, found.units, found.segments), (encoding, units, segments), "{text:?}");
    }

    #[test]
    fn alphabet_has_the_127_characters_of_the_table() {
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }

    #[test]
    fn limits_of_gsm_7_bit() {
        assert_segments("", Encoding::Gsm7, 0, 0);
        assert_segments(&"a".repeat(160), Encoding::Gsm7, 160, 1);
        assert_segments(&"a".repeat(161), Encoding::Gsm7, 161, 2);
        assert_segments(&"a".repeat(306), Encoding::Gsm7, 306, 2);
        assert_segments(&"a".repeat(307), Encoding::Gsm7, 307, 3);
    }

    #[test]
    fn limits_of_ucs_2() {
        assert_segments(&"я".repeat(70), Encoding::Ucs2, 70, 1);
        assert_segments(&"я".repeat(71), Encoding::Ucs2, 71, 2);
        assert_segments(&"я".repeat(134), Encoding::Ucs2, 134, 2);
        assert_segments(&"я".repeat(135), Encoding::Ucs2, 135, 3);
    }

    #[test]
    fn escape_pair_is_never_torn() {
        assert_segments(&format!("{}€", "a".repeat(158)), Encoding::Gsm7, 160, 1);
        // 152 + an escape pair that does not fit into the last septet + 152 = three parts, though 306 septets fit two.
        let torn = format!("{}€{}", "a".repeat(152), "a".repeat(152));
        assert_segments(&torn, Encoding::Gsm7, 306, 3);
    }

    #[test]
    fn surrogate_pair_is_never_torn() {
        assert_segments(&"😀".repeat(35), Encoding::Ucs2, 70, 1);
        assert_segments(&"😀".repeat(36), Encoding::Ucs2, 72, 2);
        assert_segments(&"😀".repeat(67), Encoding::Ucs2, 134, 3);
    }

    #[test]
    fn first_character_outside_the_alphabet_is_named() {
        assert_eq!(segment("it’s 5 o’clock").flip, Some(('’', 2..5)));
        assert_eq!(segment("it's").flip, None);
    }
}
