//! The load generator: one thread, many connections, two paces.
//!
//! In a *closed* loop every connection waits for its answer before it sends again: it measures the rate at which the
//! server can answer so many callers. In an *open* loop requests are due at a fixed rate, however long answers take, and
//! each latency counts from the moment at which the request was due: a request that had to wait for a free connection has
//! waited for the server. (Measured from the moment of sending, a stall would hide all that were due during it:
//! "coordinated omission".)

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use serde::{Deserialize, Serialize};

use crate::http::{PATIENCE, READ_BYTES, Reply};
use crate::took::{StopWatch, Took};

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As soon as the answer before has come.
    Closed,
    /// So many a second.
    Open {
        /// How many.
        per_s: f64,
    },
}

/// For loads that end with their last request.
pub const NO_LIMIT: Duration = Duration::from_secs(86_400);

/// What is sent to whom.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Who is asked.
    pub address: SocketAddr,
    /// Requests in flight at most.
    pub connections: usize,
    /// When they are sent.
    pub pace: Pace,
    /// No request is begun, or due, after so long.
    pub duration: Duration,
    /// Nor are more begun than this.
    pub max_requests: u64,
}

/// What the requests are and which answers are right.
pub trait Traffic {
    /// Appends the text of request `number`, counted from 0.
    fn write(&mut self, number: u64, out: &mut Vec<u8>);

    /// Judges the answer to request `number`.
    ///
    /// # Errors
    /// What is wrong with it.
    fn check(&mut self, number: u64, reply: &Reply<'_>) -> Result<(), String>;

    /// Whether an answer has its first token, `received` being what has come of it: for answers that are streamed.
    fn has_begun(&self, _received: &[u8]) -> bool {
        false
    }
}

/// What came of a load.
#[derive(Debug)]
pub struct Outcome {
    /// From the first request to the last answer; CPU time is that of this whole process.
    pub took: Took,
    /// Of requests that were answered rightly, microseconds.
    pub latency_us: Histogram<u64>,
    /// The same until an answer had its first token, of those that are streamed.
    pub first_token_us: Histogram<u64>,
    /// Answers that were wrong.
    pub failed: u64,
    /// What was wrong with the first of them.
    pub first_failure: Option<String>,
}

/// An [`Outcome`] in figures. Latencies in milliseconds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figures {
    /// Answered rightly.
    pub requests: u64,
    /// Answers that were wrong.
    pub failed: u64,
    /// What was wrong with the first of them.
    pub first_failure: Option<String>,
    /// Right answers a second.
    pub per_s: f64,
    /// Median.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// Cores that the load generator kept busy.
    pub client_cores: f64,
}

impl Outcome {
    /// The same in figures.
    pub fn figures(&self) -> Figures {
        let requests = self.latency_us.len();
        let ms = |quantile| self.latency_us.value_at_quantile(quantile) as f64 / 1e3;
        Figures {
            requests,
            failed: self.failed,
            first_failure: self.first_failure.clone(),
            per_s: requests as f64 / self.took.wall_s,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
            max_ms: ms(1.0),
            client_cores: self.took.cpu_s / self.took.wall_s,
        }
    }
}

/// Sends the load and waits for the last answer.
///
/// # Errors
/// When the server cannot be reached, breaks a connection, or does not answer in a minute. An answer that is wrong is
/// counted.
pub fn run(load: &Load, traffic: &mut impl Traffic) -> anyhow::Result<Outcome> {
    // On the same cores as the server: a generator that waits for a turn of its own measures that wait.
    let _ = scheduling::ask_for(scheduling::SHORT);
    let poller = epoll::create(CreateFlags::CLOEXEC).context("epoll")?;
    let connect = |number| Connection::new(load.address, &poller, number);
    let mut connections = (0..load.connections).map(connect).collect::<anyhow::Result<Vec<_>>>()?;
    let mut run = Run {
        load,
        poller,
        traffic,
        started: Instant::now(),
        begun: 0,
        failed: 0,
        first_failure: None,
        latency_us: histogram()?,
        first_token_us: histogram()?,
    };
    let watch = StopWatch::start();
    let mut last_answer = Instant::now();
    loop {
        let until_due = run.begin_due(&mut connections)?;
        let is_busy = connections.iter().any(|connection| connection.sent_for.is_some());
        if !is_busy && until_due.is_none() {
            break;
        }
        ensure!(!is_busy || last_answer.elapsed() < PATIENCE, "no answer for {} s", PATIENCE.as_secs());
        if run.receive(&mut connections, until_due)? {
            last_answer = Instant::now();
        }
    }
    let Run { failed, first_failure, latency_us, first_token_us, .. } = run;
    Ok(Outcome { took: watch.took(), latency_us, first_token_us, failed, first_failure })
}

