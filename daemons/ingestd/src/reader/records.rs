//! Splits delimited text into records: RFC 4180, plus what files in the wild have (blank lines, lone CRs, ragged rows).
//!
//! Written here because readers at hand (`csv`, `arrow-csv`) accept an unclosed quote, lose the line number behind blank
//! lines, and grow without bound on one long field; an ingest has to report the first, count the second and survive the
//! third. [`Skim`] finds where records end, at the speed of a search for quotes, so that a body can be cut into pieces;
//! [`Records`] then splits a piece into fields without copying it.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr3, memrchr};

use super::lines;

/// The most fields of a record: bounds the memory that ten megabytes of commas take.
const MAX_FIELDS: usize = 1 << 16;

/// Follows text from the start of a record, to know what is outside of quotes.
pub(crate) struct Skim {
    delimiter: u8,
    quotes: Quotes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    /// Outside; a quote would open a field here, or be part of one.
    Outside { may_open: bool },
    /// Inside.
    Inside,
    /// Behind a quote inside quotes: the end of the field, or the first half of `""`.
    AfterQuote,
}

impl Skim {
    /// At the start of a record.
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter, quotes: Quotes::Outside { may_open: true } }
    }

    /// Whether what was seen so far ends within quotes.
    pub(crate) fn is_in_quotes(&self) -> bool {
        self.quotes == Quotes::Inside
    }

    /// Behind the first record of `text`, if it ends there: at an LF, a CRLF, or a CR that something else follows.
    pub(crate) fn first_end(&mut self, text: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(bare) = self.bare_stretch(text, &mut at) {
            if let Some(found) = memchr2(b'\n', b'\r', &text[bare.clone()]) {
                let end = bare.start + found;
                let is_crlf = text[end..].starts_with(b"\r\n");
                return Some(end + if is_crlf { 2 } else { 1 });
            }
        }
        None
    }

    /// Behind the last record of `text` that ends in an LF; where there is none, in a CR that something else follows.
    pub(crate) fn last_end(text: &[u8], delimiter: u8) -> Option<usize> {
        Self::last(text, delimiter, b'\n').or_else(|| {
            let followed = text.len().saturating_sub(1);
            Self::last(&text[..followed], delimiter, b'\r')
        })
    }

    fn last(text: &[u8], delimiter: u8, line_end: u8) -> Option<usize> {
        let mut skim = Self::new(delimiter);
        let (mut at, mut last) = (0, None);
        while let Some(bare) = skim.bare_stretch(text, &mut at) {
            if let Some(found) = memrchr(line_end, &text[bare.clone()]) {
                last = Some(bare.start + found + 1);
            }
        }
        last
    }

    /// The next stretch of `text` from `at` on that is outside of quotes, up to a quote that opens a field; none when the
    /// text is used up. Moves `at` behind it.
    fn bare_stretch(&mut self, text: &[u8], at: &mut usize) -> Option<Range<usize>> {
        while let Quotes::Inside | Quotes::AfterQuote = self.quotes {
            if self.quotes == Quotes::AfterQuote {
                if text.get(*at)? == &b'"' {
                    *at += 1;
                    self.quotes = Quotes::Inside;
                } else {
                    self.quotes = Quotes::Outside { may_open: false };
                }
            } else {
                let Some(found) = memchr(b'"', &text[*at..]) else {
                    *at = text.len();
                    return None;
                };
                *at += found + 1;
                self.quotes = Quotes::AfterQuote;
            }
        }
        let start = *at;
        if start == text.len() {
            return None;
        }
        while let Some(found) = memchr(b'"', &text[*at..]) {
            let quote = *at + found;
            *at = quote + 1;
            if self.may_open(text, start, quote) {
                self.quotes = Quotes::Inside;
                return Some(start..quote);
            }
        }
        *at = text.len();
        self.quotes = Quotes::Outside { may_open: self.may_open(text, start, text.len()) };
        Some(start..text.len())
    }

    /// Whether a quote at `at` opens a field: it does behind a delimiter or a line end, and is a character elsewhere.
    fn may_open(&self, text: &[u8], start: usize, at: usize) -> bool {
        if at > start {
            let before = text[at - 1];
            return before == self.delimiter || before == b'\n' || before == b'\r';
        }
        matches!(self.quotes, Quotes::Outside { may_open: true })
    }
}

