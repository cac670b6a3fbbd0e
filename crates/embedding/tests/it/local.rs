//! The model that runs in this process.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use embedding::{DiskCacheSettings, Embedder, Error, Extent, Input, Request, Settings, Vector};
use models::{DEFAULT_MODEL, REGISTRY_FILE};
use wire::embed::TextKind;

use crate::{cosine, minilm, norm, settings, texts};

/// A process that has just started.
fn started(settings: Settings) -> Embedder {
    let embedder = Embedder::new(settings).unwrap();
    let failures = embedder.load();
    assert!(failures.is_empty(), "{failures:?}");
    embedder
}

/// The one that tests share, without a cache: loading takes longer than most of them.
fn embedder() -> &'static Embedder {
    static SHARED: OnceLock<Embedder> = OnceLock::new();
    SHARED.get_or_init(|| started(settings()))
}

async fn embed(embedder: &Embedder, texts: &[String]) -> Vec<Vector> {
    let embedded = embedder.embed(Request::texts(texts)).await.unwrap();
    embedded.embeddings.into_iter().map(|embedding| embedding.vector).collect()
}

async fn embed_one(embedder: &Embedder, text: &str) -> Vector {
    embed(embedder, &[text.to_owned()]).await.remove(0)
}

/// Texts from one word to far beyond 256 tokens, so that a batch of them needs padding.
fn texts_of_all_lengths() -> Vec<String> {
    let word = ["forklift", "night shift", "Dallas, TX", "certified", "pallet jack", "15.50 an hour", "Zoë"];
    let text = |n: usize| (0..n).map(|i| word[(i * 5 + n) % word.len()]).collect::<Vec<_>>().join(" ");
    [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 400].map(text).to_vec()
}

/// The texts in a dozen other orders, each cut after a random number of texts that holds all but fillers.
fn shuffles(texts: &[String], seed: u64) -> impl Iterator<Item = Vec<String>> {
    let (texts, mut state) = (texts.to_vec(), seed | 1);
    std::iter::repeat_with(move || {
        let mut next = || {
            // Marsaglia's xorshift (2003), 13, 7, 17.
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize
        };
        let mut shuffled = texts.clone();
        (1..shuffled.len()).rev().for_each(|i| shuffled.swap(i, next() % (i + 1)));
        let fillers = next() % 20;
        let mut kept = 0;
        shuffled.retain(|text| {
            let is_filler = text.starts_with("filler");
            kept += usize::from(is_filler);
            !is_filler || kept <= fillers
        });
        shuffled
    })
}

#[tokio::test]
async fn vector_of_a_text_is_the_same_alone_in_any_batch_and_after_a_restart() {
    let (embedder, all) = (embedder(), texts_of_all_lengths());
    let mut mixed = all.clone();
    mixed.extend((0..60).map(|i| format!("filler number {i} {}", "and more of it ".repeat(i))));
    mixed.reverse();
    let together = embed(embedder, &mixed).await;
    let restarted = started(settings());
    let seed = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    println!("seed of the shuffled batches: {seed}");
    for (text, shuffled) in all.iter().zip(shuffles(&mixed, seed)) {
        let alone = embed_one(embedder, text).await;
        let elsewhere = embed(embedder, &shuffled).await;
        let place = shuffled.iter().position(|other| other == text).unwrap();
        let order = cosine(&alone, &elsewhere[place]);
        assert!(order >= 0.99999, "order: {order} for {} bytes", text.len());
        let in_batch = &together[mixed.iter().position(|other| other == text).unwrap()];
        let later = embed_one(&restarted, text).await;
        let (batch, restart) = (cosine(&alone, in_batch), cosine(&alone, &later));
        assert!(batch >= 0.99999, "batch: {batch} for {} bytes", text.len());
        assert!(restart >= 0.99999, "restart: {restart} for {} bytes", text.len());
    }
}

#[tokio::test]
async fn vectors_have_unit_length_and_come_in_the_order_of_the_texts() {
    let (embedder, all) = (embedder(), texts_of_all_lengths());
    let vectors = embed(embedder, &all).await;
    assert_eq!(vectors.len(), all.len());
    for (text, vector) in all.iter().zip(&vectors) {
        assert_eq!(vector.len(), 384);
        assert!((norm(vector) - 1.0).abs() < 1e-6, "norm {}", norm(vector));
        assert!(cosine(vector, &embed_one(embedder, text).await) >= 0.99999);
    }
}

