//! `POST /matrix/search`: embed, one batch to vectord, the learning loop, merge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use jiff::Timestamp;
use parking_lot::Mutex;
use playbook::{AnswerKey, Candidate, Chosen, Ranking, Verdict, role_key};
use service::{ApiError, Result};
use wire::matrix::{
    EmbedHop, Explain, Hit, IndexHop, MAX_CORPORA, MAX_QUERY_TEXT_BYTES, PlaybookHop, RetrievalHop,
    SearchRequest, SearchResponse,
};
use wire::metadata::RawObject;
use wire::names::{MAX_K, check_name};
use wire::packed::pack;
use wire::playbooks::{PLAYBOOK_INDEX, Policy};
use wire::vectors::{BatchAnswer, Distance, IndexSearch};
use wire::{CallContext, ErrorCode};

use crate::corpora::no_such_corpus;
use crate::matrix::Matrix;
use crate::memory::{Memory, Recall};
use crate::playbooks::Arm;
use crate::query_vectors::QueryVector;
use crate::results::Sources;

/// The vector of the request, packed, and what it cost.
pub(crate) struct Query {
    pub(crate) packed: String,
    pub(crate) hop: Option<EmbedHop>,
    /// What the answer is made of, so far.
    pub(crate) sources: Mutex<Sources>,
}

impl Query {
    pub(crate) fn new(vector: &QueryVector, cached: bool, started: Instant) -> Self {
        let (model, dimension) = (vector.model.clone(), vector.dimension);
        let hop = EmbedHop { took_ms: ms(started), cached, model, dimension };
        Self { packed: vector.packed.clone(), hop: Some(hop), sources: Mutex::default() }
    }

    fn is_cached(&self) -> bool {
        self.hop.as_ref().is_some_and(|hop| hop.cached)
    }
}

/// What the learning loop has to say; nothing without `use_playbook`.
#[derive(Default)]
struct Lessons {
    chosen: BTreeMap<AnswerKey, Chosen>,
    fetched: Vec<Candidate<RawObject>>,
    hop: Option<PlaybookHop>,
}

/// All that a list of results is made of.
pub(crate) struct Gathered {
    found: Vec<Candidate<RawObject>>,
    retrieval: RetrievalHop,
    lessons: Lessons,
}

impl Gathered {
    /// The first `k` results.
    pub(crate) fn rank(self, k: usize) -> Ranking<RawObject> {
        playbook::rank(self.found, self.lessons.fetched, &self.lessons.chosen, k)
    }

    /// The first `k` results as they would be without playbooks.
    pub(crate) fn rank_cold(&self, k: usize) -> Ranking<RawObject> {
        playbook::rank(self.found.clone(), Vec::new(), &BTreeMap::new(), k)
    }
}

impl Matrix {
    /// Answers a search.
    ///
    /// # Errors
    /// 400 for a request that breaks a rule, 404 naming a missing corpus, 503 naming a missing peer.
    pub(crate) async fn search(
        &self,
        ctx: &CallContext,
        mut request: SearchRequest,
    ) -> Result<SearchResponse> {
        let started = Instant::now();
        check(&request).map_err(ApiError::invalid)?;
        if self.switches.no_exclude_ids {
            request.exclude_ids.clear();
        }
        let is_held_out = self.hold_out(&mut request);
        let mut query = self.query(ctx, &request).await?;
        let mut answer = match self.search_through_cache(ctx, &request, &query).await {
            // A vector of late may be of a model that is not the corpora's any more.
            Err(error) if error.code() == ErrorCode::InvalidArgument && query.is_cached() => {
                let Some(renewed) = self.renewed(ctx, &request, &query).await? else { return Err(error) };
                query = renewed;
                self.search_through_cache(ctx, &request, &query).await?
            }
            other => other?,
        };
        if let Some(explain) = answer.explain.as_mut().filter(|_| is_held_out) {
            let policy = self.config.playbook.policy;
            explain.playbook = Some(PlaybookHop { policy, held_out: true, ..PlaybookHop::default() });
        }
        Ok(SearchResponse { took_ms: ms(started), ..answer })
    }

