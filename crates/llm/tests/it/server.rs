//! Servers that play a provider: bytes in recorded shapes, broken where a test wants it.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use futures::StreamExt;
use tokio::sync::mpsc;

/// Ollama's stream, cut where no line ends.
pub(crate) const OLLAMA_STREAM: [&str; 4] = [
    "{\"model\":\"m\",\"created_at\":\"2026-01-02T03:04:05.6Z\",\"message\":{\"role\":\"assistant\",\"content\":\"Hel",
    "lo\"},\"done\":false}\n{\"model\":\"m\",\"created_at\":\"2026-01-02T03:04:05.7Z\",\"message\":{\"role\":\"assistant\",\"content\":\" there\"},\"done\":false}\n",
    "{\"model\":\"m\",\"created_at\":\"2026-01-02T03:04:05.8Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\",",
    "\"total_duration\":4883583458,\"load_duration\":1334875,\"prompt_eval_count\":26,\"eval_count\":2}\n",
];
/// Ollama's whole answer.
pub(crate) const OLLAMA_WHOLE: &str = r#"{"model":"m","created_at":"2026-01-02T03:04:05.6Z",
    "message":{"role":"assistant","content":"Hello there"},"done_reason":"stop","done":true,
    "total_duration":5191566416,"prompt_eval_count":26,"eval_count":2}"#;
/// OpenAI's stream: a comment, a first piece without text, CRLF as some servers send it, a last chunk with the usage.
pub(crate) const OPENAI_STREAM: [&str; 5] = [
    ": keep-alive\n\ndata: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}\r\n\r\nda",
    "ta: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" there\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":26,\"completion_tokens\":2,\"total_tokens\":28}}\n\ndata: [DONE]\n\n",
];
/// OpenAI's whole answer.
pub(crate) const OPENAI_WHOLE: &str = r#"{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,
    "message":{"role":"assistant","content":"Hello there","refusal":null},"logprobs":null,"finish_reason":"stop"}],
    "usage":{"prompt_tokens":26,"completion_tokens":2,"total_tokens":28}}"#;

/// The paths at which both interfaces chat and list.
const CHAT: [&str; 2] = ["/api/chat", "/v1/chat/completions"];
const LIST: [&str; 2] = ["/api/tags", "/v1/models"];

/// A server that was started, and what it was asked.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Server {
    /// The bodies of the chats so far.
    pub(crate) fn seen(&self) -> Vec<serde_json::Value> {
        self.seen.lock().unwrap().clone()
    }

    /// Answers every chat with `status` and `body`.
    pub(crate) async fn answering(status: u16, body: &'static str) -> Self {
        Self::with(move || response(status, Body::from(body)), "{}").await
    }

    /// Answers every chat with a stream of `chunks`, then ends as a server does that has said all.
    pub(crate) async fn streaming(chunks: &'static [&'static str]) -> Self {
        let body =
            move || Body::from_stream(futures::stream::iter(chunks).map(|chunk| Ok::<_, Infallible>(*chunk)));
        Self::with(move || response(200, body()), "{}").await
    }

    /// Streams `chunks`, then breaks the connection.
    pub(crate) async fn breaking(chunks: &'static [&'static str]) -> Self {
        let cut = || async {
            // A pause makes the server flush: what it has not sent when the body fails, it never sends.
            tokio::task::yield_now().await;
            Err(std::io::Error::other("cut"))
        };
        let body = move || {
            let chunks = futures::stream::iter(chunks).map(|chunk| Ok(*chunk));
            Body::from_stream(chunks.chain(futures::stream::once(cut())))
        };
        Self::with(move || response(200, body()), "{}").await
    }

    /// Streams `first` and then nothing; the receiver closes when the caller has gone away.
    pub(crate) async fn hanging(first: &'static str) -> (Self, mpsc::Receiver<()>) {
        let (alive, gone) = mpsc::channel::<()>(1);
        let alive = Mutex::new(Some(alive));
        let answer = move || {
            let alive = alive.lock().unwrap().take();
            let silence = futures::stream::once(async move {
                let _alive = alive;
                futures::future::pending::<Result<&str, Infallible>>().await
            });
            response(200, Body::from_stream(futures::stream::iter([Ok(first)]).chain(silence)))
        };
        (Self::with(answer, "{}").await, gone)
    }

    /// Lists models with `body`.
    pub(crate) async fn listing(body: &'static str) -> Self {
        Self::with(|| response(200, Body::from(OLLAMA_WHOLE)), body).await
    }

    async fn with(answer: impl Fn() -> Response + Send + Sync + 'static, list: &'static str) -> Self {
        let (seen, answer) = (Arc::default(), Arc::new(answer));
        let mut router = Router::new();
        for path in CHAT {
            let (seen, answer): (Arc<Mutex<Vec<_>>>, _) = (Arc::clone(&seen), Arc::clone(&answer));
            let chat = move |body: String| async move {
                seen.lock().unwrap().push(serde_json::from_str(&body).unwrap());
                answer()
            };
            router = router.route(path, post(chat));
        }
        for path in LIST {
            router = router.route(path, get(move || async move { list }));
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }
}

fn response(status: u16, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// A URL at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
