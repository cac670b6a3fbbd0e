//! Distilling a static model, of an encoder so small that it takes no time: each word has a vector, and the graph looks it up.

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use embedding::{DistillError, DistillPlan, DistillStage, Distilled, Embedder, Request, Settings};
use models::{
    DEFAULT_CHAT_MODEL, Installable, ModelKind, ModelSpec, ModelState, REGISTRY_FILE, Registry, sha256_hex,
};
use rten_onnx::onnx::{
    DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use tempfile::TempDir;

use crate::{cosine, norm, settings, texts};

/// In the order of their frequency.
const WORDS: [&str; 8] = ["?", "<", ">", "the", "forklift", "driver", "nurse", "clinic"];
const DIMENSION: usize = 4;
/// `[words, DIMENSION]`: warehouses lie in one direction, hospitals in another.
const TABLE: [[f32; DIMENSION]; 8] = [
    [0.1, 0.1, 0.2, 0.9],
    [0.3, 0.2, 0.9, 0.4],
    [0.2, 0.3, 0.7, 0.5],
    [0.5, 0.5, 0.6, 0.1],
    [0.9, 0.1, 0.0, 0.2],
    [0.8, 0.2, 0.1, 0.0],
    [0.0, 0.9, 0.2, 0.1],
    [0.1, 0.8, 0.0, 0.3],
];

/// A cache with the small encoder in it, and its description.
fn cache() -> (TempDir, ModelSpec) {
    let dir = tempfile::tempdir().unwrap();
    let vocab: Vec<_> = WORDS.iter().enumerate().map(|(id, word)| format!("{word:?}:{id}")).collect();
    let tokenizer = format!(
        r#"{{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":{{"type":"Whitespace"}},"post_processor":
           {{"type":"TemplateProcessing","single":[{{"SpecialToken":{{"id":"<","type_id":0}}}},{{"Sequence":{{"id":"A","type_id":0}}}},
           {{"SpecialToken":{{"id":">","type_id":0}}}}],"pair":[{{"Sequence":{{"id":"A","type_id":0}}}},{{"Sequence":{{"id":"B","type_id":1}}}}],
           "special_tokens":{{"<":{{"id":"<","ids":[1],"tokens":["<"]}},">":{{"id":">","ids":[2],"tokens":[">"]}}}}}},
           "decoder":null,"model":{{"type":"WordLevel","vocab":{{{}}},"unk_token":"?"}}}}"#,
        vocab.join(",")
    );
    let folder = dir.path().join("words");
    fs::create_dir(&folder).unwrap();
    let mut entry = format!(
        "[[models]]\nname = \"words\"\ndimension = {DIMENSION}\nmax_tokens = 16\npooling = \"mean\"\nlicence = \"CC0-1.0\"\n"
    );
    for (what, file, bytes) in
        [("graph", "model.onnx", encoder()), ("tokenizer", "tokenizer.json", tokenizer.into_bytes())]
    {
        entry += &format!("{what} = {{ file = {file:?}, sha256 = {:?} }}\n", sha256_hex(&bytes));
        fs::write(folder.join(file), bytes).unwrap();
    }
    // An operator's file may end without a newline.
    fs::write(dir.path().join(REGISTRY_FILE), entry.trim_end()).unwrap();
    let spec = Registry::load(dir.path()).unwrap().find("words").unwrap().clone();
    (dir, spec)
}

