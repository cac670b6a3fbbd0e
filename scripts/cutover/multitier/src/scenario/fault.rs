//! Faults that are planted in drafts and proposals, each with the id of the rule that must refuse it.

use rand::Rng;
use rand::seq::IndexedRandom;
use wire::matrix::{EmailDraft, FillProposal};

/// One draft or proposal in so many has a fault.
pub(super) const PLANTED_EVERY: u32 = 4;
/// The rule of SMS drafts of more than 160 characters.
pub(super) const SMS_TOO_LONG: &str = "sms_too_long";

/// What can be wrong with an e-mail draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EmailFault {
    Address,
    HeaderInjection,
    Placeholder,
}

impl EmailFault {
    const ALL: [Self; 3] = [Self::Address, Self::HeaderInjection, Self::Placeholder];

    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        Self::ALL.choose(rng).copied().unwrap_or(Self::Address)
    }

    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Address => "email_address",
            Self::HeaderInjection => "email_header_injection",
            Self::Placeholder => "email_placeholder",
        }
    }

    pub(super) fn plant(self, draft: &mut EmailDraft) {
        match self {
            Self::Address => draft.to = draft.to.replace('@', " at "),
            Self::HeaderInjection => draft.subject += "\r\nBcc: everybody@example.com",
            Self::Placeholder => draft.body += "\n\nP.S.: ask for {manager_name}.",
        }
    }
}

/// What can be wrong with a proposal to fill an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FillFault {
    UnknownWorker,
    DuplicateWorker,
    WrongRole,
    Headcount,
}

impl FillFault {
    const ALL: [Self; 4] = [Self::UnknownWorker, Self::DuplicateWorker, Self::WrongRole, Self::Headcount];

    pub(super) fn draw(rng: &mut impl Rng) -> Self {
        Self::ALL.choose(rng).copied().unwrap_or(Self::Headcount)
    }

    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::UnknownWorker => "fill_unknown_worker",
            Self::DuplicateWorker => "fill_duplicate_worker",
            Self::WrongRole => "fill_role_mismatch",
            Self::Headcount => "fill_headcount",
        }
    }

    /// `proposal` names at least one worker.
    pub(super) fn plant(self, proposal: &mut FillProposal) {
        match self {
            Self::UnknownWorker => proposal.worker_ids[0] = "nobody".to_owned(),
            Self::DuplicateWorker => proposal.worker_ids.push(proposal.worker_ids[0].clone()),
            Self::WrongRole => proposal.job.role = "Astronaut".to_owned(),
            Self::Headcount => proposal.job.headcount += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn every_fault_is_drawn_and_changes_what_it_is_planted_in() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let (emails, fills): (Vec<_>, Vec<_>) =
            (0..200).map(|_| (EmailFault::draw(&mut rng), FillFault::draw(&mut rng))).unzip();
        assert!(EmailFault::ALL.iter().all(|fault| emails.contains(fault)));
        assert!(FillFault::ALL.iter().all(|fault| fills.contains(fault)));
        for fault in EmailFault::ALL {
            let good = EmailDraft { to: "ana@example.com".into(), ..EmailDraft::default() };
            let mut bad = good.clone();
            fault.plant(&mut bad);
            assert_ne!(good, bad, "{fault:?}");
        }
        for fault in FillFault::ALL {
            let good = FillProposal { worker_ids: vec!["000001".into()], ..FillProposal::default() };
            let mut bad = good.clone();
            fault.plant(&mut bad);
            assert_ne!(good, bad, "{fault:?}");
        }
    }
}
