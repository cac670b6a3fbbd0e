use ledger::idempotency::{self, Seen};
use ledger::{Error, Ledger};

fn open(folder: &std::path::Path) -> Ledger {
    Ledger::open(&folder.join("keys.db"), &[idempotency::MIGRATION]).unwrap()
}

async fn look_up(ledger: &Ledger, key: &'static str, request: &str) -> Seen {
    let print = idempotency::fingerprint(&request).unwrap();
    ledger.read(move |db| Ok::<_, Error>(idempotency::look_up(db, key, &print)?)).await.unwrap()
}

async fn remember(ledger: &Ledger, key: &'static str, request: &str, answer: &'static str, now_ms: i64) {
    let print = idempotency::fingerprint(&request).unwrap();
    ledger
        .write(move |tx| Ok::<_, Error>(idempotency::remember(tx, key, &print, answer, now_ms)?))
        .await
        .unwrap();
}

#[tokio::test]
async fn repeated_key_gives_the_first_answer_and_another_request_under_it_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    assert_eq!(look_up(&ledger, "k", "request").await, Seen::Never);
    remember(&ledger, "k", "request", "answer", 1).await;
    assert_eq!(look_up(&ledger, "k", "request").await, Seen::Same("answer".to_owned()));
    assert_eq!(look_up(&ledger, "k", "another").await, Seen::Other);
    assert_eq!(look_up(&ledger, "K", "request").await, Seen::Never);
}

#[tokio::test]
async fn old_keys_are_forgotten_and_young_ones_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    remember(&ledger, "old", "request", "answer", 10).await;
    remember(&ledger, "young", "request", "answer", 20).await;
    let forgotten = ledger.write(|tx| Ok::<_, Error>(idempotency::forget_before(tx, 20)?)).await.unwrap();
    assert_eq!(forgotten, 1);
    assert_eq!(look_up(&ledger, "old", "request").await, Seen::Never);
    assert_eq!(look_up(&ledger, "young", "request").await, Seen::Same("answer".to_owned()));
}

#[test]
fn keys_that_could_not_travel_in_a_header_are_refused() {
    assert!(idempotency::check_key("8e03978e-40d5-43dd-bc93-6894a57f9324").is_ok());
    for bad in ["", "a\nb", "é", &"x".repeat(256)] {
        assert!(idempotency::check_key(bad).is_err(), "{bad:?} must be refused");
    }
}
