//! Serving on lanes: threads that each have a runtime and connections of their own.
//!
//! A request stays on the thread that its connection was given to, and so does all that it waits for: no thread is woken to
//! take work from another. For daemons whose requests are short steps between waits: docs/decisions/0026-lanes.md.

use std::io;
use std::net::SocketAddr;
use std::thread;

use axum::Router;
use axum::routing::IntoMakeService;
use axum::serve::Listener;
use scheduling::Cores;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::without_delay;
use crate::threads::bind;

/// Connections that wait for a busy lane; more wait with the system.
const WAITING_CONNECTIONS: usize = 128;

/// A connection on its way to a lane.
type Accepted = (std::net::TcpStream, SocketAddr);

/// The lanes of a daemon: one for each core that it may use.
pub(crate) struct Lanes {
    lanes: Vec<Sender<Accepted>>,
    serving: TaskTracker,
}

impl Lanes {
    /// Starts a thread for each lane. They serve `routes` until `shutdown`, and then stay for `tasks`, some of which run on
    /// them.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(crate) fn start(
        routes: &IntoMakeService<Router>,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> io::Result<Self> {
        let (serving, all) = (TaskTracker::new(), Cores::allowed().ok());
        let start = |(number, core): (usize, Option<Cores>)| {
            let (sender, receiver) = channel(WAITING_CONNECTIONS);
            let (routes, shutdown, tasks) = (routes.clone(), shutdown.clone(), tasks.clone());
            let serving = serving.token();
            let mut runtime = Builder::new_current_thread();
            // Threads for blocking work are started by a bound one, and may run anywhere.
            runtime.on_thread_start(move || all.iter().for_each(bind));
            let runtime = runtime.enable_all().build()?;
            let run = move || {
                scheduling::enter_lane(number + 1);
                core.iter().for_each(bind);
                runtime.block_on(async {
                    let stopping = async move { shutdown.cancelled().await };
                    let served = axum::serve(Inbox(receiver), routes).with_graceful_shutdown(stopping).await;
                    if let Err(error) = served {
                        tracing::error!(%error, "serve");
                    }
                    drop(serving);
                    tasks.wait().await;
                });
            };
            thread::Builder::new().name(format!("lane {}", number + 1)).spawn(run)?;
            Ok(sender)
        };
        let lanes = cores().into_iter().enumerate().map(start).collect::<io::Result<_>>()?;
        serving.close();
        Ok(Self { lanes, serving })
    }

    /// Gives the lanes connections in turn until `stopping`; returns when none of them is in use any more.
    pub(crate) async fn serve(self, mut listener: TcpListener, stopping: impl Future<Output = ()>) {
        let hand_out = async {
            for lane in self.lanes.iter().cycle() {
                let (mut stream, peer) = Listener::accept(&mut listener).await;
                without_delay(&mut stream);
                match stream.into_std() {
                    // A lane that takes no more is stopping, as all are.
                    Ok(stream) => drop(lane.send((stream, peer)).await),
                    Err(error) => tracing::warn!(%error, "hand a connection to a lane"),
                }
            }
        };
        tokio::select! {
            () = hand_out => {}
            () = stopping => {}
        }
        self.serving.wait().await;
    }
}

/// The runtime beside the lanes, for what no request waits for.
///
/// # Errors
/// When the system has no more threads.
pub(crate) fn runtime_beside() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// A core for each lane; `None` where the system places threads better than we would: see [`crate::threads::start`].
fn cores() -> Vec<Option<Cores>> {
    let count = thread::available_parallelism().map_or(1, usize::from);
    let each = Cores::allowed().map(|all| all.each()).unwrap_or_default();
    if each.len() == count { each.into_iter().map(Some).collect() } else { vec![None; count] }
}

/// Connections that a lane has been given.
struct Inbox(Receiver<Accepted>);

impl Listener for Inbox {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        while let Some((stream, peer)) = self.0.recv().await {
            match TcpStream::from_std(stream) {
                Ok(stream) => return (stream, peer),
                Err(error) => tracing::warn!(%error, "take a connection"),
            }
        }
        // Nobody hands out any more: what there is, is served to its end.
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::extract::State;
    use axum::routing::get;
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::sync::Notify;

    use super::*;

