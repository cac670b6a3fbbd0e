//! The second half: a search, a message that is checked, an outcome, and a search that is better for it.

use anyhow::{Context, ensure};
use comfy_table::Table;
use serde_json::{Map, Value, json};
use wire::matrix::{
    EmailDraft, Hit, RetrieveRequest, RetrieveResponse, SearchRequest, SearchResponse, ValidationReport,
};
use wire::playbooks::{PLAYBOOK_INDEX, RecordRequest};

use super::Demo;
use super::journal::Journal;
use super::loading::CORPUS;
use crate::commands::search;
use crate::output;

const QUERY: &str = "forklift operator for a warehouse night shift, reliable, several years";
const ROLE: &str = "Forklift Operator";
const OTHER_ROLE: &str = "CNC Operator";
const K: usize = 5;
/// The rank of the answer that is recorded: one that a better distance visibly lifts.
const RECORDED_RANK: usize = 3;
/// How exactly a warm distance is half of the cold one, over HTTP.
const TOLERANCE: f32 = 1e-4;
const SCORE: f64 = 1.0;

pub(super) async fn run(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let answer = cold(demo, journal).await?;
    retrieve(demo, journal).await?;
    validate(demo, journal, &answer).await?;
    record(demo, journal, &answer, "Record the outcome: this one was hired, and it went well").await?;
    warm(demo, journal, &answer).await?;
    other_role(demo, journal).await?;
    recover(demo, journal).await?;
    record(demo, journal, &answer, "Record again: the memory is there again").await?;
    let again = found(demo, ROLE).await?;
    ensure!(again.boosted == 1, "after the recovery, a recorded answer was not boosted");
    Ok(())
}

async fn cold(demo: &Demo, journal: &mut Journal) -> anyhow::Result<Hit> {
    let request = SearchRequest { use_playbook: false, ..question(ROLE) };
    journal.step("Search by meaning, cold", &curl(demo, "matrix/search", &json!(request)))?;
    let response = demo.session.peers.matrixd().search(&demo.call(), &request).await?;
    journal.table(&search::table(&response.results))?;
    let answer =
        response.results.into_iter().nth(RECORDED_RANK - 1).context("fewer than three workers were found")?;
    journal.done(&json!({"cold_distance": answer.distance}))?;
    Ok(answer)
}

async fn retrieve(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let request = RetrieveRequest {
        query_text: QUERY.to_owned(),
        corpus: CORPUS.to_owned(),
        condition: Some("years >= 5 AND reliability > 0.9".to_owned()),
        columns: Some(["name", "role", "area", "years", "reliability"].map(str::to_owned).to_vec()),
        k: K,
        explain: false,
    };
    journal.step(
        "SQL and meaning together: only those with five years who keep their shifts",
        &curl(demo, "matrix/retrieve", &json!(request)),
    )?;
    let response = demo.session.peers.matrixd().retrieve(&demo.call(), &request).await?;
    journal.table(&rows(&response))?;
    journal.done(&json!({"retrieved": response.rows.len(), "plan": response.plan}))
}

fn rows(response: &RetrieveResponse) -> Table {
    let header: Vec<&str> =
        ["id", "distance"].into_iter().chain(response.columns.iter().map(String::as_str)).collect();
    let rows = response.rows.iter().map(|row| {
        let values = response.columns.iter().map(|column| row.values.get(column).map(output::cell));
        let mut cells = vec![row.id.clone(), format!("{:.4}", row.distance)];
        cells.extend(values.map(Option::unwrap_or_default));
        cells
    });
    output::table(&header, rows.collect(), &[1])
}

async fn validate(demo: &Demo, journal: &mut Journal, worker: &Hit) -> anyhow::Result<()> {
    let metadata: Map<String, Value> = worker.metadata.parse()?;
    let text = |key: &str| metadata.get(key).and_then(Value::as_str).unwrap_or_default();
    let first_name = text("name").split(' ').next().unwrap_or_default();
    let draft = EmailDraft {
        to: text("email").to_owned(),
        subject: "Night shift at the Harbor Street warehouse".to_owned(),
        body: format!(
            "Dear {first_name},\n\nwe have a night shift for a forklift operator from Monday on. Shall we put you down? \
             Call us at 555-0100.\n\nYour dispatcher"
        ),
        worker_id: Some(worker.id.clone()),
        ..EmailDraft::default()
    };
    journal
        .step("Check the e-mail before it is sent", &curl(demo, "matrix/validate/email", &json!(draft)))?;
    let matrixd = demo.session.peers.matrixd();
    let verdict = matrixd.validate_email(&demo.call(), &draft).await?;
    ensure!(verdict.ok, "a draft without fault was refused: {:?}", verdict.violations);
    journal.say("    the draft may go out")?;

    let leak = format!("{} Your SSN 536-22-8141 is on file.", draft.body);
    let verdict = matrixd.validate_email(&demo.call(), &EmailDraft { body: leak, ..draft }).await?;
    ensure!(!verdict.ok, "a draft that leaks a social security number was let through");
    journal.say("    the same draft with a social security number in it may not:")?;
    journal.table(&violations(&verdict))?;
    journal.done(&json!({"email_ok": true, "leak_refused": true}))
}

