//! The six scenarios, and how often each comes.

mod cold_search_email;
mod fault;
mod playbook_record_replay;
mod profile_swap;
mod repeat_cache;
mod sms_validate;
mod surge_fill_validate;

use rand::Rng;
use serde::Serialize;

use crate::failure::Result;
use crate::user::User;

/// One scenario of the mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// Search, draft an e-mail, check it.
    ColdSearchEmail,
    /// Search with a filter, propose a fill, check it, record the outcome.
    SurgeFillValidate,
    /// Search, then search again without the first results.
    ProfileSwap,
    /// The same query five times.
    RepeatCache,
    /// Check an SMS draft with a phone number, or one that leaks a social security number.
    SmsValidate,
    /// Search cold, record the answer, search warm, search for another role.
    PlaybookRecordReplay,
}

impl Scenario {
    /// All six, in the order of the reports.
    pub const ALL: [Self; 6] = [
        Self::ColdSearchEmail,
        Self::SurgeFillValidate,
        Self::ProfileSwap,
        Self::RepeatCache,
        Self::SmsValidate,
        Self::PlaybookRecordReplay,
    ];

    /// Of 100 scenarios, how many are of this kind.
    pub const fn weight(self) -> u32 {
        match self {
            Self::ColdSearchEmail => 35,
            Self::SurgeFillValidate | Self::ProfileSwap | Self::RepeatCache => 15,
            Self::SmsValidate | Self::PlaybookRecordReplay => 10,
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ColdSearchEmail => "cold_search_email",
            Self::SurgeFillValidate => "surge_fill_validate",
            Self::ProfileSwap => "profile_swap",
            Self::RepeatCache => "repeat_cache",
            Self::SmsValidate => "sms_validate",
            Self::PlaybookRecordReplay => "playbook_record_replay",
        }
    }

    /// Draws one by weight.
    pub(crate) fn draw(rng: &mut impl Rng) -> Self {
        let mut ticket = rng.random_range(0..Self::ALL.iter().map(|scenario| scenario.weight()).sum());
        for scenario in Self::ALL {
            match ticket.checked_sub(scenario.weight()) {
                Some(left) => ticket = left,
                None => return scenario,
            }
        }
        Self::ColdSearchEmail
    }

    /// Plays the scenario once.
    pub(crate) async fn play(self, user: &mut User) -> Result {
        match self {
            Self::ColdSearchEmail => cold_search_email::play(user).await,
            Self::SurgeFillValidate => surge_fill_validate::play(user).await,
            Self::ProfileSwap => profile_swap::play(user).await,
            Self::RepeatCache => repeat_cache::play(user).await,
            Self::SmsValidate => sms_validate::play(user).await,
            Self::PlaybookRecordReplay => playbook_record_replay::play(user).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const DRAWS: u32 = 100_000;
    /// The 99.9th percentile of the chi-squared distribution with five degrees of freedom.
    const CHI_SQUARED_LIMIT: f64 = 20.5;

    #[test]
    fn weights_add_up_to_a_hundred() {
        assert_eq!(Scenario::ALL.iter().map(|scenario| scenario.weight()).sum::<u32>(), 100);
    }

    #[test]
    fn scenarios_are_drawn_by_weight() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let drawn: Vec<_> = (0..DRAWS).map(|_| Scenario::draw(&mut rng)).collect();
        let deviation = |scenario: Scenario| {
            let observed = drawn.iter().filter(|drawn| **drawn == scenario).count() as f64;
            let expected = f64::from(DRAWS * scenario.weight() / 100);
            (observed - expected).powi(2) / expected
        };
        let chi_squared: f64 = Scenario::ALL.into_iter().map(deviation).sum();
        assert!(chi_squared < CHI_SQUARED_LIMIT, "{chi_squared}");
    }

    #[test]
    fn name_is_the_one_in_json() {
        for scenario in Scenario::ALL {
            assert_eq!(serde_json::to_value(scenario).unwrap(), scenario.name());
        }
    }
}
