//! A daemon as a process that can die: a runtime of its own, of which nothing is left when it does.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::faults::{Fault, Faults};

/// How long the threads of a dead process may take to notice.
const BURIAL_LIMIT: Duration = Duration::from_secs(10);

/// How often others get their turn while an operation of the store is late.
const MAX_YIELDS: usize = 500;

/// What a daemon answers; none if it died, or nothing came of the answer.
pub(crate) type Answer = Option<(StatusCode, Bytes)>;

/// Whether a process lives.
#[derive(Default)]
pub(crate) struct Life {
    is_over: AtomicBool,
    over: Notify,
    is_buried: AtomicBool,
    buried: Notify,
}

impl Life {
    /// From here on the process does nothing any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.over.notify_waiters();
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    async fn ended(&self) {
        let over = self.over.notified();
        if !self.is_over() {
            over.await;
        }
    }

    /// What a dead process does: nothing, until it is buried. Then it fails, so that threads that wait for it come to their
    /// end: tasks have been dropped by then.
    async fn rest<T>(&self) -> Result<T> {
        let buried = self.buried.notified();
        if !self.is_buried.load(Ordering::SeqCst) {
            buried.await;
        }
        Err(as_ordered())
    }

    fn bury(&self) {
        self.is_buried.store(true, Ordering::SeqCst);
        self.buried.notify_waiters();
    }
}

/// One life of a daemon.
pub(crate) struct Process {
    pub(crate) life: Arc<Life>,
    /// Taken at its end.
    running: Mutex<Option<(Router, Threads)>>,
}

/// A runtime that may be dropped anywhere, also with a start that is broken off.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Process {
    /// Starts a daemon, which `build` makes of the store that it shall use.
    ///
    /// # Errors
    /// Those of `build`.
    pub(crate) async fn start<F>(
        faults: &Arc<Faults>,
        store: &Arc<dyn ObjectStore>,
        build: impl FnOnce(Arc<dyn ObjectStore>) -> F,
    ) -> anyhow::Result<Self>
    where
        F: Future<Output = anyhow::Result<Router>> + Send + 'static,
    {
        let life = Arc::new(Life::default());
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let handle = runtime.handle().clone();
        let threads = Threads(Some(runtime));
        let store =
            FaultyStore { inner: Arc::clone(store), faults: Arc::clone(faults), life: Arc::clone(&life) };
        let router = handle.spawn(build(Arc::new(store))).await??;
        Ok(Self { life, running: Mutex::new(Some((router, threads))) })
    }

    /// Serves a request; `None` if the process dies over it.
    pub(crate) async fn serve(&self, request: Request<Body>) -> Answer {
        let serving = {
            let running = self.running.lock();
            let (router, threads) = running.as_ref()?;
            let router = router.clone();
            threads.0.as_ref()?.spawn(async move {
                let response = router.oneshot(request).await.ok()?;
                let status = response.status();
                let body = to_bytes(response.into_body(), usize::MAX).await.ok()?;
                Some((status, body))
            })
        };
        tokio::select! {
            biased;
            () = self.life.ended() => None,
            served = serving => served.ok().flatten(),
        }
    }
}

impl Process {
    /// Ends its tasks where they are, and waits until none of them is left.
    pub(crate) async fn bury(&self) {
        self.life.end();
        let Some((router, mut threads)) = self.running.lock().take() else { return };
        drop(router);
        let Some(runtime) = threads.0.take() else { return };
        let ending = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(BURIAL_LIMIT));
        self.life.bury();
        let _ = ending.await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.life.end();
        self.life.bury();
    }
}

/// A store whose changes fail, or take the process with them. Reads always work.
struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    faults: Arc<Faults>,
    life: Arc<Life>,
}

impl FaultyStore {
    /// Makes a change, or what is left of it.
    async fn change<T>(&self, change: impl Future<Output = Result<T>>) -> Result<T> {
        if self.life.is_over() {
            return self.life.rest().await;
        }
        match self.faults.of_store() {
            None => change.await,
            Some(Fault::StoreFailsBefore) => Err(as_ordered()),
            Some(Fault::StoreFailsAfter) => {
                change.await?;
                Err(as_ordered())
            }
            Some(Fault::DeathBeforeStore) => self.die().await,
            Some(Fault::DeathAfterStore) => {
                let _ = change.await;
                self.die().await
            }
            Some(_) => {
                // No timer: the runtime may end meanwhile, and threads of it still wait for the store.
                for _ in 0..self.faults.choose(MAX_YIELDS) {
                    tokio::task::yield_now().await;
                }
                if self.life.is_over() {
                    return self.life.rest().await;
                }
                change.await
            }
        }
    }

    async fn die<T>(&self) -> Result<T> {
        self.life.end();
        self.life.rest().await
    }
}

fn as_ordered() -> Error {
    Error::Generic { store: "FaultyStore", source: "as ordered".into() }
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultyStore")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, to: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.change(self.inner.put_opts(to, payload, options)).await
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.change(self.inner.put_multipart_opts(to, options)).await
    }

    async fn get_opts(&self, from: &Path, options: GetOptions) -> Result<GetResult> {
        if self.life.is_over() {
            return self.life.rest().await;
        }
        self.inner.get_opts(from, options).await
    }

    fn delete_stream(&self, them: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, faults, life) =
            (Arc::clone(&self.inner), Arc::clone(&self.faults), Arc::clone(&self.life));
        let store = Self { inner, faults, life };
        them.then(move |path| {
            let store = Self {
                inner: Arc::clone(&store.inner),
                faults: Arc::clone(&store.faults),
                life: Arc::clone(&store.life),
            };
            async move {
                let path = path?;
                let one = futures::stream::iter([Ok(path.clone())]).boxed();
                let deletion = async {
                    let mut deleted = store.inner.delete_stream(one);
                    deleted.next().await.unwrap_or(Ok(path.clone()))
                };
                store.change(deletion).await
            }
        })
        .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.change(self.inner.copy_opts(from, to, options)).await
    }
}
