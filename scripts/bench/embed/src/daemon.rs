//! embedd with the model and one distilled of it, without caches, so that every text is computed.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench_kit::daemon::Daemon;
use bench_kit::http::{Client, post};
use bench_kit::progress::say;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::TempDir;
use wire::embed::{EmbedRequest, EmbedResponse, TextKind, VectorEncoding};
use wire::packed::unpack;

/// The model that is built in.
pub(crate) const LOCAL: &str = "all-MiniLM-L6-v2";
/// What is distilled of it.
pub(crate) const STATIC: &str = "all-MiniLM-L6-v2-static";
/// How long one request may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// Texts in a request whose vectors are wanted: few enough for the deadline of embedd on a slow machine.
const TEXTS_A_REQUEST: usize = 64;

/// Where programs and models are.
#[derive(Debug)]
pub(crate) struct Place {
    binaries: PathBuf,
    /// The model files as the user has them.
    pub(crate) local_model: PathBuf,
    /// A cache of models of its own: what is distilled here is not left in the user's.
    models: TempDir,
    /// How the static model was made.
    pub(crate) distillation: Distillation,
}

/// How the static model was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Distillation {
    /// `lakectl models distill`, from its start to its end.
    pub(crate) took_s: f64,
    pub(crate) dimension: u64,
    /// Its files, the tokenizer's too.
    pub(crate) bytes: u64,
}

impl Place {
    /// Finds the model and distils it.
    pub(crate) fn prepare(binaries: &Path) -> anyhow::Result<Self> {
        let models = tempfile::Builder::new().prefix("bench-embed-models-").tempdir()?;
        let lakectl = binaries.join("lakectl");
        let installed = run(&lakectl, &["models", "list"])?;
        let kept_in = installed["models_dir"].as_str().context("lakectl does not say where models are")?;
        let local_model = Path::new(kept_in).join(LOCAL);
        ensure!(local_model.is_dir(), "{LOCAL} is not installed: run `lakectl models pull {LOCAL}`");
        symlink(&local_model, models.path().join(LOCAL))?;
        say(&format!("distilling {LOCAL}"));
        let started = Instant::now();
        let models_dir = models.path().display().to_string();
        let made = run(&lakectl, &["models", "distill", "--models-dir", &models_dir])?;
        let took_s = started.elapsed().as_secs_f64();
        let made = &made["models"][0];
        ensure!(made["name"] == STATIC, "lakectl has distilled {made}");
        let number = |member: &str| made[member].as_u64().with_context(|| format!("no {member} in {made}"));
        let distillation = Distillation { took_s, dimension: number("dimension")?, bytes: number("bytes")? };
        Ok(Self { binaries: binaries.to_owned(), local_model, models, distillation })
    }
}

fn run(lakectl: &Path, arguments: &[&str]) -> anyhow::Result<Value> {
    let output = Command::new(lakectl).arg("--json").args(arguments).output();
    let output = output.with_context(|| format!("start {}", lakectl.display()))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "lakectl {}: {complaint}", arguments.join(" "));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// A running embedd.
#[derive(Debug)]
pub(crate) struct Embedd {
    pub(crate) daemon: Daemon,
    _folder: TempDir,
}

impl Embedd {
    /// Starts one whose inferences use `threads`, 0 for as many as there are cores, and waits until both models are loaded.
    pub(crate) fn start(place: &Place, threads: usize) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bench-embed-").tempdir()?;
        let settings = [
            ("LAKEHOUSE_EMBEDD__CACHE_ENTRIES", "0".to_owned()),
            ("LAKEHOUSE_EMBEDD__THREADS", threads.to_string()),
            ("LAKEHOUSE_EMBEDD__MODELS_DIR", place.models.path().display().to_string()),
        ];
        let daemon = Daemon::start(&place.binaries.join("embedd"), folder.path(), settings)?;
        let embedd = Self { daemon, _folder: folder };
        embedd.vectors(LOCAL, &["ready".to_owned()])?;
        embedd.vectors(STATIC, &["ready".to_owned()])?;
        Ok(embedd)
    }

    /// The vectors of `texts`.
    pub(crate) fn vectors(&self, model: &str, texts: &[String]) -> anyhow::Result<Vec<Vec<f32>>> {
        let mut client = Client::connect_patiently(self.daemon.address(), PATIENCE)?;
        let mut vectors = Vec::with_capacity(texts.len());
        for texts in texts.chunks(TEXTS_A_REQUEST) {
            let request = request(texts.to_vec(), Some(model), TextKind::Document)?;
            let answer: EmbedResponse = client.exchange(&request, |reply| {
                ensure!(reply.status == 200, "embedd answered {reply}");
                Ok(serde_json::from_slice(reply.body)?)
            })?;
            ensure!(answer.model == model, "{} answered for {model}", answer.model);
            for vector in &answer.vectors_b64 {
                vectors.push(unpack(vector).map_err(anyhow::Error::msg)?);
            }
        }
        ensure!(vectors.len() == texts.len(), "{} vectors for {} texts", vectors.len(), texts.len());
        Ok(vectors)
    }

    /// Seconds that one caller waits for requests of texts, one after the other.
    pub(crate) fn time(&self, model: &str, requests: &[Vec<String>]) -> anyhow::Result<f64> {
        let mut client = Client::connect_patiently(self.daemon.address(), PATIENCE)?;
        let requests = requests.iter().map(|texts| request(texts.clone(), Some(model), TextKind::Document));
        let requests = requests.collect::<anyhow::Result<Vec<_>>>()?;
        let started = Instant::now();
        requests.iter().try_for_each(|request| client.send(request))?;
        Ok(started.elapsed().as_secs_f64())
    }

    /// Texts a second that `callers` have embedded, each with requests of `texts`, one after the other, for `seconds`.
    pub(crate) fn bulk_per_s(
        &self,
        model: &str,
        callers: usize,
        texts: usize,
        seconds: f64,
    ) -> anyhow::Result<f64> {
        let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        let call = || -> anyhow::Result<()> {
            let mut client = Client::connect_patiently(self.daemon.address(), PATIENCE)?;
            while Instant::now() < until {
                let number = begun.fetch_add(1, Ordering::Relaxed);
                let texts: Vec<_> = (0..texts).map(|text| worker(number, text)).collect();
                let count = texts.len() as u64;
                client.send(&request(texts, Some(model), TextKind::Document)?)?;
                done.fetch_add(count, Ordering::Relaxed);
            }
            Ok(())
        };
        let started = Instant::now();
        thread::scope(|scope| {
            let callers: Vec<_> = (0..callers).map(|_| scope.spawn(call)).collect();
            callers
                .into_iter()
                .try_for_each(|caller| caller.join().map_err(|_| anyhow::anyhow!("a caller panicked"))?)
        })?;
        Ok(done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64())
    }
}

/// About 45 tokens, never the same twice.
pub(crate) fn worker(request: u64, text: usize) -> String {
    format!(
        "Industrial truck and tractor operator in Dallas-Fort Worth-Arlington, TX. {} years of experience, night shift, worker \
         number {request}-{text}. Skills: forklift, pallet jack, inventory, loading docks, RF scanner. Certified: OSHA 10.",
        text % 31
    )
}

/// The text of a request.
pub(crate) fn request(texts: Vec<String>, model: Option<&str>, kind: TextKind) -> anyhow::Result<Vec<u8>> {
    let model = model.map(str::to_owned);
    post("/embed", &EmbedRequest { texts, model, kind: Some(kind), encoding: VectorEncoding::Base64 })
}
