//! Number words, in English and Spanish: the languages of a US staffing company's messages.

/// What a word says among digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Digit(u8),
    /// `ten` to `nineteen`: the digit after the one.
    Teen(u8),
    /// `twenty` to `ninety`: the first digit.
    Tens(u8),
    /// `double`, `triple`: the next digit so many times.
    Times(u8),
    /// The character that the word names, or stands for.
    Separator(char),
}

/// The most bytes of a word that means something here.
const LONGEST: usize = 9;

/// What `word` means, whatever its case.
pub(super) fn meaning(word: &str) -> Option<Word> {
    use Word::{Digit, Separator, Teen, Tens, Times};
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    Some(match &*lower {
        b"zero" | b"oh" | b"o" | b"nought" | b"naught" | b"cero" => Digit(0),
        b"one" | b"uno" => Digit(1),
        b"two" | b"dos" => Digit(2),
        b"three" | b"tres" => Digit(3),
        b"four" | b"cuatro" => Digit(4),
        b"five" | b"cinco" => Digit(5),
        b"six" | b"seis" => Digit(6),
        b"seven" | b"siete" => Digit(7),
        b"eight" | b"ocho" => Digit(8),
        b"nine" | b"niner" | b"nueve" => Digit(9),
        b"ten" => Teen(0),
        b"eleven" => Teen(1),
        b"twelve" => Teen(2),
        b"thirteen" => Teen(3),
        b"fourteen" => Teen(4),
        b"fifteen" => Teen(5),
        b"sixteen" => Teen(6),
        b"seventeen" => Teen(7),
        b"eighteen" => Teen(8),
        b"nineteen" => Teen(9),
        b"twenty" => Tens(2),
        b"thirty" => Tens(3),
        b"forty" | b"fourty" => Tens(4),
        b"fifty" => Tens(5),
        b"sixty" => Tens(6),
        b"seventy" => Tens(7),
        b"eighty" => Tens(8),
        b"ninety" => Tens(9),
        b"double" => Times(2),
        b"triple" => Times(3),
        b"dash" | b"hyphen" | b"minus" | b"guion" | b"gui\xc3\xb3n" => Separator('-'),
        b"dot" | b"point" | b"period" | b"punto" => Separator('.'),
        b"slash" => Separator('/'),
        b"space" | b"then" | b"and" | b"y" => Separator(' '),
        b"comma" | b"coma" => Separator(','),
        _ => return None,
    })
}
