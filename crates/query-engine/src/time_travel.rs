//! Time travel: `FROM ns.table FOR VERSION AS OF 123` and `FOR TIMESTAMP AS OF '2026-11-25T12:00:00Z'`, as Trino and
//! Spark write it.
//!
//! The parser knows these clauses in dialects only whose other rules are not ours. So they are taken out of the tokens
//! before, and the table's name keeps what was asked for: `ns."table@123"`. No table can be called so, and two versions
//! of a table in one statement are two tables.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};
use jiff::civil;
use jiff::tz::TimeZone;
use lake::TableMetadata;

use crate::{Error, Result};

/// Between a table's name and the version that is asked for.
const SEPARATOR: char = '@';

/// Which snapshot of a table is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// The current one.
    Current,
    /// By its id.
    Snapshot(i64),
    /// The one that was current then, Unix milliseconds.
    Time(i64),
}

impl Version {
    /// Takes a name apart that [`rewrite`] has made, or somebody who wrote `"table@123"`.
    ///
    /// # Errors
    /// [`Error::Invalid`] if what is asked for is neither an id nor a time.
    pub(crate) fn split(name: &str) -> Result<(&str, Self)> {
        let Some((table, version)) = name.split_once(SEPARATOR) else { return Ok((name, Self::Current)) };
        if let Ok(id) = version.parse() {
            return Ok((table, Self::Snapshot(id)));
        }
        let millisecond = milliseconds(version).ok_or_else(|| {
            Error::Invalid(format!(
                "{version:?} is neither the id of a snapshot nor a time such as 2026-11-25T12:00:00Z"
            ))
        })?;
        Ok((table, Self::Time(millisecond)))
    }

    /// The snapshot of a table that it stands for; none for the current one.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the table has no such snapshot, or had none then.
    pub(crate) fn snapshot_id(self, table: &str, metadata: &TableMetadata) -> Result<Option<i64>> {
        match self {
            Self::Current => Ok(None),
            Self::Snapshot(id) => match metadata.snapshot_by_id(id) {
                Some(_) => Ok(Some(id)),
                None => Err(Error::Invalid(format!("{table} has no snapshot {id}; it may have expired"))),
            },
            Self::Time(then_ms) => {
                let before = metadata.history().iter().rev().find(|entry| entry.timestamp_ms <= then_ms);
                let id =
                    before.map(|entry| entry.snapshot_id).filter(|id| metadata.snapshot_by_id(*id).is_some());
                id.map(Some)
                    .ok_or_else(|| Error::Invalid(format!("{table} had no snapshot then, or it has expired")))
            }
        }
    }
}

/// A time without a zone is one of UTC; a day is its beginning.
fn milliseconds(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let time = text.parse::<civil::DateTime>().ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The statement without its clauses of time travel.
///
/// # Errors
/// [`Error::Invalid`] for a clause that is not understood, or that does not follow a table's name.
pub(crate) fn rewrite(sql: &str) -> Result<String> {
    if !sql.to_ascii_lowercase().contains("of") {
        return Ok(sql.to_owned());
    }
    // What cannot be cut into tokens, the parser refuses better than we.
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return Ok(sql.to_owned()) };
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((token, behind)) = rest.split_first() {
        let Some(clause) = Clause::begin(rest) else {
            out.push(token.clone());
            rest = behind;
            continue;
        };
        rest = clause.behind;
        let name = table_before(&mut out)?;
        let alias = name.value.clone();
        name.value = format!("{}{SEPARATOR}{}", name.value, clause.version);
        name.quote_style = Some('"');
        name.keyword = Keyword::NoKeyword;
        if !is_alias(rest) {
            out.extend([space(), word("AS", None), space(), word(&alias, Some('"'))]);
        }
    }
    Ok(out.iter().map(ToString::to_string).collect())
}

struct Clause<'a> {
    version: String,
    behind: &'a [Token],
}

impl<'a> Clause<'a> {
    /// `[FOR] VERSION | TIMESTAMP | SYSTEM_VERSION | SYSTEM_TIME AS OF literal`, if `tokens` begin with it.
    fn begin(tokens: &'a [Token]) -> Option<Self> {
        let mut rest = Rest(tokens);
        rest.keyword(&["FOR"]);
        rest.keyword(&["VERSION", "TIMESTAMP", "SYSTEM_VERSION", "SYSTEM_TIME"])?;
        rest.keyword(&["AS"])?;
        rest.keyword(&["OF"])?;
        rest.keyword(&["TIMESTAMP"]);
        let version = match rest.next()? {
            Token::Number(number, _) => number.clone(),
            Token::SingleQuotedString(text) => text.clone(),
            _ => return None,
        };
        Some(Self { version, behind: rest.0 })
    }
}

