//! Characters that word processors and phones put in, what they are called, and what GSM 7-bit has instead.

/// What a character outside the GSM alphabet is called, and the characters to write for it, if there are any that say the same.
pub(crate) fn describe(c: char) -> (&'static str, Option<&'static str>) {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}' | '\u{2032}' | '\u{b4}' | '`' => {
            ("typographic apostrophe", Some("'"))
        }
        '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{201f}' | '\u{2033}' | '«' | '»' => {
            ("typographic quotation mark", Some("\""))
        }
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("typographic dash", Some("-")),
        '\u{2026}' => ("ellipsis", Some("...")),
        '\u{2022}' | '·' => ("bullet", Some("*")),
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' | '\t' => ("special space", Some(" ")),
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe0f}' => {
            ("invisible character", Some(""))
        }
        '\u{2122}' => ("trademark sign", Some("(TM)")),
        '®' => ("registered sign", Some("(R)")),
        '©' => ("copyright sign", Some("(C)")),
        '×' => ("multiplication sign", Some("x")),
        '°' => ("degree sign", Some(" deg")),
        '½' => ("fraction", Some("1/2")),
        '¼' => ("fraction", Some("1/4")),
        '¾' => ("fraction", Some("3/4")),
        '¢' => ("cent sign", Some("c")),
        'á' | 'â' | 'ã' => ("accented letter", Some("a")),
        'ê' | 'ë' => ("accented letter", Some("e")),
        'í' | 'î' | 'ï' => ("accented letter", Some("i")),
        'ó' | 'ô' | 'õ' => ("accented letter", Some("o")),
        'ú' | 'û' => ("accented letter", Some("u")),
        'ç' => ("letter with cedilla", Some("c")),
        'Á' | 'Â' | 'À' | 'Ã' => ("accented letter", Some("A")),
        'È' | 'Ê' | 'Ë' => ("accented letter", Some("E")),
        'Í' | 'Î' | 'Ì' | 'Ï' => ("accented letter", Some("I")),
        'Ó' | 'Ô' | 'Ò' | 'Õ' => ("accented letter", Some("O")),
        'Ú' | 'Û' | 'Ù' => ("accented letter", Some("U")),
        '\u{2190}'..='\u{21ff}' => ("arrow", Some("->")),
        '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}' => ("emoji", Some("")),
        c if c.is_alphabetic() => ("letter of another alphabet", None),
        c if c.is_control() => ("control character", Some("")),
        _ => ("character", None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::{Encoding, segment};

    #[test]
    fn what_is_suggested_is_in_the_gsm_alphabet_and_what_it_replaces_is_not() {
        for c in (0..=0x0011_0000).filter_map(char::from_u32) {
            if let Some(substitute) = describe(c).1
                && segment(&c.to_string()).encoding == Encoding::Ucs2
            {
                assert_eq!(segment(substitute).encoding, Encoding::Gsm7, "{c:?}");
            }
        }
        assert_eq!(describe('’'), ("typographic apostrophe", Some("'")));
        assert_eq!(describe('я').1, None);
    }
}