fn encoder() -> Vec<u8> {
    let value = |name: &str| ValueInfoProto { name: Some(name.to_owned()), r#type: None };
    let bytes = TABLE.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
    let table = TensorProto {
        name: Some("table".to_owned()),
        dims: vec![WORDS.len() as i64, DIMENSION as i64],
        data_type: Some(DataType::FLOAT),
        raw_data: Some(RefCell::new(bytes)),
        ..TensorProto::default()
    };
    let look_up = NodeProto {
        op_type: Some("Gather".to_owned()),
        input: vec!["table".to_owned(), "input_ids".to_owned()],
        output: vec!["last_hidden_state".to_owned()],
        ..NodeProto::default()
    };
    let graph = GraphProto {
        node: vec![look_up],
        initializer: vec![table],
        input: vec![value("input_ids"), value("attention_mask")],
        output: vec![value("last_hidden_state")],
        ..GraphProto::default()
    };
    let opset_import = vec![OperatorSetIdProto { version: Some(17), ..OperatorSetIdProto::default() }];
    ModelProto { ir_version: Some(8), graph: Some(graph), opset_import, ..ModelProto::default() }
        .write_buf()
        .unwrap()
}

fn plan(name: &str, dimension: usize) -> DistillPlan {
    DistillPlan { name: name.into(), dimension, threads: 1 }
}

fn distill(encoder: &ModelSpec, dir: &Path, plan: &DistillPlan) -> Result<Distilled, DistillError> {
    embedding::distill(encoder, dir, plan, |_| {})
}

fn made(distilled: Distilled) -> ModelSpec {
    match distilled {
        Distilled::Installed(model) => model,
        Distilled::AlreadyInstalled(model) => panic!("{} was there already", model.name),
    }
}

#[tokio::test]
async fn distilled_model_is_described_and_served_and_knows_what_is_near() {
    let (dir, words) = cache();
    let mut stages = Vec::new();
    let small =
        embedding::distill(&words, dir.path(), &plan("small", 3), |stage| stages.push(stage)).unwrap();
    assert_eq!(stages, [DistillStage::Tokens { done: 8, of: 8 }, DistillStage::Components]);
    let small = made(small);
    assert_eq!(Registry::load(dir.path()).unwrap().find("small"), Some(&small));
    assert_eq!((small.kind, small.dimension, small.licence.as_str()), (ModelKind::Static, 3, "CC0-1.0"));

    let embedder = Embedder::new(Settings { models_dir: dir.path().into(), ..settings() }).unwrap();
    let failures = embedder.load();
    assert!(failures.iter().all(|(name, _)| name == &settings().default_model), "{failures:?}");
    let ask = texts(["the forklift driver", "forklift", "the clinic nurse", ""]);
    let embedded = embedder.embed(Request { model: Some("small"), ..Request::texts(&ask) }).await.unwrap();
    let vectors: Vec<_> = embedded.embeddings.iter().map(|embedding| &embedding.vector).collect();
    assert!(vectors.iter().all(|vector| vector.len() == 3 && (norm(vector) - 1.0).abs() < 1e-6));
    assert!(cosine(vectors[0], vectors[1]) > cosine(vectors[0], vectors[2]) + 0.5, "{vectors:?}");
    assert_eq!(embedded.embeddings[0].read, 3);
}

#[test]
fn same_plan_makes_the_same_bytes_and_only_where_they_are_not_there() {
    let (dir, words) = cache();
    let first = made(distill(&words, dir.path(), &plan("small", 3)).unwrap());
    let registry = fs::read(dir.path().join(REGISTRY_FILE)).unwrap();
    let again = distill(&words, dir.path(), &plan("small", 3)).unwrap();
    assert_eq!(again, Distilled::AlreadyInstalled(first.clone()));

    let table = dir.path().join("small/model.safetensors");
    fs::write(&table, "torn").unwrap();
    let damaged = models::verify(&first, dir.path()).unwrap();
    assert_eq!(damaged, ModelState::Damaged { file: table });
    let repaired = distill(&words, dir.path(), &DistillPlan { threads: 2, ..plan("small", 3) }).unwrap();
    assert_eq!(made(repaired), first);
    assert_eq!(models::verify(&first, dir.path()).unwrap(), ModelState::Installed);
    assert_eq!(fs::read(dir.path().join(REGISTRY_FILE)).unwrap(), registry);
}

#[test]
fn run_that_was_killed_before_the_model_was_described_is_made_good_by_the_next() {
    let (dir, words) = cache();
    let before = fs::read(dir.path().join(REGISTRY_FILE)).unwrap();
    let first = made(distill(&words, dir.path(), &plan("small", 3)).unwrap());
    // Files there, description not; and what an earlier one has left of its own.
    fs::write(dir.path().join(REGISTRY_FILE), before).unwrap();
    fs::create_dir_all(dir.path().join(".partial-small/files")).unwrap();
    assert_eq!(made(distill(&words, dir.path(), &plan("small", 3)).unwrap()), first);
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with(".partial")), "{names:?}");
}

#[test]
fn plan_that_cannot_work_is_refused_before_anything_is_made_and_changes_nothing() {
    let (dir, words) = cache();
    made(distill(&words, dir.path(), &plan("small", 3)).unwrap());
    fs::create_dir(dir.path().join("mine")).unwrap();
    fs::write(dir.path().join("mine/notes.txt"), "keep").unwrap();
    let registry = fs::read(dir.path().join(REGISTRY_FILE)).unwrap();
    let small = Registry::load(dir.path()).unwrap().find("small").unwrap().clone();
    let cases = [
        (&words, plan("small", 2), "--name"),
        (&words, plan("words", 3), "--name"),
        (&words, plan(DEFAULT_CHAT_MODEL, 3), "--name"),
        (&words, plan("mine", 3), "notes.txt"),
        (&words, plan("../up", 3), "`name`"),
        (&words, plan("other", 0), "1 to 4"),
        (&words, plan("other", 5), "1 to 4"),
        (&small, plan("other", 2), "not an encoder"),
    ];
    for (encoder, plan, reason) in cases {
        let refused = distill(encoder, dir.path(), &plan).unwrap_err();
        assert!(matches!(&refused, DistillError::Plan(why) if why.contains(reason)), "{reason}: {refused}");
    }
    assert_eq!(fs::read(dir.path().join(REGISTRY_FILE)).unwrap(), registry);
    assert_eq!(fs::read(dir.path().join("mine/notes.txt")).unwrap(), b"keep");
    assert!(!dir.path().join("other").exists());
}

#[test]
fn encoder_that_is_not_installed_is_named_with_what_to_do() {
    let (dir, words) = cache();
    fs::remove_dir_all(dir.path().join("words")).unwrap();
    let refused = distill(&words, dir.path(), &plan("small", 3)).unwrap_err().to_string();
    assert!(refused.contains("words is not installed") && refused.contains("model.onnx"), "{refused}");
    let (dir, words) = cache();
    let small = made(distill(&words, dir.path(), &plan("small", 3)).unwrap());
    assert_eq!(small.remedy(), "run `lakectl models distill words --name small --dimension 3`");
}