/// Tokens, whitespace passed over.
struct Rest<'a>(&'a [Token]);

impl<'a> Rest<'a> {
    fn next(&mut self) -> Option<&'a Token> {
        loop {
            let (token, behind) = self.0.split_first()?;
            self.0 = behind;
            if !matches!(token, Token::Whitespace(_)) {
                return Some(token);
            }
        }
    }

    /// Takes one of `words`, if it comes next.
    fn keyword(&mut self, words: &[&str]) -> Option<()> {
        let before = self.0;
        match self.next() {
            Some(Token::Word(word))
                if word.quote_style.is_none()
                    && words.iter().any(|name| word.value.eq_ignore_ascii_case(name)) =>
            {
                Some(())
            }
            _ => {
                self.0 = before;
                None
            }
        }
    }
}

/// The last part of the name before a clause, as the engine reads it: in lower case if it is not quoted.
fn table_before(out: &mut [Token]) -> Result<&mut Word> {
    let last = out.iter_mut().rev().find(|token| !matches!(token, Token::Whitespace(_)));
    let Some(Token::Word(word)) = last else {
        return Err(Error::Invalid("AS OF follows the name of a table".to_owned()));
    };
    if word.quote_style.is_none() {
        word.value = word.value.to_lowercase();
    }
    Ok(word)
}

/// Whether the next token names the table anew: `AS x`, or just `x`.
fn is_alias(tokens: &[Token]) -> bool {
    match Rest(tokens).next() {
        Some(Token::Word(word)) => {
            word.quote_style.is_some() || matches!(word.keyword, Keyword::AS | Keyword::NoKeyword)
        }
        _ => false,
    }
}

fn space() -> Token {
    Token::Whitespace(datafusion::sql::sqlparser::tokenizer::Whitespace::Space)
}

fn word(value: &str, quote_style: Option<char>) -> Token {
    let keyword = Keyword::NoKeyword;
    Token::Word(Word { value: value.to_owned(), quote_style, keyword })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clause_becomes_part_of_the_name_and_the_name_stays_the_alias() {
        for (sql, expected) in [
            (
                "SELECT 1 FROM hr.People FOR VERSION AS OF 12 WHERE x = 1",
                r#"SELECT 1 FROM hr."people@12" AS "people" WHERE x = 1"#,
            ),
            ("SELECT 1 FROM t VERSION AS OF 12 AS u", r#"SELECT 1 FROM "t@12" AS u"#),
            (
                "SELECT 1 FROM t FOR TIMESTAMP AS OF TIMESTAMP '2026-01-01' u",
                r#"SELECT 1 FROM "t@2026-01-01"  u"#,
            ),
            (
                "SELECT 1 FROM \"T\" for system_time as of '2026-01-01'",
                r#"SELECT 1 FROM "T@2026-01-01"  AS "T""#,
            ),
            (
                "SELECT 1 FROM t FOR VERSION AS OF 1 JOIN t ON true",
                r#"SELECT 1 FROM "t@1"  AS "t" JOIN t ON true"#,
            ),
        ] {
            let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(squeeze(&rewrite(sql).unwrap()), squeeze(expected));
        }
    }

    #[test]
    fn what_only_looks_like_a_clause_is_left_alone() {
        for sql in [
            "SELECT 'FOR VERSION AS OF 1' AS of FROM t",
            "SELECT version AS of FROM t -- VERSION AS OF 1",
            "SELECT timestamp AS of, 1 FROM t",
            "SELECT \"version\" AS OF FROM t",
        ] {
            assert_eq!(rewrite(sql).unwrap(), sql);
        }
        assert!(rewrite("SELECT 1 FROM (SELECT 2) FOR VERSION AS OF 1").is_err());
    }

    #[test]
    fn version_is_an_id_or_a_time_of_utc() {
        assert_eq!(Version::split("t").unwrap(), ("t", Version::Current));
        assert_eq!(Version::split("t@-5").unwrap(), ("t", Version::Snapshot(-5)));
        let day = Version::Time(1_767_225_600_000);
        for text in
            ["t@2026-01-01", "t@2026-01-01 00:00:00", "t@2026-01-01T00:00:00Z", "t@2026-01-01T01:00:00+01:00"]
        {
            assert_eq!(Version::split(text).unwrap(), ("t", day), "{text}");
        }
        assert!(Version::split("t@yesterday").is_err());
    }
}
