//! Search, draft an e-mail to the first worker found, have it checked.

use serde_json::{Map, Value};
use wire::matrix::{EmailDraft, Hit};

use crate::expect;
use crate::failure::{Failure, Result};
use crate::user::{K, User, search};

pub(super) async fn play(user: &mut User) -> Result {
    let query = user.query();
    let response = user.calls.search(&search(&query)).await?;
    expect::full_page(&response, K)?;
    let draft = draft(&response.results[0])?;
    expect::passed(&user.calls.validate_email(&draft).await?)
}

/// An e-mail as a dispatcher writes it, from what the search returned alone.
fn draft(hit: &Hit) -> Result<EmailDraft> {
    let metadata: Map<String, Value> = hit.metadata.parse().unwrap_or_default();
    let text = |key: &str| {
        let value = metadata.get(key).and_then(Value::as_str);
        value.ok_or_else(|| Failure::Broken {
            promise: "a result brings what an e-mail needs",
            found: format!("{} has no {key}", hit.id),
        })
    };
    let (name, role, area, shift) = (text("name")?, text("role")?, text("area")?, text("shift")?);
    let first_name = name.split(' ').next().unwrap_or(name);
    Ok(EmailDraft {
        to: text("email")?.to_owned(),
        subject: format!("{role}: a {shift} shift in {area}"),
        body: format!(
            "Dear {first_name},\n\nwe have a {shift} shift for you as {role} in {area}, from Monday on. Shall we put \
             you down? Call 555-0100, or answer this message.\n\nYour dispatcher"
        ),
        worker_id: Some(hit.id.clone()),
        ..EmailDraft::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hit(metadata: &Value) -> Hit {
        let metadata = metadata.as_object().cloned().unwrap();
        Hit {
            id: "000001".into(),
            corpus: "workers".into(),
            distance: 0.1,
            base_distance: 0.1,
            boosted: false,
            injected: false,
            metadata: metadata.into(),
        }
    }

    #[test]
    fn draft_goes_to_the_worker_found() {
        let metadata = json!({"name": "Ana Ruiz", "email": "ana.ruiz.000001@example.com", "role": "Welder",
                              "area": "Tulsa, OK", "shift": "night"});
        let draft = draft(&hit(&metadata)).unwrap();
        assert_eq!(draft.to, "ana.ruiz.000001@example.com");
        assert!(draft.body.starts_with("Dear Ana,"));
    }

    #[test]
    fn result_without_an_address_fails() {
        let failure = draft(&hit(&json!({"name": "Ana Ruiz"}))).unwrap_err();
        assert_eq!(failure.kind(), "a result brings what an e-mail needs");
    }
}