#[tokio::test]
async fn text_that_is_cut_off_is_reported_with_what_was_read_or_refused_where_it_must_not_be() {
    let all = texts(["work", &"work ".repeat(254), &"work ".repeat(255), &"work ".repeat(1000)]);
    let embedded = embedder().embed(Request::texts(&all)).await.unwrap();
    let read: Vec<_> =
        embedded.embeddings.iter().map(|embedding| (embedding.read, embedding.extent)).collect();
    let cut = |tokens| (256, Extent::Cut(Some(tokens)));
    assert_eq!(read, [(3, Extent::Whole), (256, Extent::Whole), cut(257), cut(1002)]);
    assert_eq!(embedded.tokens(), 3 + 3 * 256);
    let refused = embedder().embed(Request { truncate: false, ..Request::texts(&all) }).await.unwrap_err();
    assert!(matches!(refused, Error::TooLong { index: 2, read: 256 }), "{refused}");
    embedder().embed(Request { truncate: false, ..Request::texts(&all[..2]) }).await.unwrap();
}

#[tokio::test]
async fn tokens_give_the_vector_of_the_text_that_they_spell_with_and_without_those_around_it() {
    // "hello world" in the vocabulary of BERT, uncased.
    let lists = [vec![7592, 2088], vec![101, 7592, 2088, 102], vec![], vec![102, 101]];
    let request = Request { input: Input::Tokens(&lists), ..Request::texts(&[]) };
    let embedded = embedder().embed(request).await.unwrap();
    let hello = embed_one(embedder(), "Hello world").await;
    assert!(cosine(&embedded.embeddings[0].vector, &hello) >= 0.99999);
    assert!(cosine(&embedded.embeddings[1].vector, &hello) >= 0.99999);
    assert!(cosine(&embedded.embeddings[2].vector, &embed_one(embedder(), "").await) >= 0.99999);
    let read: Vec<_> = embedded.embeddings.iter().map(|embedding| embedding.read).collect();
    assert_eq!(read, [4, 4, 2, 4]);
    let long = [vec![2147; 300]];
    let long =
        embedder().embed(Request { input: Input::Tokens(&long), ..Request::texts(&[]) }).await.unwrap();
    assert_eq!((long.embeddings[0].read, long.embeddings[0].extent), (256, Extent::Cut(Some(302))));
}

#[tokio::test]
async fn token_of_another_vocabulary_is_refused_with_the_next_step() {
    let lists = [vec![7592], vec![7592, 30_522]];
    let request = Request { input: Input::Tokens(&lists), ..Request::texts(&[]) };
    let refused = embedder().embed(request).await.unwrap_err();
    assert!(matches!(refused, Error::TokenOutOfRange { id: 30_522, vocabulary: 30_522 }), "{refused}");
    assert!(refused.to_string().contains("send texts"), "{refused}");
}

#[tokio::test]
async fn shortened_vectors_have_unit_length_and_share_one_entry_of_the_cache_with_whole_ones() {
    let embedder = started(Settings { cache_entries: 10, ..settings() });
    let one = texts(["welder"]);
    let whole = embed_one(&embedder, "welder").await;
    let short = embedder.embed(Request { dimensions: Some(128), ..Request::texts(&one) }).await.unwrap();
    assert_eq!((short.cached, short.dimension()), (1, 128));
    assert!((norm(&short.embeddings[0].vector) - 1.0).abs() < 1e-6);
    assert!(cosine(&short.embeddings[0].vector, &whole[..128]) > 0.999_999);
    let refused =
        embedder.embed(Request { dimensions: Some(385), ..Request::texts(&one) }).await.unwrap_err();
    assert!(refused.to_string().contains("1 to 384"), "{refused}");
}

