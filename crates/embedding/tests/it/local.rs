//! The model that runs in this process.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use embedding::models::{DEFAULT_MODEL, REGISTRY_FILE};
use embedding::{Embedder, Error, Settings, Vector};
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
    embedder.embed(None, None, texts).await.unwrap().vectors
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

#[tokio::test]
async fn vector_of_a_text_is_the_same_alone_in_any_batch_and_after_a_restart() {
    let (embedder, all) = (embedder(), texts_of_all_lengths());
    let mut mixed = all.clone();
    mixed.extend((0..60).map(|i| format!("filler number {i} {}", "and more of it ".repeat(i))));
    mixed.reverse();
    let together = embed(embedder, &mixed).await;
    let restarted = started(settings());
    for text in &all {
        let alone = embed_one(embedder, text).await;
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
    let twice = embedder.embed(None, None, &texts(["welder", "welder", "rigger"])).await.unwrap();
    assert_eq!(twice.cached, 0);
    assert!(Arc::ptr_eq(&twice.vectors[0], &twice.vectors[1]));
    let again = embedder.embed(None, None, &texts(["rigger", "cook", "welder"])).await.unwrap();
    assert_eq!(again.cached, 2);
    assert_eq!(again.vectors[0], twice.vectors[2]);
    assert_eq!(again.vectors[2], twice.vectors[0]);
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
    let refused = embedder.embed(None, None, &eleven).await.unwrap_err();
    assert!(matches!(refused, Error::Overloaded { limit: 10, .. }), "{refused}");
    assert_eq!(embed(&embedder, &eleven[..10]).await.len(), 10);
}

#[tokio::test]
async fn unknown_model_is_refused_with_the_names_of_those_there_are() {
    let refused = embedder().embed(Some("gpt-7"), None, &texts(["x"])).await.unwrap_err();
    assert_eq!(refused.to_string(), "no model is named \"gpt-7\"; known here: all-MiniLM-L6-v2");
}

#[tokio::test]
async fn model_that_is_pulled_later_is_served_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let late = Settings { models_dir: dir.path().into(), ..settings() };
    let embedder = Embedder::new(late).unwrap();
    assert!(matches!(embedder.load()[..], [(_, Error::NotInstalled { .. })]));
    let refused = embedder.embed(None, None, &texts(["x"])).await.unwrap_err().to_string();
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
        async move { embedder.embed(Some(model), kind, &text).await.unwrap().vectors.remove(0) }
    };
    let built_in = by(DEFAULT_MODEL, None, "welder").await;
    let own = by("own", None, "welder").await;
    assert_eq!(built_in, embed_one(self::embedder(), "welder").await);
    assert!(cosine(&built_in, &own) < 0.99, "the first token's state is not the mean");
    assert_eq!(by("own", Some(TextKind::Query), "welder").await, by("own", None, "query: welder").await);
    assert_eq!(by("own", Some(TextKind::Document), "welder").await, own);
    assert_eq!(by("own", None, &"x ".repeat(14)).await, by("own", None, &"x ".repeat(99)).await);
    let refused = embedder.embed(Some("gpt-7"), None, &texts(["x"])).await.unwrap_err().to_string();
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
