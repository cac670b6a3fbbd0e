//! The requests of the latency measurement, and which answers to them are right.

use bench_kit::http::Reply;
use bench_kit::load::Traffic;
use memchr::memmem;

use crate::latency::Shape;
use crate::script::{Script, TOKEN_MARK, request, token};

/// The same request again and again: chatd has no cache that could know it.
pub(crate) struct Requests {
    text: Vec<u8>,
    shape: Shape,
    tokens: u32,
    last_token: Vec<u8>,
}

impl Requests {
    /// For answers of `tokens` tokens, of which the mock gives out one after the other without a pause.
    pub(crate) fn new(shape: Shape, tokens: u32) -> anyhow::Result<Self> {
        let script = Script { tokens, ..Script::default() };
        let last_token = token(tokens.saturating_sub(1)).into_bytes();
        Ok(Self { text: request(&script, shape == Shape::Streamed)?, shape, tokens, last_token })
    }

    fn is_whole(&self, content: &[u8]) -> bool {
        let has = |what: &[u8]| memmem::find(content, what).is_some();
        match self.shape {
            Shape::Whole => has(TOKEN_MARK) && has(&self.last_token),
            Shape::Streamed => {
                let tokens = memmem::find_iter(content, TOKEN_MARK).count();
                tokens == self.tokens as usize && has(&self.last_token) && has(b"data: [DONE]")
            }
        }
    }
}

impl Traffic for Requests {
    fn write(&mut self, _: u64, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.text);
    }

    fn check(&mut self, _: u64, reply: &Reply<'_>) -> Result<(), String> {
        let is_right = reply.status == 200 && self.is_whole(&reply.content());
        if is_right { Ok(()) } else { Err(format!("answered {reply}")) }
    }

    fn has_begun(&self, received: &[u8]) -> bool {
        self.shape == Shape::Streamed && memmem::find(received, TOKEN_MARK).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_that_lacks_a_token_or_its_end_is_wrong() {
        let whole = Requests::new(Shape::Whole, 3).unwrap();
        assert!(whole.is_whole(br#"{"message":{"content":"w0 w1 w2 "}}"#));
        assert!(!whole.is_whole(br#"{"message":{"content":"w0 w1 "}}"#));
        let streamed = Requests::new(Shape::Streamed, 2).unwrap();
        let event = |number| format!("data: {{\"delta\":{{\"content\":\"{}\"}}}}\n\n", token(number));
        let [first, second] = [event(0), event(1)];
        assert!(streamed.is_whole(format!("{first}{second}data: [DONE]\n\n").as_bytes()));
        for wrong in [
            format!("{first}{second}"),
            format!("{second}data: [DONE]\n\n"),
            format!("{first}data: [DONE]\n\n"),
        ] {
            assert!(!streamed.is_whole(wrong.as_bytes()), "{wrong}");
        }
        assert!(streamed.has_begun(first.as_bytes()));
        assert!(!streamed.has_begun(br#"data: {"delta":{"role":"assistant","content":""}}"#));
    }
}
