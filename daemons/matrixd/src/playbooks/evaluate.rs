//! `POST /matrix/playbooks/evaluate`: every query of a judged set, cold and warm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use playbook::AnswerKey;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use service::{ApiError, Result};
use wire::CallContext;
use wire::matrix::SearchRequest;
use wire::names::{check_id, check_name};
use wire::playbooks::{
    ColdAndWarm, EvaluateRequest, Evaluation, JudgedQuery, MAX_JUDGED, MAX_RESAMPLES, Policy, Quality,
};

use crate::matrix::Matrix;
use crate::query_vectors::{BATCH, QueryVector};
use crate::search::{Query, check_k, check_text, ms};

/// Queries asked at once: the searches of others go on beside them.
const AT_ONCE: usize = 4;

impl Matrix {
    /// Asks every query of a judged set without and with playbooks, and compares.
    ///
    /// # Errors
    /// 400 for a request that breaks a rule or has nothing to judge, 404 without such a corpus, 503 naming a missing peer.
    pub(crate) async fn evaluate(&self, ctx: &CallContext, request: EvaluateRequest) -> Result<Evaluation> {
        let started = Instant::now();
        check(&request).map_err(ApiError::invalid)?;
        let policy = request.policy.unwrap_or(self.config.playbook.policy);
        let mut each = Vec::with_capacity(request.judged.len());
        for batch in request.judged.chunks(BATCH) {
            each.extend(self.judge(ctx, &request, batch, policy).await?);
        }
        let pairs: Vec<(Quality, Quality)> = each.iter().copied().flatten().collect();
        let (resamples, mut rng) = (request.resamples, ChaCha8Rng::seed_from_u64(request.seed));
        // A large set takes seconds.
        let comparing = tokio::task::spawn_blocking(move || {
            playbook::compare(&pairs, resamples, |below| rng.random_range(0..below))
        });
        let comparison = comparing.await.map_err(ApiError::internal)?;
        let comparison =
            comparison.ok_or_else(|| ApiError::invalid("no query of judged has a relevant answer"))?;
        let in_each = |pair: &Option<(Quality, Quality)>| pair.map(|(cold, warm)| ColdAndWarm { cold, warm });
        Ok(Evaluation {
            policy,
            depth: request.depth,
            queries: comparison.queries,
            skipped: each.len() - comparison.queries,
            cold: comparison.cold,
            warm: comparison.warm,
            uplift: comparison.uplift,
            uplift_95: comparison.uplift_95,
            help_rate: comparison.helped,
            harm_rate: comparison.harmed,
            took_ms: ms(started),
            each: request.each.then(|| each.iter().map(in_each).collect()),
        })
    }

    /// Cold and warm quality of each of `batch`, in order; `None` where nothing is relevant.
    async fn judge(
        &self,
        ctx: &CallContext,
        request: &EvaluateRequest,
        batch: &[JudgedQuery],
        policy: Policy,
    ) -> Result<Vec<Option<(Quality, Quality)>>> {
        let texts = batch.iter().map(|judged| judged.query_text.clone()).collect();
        let vectors = self.vectors.embed(ctx, texts).await?;
        let mut searches = Vec::with_capacity(batch.len());
        for (judged, vector) in batch.iter().zip(&vectors) {
            searches.push(self.judge_one(ctx, request, judged, vector, policy));
        }
        stream::iter(searches).buffered(AT_ONCE).try_collect().await
    }

    async fn judge_one(
        &self,
        ctx: &CallContext,
        request: &EvaluateRequest,
        judged: &JudgedQuery,
        vector: &QueryVector,
        policy: Policy,
    ) -> Result<Option<(Quality, Quality)>> {
        let search = SearchRequest {
            corpora: vec![request.corpus.clone()],
            k: request.depth,
            role: judged.role.clone(),
            use_playbook: true,
            ..SearchRequest::default()
        };
        let query = Query::new(vector, false, Instant::now());
        let gathered = self.gather(ctx, &search, &query, policy).await?;
        let key = |id: &String| AnswerKey { corpus: request.corpus.clone(), id: id.clone() };
        let relevant: BTreeMap<AnswerKey, f64> =
            judged.relevant.iter().map(|(id, grade)| (key(id), *grade)).collect();
        let quality = |ranking: playbook::Ranking<_>| {
            let ranking: Vec<AnswerKey> =
                ranking.results.into_iter().map(|ranked| ranked.candidate.key).collect();
            playbook::judge(&ranking, &relevant, request.depth)
        };
        let cold = quality(gathered.rank_cold(request.depth));
        Ok(cold.zip(quality(gathered.rank(request.depth))))
    }
}

fn check(request: &EvaluateRequest) -> std::result::Result<(), String> {
    check_name(&request.corpus)?;
    check_k(request.depth)?;
    if !(1..=MAX_JUDGED).contains(&request.judged.len()) {
        return Err(format!("judged has 1 to {MAX_JUDGED} queries, not {}", request.judged.len()));
    }
    if request.resamples > MAX_RESAMPLES {
        return Err(format!("resamples is at most {MAX_RESAMPLES}, not {}", request.resamples));
    }
    for (at, judged) in request.judged.iter().enumerate() {
        check_text(&format!("judged[{at}].query_text"), &judged.query_text)?;
        judged
            .relevant
            .keys()
            .try_for_each(|id| check_id(id))
            .map_err(|why| format!("judged[{at}]: {why}"))?;
        if judged.relevant.values().any(|grade| !grade.is_finite() || *grade < 0.0) {
            return Err(format!("judged[{at}].relevant has a grade that is negative or no number"));
        }
    }
    let texts: BTreeSet<_> = request.judged.iter().map(|judged| (&judged.query_text, &judged.role)).collect();
    if texts.len() < request.judged.len() {
        // The bootstrap takes queries to be independent.
        return Err("judged has a query twice: name all its relevant answers in one".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> EvaluateRequest {
        let judged = |text: &str| JudgedQuery {
            query_text: text.into(),
            role: None,
            relevant: BTreeMap::from([("1".to_owned(), 1.0)]),
        };
        EvaluateRequest {
            corpus: "occupations".into(),
            judged: vec![judged("welder"), judged("porter")],
            depth: 10,
            policy: None,
            resamples: 100,
            seed: 0,
            each: false,
        }
    }

    #[track_caller]
    fn assert_refused(change: impl FnOnce(&mut EvaluateRequest), word: &str) {
        let mut request = request();
        change(&mut request);
        let refusal = check(&request).unwrap_err();
        assert!(refusal.contains(word), "{refusal}");
    }

    #[test]
    fn judged_set_that_breaks_a_rule_is_refused_by_name() {
        check(&request()).unwrap();
        assert_refused(|r| r.judged.clear(), "1 to 50000");
        assert_refused(|r| r.judged[1].query_text = "welder".into(), "twice");
        assert_refused(|r| r.judged[1].query_text.clear(), "judged[1].query_text");
        assert_refused(|r| r.judged[0].relevant = BTreeMap::from([("1".into(), -1.0)]), "judged[0].relevant");
        assert_refused(|r| r.judged[0].relevant = BTreeMap::from([(String::new(), 1.0)]), "judged[0]");
        assert_refused(|r| r.depth = 0, "k is 1");
        assert_refused(|r| r.resamples = 10_001, "resamples");
        assert_refused(|r| r.corpus = "a/b".into(), "valid name");
    }
}