    /// Takes the playbooks out of a search that is in the control slice.
    fn hold_out(&self, request: &mut SearchRequest) -> bool {
        let Some(text) = request.query_text.as_deref().filter(|_| request.use_playbook) else { return false };
        let is_held_out =
            Arm::of(self.config.playbook.holdout, request.role.as_deref(), text) == Arm::Control;
        let arm = if is_held_out { "control" } else { "treated" };
        metrics::counter!("matrixd_playbook_searches_total", "arm" => arm).increment(1);
        request.use_playbook = !is_held_out;
        is_held_out
    }

    /// Asks every index, whatever was answered before.
    pub(crate) async fn search_anew(
        &self,
        ctx: &CallContext,
        request: &SearchRequest,
        query: &Query,
    ) -> Result<SearchResponse> {
        let policy = self.config.playbook.policy;
        let mut gathered = self.gather(ctx, request, query, policy).await?;
        let (retrieval, hop) =
            (std::mem::take(&mut gathered.retrieval), std::mem::take(&mut gathered.lessons.hop));
        let merging = Instant::now();
        let ranking = gathered.rank(request.k);
        let playbook = hop.map(|hop| PlaybookHop { playbook_ids: movers(&ranking), ..hop });
        let embed = query.hop.clone();
        let explain = Explain { embed, retrieval, playbook, merge_ms: ms(merging), ..Explain::default() };
        Ok(respond(ranking, explain))
    }

    /// Asks vectord for the results and, with `use_playbook`, for what the memory knows of the query.
    ///
    /// # Errors
    /// 400 for corpora that do not go together, 404 naming a missing corpus, 503 naming a missing peer.
    pub(crate) async fn gather(
        &self,
        ctx: &CallContext,
        request: &SearchRequest,
        query: &Query,
        policy: Policy,
    ) -> Result<Gathered> {
        let asked = Instant::now();
        let mut answers = self.ask(ctx, query, self.searches(request, query, policy)).await?;
        let mut learnt = answers.split_off(request.corpora.len()).into_iter();
        let memory = learnt.next();
        let mut retrieval = RetrievalHop { took_ms: ms(asked), ..RetrievalHop::default() };
        retrieval.memory = memory.as_ref().and_then(|memory| index_hop(PLAYBOOK_INDEX, memory));
        let hops = request.corpora.iter().zip(&answers);
        retrieval.indexes = hops.filter_map(|(corpus, answer)| index_hop(corpus, answer)).collect();
        let distance = |answer: &BatchAnswer| answer.searched.as_ref().map(|searched| searched.distance);
        let distances: Vec<Option<Distance>> = answers.iter().map(distance).collect();
        let mut found = Vec::new();
        for (corpus, answer) in request.corpora.iter().zip(answers) {
            found.extend(candidates(corpus, answer)?);
        }
        check_distances(request, &distances)?;
        let lessons = match memory {
            Some(answer) => {
                let recall = Memory::recall(answer, Timestamp::now());
                self.lessons(request, recall, &found, learnt, policy)?
            }
            None => Lessons::default(),
        };
        Ok(Gathered { found, retrieval, lessons })
    }

    async fn query(&self, ctx: &CallContext, request: &SearchRequest) -> Result<Query> {
        if let Some(vector) = &request.query_vector {
            return Ok(Query { packed: pack(vector), hop: None, sources: Mutex::default() });
        }
        let started = Instant::now();
        let text = request.query_text.as_deref().unwrap_or_default();
        let (vector, cached) = self.vectors.get(ctx, text).await?;
        Ok(Query::new(&vector, cached, started))
    }

    /// The query as embedd sees it now, if that is not how it saw it before.
    async fn renewed(
        &self,
        ctx: &CallContext,
        request: &SearchRequest,
        query: &Query,
    ) -> Result<Option<Query>> {
        let started = Instant::now();
        let text = request.query_text.as_deref().unwrap_or_default();
        let vector = self.vectors.renew(ctx, text).await?;
        Ok((vector.packed != query.packed).then(|| Query::new(&vector, false, started)))
    }

