//! Occupations, their alternate titles, and the split of these into what is recorded and what is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;
use bench_kit::beir::{self, Judgement};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// An occupation as it is embedded.
#[derive(Debug)]
pub(crate) struct Occupation {
    pub(crate) id: String,
    pub(crate) text: String,
}

/// An alternate title and the occupations that it is right for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Title {
    pub(crate) text: String,
    pub(crate) occupations: BTreeSet<String>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Titles {
    pub(crate) occupations: Vec<Occupation>,
    /// Each text once.
    titles: Vec<Title>,
}

/// Half of each occupation's titles on either side, and no title on both.
#[derive(Debug)]
pub(crate) struct Split {
    pub(crate) recorded: Vec<Title>,
    pub(crate) asked: Vec<Title>,
}

impl Titles {
    /// Reads a folder as the BEIR benchmark has them: `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let occupations = beir::documents(folder)?;
        let occupations = occupations
            .into_iter()
            .map(|line| Occupation { text: format!("{}. {}", line.title, line.text), id: line.id });
        let mut judged = BTreeMap::<String, BTreeSet<String>>::new();
        for Judgement { query, document, .. } in beir::judgements(folder)? {
            judged.entry(query).or_default().insert(document);
        }
        let mut by_text = BTreeMap::<String, BTreeSet<String>>::new();
        for line in beir::queries(folder)? {
            by_text.entry(line.text).or_default().extend(judged.remove(&line.id).unwrap_or_default());
        }
        let titles = by_text.into_iter().map(|(text, occupations)| Title { text, occupations });
        let titles: Vec<Title> = titles.filter(|title| !title.occupations.is_empty()).collect();
        ensure!(!titles.is_empty(), "there are no titles");
        Ok(Self { occupations: occupations.collect(), titles })
    }

    /// The split of `seed`: occupation by occupation, each new title goes to the side that has fewer of this one's.
    pub(crate) fn split(&self, seed: u64) -> Split {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut of_occupation = BTreeMap::<&str, Vec<usize>>::new();
        for (at, title) in self.titles.iter().enumerate() {
            for occupation in &title.occupations {
                of_occupation.entry(occupation).or_default().push(at);
            }
        }
        let mut is_recorded: Vec<Option<bool>> = vec![None; self.titles.len()];
        for titles in of_occupation.values_mut() {
            titles.shuffle(&mut rng);
            let side = |is_recorded: &[Option<bool>], which| {
                titles.iter().filter(|at| is_recorded[**at] == Some(which)).count()
            };
            let (mut recorded, mut asked) = (side(&is_recorded, true), side(&is_recorded, false));
            for at in titles.iter() {
                if is_recorded[*at].is_none() {
                    let to_record = recorded <= asked;
                    is_recorded[*at] = Some(to_record);
                    *(if to_record { &mut recorded } else { &mut asked }) += 1;
                }
            }
        }
        let pick = |which| {
            let titles = self.titles.iter().zip(&is_recorded);
            titles.filter(|(_, side)| **side == Some(which)).map(|(title, _)| title.clone()).collect()
        };
        Split { recorded: pick(true), asked: pick(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles() -> Titles {
        let title = |n: usize| Title {
            text: format!("title {n}"),
            // One title in ten is right for two.
            occupations: BTreeSet::from([
                format!("o{}", n % 7),
                format!("o{}", if n.is_multiple_of(10) { 0 } else { n % 7 }),
            ]),
        };
        Titles { occupations: Vec::new(), titles: (0..500).map(title).collect() }
    }

    #[test]
    fn every_title_is_on_one_side_and_each_occupation_has_half_on_either() {
        let (titles, Split { recorded, asked }) = (titles(), titles().split(1));
        assert_eq!(recorded.len() + asked.len(), titles.titles.len());
        assert!(recorded.iter().all(|title| !asked.contains(title)));
        for occupation in (0..7).map(|n| format!("o{n}")) {
            let count = |side: &[Title]| side.iter().filter(|t| t.occupations.contains(&occupation)).count();
            let (recorded, asked) = (count(&recorded) as f64, count(&asked) as f64);
            assert!(
                (recorded - asked).abs() <= 0.2 * (recorded + asked),
                "{occupation}: {recorded} and {asked}"
            );
        }
    }

    #[test]
    fn same_seed_splits_alike_and_another_otherwise() {
        let recorded = |seed| titles().split(seed).recorded;
        assert_eq!(recorded(1), recorded(1));
        assert_ne!(recorded(1), recorded(2));
    }
}
