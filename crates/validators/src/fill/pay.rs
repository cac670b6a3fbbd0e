//! Whether a job pays what the law and the market ask for.

use wire::matrix::{Job, Violation};

use crate::violation::{WHOLE, error, warning};

/// Dollars an hour: the federal minimum wage since 2009 (29 U.S.C. 206(a)(1)(C)). Many states and cities set a higher one.
const FEDERAL_MINIMUM_WAGE: f64 = 7.25;

/// Hourly wages in dollars between which four fifths of those who do the job in the area are paid: percentiles 10 and 90. An
/// end that is not published stays open.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MarketRange {
    /// Percentile 10.
    pub p10: Option<f64>,
    /// Percentile 90.
    pub p90: Option<f64>,
}

pub(super) fn check(job: &Job, market: Option<MarketRange>) -> Option<Violation> {
    let rate = job.pay_rate?;
    let fail = |rule, message: &str, fix| Some(error(rule, "job.pay_rate", WHOLE, message, fix));
    if !rate.is_finite() || rate < 0.0 {
        return fail("fill_pay_rate", "the pay rate is negative or no number", "give US dollars an hour");
    }
    if rate < FEDERAL_MINIMUM_WAGE {
        let message = "the pay is below the federal minimum wage of $7.25 an hour (29 U.S.C. 206(a)(1))";
        return fail(
            "fill_below_minimum_wage",
            message,
            "pay the minimum wage that holds at the place of work, or more",
        );
    }
    let market = market?;
    let warn = |rule, message: String, fix| Some(warning(rule, "job.pay_rate", WHOLE, &message, fix));
    match (market.p10, market.p90) {
        (Some(p10), _) if rate < p10 => {
            let message =
                format!("nine in ten of this occupation in this area earn more: percentile 10 is ${p10:.2}");
            warn("fill_pay_below_market", message, "offer more, or expect the job to stay open")
        }
        (_, Some(p90)) if rate > p90 => {
            let message =
                format!("nine in ten of this occupation in this area earn less: percentile 90 is ${p90:.2}");
            warn("fill_pay_above_market", message, "check the rate, and that it is by the hour")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_rule(rate: f64, market: Option<MarketRange>, expected: Option<&str>) {
        let job = Job { pay_rate: Some(rate), ..Job::default() };
        let found = check(&job, market).map(|violation| violation.rule);
        assert_eq!(found.as_deref(), expected, "{rate}");
    }

    #[test]
    fn pay_is_a_number_of_dollars_not_below_the_federal_minimum() {
        for bad in [-0.01, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_rule(bad, None, Some("fill_pay_rate"));
        }
        for bad in [0.0, 7.24] {
            assert_rule(bad, None, Some("fill_below_minimum_wage"));
        }
        assert_rule(7.25, None, None);
        assert_eq!(check(&Job::default(), Some(MarketRange { p10: Some(15.0), p90: Some(30.0) })), None);
    }

    #[test]
    fn pay_beyond_the_market_is_named_as_far_as_the_market_is_known() {
        let known = MarketRange { p10: Some(15.0), p90: Some(30.0) };
        let market = Some(known);
        assert_rule(14.99, market, Some("fill_pay_below_market"));
        assert_rule(15.0, market, None);
        assert_rule(30.0, market, None);
        assert_rule(30.01, market, Some("fill_pay_above_market"));
        assert_rule(7.0, market, Some("fill_below_minimum_wage"));
        assert_rule(200.0, Some(MarketRange { p90: None, ..known }), None);
        assert_rule(8.0, Some(MarketRange { p10: None, ..known }), None);
    }
}
