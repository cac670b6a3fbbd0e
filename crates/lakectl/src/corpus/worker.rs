//! One worker, and how a worker is drawn.

use anyhow::Context;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::market::{Area, Cell, Market, Occupation, PERCENTILES};
use super::people::{People, State};
use super::trades::Trade;

/// What of a worker is embedded, as the `text_template` of an index job.
pub const TEXT_TEMPLATE: &str = "{role} in {area}. {occupation}, {years} years. Skills: {skills}. \
     Certifications: {certifications}. Shift: {shift}.";

/// What travels along with a worker's vector, as the `metadata_columns` of an index job: all that filters, validators
/// and messages need.
pub const METADATA_COLUMNS: [&str; 10] = [
    "name",
    "role",
    "area",
    "state",
    "years",
    "shift",
    "certifications",
    "hourly_pay",
    "reliability",
    "email",
];

/// Shifts with how often they come, of 100: office work is mostly done by day.
const OFFICE_SHIFTS: [(&str, u32); 5] =
    [("day", 84), ("evening", 9), ("night", 2), ("rotating", 2), ("weekend", 3)];
const SHIFTS: [(&str, u32); 5] =
    [("day", 50), ("evening", 22), ("night", 14), ("rotating", 7), ("weekend", 7)];
/// When somebody can begin, with how often it comes, of 100.
const AVAILABILITY: [(&str, u32); 5] =
    [("immediately", 40), ("within a week", 25), ("within two weeks", 15), ("on call", 12), ("seasonal", 8)];
const OFFICE_GROUP: &str = "43-";
/// The longest that anybody has worked, years.
const MAX_YEARS: f64 = 40.0;
/// How much of somebody's experience shows in the pay; the rest is luck.
const PAY_BY_EXPERIENCE: f64 = 0.6;

/// A made-up worker. The fields, in this order, are the columns of a corpus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Worker {
    /// At least six digits, from `000001`: a text, for its leading zeros count.
    pub worker_id: String,
    /// Given and family name.
    pub name: String,
    /// What staffing companies call the occupation, such as `Forklift Operator`.
    pub role: &'static str,
    /// The title in the Standard Occupational Classification.
    pub occupation: String,
    /// The code in the same, such as `53-7051`.
    pub soc_code: String,
    /// Metro area, or rest of a state.
    pub area: String,
    /// Its code in the OEWS table, seven digits, leading zeros included.
    pub area_code: String,
    /// Postal code of the (first) state of the area.
    pub state: &'static str,
    /// Five digits that begin as ZIP codes of the state do, leading zeros included.
    pub zip: String,
    /// Years of experience.
    pub years: u8,
    /// `day`, `evening`, `night`, `rotating` or `weekend`.
    pub shift: &'static str,
    /// When the worker can begin.
    pub availability: &'static str,
    /// Separated by `, `.
    pub skills: String,
    /// Separated by `, `; `none` where there are none.
    pub certifications: String,
    /// Dollars an hour, between the 10th and the 90th percentile of the occupation in the area.
    pub hourly_pay: f64,
    /// Share of shifts kept, 0.5 to 1.
    pub reliability: f64,
    /// At example.com.
    pub email: String,
    /// In the block 555-0100 to 555-0199.
    pub phone: String,
}

impl Worker {
    /// What is embedded of the worker: [`TEXT_TEMPLATE`], filled in.
    pub fn text(&self) -> String {
        TEXT_TEMPLATE
            .replace("{role}", self.role)
            .replace("{area}", &self.area)
            .replace("{occupation}", &self.occupation)
            .replace("{years}", &self.years.to_string())
            .replace("{skills}", &self.skills)
            .replace("{certifications}", &self.certifications)
            .replace("{shift}", self.shift)
    }
}

/// The first `count` workers of `seed`.
///
/// # Errors
/// When the tables that are built into the program do not fit together; a test sees to it that they do.
pub fn workers(count: u64, seed: u64) -> anyhow::Result<impl Iterator<Item = Worker>> {
    let generator = Generator::load(seed)?;
    Ok((0..count).map(move |index| generator.worker(index)))
}

struct Generator {
    market: Market,
    people: People,
    /// By index into the market's occupations.
    trades: Vec<Trade>,
    /// By index into the market's areas.
    states: Vec<State>,
    seed: u64,
}

