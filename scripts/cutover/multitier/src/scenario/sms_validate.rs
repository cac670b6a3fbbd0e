//! An SMS draft with a phone number must pass; one that leaks a social security number, or is too long, must not.

use lakectl::corpus::Worker;
use rand::Rng;
use wire::matrix::SmsDraft;

use super::fault::{PLANTED_EVERY, SMS_TOO_LONG};
use crate::expect;
use crate::failure::Result;
use crate::user::User;

/// By what planted social security numbers are counted: their rules differ, and begin with this.
const SSN: &str = "ssn";
/// The most characters of an SMS draft.
const MAX_CHARACTERS: usize = 160;

pub(super) async fn play(user: &mut User) -> Result {
    let worker = user.worker();
    if user.rng.random_ratio(1, PLANTED_EVERY) {
        if user.rng.random() {
            let draft = leak(&worker, &mut user.rng);
            expect::ssn_refused(&user.calls.validate_sms(&draft).await?)?;
            user.tally.planted(SSN);
        } else {
            let draft = too_long(draft(&worker, &mut user.rng));
            expect::refused(&user.calls.validate_sms(&draft).await?, SMS_TOO_LONG)?;
            user.tally.planted(SMS_TOO_LONG);
        }
        return Ok(());
    }
    let report = user.calls.validate_sms(&draft(&worker, &mut user.rng)).await?;
    expect::passed(&report)?;
    expect::no_ssn_alarm(&report)
}

/// A draft without fault, with a phone number written in one of the usual ways.
fn draft(worker: &Worker, rng: &mut impl Rng) -> SmsDraft {
    let phone = phone(&worker.phone, rng);
    let body = format!(
        "Hi {}, {} shift as {} tomorrow. Questions? Call {phone}, or reply YES.",
        first_name(worker),
        worker.shift,
        worker.role
    );
    SmsDraft { to: worker.phone.clone(), body, ..SmsDraft::default() }
}

/// `212-555-0123` in one of the ways that people write it.
fn phone(number: &str, rng: &mut impl Rng) -> String {
    let mut parts = number.split('-');
    let [area, exchange, line] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    match rng.random_range(0..6) {
        0 => format!("({area}) {exchange}-{line}"),
        1 => format!("+1 {area} {exchange} {line}"),
        2 => format!("{area}.{exchange}.{line}"),
        3 => format!("{area}{exchange}{line}"),
        4 => format!("1-{area}-{exchange}-{line}"),
        _ => number.to_owned(),
    }
}

/// A draft with a number in it that is written as a social security number.
fn leak(worker: &Worker, rng: &mut impl Rng) -> SmsDraft {
    let ssn = ssn(rng);
    let body = match rng.random_range(0..3) {
        0 => format!("Hi {}, we have your SSN {ssn} on file.", first_name(worker)),
        1 => format!("Hi {}, is {ssn} right? Call {}.", first_name(worker), worker.phone),
        _ => format!("{} for the background check, thanks.", ssn.replace('-', " ")),
    };
    SmsDraft { to: worker.phone.clone(), body, ..SmsDraft::default() }
}

/// The same, said at length.
fn too_long(mut draft: SmsDraft) -> SmsDraft {
    while draft.body.chars().count() <= MAX_CHARACTERS {
        draft.body += " Bring your badge and safety shoes.";
    }
    draft
}

/// Made up: the areas above 772 were not assigned before 2011, so that hardly anybody who works has such a number.
fn ssn(rng: &mut impl Rng) -> String {
    let (area, group, serial) =
        (rng.random_range(773..900), rng.random_range(1..100), rng.random_range(1..10_000));
    format!("{area}-{group:02}-{serial:04}")
}

fn first_name(worker: &Worker) -> &str {
    worker.name.split(' ').next().unwrap_or(&worker.name)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn drafts_fit_into_one_message_and_carry_the_phone_number() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for worker in lakectl::corpus::workers(2000, 1).unwrap() {
            let draft = draft(&worker, &mut rng);
            let last_digits = worker.phone.split('-').next_back().unwrap();
            assert!(draft.body.len() <= 160 && draft.body.contains(last_digits), "{}", draft.body);
            assert!(leak(&worker, &mut rng).body.len() <= 160);
            assert!(too_long(draft).body.chars().count() > MAX_CHARACTERS);
        }
    }

    #[test]
    fn phone_is_written_in_every_usual_way() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let written: std::collections::BTreeSet<_> =
            (0..200).map(|_| phone("212-555-0123", &mut rng)).collect();
        assert_eq!(written.len(), 6);
        for phone in written {
            let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
            assert!(digits.ends_with("2125550123"), "{phone}");
        }
    }
}
