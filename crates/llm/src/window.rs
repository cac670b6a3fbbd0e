//! Tokens of the last 24 hours, in slots, so that memory is bounded. Time is an argument: seconds since the epoch, as what
//! is kept has to mean the same after a restart.

use std::collections::VecDeque;

/// The length of a slot, seconds.
pub(crate) const SLOT_S: u64 = 300;
/// How long tokens count, seconds.
pub(crate) const DAY_S: u64 = 24 * 3600;

/// A sliding sum. It counts the tokens of a slot until the last of them can be a day old: never less than the true sum over
/// 24 hours, and never more than that over 24 hours and one slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    /// Slots with tokens, oldest first.
    slots: VecDeque<Slot>,
    sum: u64,
}

/// The tokens of one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Since the epoch, in slots.
    pub(crate) number: u64,
    pub(crate) tokens: u64,
}

impl Slot {
    /// The first second at which it does not count any more.
    fn end_s(self) -> u64 {
        self.number.saturating_add(1).saturating_mul(SLOT_S).saturating_add(DAY_S)
    }
}

impl Window {
    /// Counts `tokens`, and says what their slot holds now. A clock that was set back adds to the newest slot.
    pub(crate) fn add(&mut self, now_s: u64, tokens: u64) -> Slot {
        self.expire(now_s);
        let number = now_s / SLOT_S;
        self.sum = self.sum.saturating_add(tokens);
        match self.slots.back_mut() {
            Some(last) if last.number >= number => {
                last.tokens = last.tokens.saturating_add(tokens);
                *last
            }
            _ => {
                let slot = Slot { number, tokens };
                self.slots.push_back(slot);
                slot
            }
        }
    }

    /// The tokens that count at `now_s`.
    pub(crate) fn sum(&mut self, now_s: u64) -> u64 {
        self.expire(now_s);
        self.sum
    }

    /// The first second from `now_s` on at which at most `limit` tokens count, if nothing is added.
    pub(crate) fn at_most(&mut self, limit: u64, now_s: u64) -> u64 {
        self.expire(now_s);
        let mut sum = self.sum;
        let mut at = now_s;
        for slot in &self.slots {
            if sum <= limit {
                break;
            }
            sum -= slot.tokens;
            at = slot.end_s();
        }
        at
    }

    fn expire(&mut self, now_s: u64) {
        while let Some(slot) = self.slots.front().filter(|slot| slot.end_s() <= now_s) {
            self.sum = self.sum.saturating_sub(slot.tokens);
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What happened when: the true sum over the `span_s` seconds before and at `now_s`.
    fn true_sum(events: &[(u64, u64)], now_s: u64, span_s: u64) -> u64 {
        events.iter().filter(|(at, _)| at + span_s > now_s).map(|(_, tokens)| tokens).sum()
    }

    proptest! {
        #[test]
        fn sum_is_that_of_the_last_day_and_at_most_a_slot_more(
            steps in prop::collection::vec((0_u64..9000, 0_u64..500), 1..200), limit in 0_u64..20_000,
        ) {
            let (mut window, mut events, mut now) = (Window::default(), Vec::new(), 1_700_000_000);
            for (pause, tokens) in steps {
                now += pause;
                window.add(now, tokens);
                events.push((now, tokens));
                let sum = window.sum(now);
                prop_assert!(sum >= true_sum(&events, now, DAY_S));
                prop_assert!(sum <= true_sum(&events, now, DAY_S + SLOT_S));
                prop_assert!(window.slots.len() as u64 <= DAY_S / SLOT_S + 1);
                let free = window.at_most(limit, now);
                prop_assert!(window.clone().sum(free) <= limit);
                prop_assert!(free == now || window.clone().sum(free - 1) > limit);
            }
        }
    }

    #[test]
    fn clock_that_is_set_back_loses_nothing_and_keeps_the_order() {
        let mut window = Window::default();
        window.add(10 * DAY_S, 5);
        assert_eq!(window.add(9 * DAY_S, 7).tokens, 12);
        assert_eq!(window.sum(9 * DAY_S), 12);
        assert_eq!(window.sum(11 * DAY_S + SLOT_S), 0);
    }
}
