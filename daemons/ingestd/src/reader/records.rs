//! Splits delimited text into records: RFC 4180, plus what files in the wild have (blank lines, lone CRs, ragged rows).
//!
//! Written here because readers at hand (`csv`, `arrow-csv`) accept an unclosed quote, lose the line number behind
//! blank lines, and grow without bound on one long field; an ingest has to report the first, count the second and
//! survive the third.

use std::io::{self, BufRead};

use memchr::{memchr, memchr3};

/// The most fields of a record: bounds the memory that ten megabytes of commas take.
const MAX_FIELDS: usize = 1 << 16;

/// One record as it was written, without quotes. Reused from row to row.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// The physical line on which the record begins, from 1.
    pub line: u64,
    /// What is wrong with the record as a whole.
    pub fault: Option<Fault>,
    data: Vec<u8>,
    ends: Vec<usize>,
    quoted: Vec<bool>,
}

/// What can be wrong with a record before its fields are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The body ends inside a quoted field, so everything from the quote on was taken for one value.
    UnclosedQuote,
    /// A closing quote is followed by something else than a delimiter or a line end.
    TextAfterQuote,
    /// The record has more bytes or fields than the limit.
    TooLong,
}

impl Record {
    /// Number of fields.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of field `index`, and whether it was quoted.
    pub(crate) fn field(&self, index: usize) -> (&[u8], bool) {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        (&self.data[start..self.ends[index]], self.quoted[index])
    }

    fn clear(&mut self, line: u64) {
        self.line = line;
        self.fault = None;
        self.data.clear();
        self.ends.clear();
        self.quoted.clear();
    }

    fn begin_field(&mut self) {
        if self.quoted.len() < MAX_FIELDS {
            self.quoted.push(false);
        } else {
            self.fault.get_or_insert(Fault::TooLong);
        }
    }

    fn end_field(&mut self) {
        if self.ends.len() < self.quoted.len() {
            self.ends.push(self.data.len());
        }
    }

    fn mark_quoted(&mut self) {
        if let Some(last) = self.quoted.last_mut() {
            *last = true;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first byte of a record.
    RecordStart,
    /// Before the first byte of a field.
    FieldStart,
    /// Inside a field that did not begin with a quote.
    Bare,
    /// Inside quotes.
    Quoted,
    /// Behind a quote inside quotes: the end of the field, or the first half of `""`.
    QuoteInQuoted,
}

/// Reads records from delimited text.
pub(crate) struct Records<R> {
    input: R,
    delimiter: u8,
    max_record_bytes: usize,
    line: u64,
    state: State,
    after_cr: bool,
}

impl<R: BufRead> Records<R> {
    /// Reads `input`, whose first line is line 1; a record keeps at most `max_record_bytes` in memory.
    pub(crate) fn new(input: R, delimiter: u8, max_record_bytes: usize) -> Self {
        Self { input, delimiter, max_record_bytes, line: 1, state: State::RecordStart, after_cr: false }
    }

    /// Reads the next record that is not a blank line; false at the end of the text.
    ///
    /// # Errors
    /// Those of the input.
    pub(crate) fn read(&mut self, record: &mut Record) -> io::Result<bool> {
        record.clear(self.line);
        self.state = State::RecordStart;
        loop {
            let chunk = match self.input.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                return Ok(self.finish(record));
            }
            let mut scan = Scan {
                delimiter: self.delimiter,
                max_record_bytes: self.max_record_bytes,
                line: &mut self.line,
                state: &mut self.state,
                after_cr: &mut self.after_cr,
            };
            let (used, is_whole) = scan.advance(chunk, record);
            self.input.consume(used);
            if is_whole {
                return Ok(true);
            }
        }
    }

    /// The text has ended: what is under way is the last record.
    fn finish(&mut self, record: &mut Record) -> bool {
        match self.state {
            State::RecordStart => return false,
            State::FieldStart => record.begin_field(),
            State::Quoted => record.fault = Some(Fault::UnclosedQuote),
            State::Bare | State::QuoteInQuoted => {}
        }
        record.end_field();
        self.state = State::RecordStart;
        true
    }
}

/// The state machine over one chunk of input.
struct Scan<'a> {
    delimiter: u8,
    max_record_bytes: usize,
    line: &'a mut u64,
    state: &'a mut State,
    after_cr: &'a mut bool,
}