/// One record. Reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The physical line on which the record begins, from 1.
    pub line: u64,
    /// What is wrong with the record as a whole.
    pub fault: Option<Fault>,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// Where a field is, without its quotes.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// In the text that is read.
    pub range: Range<usize>,
    /// Whether it stands in quotes.
    pub is_quoted: bool,
    /// Whether it holds quotes, which are written twice.
    pub has_escapes: bool,
}

/// What can be wrong with a record before its fields are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body ends inside a quoted field, so everything from the quote on was taken for one value.
    UnclosedQuote,
    /// A closing quote is followed by something else than a delimiter or a line end.
    TextAfterQuote,
    /// The record has more bytes than the limit.
    TooLong,
    /// The record has more than [`MAX_FIELDS`] fields.
    TooManyFields,
}

/// Reads the records of a text that begins with one.
pub(crate) struct Records<'a> {
    text: &'a [u8],
    delimiter: u8,
    max_record_bytes: usize,
    at: usize,
    line: u64,
}

impl<'a> Records<'a> {
    /// Reads `text`, which begins on `line`.
    pub(crate) fn new(text: &'a [u8], delimiter: u8, line: u64, max_record_bytes: usize) -> Self {
        Self { text, delimiter, max_record_bytes, at: 0, line }
    }

    /// Behind what has been read.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads the next record that is not a blank line; false at the end of the text.
    pub(crate) fn read(&mut self, record: &mut Record) -> bool {
        while matches!(self.text.get(self.at), Some(b'\n' | b'\r')) {
            self.end_line();
        }
        record.line = self.line;
        record.fault = None;
        record.fields.clear();
        let start = self.at;
        if start == self.text.len() {
            return false;
        }
        loop {
            let field = match self.text.get(self.at) {
                Some(b'"') => self.quoted(&mut record.fault),
                _ => self.bare(),
            };
            if record.fields.len() < MAX_FIELDS {
                record.fields.push(field);
            } else {
                record.fault.get_or_insert(Fault::TooManyFields);
            }
            match self.text.get(self.at) {
                Some(byte) if *byte == self.delimiter => self.at += 1,
                Some(_) => {
                    self.end_line();
                    break;
                }
                None => break,
            }
        }
        if self.at - start > self.max_record_bytes {
            record.fault.get_or_insert(Fault::TooLong);
        }
        true
    }

    /// A field without quotes, or what follows a closing quote.
    fn bare(&mut self) -> Field {
        let start = self.at;
        let rest = &self.text[start..];
        self.at += memchr3(self.delimiter, b'\n', b'\r', rest).unwrap_or(rest.len());
        Field { range: start..self.at, is_quoted: false, has_escapes: false }
    }

    fn quoted(&mut self, fault: &mut Option<Fault>) -> Field {
        let start = self.at + 1;
        let (mut at, mut has_escapes) = (start, false);
        let end = loop {
            let Some(found) = memchr(b'"', &self.text[at..]) else {
                *fault = Some(Fault::UnclosedQuote);
                break self.text.len();
            };
            let quote = at + found;
            if self.text.get(quote + 1) != Some(&b'"') {
                break quote;
            }
            has_escapes = true;
            at = quote + 2;
        };
        let range = start..end;
        self.line += lines::count(&self.text[range.clone()]);
        self.at = self.text.len().min(end + 1);
        if !self.bare().range.is_empty() {
            fault.get_or_insert(Fault::TextAfterQuote);
        }
        Field { range, is_quoted: true, has_escapes }
    }