#[tokio::test]
async fn vectors_on_disk_survive_a_restart_and_a_damaged_file_does_not_keep_the_model_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("vectors.sqlite");
    let disk_cache = || Some(DiskCacheSettings { file: file.clone(), max_bytes: 1 << 20 });
    let ask = texts(["welder", &"work ".repeat(300)]);
    let first = {
        let embedder = started(Settings { disk_cache: disk_cache(), ..settings() });
        embedder.embed(Request::texts(&ask)).await.unwrap().embeddings
    };
    // What is kept is written after the answer: another look finds it in the end.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let count = || -> u64 {
        let connection = ledger::rusqlite::Connection::open(&file).unwrap();
        connection.query_row("SELECT count(*) FROM vectors", [], |row| row.get(0)).unwrap()
    };
    while count() < 2 {
        assert!(std::time::Instant::now() < deadline, "{} of 2 vectors are kept", count());
        tokio::task::yield_now().await;
    }
    let restarted = started(Settings { disk_cache: disk_cache(), ..settings() });
    assert_eq!(restarted.embed(Request::texts(&ask)).await.unwrap().embeddings, first);
    drop(restarted);
    std::fs::write(&file, "no database").unwrap();
    let repaired = started(Settings { disk_cache: disk_cache(), ..settings() });
    assert!(cosine(&embed(&repaired, &ask).await[0], &first[0].vector) >= 0.99999);
}

#[tokio::test]
async fn equal_texts_that_are_asked_for_at_once_are_embedded_once() {
    let embedder = embedder();
    let one = texts(["the same text for everybody"]);
    let (a, b, c) = tokio::join!(
        embedder.embed(Request::texts(&one)),
        embedder.embed(Request::texts(&one)),
        embedder.embed(Request::texts(&one))
    );
    let [a, b, c] = [a, b, c].map(|embedded| embedded.unwrap().embeddings.remove(0).vector);
    // This embedder remembers nothing: they were made together.
    assert!(std::sync::Arc::ptr_eq(&a, &b) && std::sync::Arc::ptr_eq(&b, &c));
}

#[tokio::test]
async fn search_is_answered_while_bulk_work_fills_its_queue() {
    let embedder = started(Settings { queue_texts: 256, ..settings() });
    let embedder = Arc::new(embedder);
    let bulk: Vec<_> = (0..256).map(|i| format!("text {i} {}", "and more of it ".repeat(20))).collect();
    let (working, queue) = (Arc::clone(&embedder), bulk.clone());
    let working = tokio::spawn(async move { working.embed(Request::texts(&queue)).await });
    // This test has one thread: the bulk request is in the queue when it has had a turn.
    tokio::task::yield_now().await;
    let refused = loop {
        let ask: Vec<_> = bulk.iter().map(|text| format!("{text}.")).collect();
        match tokio::time::timeout(std::time::Duration::ZERO, embedder.embed(Request::texts(&ask))).await {
            Ok(Err(refused)) => break refused,
            _ => tokio::task::yield_now().await,
        }
    };
    assert!(matches!(refused, Error::Overloaded { limit: 256, .. }), "{refused}");
    for i in 0..5 {
        embed_one(&embedder, &format!("search {i}")).await;
    }
    assert!(!working.is_finished(), "the searches did not wait for the bulk work");
    // Its caller goes away, and its texts with him: there is room at once.
    working.abort();
    drop(working.await);
    let short: Vec<_> = (0..200).map(|i| i.to_string()).collect();
    embed(&embedder, &short).await;
}

#[tokio::test]
async fn meaning_decides_what_is_near() {
    let embedder = embedder();
    let query = embed_one(embedder, "someone to drive a forklift in a warehouse").await;
    let near = embed_one(embedder, "Industrial truck and tractor operator, moves pallets").await;
    let far = embed_one(embedder, "Registered nurse in an intensive care unit").await;
    assert!(cosine(&query, &near) > cosine(&query, &far) + 0.2);
}

#[tokio::test]
async fn vector_agrees_with_the_reference_implementation() {
    // The first components of sentence-transformers' own fp32 vector for this sentence; int8 weights move them a little.
    let vector = embed_one(embedder(), "This is an example sentence").await;
    let reference = [0.0677, 0.0635, 0.0487, 0.0793, 0.0374];
    for (found, expected) in vector.iter().zip(reference) {
        assert!((found - expected).abs() < 0.01, "{:?}", &vector[..5]);
    }
}

