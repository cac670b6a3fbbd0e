//! Search by words: SQLite's FTS5 with BM25 ranking (<https://www.sqlite.org/fts5.html>).

use rusqlite::{Connection, ToSql};
use wire::pathways::{Found, Hit, Search};

use super::read::{COLUMNS, StoredPathway, page};
use super::{Error, fold};

pub(super) fn search(db: &Connection, search: &Search, limit: usize) -> Result<Found, Error> {
    let expression = expression(&search.query);
    let role = search.role.as_deref().map(fold);
    let mut filter = String::new();
    let mut params: Vec<(&str, &dyn ToSql)> = vec![(":expression", &expression), (":limit", &limit)];
    if let Some(role) = &role {
        filter.push_str(" AND f.role = :role");
        params.push((":role", role));
    }
    if let Some(tag) = &search.tag {
        filter.push_str(" AND EXISTS (SELECT 1 FROM tag WHERE tag.tag = :tag AND tag.seq = f.seq)");
        params.push((":tag", tag));
    }
    // The best are chosen before their contents are read. A word of the goal counts 4, of a tag 2, of a step 1: the
    // goal says what a pathway is about, the steps only mention things. FTS5 gives better matches lower numbers.
    let sql = format!(
        "WITH best AS MATERIALIZED (
             SELECT f.seq, -bm25(words, 4.0, 2.0, 1.0) AS relevance
             FROM words JOIN pathway AS f ON f.seq = words.rowid
             WHERE words MATCH :expression{filter}
             ORDER BY relevance DESC, f.seq LIMIT :limit
         )
         SELECT {COLUMNS}, best.relevance
         FROM best JOIN pathway AS p USING (seq) JOIN revision AS r ON r.seq = p.seq AND r.version = p.version
         ORDER BY best.relevance DESC, p.seq"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params.as_slice(), |row| {
        Ok((StoredPathway::read(row)?, row.get::<_, f64>("relevance")?))
    })?;
    let (stored, _) = page(rows, limit, |(stored, _)| stored.bytes())?;
    let hit = |(stored, relevance): (StoredPathway, f64)| Ok(Hit { relevance, pathway: stored.decode()? });
    Ok(Found { results: stored.into_iter().map(hit).collect::<Result<_, Error>>()? })
}

/// Every word as a quoted FTS5 string, so that no character of it is syntax; any of them may match, and BM25 puts
/// those with more and rarer ones first.
fn expression(query: &str) -> String {
    let words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let quoted: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    if quoted.is_empty() { "\"\"".to_owned() } else { quoted.join(" OR ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_syntax_becomes_plain_words() {
        assert_eq!(
            expression("fork\"lift* NEAR(a, goal:b) - ^c\0"),
            r#""fork" OR "lift" OR "NEAR" OR "a" OR "goal" OR "b" OR "c""#
        );
        assert_eq!(expression("\"*(-"), "\"\"");
    }
}
