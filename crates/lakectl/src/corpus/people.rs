//! What the market does not know: names, and where in a state somebody can be reached.

use std::collections::HashMap;

use rand::Rng;
use rand::seq::IndexedRandom;

use super::tables::rows;

/// Common given and family names of the United States, put together at random.
static NAMES: &str = include_str!("names.csv");
/// Postal code, ZIP prefixes and one telephone area code of each state.
static STATES: &str = include_str!("states.csv");

/// A state by its FIPS code.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) code: &'static str,
    /// The first three digits of its ZIP codes, from and to.
    zip_prefixes: (u32, u32),
    area_code: &'static str,
}

/// Names and states.
#[derive(Debug)]
pub(super) struct People {
    first_names: Vec<&'static str>,
    last_names: Vec<&'static str>,
    states: HashMap<&'static str, State>,
}

impl People {
    pub(super) fn load() -> Self {
        let names =
            |of_kind| rows(NAMES).filter(move |[kind, _]| *kind == of_kind).map(|[_, name]| name).collect();
        let states = rows(STATES).filter_map(|[fips, code, zip_first, zip_last, area_code]| {
            let zip_prefixes = (zip_first.parse().ok()?, zip_last.parse().ok()?);
            Some((fips, State { code, zip_prefixes, area_code }))
        });
        Self { first_names: names("first"), last_names: names("last"), states: states.collect() }
    }

    pub(super) fn state(&self, fips: &str) -> Option<State> {
        self.states.get(fips).copied()
    }

    /// A given and a family name.
    pub(super) fn name(&self, rng: &mut impl Rng) -> (&'static str, &'static str) {
        let pick = |names: &[&'static str], rng: &mut _| names.choose(rng).copied().unwrap_or("Sam");
        (pick(&self.first_names, rng), pick(&self.last_names, rng))
    }
}

impl State {
    /// Five digits that begin as ZIP codes of the state do, leading zeros included.
    pub(super) fn zip(&self, rng: &mut impl Rng) -> String {
        let (first, last) = self.zip_prefixes;
        format!("{:03}{:02}", rng.random_range(first..=last), rng.random_range(1..=99))
    }

    /// A number of the block 555-0100 to 555-0199, which belongs to nobody (ATIS-0300115).
    pub(super) fn phone(&self, rng: &mut impl Rng) -> String {
        format!("{}-555-01{:02}", self.area_code, rng.random_range(0..=99))
    }
}