/// Of microseconds.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, PATIENCE.as_micros() as u64 * 2, 3)?)
}

fn record(histogram: &mut Histogram<u64>, latency: Duration) {
    histogram.saturating_record((latency.as_micros() as u64).max(1));
}

struct Run<'a, T> {
    load: &'a Load,
    /// Knows the connections by their numbers.
    poller: OwnedFd,
    traffic: &'a mut T,
    started: Instant,
    /// Requests begun.
    begun: u64,
    failed: u64,
    first_failure: Option<String>,
    latency_us: Histogram<u64>,
    first_token_us: Histogram<u64>,
}

impl<T: Traffic> Run<'_, T> {
    /// When the next request is due; `None` if there is none.
    fn next_due(&self) -> Option<Instant> {
        let due = match self.load.pace {
            Pace::Closed => Instant::now(),
            Pace::Open { per_s } => self.started + Duration::from_secs_f64(self.begun as f64 / per_s),
        };
        let is_over = self.begun == self.load.max_requests || due >= self.started + self.load.duration;
        (!is_over).then_some(due)
    }

    /// Begins all requests that are due, as far as connections are free; returns how long it is until the next one is due,
    /// `None` if that does not matter now.
    fn begin_due(&mut self, connections: &mut [Connection]) -> anyhow::Result<Option<Duration>> {
        for connection in connections.iter_mut().filter(|connection| connection.sent_for.is_none()) {
            let Some(due) = self.next_due() else { return Ok(None) };
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                return Ok(Some(wait));
            }
            connection.output.clear();
            self.traffic.write(self.begun, &mut connection.output);
            connection.sent_for = Some(Sent { number: self.begun, due, first_token: None });
            connection.written = 0;
            connection.write()?;
            self.begun += 1;
        }
        Ok(None)
    }

    /// Waits for answers, at most for `limit`; returns whether one came.
    fn receive(&mut self, connections: &mut [Connection], limit: Option<Duration>) -> anyhow::Result<bool> {
        let limit = limit.unwrap_or(PATIENCE);
        let timeout = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
        let mut ready = Vec::with_capacity(connections.len());
        epoll::wait(&self.poller, spare_capacity(&mut ready), Some(&timeout))?;
        let mut has_answer = false;
        for epoll::Event { flags, data: number } in ready {
            let connection = &mut connections[number.u64() as usize];
            connection.write()?;
            has_answer |= self.read(connection)?;
            let is_over = connection.sent_for.is_some() && flags.contains(EventFlags::RDHUP);
            ensure!(!is_over, "the server closed a connection");
        }
        Ok(has_answer)
    }

    /// Reads what has come; returns whether the answer is complete.
    fn read(&mut self, connection: &mut Connection) -> anyhow::Result<bool> {
        let Some(mut sent) = connection.sent_for else { return Ok(false) };
        connection.fill()?;
        let latency = sent.due.elapsed();
        let received = &connection.input[..connection.received];
        if sent.first_token.is_none() && self.traffic.has_begun(received) {
            sent.first_token = Some(latency);
            connection.sent_for = Some(sent);
        }
        let Some(reply) = Reply::parse_streamed(received)? else { return Ok(false) };
        match self.traffic.check(sent.number, &reply) {
            Ok(()) => {
                record(&mut self.latency_us, latency);
                if let Some(first_token) = sent.first_token {
                    record(&mut self.first_token_us, first_token);
                }
            }
            Err(wrong) => {
                self.failed += 1;
                self.first_failure.get_or_insert(wrong);
            }
        }
        connection.received = 0;
        connection.sent_for = None;
        Ok(true)
    }
}

/// A request that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Sent {
    number: u64,
    due: Instant,
    /// When the first token had come, from then on.
    first_token: Option<Duration>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    output: Vec<u8>,
    /// How much of `output` the kernel has taken.
    written: usize,
    /// What has been received is in its first `received` bytes; the rest is room, which need not be cleared for each answer.
    input: Vec<u8>,
    received: usize,
    sent_for: Option<Sent>,
}