    /// Searches indexes for the query, and notes which state of them answered.
    pub(crate) async fn ask(
        &self,
        ctx: &CallContext,
        query: &Query,
        searches: Vec<IndexSearch>,
    ) -> Result<Vec<BatchAnswer>> {
        metrics::counter!("matrixd_index_searches_total").increment(searches.len() as u64);
        let indexes: Vec<String> = searches.iter().map(|search| search.index.clone()).collect();
        let asked = Instant::now();
        let answers = self.vectord.search_all(ctx, searches).await?;
        let mut sources = query.sources.lock();
        for (index, answer) in indexes.into_iter().zip(&answers) {
            sources.note(index, answer, asked);
        }
        drop(sources);
        Ok(answers)
    }

    /// One search a corpus; with playbooks also that of the memory, and for each corpus the answers that the memory names:
    /// their true distances, as far as they are live, pass the filter and are not excluded.
    fn searches(&self, request: &SearchRequest, query: &Query, policy: Policy) -> Vec<IndexSearch> {
        let mut searches: Vec<IndexSearch> =
            request.corpora.iter().map(|corpus| search_in(corpus, request, query, request.k)).collect();
        if request.use_playbook {
            let role_key = role_key(request.role.as_deref());
            let gate = (!self.switches.no_role_gate).then_some(role_key.as_str());
            let (config, memory) = (&self.config.playbook, searches.len());
            searches.push(Memory::search(query.packed.clone(), gate, &request.corpora, config, policy));
            searches.extend(request.corpora.iter().map(|corpus| IndexSearch {
                ids_from: Some(Memory::answers(memory, corpus)),
                exact: true,
                ..search_in(corpus, request, query, config.neighbours)
            }));
        }
        searches
    }

    /// Chooses the recordings that count, and of the `answers` that the memory names, one of each corpus, those that they
    /// speak for and that were not found anyway.
    fn lessons(
        &self,
        request: &SearchRequest,
        recall: Recall,
        found: &[Candidate<RawObject>],
        answers: impl Iterator<Item = BatchAnswer>,
        policy: Policy,
    ) -> Result<Lessons> {
        let role_key = role_key(request.role.as_deref());
        let Recall { mut entries, collapsed, exists, unavailable } = recall;
        if self.switches.no_role_gate {
            entries.iter_mut().for_each(|entry| entry.role_key.clone_from(&role_key));
        }
        if self.switches.no_boost {
            entries.clear();
        }
        let (evidence, neighbours) = (self.config.playbook.evidence.policy(), entries.len() + collapsed);
        let max_distance = self.config.playbook.max_distance(policy);
        let Verdict { chosen, quarantined } = match policy {
            Policy::Direct => {
                let chosen = playbook::choose(entries, &role_key, max_distance);
                Verdict { chosen, ..Verdict::default() }
            }
            Policy::Evidence => evidence.weigh(&entries, &role_key),
        };
        let (mut named, mut took_ms) = (Vec::new(), 0.0);
        for (corpus, answer) in request.corpora.iter().zip(answers) {
            took_ms += answer.searched.as_ref().map_or(0.0, |searched| searched.took_ms);
            named.extend(candidates(corpus, answer)?);
        }
        let fetched = missing(named, &chosen, found);
        let hop = PlaybookHop {
            took_ms,
            policy,
            held_out: false,
            memory_exists: exists,
            unavailable,
            neighbours,
            entries: chosen.len(),
            max_distance,
            fetched: fetched.len(),
            playbook_ids: Vec::new(),
            quarantined: quarantined.into_iter().collect(),
        };
        let chosen = match policy {
            Policy::Direct => chosen,
            Policy::Evidence => evidence.hold_back(chosen, found, &fetched, request.k),
        };
        Ok(Lessons { chosen, fetched, hop: Some(hop) })
    }
}