#[tokio::test]
async fn text_is_cut_off_at_256_tokens() {
    let embedder = embedder();
    // One token a word, and [CLS] and [SEP] around them.
    let cut = embed_one(embedder, &"work ".repeat(254)).await;
    assert!(cosine(&cut, &embed_one(embedder, &"work ".repeat(5000)).await) > 0.999_999);
    assert!(cosine(&cut, &embed_one(embedder, &"work ".repeat(20)).await) < 0.999_9);
}

#[tokio::test]
async fn empty_and_strange_texts_have_vectors_too() {
    let strange =
        texts(["", "   ", "\u{0}\u{7}\n", "🦀🦀🦀", "漢字かな", "a\u{301}\u{301}\u{301}", "\u{202e}rtl"]);
    for vector in embed(embedder(), &strange).await {
        assert!((norm(&vector) - 1.0).abs() < 1e-6);
    }
}

#[tokio::test]
async fn repeated_text_comes_from_the_cache_and_costs_one_inference_in_one_request() {
    let embedder = started(Settings { cache_entries: 10, ..settings() });
    let twice = embedder.embed(Request::texts(&texts(["welder", "welder", "rigger"]))).await.unwrap();
    assert_eq!(twice.cached, 0);
    assert!(Arc::ptr_eq(&twice.embeddings[0].vector, &twice.embeddings[1].vector));
    let again = embedder.embed(Request::texts(&texts(["rigger", "cook", "welder"]))).await.unwrap();
    assert_eq!(again.cached, 2);
    assert_eq!(again.embeddings[0], twice.embeddings[2]);
    assert_eq!(again.embeddings[2], twice.embeddings[0]);
}

#[tokio::test]
async fn concurrent_requests_each_get_their_own_vectors() {
    let requests = (0..24).map(|i| {
        // Requests of 1 to 12 texts, so that both lanes of the queue are used.
        let texts: Vec<_> =
            (0..=i % 12).map(|j| format!("job {i}, part {j}{}", " x".repeat(j * 7))).collect();
        tokio::spawn(async move { (texts.clone(), embed(embedder(), &texts).await) })
    });
    let requests: Vec<_> = requests.collect();
    for request in requests {
        let (texts, vectors) = request.await.unwrap();
        assert_eq!(vectors.len(), texts.len());
        let last = embed_one(embedder(), &texts[texts.len() - 1]).await;
        assert!(cosine(&last, &vectors[texts.len() - 1]) >= 0.99999);
    }
}

#[tokio::test]
async fn more_texts_than_may_wait_are_refused_at_once() {
    let embedder = started(Settings { queue_texts: 10, ..settings() });
    let eleven: Vec<_> = (0..11).map(|i| i.to_string()).collect();
    let refused = embedder.embed(Request::texts(&eleven)).await.unwrap_err();
    assert!(matches!(refused, Error::Overloaded { limit: 10, .. }), "{refused}");
    assert_eq!(embed(&embedder, &eleven[..10]).await.len(), 10);
}

#[tokio::test]
async fn unknown_model_is_refused_with_the_names_of_those_there_are() {
    let refused = embedder()
        .embed(Request { model: Some("gpt-7"), ..Request::texts(&texts(["x"])) })
        .await
        .unwrap_err();
    let refused = refused.to_string();
    assert!(refused.starts_with("no model is named \"gpt-7\"; known here: all-MiniLM-L6-v2"), "{refused}");
}

#[tokio::test]
async fn model_that_is_pulled_later_is_served_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let late = Settings { models_dir: dir.path().into(), ..settings() };
    let embedder = Embedder::new(late).unwrap();
    assert!(matches!(embedder.load()[..], [(_, Error::NotInstalled { .. })]));
    let refused = embedder.embed(Request::texts(&texts(["x"]))).await.unwrap_err().to_string();
    assert!(refused.contains("lakectl models pull"), "{refused}");

    copy_model(&dir.path().join("all-MiniLM-L6-v2"));
    assert!(embedder.load().is_empty());
    assert_eq!(embed(&embedder, &texts(["x"])).await.len(), 1);
}