impl Connection {
    /// `poller` tells by `number` when there is something to read, room again to write, or nothing more to come. It does so once
    /// for each change: whoever is told takes all that there is.
    fn new(address: SocketAddr, poller: &OwnedFd, number: usize) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let changes = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(poller, &stream, EventData::new_u64(number as u64), changes).context("epoll")?;
        let (output, input) = (Vec::new(), vec![0; READ_BYTES]);
        Ok(Self { stream, output, written: 0, input, received: 0, sent_for: None })
    }

    /// Writes as much as the kernel takes.
    fn write(&mut self) -> anyhow::Result<()> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(length) => self.written += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("send a request"),
            }
        }
        Ok(())
    }

    /// Reads as much as there is.
    fn fill(&mut self) -> anyhow::Result<()> {
        loop {
            if self.received == self.input.len() {
                self.input.resize(2 * self.received, 0);
            }
            match self.stream.read(&mut self.input[self.received..]) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(length) => self.received += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("read an answer"),
            }
            // There was room for more: that was all.
            if self.received < self.input.len() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// Answers each request after `delay`, one connection and one request at a time.
    fn slow_server(delay: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut request = [0; 1024];
            while stream.read(&mut request).is_ok_and(|length| length > 0) {
                thread::sleep(delay); // the work of a server
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
            }
        });
        address
    }

    struct Pings;

    impl Traffic for Pings {
        fn write(&mut self, _: u64, out: &mut Vec<u8>) {
            out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        }

        fn check(&mut self, number: u64, reply: &Reply<'_>) -> Result<(), String> {
            assert_eq!(reply.body, b"ok");
            if number == 3 { Err("3 is always wrong".to_owned()) } else { Ok(()) }
        }
    }

    fn load(pace: Pace, max_requests: u64) -> Load {
        let address = slow_server(Duration::from_millis(5));
        Load { address, connections: 1, pace, duration: Duration::from_secs(60), max_requests }
    }

    #[test]
    fn closed_loop_waits_for_each_answer_and_counts_the_wrong_ones() {
        let outcome = run(&load(Pace::Closed, 10), &mut Pings).unwrap();
        assert_eq!((outcome.latency_us.len(), outcome.failed), (9, 1));
        assert_eq!(outcome.first_failure.as_deref(), Some("3 is always wrong"));
        assert!(outcome.latency_us.min() >= 5000 && outcome.took.wall_s >= 0.05, "{outcome:?}");
    }

    /// Streams two tokens, `delay` before each.
    fn streaming_server(delay: Duration) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut request = [0; 1024];
            while stream.read(&mut request).is_ok_and(|length| length > 0) {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                for text in [head, "1\r\no\r\n", "1\r\nk\r\n0\r\n\r\n"] {
                    stream.write_all(text.as_bytes()).unwrap();
                    thread::sleep(delay); // the work of a model
                }
            }
        });
        address
    }

    struct Streams;

    impl Traffic for Streams {
        fn write(&mut self, _: u64, out: &mut Vec<u8>) {
            out.extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
        }

        fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
            if &*reply.content() == b"ok" { Ok(()) } else { Err(reply.to_string()) }
        }

        fn has_begun(&self, received: &[u8]) -> bool {
            received.windows(3).any(|bytes| bytes == b"o\r\n")
        }
    }

    #[test]
    fn first_token_of_a_stream_is_timed_and_so_is_its_end() {
        let address = streaming_server(Duration::from_millis(30));
        let load = Load { address, ..load(Pace::Closed, 3) };
        let outcome = run(&load, &mut Streams).unwrap();
        assert_eq!((outcome.latency_us.len(), outcome.first_token_us.len(), outcome.failed), (3, 3, 0));
        let (first, end) = (outcome.first_token_us.min(), outcome.latency_us.min());
        assert!(first >= 30_000 && end >= 60_000 && first < end, "{outcome:?}");
    }

    #[test]
    fn answer_that_breaks_off_ends_the_load_and_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let length = stream.read(&mut [0; 1024]).unwrap();
            assert!(length > 0);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").unwrap();
        });
        let error = run(&Load { address, ..load(Pace::Closed, 1) }, &mut Pings).unwrap_err();
        assert_eq!(error.to_string(), "the server closed a connection");
    }

    #[test]
    fn open_loop_counts_the_time_for_which_a_request_was_overdue() {
        // Due every millisecond, answered every five: the last of ten is answered 50 ms after the start, due after 9.
        let outcome = run(&load(Pace::Open { per_s: 1000.0 }, 10), &mut Pings).unwrap();
        assert!(outcome.latency_us.max() >= 40_000, "{outcome:?}");
    }
}
