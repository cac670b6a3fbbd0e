//! A lakehouse of two daemons that die and come back, the network between them, and the disk below.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use client::PeerUrls;
use lake::Warehouse;
use object_store::ObjectStore;
use parking_lot::Mutex;
use service::Env;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use wire::DaemonName;

use crate::faults::{Fault, Faults};
use crate::process::{Answer, Process};

/// How long a client waits who does not hang up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A daemon, whichever life it is in.
struct Host {
    name: DaemonName,
    process: RwLock<Arc<Process>>,
}

/// The folders of one run, and the daemons on them.
pub(crate) struct World {
    /// In memory where the machine has such a folder: a process that dies leaves the page cache, so nothing here depends
    /// on a sync. What does is proven on `lossy-disk`.
    dir: TempDir,
    pub(crate) faults: Arc<Faults>,
    store: Arc<dyn ObjectStore>,
    catalogd: Host,
    ingestd: Host,
    /// Where ingestd finds catalogd: at the network.
    network: String,
    /// Calls to catalogd that arrive when nobody waits for them any more.
    late: Mutex<JoinSet<()>>,
    /// Held by every call on its way.
    carrying: RwLock<()>,
    /// How often a daemon was started.
    pub(crate) starts: Mutex<u64>,
}

impl World {
    /// Both daemons on an empty disk, and nothing going wrong yet.
    pub(crate) async fn new(seed: u64) -> anyhow::Result<Arc<Self>> {
        let in_memory = Path::new("/dev/shm");
        let dir = match in_memory.is_dir() {
            true => tempfile::Builder::new().prefix("lakehouse-").tempdir_in(in_memory)?,
            false => tempfile::tempdir()?,
        };
        let store = objects::open(&warehouse_url(dir.path()))?;
        let faults = Arc::new(Faults::of_seed(seed));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let network = format!("http://{}", listener.local_addr()?);
        let start = async |name| {
            let process = start(name, dir.path(), &network, &faults, &store).await?;
            anyhow::Ok(Host { name, process: RwLock::new(Arc::new(process)) })
        };
        let (catalogd, ingestd) = (start(DaemonName::Catalogd).await?, start(DaemonName::Ingestd).await?);
        let world = Arc::new(Self {
            dir,
            faults,
            store,
            catalogd,
            ingestd,
            network,
            late: Mutex::default(),
            carrying: RwLock::default(),
            starts: Mutex::new(2),
        });
        let router = Router::new().fallback(carry).with_state(Arc::downgrade(&world));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(world)
    }

    /// The warehouse as it is on disk.
    pub(crate) fn warehouse(&self) -> Warehouse {
        Warehouse::with_store(warehouse_url(self.dir.path()), Arc::clone(&self.store))
    }

    /// A request of a client to ingestd, who may hang up.
    pub(crate) async fn ask_ingestd(&self, request: Request) -> Answer {
        let patience = self.faults.of_request().map_or(PATIENCE, |_| self.faults.delay() * 4);
        tokio::time::timeout(patience, self.ask(&self.ingestd, request)).await.ok().flatten()
    }

    /// A request of the operator to catalogd.
    pub(crate) async fn ask_catalogd(&self, method: Method, path: &str, body: &serde_json::Value) -> Answer {
        self.ask(&self.catalogd, request(method, path, body.to_string())).await
    }

    async fn ask(&self, host: &Host, request: Request) -> Answer {
        let process = Arc::clone(&*host.process.read().await);
        let answer = process.serve(request).await;
        if process.life.is_over() {
            self.revive(host).await;
        }
        answer
    }

    /// Starts a daemon again if it is dead.
    async fn revive(&self, host: &Host) {
        let mut current = host.process.write().await;
        while current.life.is_over() {
            current.bury().await;
            *self.starts.lock() += 1;
            let started = async {
                self.files_are_closed(host.name).await?;
                start(host.name, self.dir.path(), &self.network, &self.faults, &self.store).await
            };
            match started.await {
                Ok(process) => *current = Arc::new(process),
                Err(error) => panic!("{} does not start again: {error:#}", host.name),
            }
        }
    }

