//! What tokens cost.

use serde::{Deserialize, Serialize};
use wire::chat::Usage;

use crate::route::matches;

/// The number of tokens that a price is for.
const TOKENS: f64 = 1e6;

/// The price of some models of a provider: an entry of its `prices`. The first one that matches a model counts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The models that it is for, `*` standing for any text; if absent, all.
    #[serde(default)]
    pub models: Vec<String>,
    /// Of a million tokens that a model reads.
    pub input: f64,
    /// Of a million tokens that it writes.
    pub output: f64,
}

/// The prices of a provider.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tariff {
    prices: Vec<Price>,
    pub(crate) currency: String,
}

impl Tariff {
    /// Refuses what is no price.
    pub(crate) fn new(prices: &[Price], currency: &str) -> Result<Self, String> {
        let is_price = |price: f64| price.is_finite() && price >= 0.0;
        match prices.iter().find(|price| !is_price(price.input) || !is_price(price.output)) {
            Some(wrong) => Err(format!("{} and {} are no prices in `prices`", wrong.input, wrong.output)),
            None => Ok(Self { prices: prices.to_vec(), currency: currency.to_owned() }),
        }
    }

    /// What `usage` of `model` costs; `None` if it has no price.
    pub(crate) fn cost(&self, model: &str, usage: Usage) -> Option<f64> {
        let is_for = |price: &&Price| {
            price.models.is_empty() || price.models.iter().any(|pattern| matches(pattern, model))
        };
        let price = self.prices.iter().find(is_for)?;
        let (read, written) = (usage.prompt_tokens as f64, usage.completion_tokens as f64);
        Some((read * price.input + written * price.output) / TOKENS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_price_that_matches_a_model_counts_and_what_is_no_price_is_refused() {
        let price = |models: &[&str], input, output| Price {
            models: models.iter().map(|model| (*model).to_owned()).collect(),
            input,
            output,
        };
        let prices = [price(&["gpt-5-mini*"], 0.25, 2.0), price(&["gpt-5*"], 1.25, 10.0)];
        let tariff = Tariff::new(&prices, "USD").unwrap();
        let usage = Usage::new(1_000_000, 500_000);
        assert_eq!(tariff.cost("gpt-5-mini-2026", usage), Some(1.25));
        assert_eq!(tariff.cost("gpt-5", usage), Some(6.25));
        assert_eq!(tariff.cost("o9", usage), None);
        assert_eq!(Tariff::new(&[price(&[], 0.0, 1.0)], "EUR").unwrap().cost("o9", usage), Some(0.5));
        assert!(Tariff::new(&[price(&[], -1.0, 1.0)], "USD").is_err());
        assert!(Tariff::new(&[price(&[], 1.0, f64::NAN)], "USD").is_err());
    }
}