    /// Serves `router` until `shutdown`.
    async fn serve(
        router: &Router,
        shutdown: &CancellationToken,
        tasks: &TaskTracker,
    ) -> (SocketAddr, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lanes = Lanes::start(&router.clone().into_make_service(), shutdown, tasks).unwrap();
        (address, tokio::spawn(lanes.serve(listener, shutdown.clone().cancelled_owned())))
    }

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }

    /// The body of the next answer, which is one line.
    async fn answer(stream: &mut TcpStream) -> String {
        let mut lines = BufReader::new(stream).lines();
        while !lines.next_line().await.unwrap().unwrap().is_empty() {}
        lines.next_line().await.unwrap().unwrap()
    }

    #[tokio::test]
    async fn connections_are_given_to_lanes_in_turn_and_stay_there() {
        let lane = || async { format!("{}\n", thread::current().name().unwrap_or_default()) };
        let router = Router::new().route("/", get(lane));
        let (address, _) = serve(&router, &CancellationToken::new(), &TaskTracker::new()).await;
        let lanes = cores().len();
        let mut connections = Vec::new();
        for number in 0..2 * lanes {
            let mut connection = TcpStream::connect(address).await.unwrap();
            ask(&mut connection).await;
            assert_eq!(answer(&mut connection).await, format!("lane {}", number % lanes + 1));
            connections.push(connection);
        }
        for (number, connection) in connections.iter_mut().enumerate().rev() {
            ask(connection).await;
            assert_eq!(answer(connection).await, format!("lane {}", number % lanes + 1));
        }
    }

    #[tokio::test]
    async fn connection_shares_the_routes_of_all_others() {
        /// A handler that counts how often it is copied.
        #[derive(Default)]
        struct Counted(Arc<AtomicUsize>);
        impl Clone for Counted {
            fn clone(&self) -> Self {
                self.0.fetch_add(1, Ordering::Relaxed);
                Self(Arc::clone(&self.0))
            }
        }
        let copies = Counted::default();
        let here = copies.clone();
        let router = Router::new().route(
            "/",
            get(|| async move {
                drop(here);
                "answered\n"
            }),
        );
        let (address, _) = serve(&router, &CancellationToken::new(), &TaskTracker::new()).await;
        let ask_one = async |connection: &mut TcpStream| {
            let before = copies.0.load(Ordering::Relaxed);
            ask(connection).await;
            assert_eq!(answer(connection).await, "answered");
            copies.0.load(Ordering::Relaxed) - before
        };
        let mut first = TcpStream::connect(address).await.unwrap();
        ask_one(&mut first).await;
        let of_a_request = ask_one(&mut first).await;
        for _ in 0..4 {
            let mut another = TcpStream::connect(address).await.unwrap();
            assert_eq!(ask_one(&mut another).await, of_a_request);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn lane_is_bound_to_a_core_and_threads_for_its_blocking_work_are_free() {
        let allowed = || Cores::allowed().map_or(0, |cores| cores.each().len());
        let look = move || async move {
            let blocking = tokio::task::spawn_blocking(allowed).await.unwrap();
            format!("{} {blocking}\n", allowed())
        };
        let router = Router::new().route("/", get(look));
        let (address, _) = serve(&router, &CancellationToken::new(), &TaskTracker::new()).await;
        let mut connection = TcpStream::connect(address).await.unwrap();
        ask(&mut connection).await;
        assert_eq!(answer(&mut connection).await, format!("1 {}", allowed()));
    }

    #[tokio::test]
    async fn what_has_begun_when_the_lanes_are_stopped_is_answered_and_what_it_left_to_do_is_done() {
        #[derive(Clone)]
        struct Events {
            tasks: TaskTracker,
            begun: Arc<Notify>,
            go_on: Arc<Notify>,
            done: Arc<Notify>,
        }
        let tasks = TaskTracker::new();
        let events = Events {
            tasks: tasks.clone(),
            begun: Arc::default(),
            go_on: Arc::default(),
            done: Arc::default(),
        };
        let slow = |State(events): State<Events>| async move {
            events.begun.notify_one();
            events.go_on.notified().await;
            let (go_on, done) = (Arc::clone(&events.go_on), Arc::clone(&events.done));
            events.tasks.spawn(async move {
                go_on.notified().await;
                done.notify_one();
            });
            "answered\n"
        };
        let router = Router::new().route("/", get(slow)).with_state(events.clone());
        let shutdown = CancellationToken::new();
        let (address, serving) = serve(&router, &shutdown, &tasks).await;

        let mut connection = TcpStream::connect(address).await.unwrap();
        ask(&mut connection).await;
        events.begun.notified().await;
        shutdown.cancel();
        events.go_on.notify_one();
        assert_eq!(answer(&mut connection).await, "answered");
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
        tasks.close();
        assert_eq!(tasks.len(), 1);
        events.go_on.notify_one();
        events.done.notified().await;
        tasks.wait().await;
    }
}