    /// Takes an LF, a CRLF or a CR.
    fn end_line(&mut self) {
        let is_crlf = self.text[self.at..].starts_with(b"\r\n");
        self.at += if is_crlf { 2 } else { 1 };
        self.line += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    /// Reads everything: (line, fields, fault) of each record.
    fn read_all(text: &[u8]) -> Vec<(u64, Vec<String>, Option<Fault>)> {
        let mut records = Records::new(text, b',', 1, LIMIT);
        let mut record = Record::default();
        let mut all = Vec::new();
        while records.read(&mut record) {
            let content =
                |field: &Field| String::from_utf8_lossy(&text[field.range.clone()]).replace("\"\"", "\"");
            all.push((record.line, record.fields.iter().map(content).collect(), record.fault));
        }
        all
    }

    fn rows(text: &str) -> Vec<Vec<String>> {
        read_all(text.as_bytes()).into_iter().map(|(_, fields, _)| fields).collect()
    }

    #[test]
    fn quotes_hold_delimiters_newlines_and_doubled_quotes() {
        assert_eq!(rows("a,\"b,\"\"c\"\"\nd\",e\n"), [["a", "b,\"c\"\nd", "e"]]);
    }

    #[test]
    fn quote_within_a_field_is_a_character() {
        assert_eq!(rows("5\" pipe,a\"b\n"), [["5\" pipe", "a\"b"]]);
    }

    #[test]
    fn empty_fields_are_kept_at_both_ends() {
        assert_eq!(rows(",a,\n,"), [vec!["", "a", ""], vec!["", ""]]);
    }

    #[test]
    fn lf_crlf_and_cr_end_records_alike() {
        for text in ["a,b\nc,d\n", "a,b\r\nc,d\r\n", "a,b\rc,d\r", "a,b\nc,d"] {
            assert_eq!(rows(text), [["a", "b"], ["c", "d"]], "{text:?}");
        }
    }

    #[test]
    fn line_numbers_are_those_of_the_file_behind_blank_lines_and_quoted_newlines() {
        for newline in ["\n", "\r\n", "\r"] {
            let text = ["h", "", "\"two", "lines\"", "", "x", "y"].join(newline);
            let lines: Vec<u64> = read_all(text.as_bytes()).into_iter().map(|(line, ..)| line).collect();
            assert_eq!(lines, [1, 3, 6, 7], "{newline:?}");
        }
    }

    #[test]
    fn unclosed_quote_is_a_fault_at_the_line_that_opened_it() {
        let all = read_all(b"a\n\"b\nc\nd\n");
        assert_eq!((all[1].0, all[1].2), (2, Some(Fault::UnclosedQuote)));
    }

    #[test]
    fn text_behind_a_closing_quote_is_a_fault_of_that_record_only() {
        let all = read_all(b"\"a\"b,c\nd,e\n");
        assert_eq!(all[0].2, Some(Fault::TextAfterQuote));
        assert_eq!((all[1].0, all[1].2), (2, None));
    }

    #[test]
    fn record_beyond_a_limit_is_a_fault_of_that_record_only() {
        let long = ["a\n", &"x".repeat(LIMIT + 1), "\nb\n"].concat();
        let faults: Vec<_> = read_all(long.as_bytes()).into_iter().map(|(.., fault)| fault).collect();
        assert_eq!(faults, [None, Some(Fault::TooLong), None]);
        let wide = ["a\n", &",".repeat(MAX_FIELDS), "\nb\n"].concat();
        let faults: Vec<_> = read_all(wide.as_bytes()).into_iter().map(|(.., fault)| fault).collect();
        assert_eq!(faults, [None, Some(Fault::TooManyFields), None]);
    }

    #[test]
    fn quoted_empty_is_told_from_absent() {
        let mut record = Record::default();
        assert!(Records::new(b"\"\",", b',', 1, LIMIT).read(&mut record));
        let quoted: Vec<bool> = record.fields.iter().map(|field| field.is_quoted).collect();
        assert_eq!(quoted, [true, false]);
    }

    proptest! {
        /// The oracle is the `csv` crate's writer.
        #[test]
        fn what_a_csv_writer_wrote_is_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n é]{0,6}", 3), 1..8),
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = read_all(&text).into_iter().map(|(_, fields, _)| fields).collect();
            prop_assert_eq!(read, rows);
        }

        /// Wherever a record ends for one, it ends for the other.
        #[test]
        fn skimmed_ends_are_those_of_the_records(text in "[a,\"\r\n]{0,40}") {
            let text = text.as_bytes();
            let mut records = Records::new(text, b',', 1, LIMIT);
            let (mut record, mut ends) = (Record::default(), Vec::new());
            while records.read(&mut record) {
                if record.fault != Some(Fault::UnclosedQuote) {
                    ends.push(records.position());
                }
            }
            // A blank line is an end for the one and nothing for the other.
            let mut skimmed = vec![0];
            let mut start = 0;
            while let Some(end) = Skim::new(b',').first_end(&text[start..]) {
                start += end;
                skimmed.push(start);
            }
            for end in &ends {
                prop_assert!(*end == text.len() || skimmed.contains(end), "{} not in {:?}", end, skimmed);
            }
            if let Some(last) = Skim::last_end(text, b',') {
                prop_assert!(skimmed.contains(&last), "{} not in {:?}", last, skimmed);
            }
        }

        #[test]
        fn no_bytes_make_it_panic_or_lose_count_of_lines(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut records = Records::new(&text, b',', 1, 64);
            let mut record = Record::default();
            let mut last = 0;
            while records.read(&mut record) {
                prop_assert!(record.line > last);
                last = record.line;
            }
        }
    }
}
