//! What the mock is told to do, inside of the conversation itself: chatd passes it on and knows nothing of it.

use bench_kit::http::post;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where OpenAI's interface takes conversations: chatd's and the mock's.
pub(crate) const PATH: &str = "/v1/chat/completions";
/// The only model that there is.
pub(crate) const MODEL: &str = "mock";
/// What precedes the text of a token on the wire, in any chunk but the first, whose text is empty.
pub(crate) const TOKEN_MARK: &[u8] = br#""content":"w"#;

/// About a hundred tokens, as of somebody who writes to workers.
const PROMPT: &str = "Write a short text message to a forklift operator in Houston who worked for us last spring. There is a night \
    shift from Monday to Friday at a warehouse near the port, it pays 24.50 dollars an hour, and parking is free. Ask whether she \
    is free next week, and tell her whom to call. Do not mention her age, where she was born, or how she found us. Sign it with \
    the name of the branch, and keep it under 160 characters.";

/// How the mock answers: the first message of a conversation, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Script {
    /// Of the answer.
    pub(crate) tokens: u32,
    /// Before each token.
    pub(crate) pause_ms: u64,
    /// The mock breaks the connection after so many tokens; before it has answered at all if there are none.
    pub(crate) breaks_after: Option<u32>,
    /// It does so with a reset, and not with an orderly close.
    pub(crate) resets: bool,
    /// Tokens follow one another until the mock is told to release those that it holds.
    pub(crate) is_held: bool,
}

/// The text of token `number`; all are different, so that none can be lost or come twice.
pub(crate) fn token(number: u32) -> String {
    format!("w{number} ")
}

/// A request for an answer as `script` says.
pub(crate) fn request(script: &Script, is_streamed: bool) -> anyhow::Result<Vec<u8>> {
    let mut body = json!({
        "model": MODEL,
        "messages": [
            {"role": "system", "content": serde_json::to_string(script)?},
            {"role": "user", "content": PROMPT},
        ],
        "temperature": 0.7,
        "max_tokens": 256,
    });
    if is_streamed {
        body["stream"] = true.into();
        body["stream_options"] = json!({"include_usage": true});
    }
    post(PATH, &body)
}