fn check(request: &SearchRequest) -> std::result::Result<(), String> {
    match (&request.query_text, &request.query_vector) {
        (Some(text), None) => check_text("query_text", text)?,
        (None, Some(vector)) if vector.is_empty() => return Err("query_vector is empty".to_owned()),
        (None, Some(vector)) => {
            if let Some(at) = vector.iter().position(|x| !x.is_finite()) {
                return Err(format!("query_vector[{at}] is not finite"));
            }
        }
        (Some(_), Some(_)) => return Err("give query_text or query_vector, not both".to_owned()),
        (None, None) => return Err("give query_text or query_vector".to_owned()),
    }
    if !(1..=MAX_CORPORA).contains(&request.corpora.len()) {
        return Err(format!("corpora names 1 to {MAX_CORPORA} corpora, this one {}", request.corpora.len()));
    }
    let mut seen = BTreeSet::new();
    for corpus in &request.corpora {
        check_name(corpus)?;
        if !seen.insert(corpus) {
            return Err(format!("corpora names {corpus:?} twice"));
        }
    }
    check_k(request.k)
}

/// A text to search for: neither blank nor longer than a pathway's goal.
pub(crate) fn check_text(field: &str, text: &str) -> std::result::Result<(), String> {
    if text.trim().is_empty() {
        return Err(format!("{field} is blank"));
    }
    if text.len() > MAX_QUERY_TEXT_BYTES {
        return Err(format!("{field} has at most {MAX_QUERY_TEXT_BYTES} bytes, this one {}", text.len()));
    }
    Ok(())
}

pub(crate) fn check_k(k: usize) -> std::result::Result<(), String> {
    if (1..=MAX_K).contains(&k) { Ok(()) } else { Err(format!("k is 1 to {MAX_K}, not {k}")) }
}

/// Distances merge only if they are of one kind, and are halved only if they are not negative.
fn check_distances(request: &SearchRequest, distances: &[Option<Distance>]) -> Result<()> {
    let first = distances.first().copied().flatten();
    for (corpus, distance) in request.corpora.iter().zip(distances) {
        if request.use_playbook && *distance == Some(Distance::Dot) {
            let detail = "measures dot distances, which are negative for good results: a playbook would make them \
                          worse; search it without use_playbook";
            return Err(ApiError::invalid(format!("corpus {corpus:?} {detail}")));
        }
        if *distance != first {
            let detail = "measures another distance than the corpora before it: their results do not compare; search \
                          it by itself";
            return Err(ApiError::invalid(format!("corpus {corpus:?} {detail}")));
        }
    }
    Ok(())
}

/// What explain says of one index, if it answered.
fn index_hop(corpus: &str, answer: &BatchAnswer) -> Option<IndexHop> {
    let searched = answer.searched.as_ref()?;
    Some(IndexHop {
        corpus: corpus.to_owned(),
        version: answer.version,
        candidates: answer.results.len(),
        exact: searched.exact,
        took_ms: searched.took_ms,
    })
}

fn search_in(corpus: &str, request: &SearchRequest, query: &Query, k: usize) -> IndexSearch {
    IndexSearch {
        index: corpus.to_owned(),
        vector_b64: Some(query.packed.clone()),
        k,
        filter: request.filter.clone(),
        exclude_ids: request.exclude_ids.clone(),
        ..IndexSearch::default()
    }
}

/// The hits of one corpus, or its own error with its name.
fn candidates(corpus: &str, answer: BatchAnswer) -> Result<Vec<Candidate<RawObject>>> {
    match answer.error {
        None => {}
        Some(problem) if problem.code == ErrorCode::NotFound => return Err(no_such_corpus(corpus)),
        Some(problem) => {
            return Err(ApiError::new(problem.code, format!("corpus {corpus:?}: {}", problem.detail)));
        }
    }
    let candidate = |hit: wire::vectors::SearchHit| Candidate {
        key: AnswerKey { corpus: corpus.to_owned(), id: hit.id },
        base_distance: hit.distance,
        payload: hit.metadata,
    };
    Ok(answer.results.into_iter().map(candidate).collect())
}