    /// Waits until a dead daemon has no file open any more, as the kernel would have it: the thread that writes its
    /// database is no task, and finishes what it has begun.
    async fn files_are_closed(&self, name: DaemonName) -> anyhow::Result<()> {
        let data = self.dir.path().join(name.as_str());
        let limit = Instant::now() + Duration::from_secs(10);
        while std::fs::read_dir("/proc/self/fd")?
            .flatten()
            .any(|open| std::fs::read_link(open.path()).is_ok_and(|file| file.starts_with(&data)))
        {
            ensure!(Instant::now() < limit, "it is dead and still has a file open");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    /// Ends both daemons, lets what is on its way arrive, and starts them again. Nothing goes wrong from here on.
    pub(crate) async fn calm(&self) {
        self.faults.turn(false);
        self.restart(&self.ingestd).await;
        drop(self.carrying.write().await);
        let late = std::mem::take(&mut *self.late.lock());
        late.join_all().await;
        self.restart(&self.catalogd).await;
    }

    async fn restart(&self, host: &Host) {
        host.process.read().await.life.end();
        self.revive(host).await;
    }

    /// Makes all files look two days old, so that those that nothing refers to are orphans.
    ///
    /// # Errors
    /// Those of the file system.
    pub(crate) fn let_two_days_pass(&self) -> anyhow::Result<()> {
        let then = SystemTime::now() - Duration::from_secs(2 * 24 * 3600);
        let mut folders = vec![self.dir.path().join("warehouse")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder)? {
                let path = entry?.path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => std::fs::File::options().append(true).open(&path)?.set_modified(then)?,
                }
            }
        }
        Ok(())
    }
}

fn warehouse_url(dir: &Path) -> String {
    format!("file://{}", dir.join("warehouse").display())
}

async fn start(
    name: DaemonName,
    dir: &Path,
    network: &str,
    faults: &Arc<Faults>,
    store: &Arc<dyn ObjectStore>,
) -> anyhow::Result<Process> {
    let (folder, network): (PathBuf, String) = (dir.join(name.as_str()), network.to_owned());
    let url = warehouse_url(dir);
    let build = |store| async move {
        let mut peers = PeerUrls::default();
        peers.set(DaemonName::Catalogd, network);
        let env: Env = service::testing::env(&folder, peers)?;
        let warehouse = Warehouse::with_store(url, store);
        let app = match name {
            DaemonName::Catalogd => {
                catalogd::build_on(catalogd::Config::default(), env.clone(), warehouse).await?
            }
            _ => ingestd::build_on(ingestd::Config::default(), env.clone(), warehouse).await?,
        };
        service::testing::router(name, app, &env)
    };
    Process::start(faults, store, build).await.with_context(|| format!("start {name}"))
}

/// A request with a JSON body.
pub(crate) fn request(method: Method, path: &str, body: impl Into<Body>) -> Request {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    request.body(body.into()).unwrap_or_default()
}

/// Carries a call from ingestd to catalogd, and its answer back, if nothing comes in between.
async fn carry(State(world): State<std::sync::Weak<World>>, request: Request) -> Response {
    let Some(world) = world.upgrade() else { hang_up() };
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else { hang_up() };
    let request = Request::from_parts(parts, Body::from(body));
    let _carrying = world.carrying.read().await;
    let fault = world.faults.of_call();
    match fault {
        Some(Fault::CallLost) => hang_up(),
        Some(Fault::CatalogdDiesBeforeCall) => {
            world.restart(&world.catalogd).await;
            hang_up()
        }
        Some(Fault::CallStillOnItsWay) => {
            let (delay, late) = (world.faults.delay(), Arc::clone(&world));
            world.late.lock().spawn(async move {
                tokio::time::sleep(delay).await;
                late.ask(&late.catalogd, request).await;
            });
            hang_up()
        }
        _ => {}
    }
    let answer = world.ask(&world.catalogd, request).await;
    match fault {
        Some(Fault::AnswerLost) => hang_up(),
        Some(Fault::CatalogdDiesAfterCall) => {
            world.restart(&world.catalogd).await;
            hang_up()
        }
        Some(Fault::IngestdDiesAtAnswer) => {
            world.ingestd.process.read().await.life.end();
            hang_up()
        }
        _ => {}
    }
    let Some((status, body)) = answer else { hang_up() };
    (status, [("content-type", "application/json")], body).into_response()
}

/// Ends the connection without an answer: hyper closes it when its service unwinds.
fn hang_up() -> ! {
    std::panic::resume_unwind(Box::new("the network hangs up"))
}