fn violations(report: &ValidationReport) -> Table {
    let row = |violation: &wire::matrix::Violation| {
        vec![
            violation.rule.clone(),
            violation.field.clone(),
            violation.message.clone(),
            violation.fix.clone(),
        ]
    };
    output::table(
        &["rule", "field", "what is wrong", "fix"],
        report.violations.iter().map(row).collect(),
        &[],
    )
}

async fn record(demo: &Demo, journal: &mut Journal, answer: &Hit, title: &str) -> anyhow::Result<()> {
    let request = RecordRequest {
        query_text: QUERY.to_owned(),
        corpus: CORPUS.to_owned(),
        answer_id: answer.id.clone(),
        score: SCORE,
        role: Some(ROLE.to_owned()),
        actor: Some("demo".to_owned()),
        ..RecordRequest::default()
    };
    journal.step(title, &curl(demo, "matrix/playbooks/record", &json!(request)))?;
    let recorded = demo.session.peers.matrixd().record(&demo.call(), &request, None).await?;
    ensure!(recorded.indexed, "the record is durable, but was not indexed at once");
    journal.say(&format!("    playbook {}", recorded.playbook_id))?;
    journal.done(&json!({"playbook_id": recorded.playbook_id}))
}

async fn warm(demo: &Demo, journal: &mut Journal, answer: &Hit) -> anyhow::Result<()> {
    journal.step("The same search, warm", &curl(demo, "matrix/search", &json!(question(ROLE))))?;
    let response = found(demo, ROLE).await?;
    journal.table(&search::table(&response.results))?;
    let warm =
        response.results.iter().find(|hit| hit.id == answer.id).context("the recorded worker is gone")?;
    let expected = answer.distance * 0.5;
    journal.say(&format!(
        "    worker {}: cold {:.4}, warm {:.4}, half of cold {expected:.4}",
        answer.id, answer.distance, warm.distance
    ))?;
    ensure!((warm.distance - expected).abs() <= TOLERANCE, "warm is not half of cold");
    ensure!(response.boosted == 1 && response.injected == 0, "one boosted answer was expected");
    journal.done(&json!({"warm_distance": warm.distance, "boosted": response.boosted}))
}

async fn other_role(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let title = format!("The same words for a {OTHER_ROLE}: what was learned for another role stays out");
    journal.step(&title, &curl(demo, "matrix/search", &json!(question(OTHER_ROLE))))?;
    let SearchResponse { boosted, injected, .. } = found(demo, OTHER_ROLE).await?;
    journal.say(&format!("    boosted {boosted}, injected {injected}"))?;
    ensure!(boosted == 0 && injected == 0, "a recording for {ROLE} touched a search for {OTHER_ROLE}");
    journal.done(&json!({"other_role": {"boosted": boosted, "injected": injected}}))
}

async fn recover(demo: &Demo, journal: &mut Journal) -> anyhow::Result<()> {
    let command = format!("curl -X DELETE {}/vectors/index/{PLAYBOOK_INDEX}", demo.vectord);
    journal.step("Drop the playbook memory, as an operator would drop a damaged index", &command)?;
    demo.direct.vectord().drop_index(&demo.call(), PLAYBOOK_INDEX).await?;
    let forgotten = found(demo, ROLE).await?;
    ensure!(forgotten.boosted == 0, "a dropped memory still boosts");
    journal.say("    searches go on, without it")?;
    journal.done(&json!({"recovered": true}))
}

fn question(role: &str) -> SearchRequest {
    SearchRequest {
        query_text: Some(QUERY.to_owned()),
        corpora: vec![CORPUS.to_owned()],
        k: K,
        role: Some(role.to_owned()),
        use_playbook: true,
        ..SearchRequest::default()
    }
}

async fn found(demo: &Demo, role: &str) -> anyhow::Result<SearchResponse> {
    Ok(demo.session.peers.matrixd().search(&demo.call(), &question(role)).await?)
}

fn curl(demo: &Demo, path: &str, body: &Value) -> String {
    format!("curl {}/v1/{path} --json '{}'", demo.gateway, body.to_string().replace('\'', "'\\''"))
}