impl Scan<'_> {
    /// Consumes bytes of `chunk` until a record is whole or the chunk is used up: (bytes used, whole).
    fn advance(&mut self, chunk: &[u8], record: &mut Record) -> (usize, bool) {
        let mut at = 0;
        while at < chunk.len() {
            match *self.state {
                State::RecordStart | State::FieldStart => at += self.begin(chunk[at], record),
                State::Bare => {
                    let stop = memchr3(self.delimiter, b'\n', b'\r', &chunk[at..]);
                    let len = stop.unwrap_or(chunk.len() - at);
                    self.keep(&chunk[at..at + len], record);
                    at += len;
                    if stop.is_some() {
                        let is_whole = self.end_field(chunk[at], record);
                        at += 1;
                        if is_whole {
                            return (at, true);
                        }
                    }
                }
                State::Quoted => {
                    let stop = memchr(b'"', &chunk[at..]);
                    let len = stop.unwrap_or(chunk.len() - at);
                    self.count_lines(&chunk[at..at + len]);
                    self.keep(&chunk[at..at + len], record);
                    at += len;
                    if stop.is_some() {
                        *self.after_cr = false;
                        *self.state = State::QuoteInQuoted;
                        at += 1;
                    }
                }
                State::QuoteInQuoted => match chunk[at] {
                    b'"' => {
                        self.keep(b"\"", record);
                        *self.state = State::Quoted;
                        at += 1;
                    }
                    byte if byte == self.delimiter || byte == b'\n' || byte == b'\r' => {
                        let is_whole = self.end_field(byte, record);
                        at += 1;
                        if is_whole {
                            return (at, true);
                        }
                    }
                    _ => {
                        record.fault.get_or_insert(Fault::TextAfterQuote);
                        *self.state = State::Bare;
                    }
                },
            }
        }
        (at, false)
    }

    /// At the start of a record or a field: takes a line end of a blank line or an opening quote. Returns bytes used.
    fn begin(&mut self, byte: u8, record: &mut Record) -> usize {
        if *self.state == State::RecordStart && matches!(byte, b'\n' | b'\r') {
            self.line_end(byte);
            record.line = *self.line;
            return 1;
        }
        record.begin_field();
        *self.after_cr = false;
        if byte == b'"' {
            record.mark_quoted();
            *self.state = State::Quoted;
            1
        } else {
            *self.state = State::Bare;
            0
        }
    }

    /// Ends the field at a delimiter or a line end; true if that ends the record.
    fn end_field(&mut self, byte: u8, record: &mut Record) -> bool {
        record.end_field();
        if byte == self.delimiter {
            *self.state = State::FieldStart;
            return false;
        }
        self.line_end(byte);
        *self.state = State::RecordStart;
        true
    }

    /// Counts a line end once, be it LF, CR or CRLF.
    fn line_end(&mut self, byte: u8) {
        if byte == b'\r' || !*self.after_cr {
            *self.line += 1;
        }
        *self.after_cr = byte == b'\r';
    }

    fn count_lines(&mut self, text: &[u8]) {
        for &byte in text {
            match byte {
                b'\n' | b'\r' => self.line_end(byte),
                _ => *self.after_cr = false,
            }
        }
    }

    fn keep(&self, bytes: &[u8], record: &mut Record) {
        if record.data.len() + bytes.len() > self.max_record_bytes {
            record.fault.get_or_insert(Fault::TooLong);
        } else {
            record.data.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    /// Reads everything through a buffer of `buffer` bytes: (line, fields, fault) of each record.
    fn read_all(text: &[u8], buffer: usize) -> Vec<(u64, Vec<String>, Option<Fault>)> {
        let mut records = Records::new(BufReader::with_capacity(buffer, text), b',', LIMIT);
        let mut record = Record::default();
        let mut all = Vec::new();
        while records.read(&mut record).unwrap() {
            let fields = (0..record.len()).map(|i| String::from_utf8(record.field(i).0.to_vec()).unwrap());
            all.push((record.line, fields.collect(), record.fault));
        }
        all
    }

    fn rows(text: &str) -> Vec<Vec<String>> {
        read_all(text.as_bytes(), 8192).into_iter().map(|(_, fields, _)| fields).collect()
    }

    #[test]
    fn quotes_hold_delimiters_newlines_and_doubled_quotes() {
        assert_eq!(rows("a,\"b,\"\"c\"\"\nd\",e\n"), [["a", "b,\"c\"\nd", "e"]]);
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
            let lines: Vec<u64> = read_all(text.as_bytes(), 3).into_iter().map(|(line, ..)| line).collect();
            assert_eq!(lines, [1, 3, 6, 7], "{newline:?}");
        }
    }

    #[test]
    fn unclosed_quote_is_a_fault_at_the_line_that_opened_it() {
        let all = read_all(b"a\n\"b\nc\nd\n", 8192);
        assert_eq!((all[1].0, all[1].2), (2, Some(Fault::UnclosedQuote)));
    }

    #[test]
    fn text_behind_a_closing_quote_is_a_fault_of_that_record_only() {
        let all = read_all(b"\"a\"b,c\nd,e\n", 8192);
        assert_eq!(all[0].2, Some(Fault::TextAfterQuote));
        assert_eq!((all[1].0, all[1].2), (2, None));
    }

    #[test]
    fn record_beyond_the_limit_is_a_fault_and_takes_no_memory() {
        let mut text = b"a\n".to_vec();
        text.extend(std::iter::repeat_n(b'x', 10 * LIMIT));
        text.extend(b"\nb\n");
        let mut records = Records::new(BufReader::new(text.as_slice()), b',', LIMIT);
        let mut record = Record::default();
        let mut faults = Vec::new();
        while records.read(&mut record).unwrap() {
            faults.push(record.fault);
            assert!(record.data.capacity() <= 2 * LIMIT);
        }
        assert_eq!(faults, [None, Some(Fault::TooLong), None]);
    }

    #[test]
    fn quoted_empty_is_told_from_absent() {
        let mut records = Records::new(BufReader::new(&b"\"\","[..]), b',', LIMIT);
        let mut record = Record::default();
        assert!(records.read(&mut record).unwrap());
        assert_eq!((record.field(0), record.field(1)), ((&b""[..], true), (&b""[..], false)));
    }

    proptest! {
        /// The oracle is the `csv` crate's writer: what it writes is read back, whatever the buffer's size.
        #[test]
        fn what_a_csv_writer_wrote_is_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n é]{0,6}", 3), 1..8),
            buffer in 1..16usize,
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = writer.into_inner().unwrap();
            let read: Vec<Vec<String>> = read_all(&text, buffer).into_iter().map(|(_, fields, _)| fields).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn no_bytes_make_it_panic_or_lose_count_of_lines(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut records = Records::new(BufReader::with_capacity(5, text.as_slice()), b',', 64);
            let mut record = Record::default();
            let mut last = 0;
            while records.read(&mut record).unwrap() {
                prop_assert!(record.line > last);
                last = record.line;
            }
        }
    }
}