impl Generator {
    fn load(seed: u64) -> anyhow::Result<Self> {
        let market = Market::load().context("read the labour market")?;
        let people = People::load();
        let trades = market.occupations.iter().map(|occupation| Trade::of(&occupation.soc_code)).collect();
        let state_of =
            |area: &Area| people.state(&area.state_fips).with_context(|| format!("state of {area:?}"));
        let states = market.areas.iter().map(state_of).collect::<anyhow::Result<_>>()?;
        Ok(Self { market, people, trades, states, seed })
    }

    /// Worker `index` of the seed: each has a random stream of its own, whoever else is generated.
    fn worker(&self, index: u64) -> Worker {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index);
        let cell = self.market.cell_of(rng.random_range(0..self.market.employed()));
        let Occupation { soc_code, title } = &self.market.occupations[cell.occupation];
        let Area { code: area_code, name: area, .. } = &self.market.areas[cell.area];
        let (trade, state) = (&self.trades[cell.occupation], self.states[cell.area]);
        let worker_id = format!("{:06}", index + 1);
        let (first, last) = self.people.name(&mut rng);
        let (years, hourly_pay) = experience(cell, &mut rng);
        let shifts = if soc_code.starts_with(OFFICE_GROUP) { &OFFICE_SHIFTS } else { &SHIFTS };
        Worker {
            name: format!("{first} {last}"),
            role: trade.roles.choose(&mut rng).copied().unwrap_or_default(),
            occupation: title.clone(),
            soc_code: soc_code.clone(),
            area: area.clone(),
            area_code: area_code.clone(),
            state: state.code,
            zip: state.zip(&mut rng),
            years,
            shift: weighted(shifts, &mut rng),
            availability: weighted(&AVAILABILITY, &mut rng),
            skills: skills(trade, &mut rng).join(", "),
            certifications: certifications(trade, years, &mut rng),
            hourly_pay,
            reliability: reliability(&mut rng),
            email: format!("{first}.{last}.{worker_id}@example.com").to_lowercase(),
            phone: state.phone(&mut rng),
            worker_id,
        }
    }
}

/// Years and pay, which go up together. Pay is even over the quantiles that the table knows, so that half of the
/// workers of a cell earn less than its median; years are many for few (the cube of an even number).
fn experience(cell: &Cell, rng: &mut impl Rng) -> (u8, f64) {
    let (rank, luck): (f64, f64) = (rng.random(), rng.random());
    let seniority = PAY_BY_EXPERIENCE * rank + (1.0 - PAY_BY_EXPERIENCE) * luck;
    let years = (MAX_YEARS * seniority * seniority * seniority) as u8;
    let (lowest, highest) = (PERCENTILES[0], PERCENTILES[PERCENTILES.len() - 1]);
    (years, cell.wage_at(lowest + (highest - lowest) * rank))
}

/// Two to four skills of the trade and one or two of its group.
fn skills(trade: &Trade, rng: &mut impl Rng) -> Vec<&'static str> {
    let (own, group) = (rng.random_range(2..=4), rng.random_range(1..=2));
    let mut skills: Vec<_> = trade.own_skills.choose_multiple(rng, own).copied().collect();
    let missing = own - skills.len();
    for skill in trade.group_skills.choose_multiple(rng, group + missing) {
        if !skills.contains(skill) {
            skills.push(skill);
        }
    }
    skills
}

/// What the trade requires, and up to two more, the likelier the longer somebody has worked.
fn certifications(trade: &Trade, years: u8, rng: &mut impl Rng) -> String {
    let likelihood = 0.25 + 0.5 * (f64::from(years) / 10.0).min(1.0);
    let extra = (0..2).filter(|_| rng.random_bool(likelihood)).count();
    let mut held = trade.required.clone();
    held.extend(trade.certifications.choose_multiple(rng, extra));
    if held.is_empty() { "none".to_owned() } else { held.join(", ") }
}

/// Most keep nearly all of their shifts, few only half.
fn reliability(rng: &mut impl Rng) -> f64 {
    let missed: f64 = rng.random();
    ((1.0 - 0.5 * missed * missed * missed) * 100.0).round() / 100.0
}

fn weighted(choices: &[(&'static str, u32)], rng: &mut impl Rng) -> &'static str {
    choices.choose_weighted(rng, |(_, weight)| *weight).map_or("day", |(choice, _)| choice)
}