/// Those of `named` that were chosen and are not among what was found.
fn missing<T>(
    mut named: Vec<Candidate<T>>,
    chosen: &BTreeMap<AnswerKey, Chosen>,
    found: &[Candidate<T>],
) -> Vec<Candidate<T>> {
    let found: BTreeSet<&AnswerKey> = found.iter().map(|candidate| &candidate.key).collect();
    named.retain(|candidate| chosen.contains_key(&candidate.key) && !found.contains(&candidate.key));
    named
}

/// The recordings that moved something in the results.
fn movers<T>(ranking: &Ranking<T>) -> Vec<String> {
    ranking.results.iter().filter_map(|ranked| ranked.playbook_id.clone()).collect()
}

fn respond(ranking: Ranking<RawObject>, explain: Explain) -> SearchResponse {
    let Ranking { results, boosted, injected } = ranking;
    metrics::counter!("matrixd_results_boosted_total").increment(boosted as u64);
    metrics::counter!("matrixd_results_injected_total").increment(injected as u64);
    let hit = |ranked: playbook::Ranked<RawObject>| Hit {
        id: ranked.candidate.key.id,
        corpus: ranked.candidate.key.corpus,
        distance: ranked.distance,
        base_distance: ranked.candidate.base_distance,
        boosted: ranked.boosted,
        injected: ranked.injected,
        metadata: ranked.candidate.payload,
    };
    let results = results.into_iter().map(hit).collect();
    SearchResponse { results, boosted, injected, took_ms: 0.0, explain: Some(explain) }
}

/// Milliseconds since `started`.
pub(crate) fn ms(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SearchRequest {
        SearchRequest {
            query_text: Some("forklift".into()),
            corpora: vec!["workers".into()],
            k: 10,
            ..SearchRequest::default()
        }
    }

    #[track_caller]
    fn assert_refused(change: impl FnOnce(&mut SearchRequest), word: &str) {
        let mut request = request();
        change(&mut request);
        let refusal = check(&request).unwrap_err();
        assert!(refusal.contains(word), "{refusal}");
    }

    #[test]
    fn request_that_breaks_a_rule_is_refused_by_name() {
        check(&request()).unwrap();
        assert_refused(|r| r.query_text = None, "query_text or query_vector");
        assert_refused(|r| r.query_vector = Some(vec![1.0]), "not both");
        assert_refused(|r| r.query_text = Some(" \n".into()), "blank");
        assert_refused(|r| r.query_text = Some("x".repeat(MAX_QUERY_TEXT_BYTES + 1)), "at most");
        assert_refused(|r| (r.query_text, r.query_vector) = (None, Some(vec![])), "empty");
        assert_refused(
            |r| (r.query_text, r.query_vector) = (None, Some(vec![1.0, f32::NAN])),
            "query_vector[1]",
        );
        assert_refused(|r| r.corpora.clear(), "1 to 32");
        assert_refused(|r| r.corpora.push("workers".into()), "twice");
        assert_refused(|r| r.corpora = vec!["../x".into()], "valid name");
        assert_refused(|r| r.k = 0, "k is 1 to");
        assert_refused(|r| r.k = MAX_K + 1, "k is 1 to");
    }

    #[test]
    fn of_the_answers_that_the_memory_names_only_the_chosen_that_were_not_found_are_added() {
        let key = |corpus: &str, id: &str| AnswerKey { corpus: corpus.into(), id: id.into() };
        let at = |corpus, id| Candidate { key: key(corpus, id), base_distance: 0.1, payload: () };
        let by = Chosen { score: 1.0, playbook_id: "p".into() };
        let chosen = [key("a", "1"), key("a", "2"), key("b", "1")].map(|key| (key, by.clone())).into();
        let named = vec![at("a", "1"), at("a", "2"), at("a", "3"), at("b", "1")];
        assert_eq!(missing(named, &chosen, &[at("a", "1")]), [at("a", "2"), at("b", "1")]);
    }
}
