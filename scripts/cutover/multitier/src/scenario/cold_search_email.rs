//! Search, draft an e-mail to the first worker found, have it checked. One draft in so many has a fault.

use std::time::Instant;

use rand::Rng;
use wire::matrix::EmailDraft;

use super::fault::{EmailFault, PLANTED_EVERY};
use crate::answer::{Found, Hit};
use crate::expect;
use crate::failure::{Failure, Result};
use crate::user::{K, User, search};

pub(super) async fn play(user: &mut User) -> Result {
    let query = user.query();
    let answer = user.calls.search(&search(&query)).await?;
    user.searched = Some(Instant::now());
    let found: Found<'_> = answer.read("search")?;
    expect::full_page(&found, K)?;
    user.sample(&query, &found);

    let mut draft = draft(&found.results[0])?;
    if user.rng.random_ratio(1, PLANTED_EVERY) {
        let fault = EmailFault::draw(&mut user.rng);
        fault.plant(&mut draft);
        expect::refused(&user.calls.validate_email(&draft).await?, fault.rule())?;
        user.tally.planted(fault.rule());
        return Ok(());
    }
    expect::passed(&user.calls.validate_email(&draft).await?)
}

/// An e-mail as a dispatcher writes it, from what the search returned alone.
fn draft(hit: &Hit<'_>) -> Result<EmailDraft> {
    let profile = hit.profile();
    let lacks = |key: &str| Failure::Broken {
        promise: "a result brings what an e-mail needs",
        found: format!("{} has no {key}", hit.id),
    };
    let name = profile.name.ok_or_else(|| lacks("name"))?;
    let role = profile.role.ok_or_else(|| lacks("role"))?;
    let area = profile.area.ok_or_else(|| lacks("area"))?;
    let shift = profile.shift.ok_or_else(|| lacks("shift"))?;
    let email = profile.email.ok_or_else(|| lacks("email"))?;
    let first_name = name.split(' ').next().unwrap_or(&name);
    Ok(EmailDraft {
        to: email.into_owned(),
        subject: format!("{role}: a {shift} shift in {area}"),
        body: format!(
            "Dear {first_name},\n\nwe have a {shift} shift for you as {role} in {area}, from Monday on. Shall we put \
             you down? Call 555-0100, or answer this message.\n\nYour dispatcher"
        ),
        worker_id: Some(hit.id.clone().into_owned()),
        ..EmailDraft::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(metadata: &str) -> Hit<'static> {
        let text = format!(
            r#"{{"id":"000001","corpus":"workers","distance":0.1,"base_distance":0.1,"boosted":false,"injected":false,
                 "metadata":{metadata}}}"#
        );
        serde_json::from_str(text.leak()).unwrap()
    }

    #[test]
    fn draft_goes_to_the_worker_found() {
        let draft = draft(&hit(
            r#"{"name": "Ana Ruiz", "email": "ana.ruiz.000001@example.com", "role": "Welder", "area": "Tulsa, OK",
                "shift": "night"}"#,
        ));
        let draft = draft.unwrap();
        assert_eq!(draft.to, "ana.ruiz.000001@example.com");
        assert!(draft.body.starts_with("Dear Ana,"));
    }

    #[test]
    fn result_without_an_address_fails() {
        let failure = draft(&hit(r#"{"name": "Ana Ruiz"}"#)).unwrap_err();
        assert_eq!(failure.kind(), "a result brings what an e-mail needs");
    }
}
