//! The 22 queries, with the substitution values that the specification gives for validation (TPC-H 3.0.1, clause 2.4).

/// A query and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    pub(crate) number: usize,
    pub(crate) sql: &'static str,
}

impl Query {
    /// `q1` to `q22`.
    pub(crate) fn name(self) -> String {
        format!("q{}", self.number)
    }

    /// Those of these numbers; all, if there are none.
    pub(crate) fn chosen(numbers: &[usize]) -> Vec<Self> {
        let all = (1..).zip(TEXTS).map(|(number, sql)| Self { number, sql });
        all.filter(|query| numbers.is_empty() || numbers.contains(&query.number)).collect()
    }
}

const TEXTS: [&str; 22] = [
    include_str!("../queries/q01.sql"),
    include_str!("../queries/q02.sql"),
    include_str!("../queries/q03.sql"),
    include_str!("../queries/q04.sql"),
    include_str!("../queries/q05.sql"),
    include_str!("../queries/q06.sql"),
    include_str!("../queries/q07.sql"),
    include_str!("../queries/q08.sql"),
    include_str!("../queries/q09.sql"),
    include_str!("../queries/q10.sql"),
    include_str!("../queries/q11.sql"),
    include_str!("../queries/q12.sql"),
    include_str!("../queries/q13.sql"),
    include_str!("../queries/q14.sql"),
    include_str!("../queries/q15.sql"),
    include_str!("../queries/q16.sql"),
    include_str!("../queries/q17.sql"),
    include_str!("../queries/q18.sql"),
    include_str!("../queries/q19.sql"),
    include_str!("../queries/q20.sql"),
    include_str!("../queries/q21.sql"),
    include_str!("../queries/q22.sql"),
];