#[test]
fn altered_model_file_is_never_run() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("all-MiniLM-L6-v2");
    copy_model(&model);
    let mut bytes = std::fs::read(model.join("model.onnx")).unwrap();
    bytes[12_000_000] ^= 1;
    std::fs::write(model.join("model.onnx"), bytes).unwrap();
    let embedder = Embedder::new(Settings { models_dir: dir.path().into(), ..settings() }).unwrap();
    let refused = embedder.load();
    assert!(matches!(refused[..], [(_, Error::Unusable { .. })]), "{refused:?}");
}

fn copy_model(target: &Path) {
    let source = settings().models_dir.join("all-MiniLM-L6-v2");
    std::fs::create_dir_all(target).unwrap();
    for file in ["model.onnx", "tokenizer.json"] {
        std::fs::copy(source.join(file), target.join(file)).unwrap();
    }
}

/// Describes another model of the built-in model's own files.
fn describe(dir: &Path, name: &str, pooling: &str, dimension: usize) {
    copy_model(&dir.join(name));
    let minilm = minilm();
    let text = format!(
        "[[models]]\nname = {name:?}\ndimension = {dimension}\nmax_tokens = 16\npooling = {pooling:?}\n\
         query_prefix = \"query: \"\nlicence = \"Apache-2.0\"\n\
         graph = {{ file = \"model.onnx\", sha256 = {:?} }}\ntokenizer = {{ file = \"tokenizer.json\", sha256 = {:?} }}\n",
        minilm.graph.sha256, minilm.tokenizer.sha256
    );
    std::fs::write(dir.join(REGISTRY_FILE), text).unwrap();
}

#[tokio::test]
async fn model_of_the_operators_own_registry_runs_beside_the_built_in_one_as_described() {
    let dir = tempfile::tempdir().unwrap();
    copy_model(&dir.path().join(DEFAULT_MODEL));
    describe(dir.path(), "own", "cls", 384);
    let embedder = started(Settings { models_dir: dir.path().into(), ..settings() });
    let by = |model: &'static str, kind, text: &str| {
        let (embedder, text) = (&embedder, [text.to_owned()]);
        async move {
            let request = Request { model: Some(model), kind, ..Request::texts(&text) };
            embedder.embed(request).await.unwrap().embeddings.remove(0).vector
        }
    };
    let built_in = by(DEFAULT_MODEL, None, "welder").await;
    let own = by("own", None, "welder").await;
    assert_eq!(built_in, embed_one(self::embedder(), "welder").await);
    assert!(cosine(&built_in, &own) < 0.99, "the first token's state is not the mean");
    assert_eq!(by("own", Some(TextKind::Query), "welder").await, by("own", None, "query: welder").await);
    assert_eq!(by("own", Some(TextKind::Document), "welder").await, own);
    assert_eq!(by("own", None, &"x ".repeat(14)).await, by("own", None, &"x ".repeat(99)).await);
    let refused = embedder
        .embed(Request { model: Some("gpt-7"), ..Request::texts(&texts(["x"])) })
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(refused, "no model is named \"gpt-7\"; known here: all-MiniLM-L6-v2, own");
}

#[tokio::test]
async fn description_that_does_not_fit_its_files_is_found_when_it_is_loaded_and_harms_no_other_model() {
    let dir = tempfile::tempdir().unwrap();
    copy_model(&dir.path().join(DEFAULT_MODEL));
    describe(dir.path(), "own", "mean", 256);
    let embedder = Embedder::new(Settings { models_dir: dir.path().into(), ..settings() }).unwrap();
    let failures = embedder.load();
    assert!(matches!(&failures[..], [(name, Error::Unusable { .. })] if name == "own"), "{failures:?}");
    assert!(failures[0].1.to_string().contains("384"), "{failures:?}");
    assert_eq!(embed(&embedder, &texts(["x"])).await.len(), 1);
}

#[test]
fn registry_that_cannot_be_read_is_refused_at_start_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(REGISTRY_FILE), "[[models]]\nname = 3").unwrap();
    let refused = Embedder::new(Settings { models_dir: dir.path().into(), ..settings() }).err().unwrap();
    assert!(refused.to_string().contains(REGISTRY_FILE), "{refused}");
}
