//! An answer in pieces, and the whole made of them.

use std::collections::BTreeMap;

use uuid::Uuid;
use wire::chat::{
    ChatRequest, Content, FinishReason, Message, Role, ToolCall, ToolCallDelta, ToolKind, Usage,
};

use crate::protocol::Event;

/// English text has about so many characters a token
/// (<https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them>).
const CHARS_PER_TOKEN: u64 = 4;

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// The next part of the text; never empty.
    Text(String),
    /// The next piece of a tool call.
    ToolCall(ToolCallDelta),
    /// The answer is whole.
    End {
        /// Why it ended.
        finish_reason: FinishReason,
        /// What it cost.
        usage: Usage,
    },
}

/// Tool calls, put together from their pieces.
#[derive(Debug, Clone, Default)]
pub struct ToolCalls(BTreeMap<u32, ToolCall>);

impl ToolCalls {
    /// Adds a piece.
    pub fn push(&mut self, piece: ToolCallDelta) {
        let call = self.0.entry(piece.index).or_insert_with(|| ToolCall {
            id: String::new(),
            kind: ToolKind::Function,
            function: Default::default(),
            extra_content: None,
        });
        // Some servers repeat id and name with every piece: they are no pieces.
        call.id = piece.id.unwrap_or_else(|| std::mem::take(&mut call.id));
        call.function.name = piece.function.name.unwrap_or_else(|| std::mem::take(&mut call.function.name));
        call.function.arguments.push_str(&piece.function.arguments);
        call.extra_content = piece.extra_content.or(call.extra_content.take());
    }

    /// The calls, in their order.
    pub fn into_calls(self) -> Vec<ToolCall> {
        self.0.into_values().collect()
    }
}

/// A name for a call that its provider has not given one: unique, as the result names the call by it.
pub(crate) fn new_call_id() -> String {
    format!("call_{}", Uuid::new_v4().simple())
}

/// The whole of an answer.
pub(crate) fn message(events: Vec<Event>) -> Message {
    let (mut text, mut calls) = (String::new(), ToolCalls::default());
    for event in events {
        match event {
            Event::Text(piece) => text.push_str(&piece),
            Event::ToolCall(piece) => calls.push(piece),
            Event::Usage(_) | Event::End(_) => {}
        }
    }
    let (content, tool_calls) = (Content::Text(text), calls.into_calls());
    Message { role: Role::Assistant, content, tool_calls, ..Message::default() }
}

/// What an answer has cost so far: as the provider says, or else by our estimate.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    prompt_chars: u64,
    answer_chars: u64,
    told: Option<Usage>,
    calls_tools: bool,
}

/// What reading `request` takes, by our estimate.
pub(crate) fn prompt_tokens(request: &ChatRequest) -> u64 {
    prompt_chars(request).div_ceil(CHARS_PER_TOKEN)
}

/// Images are not estimated: what they cost differs from model to model.
fn prompt_chars(request: &ChatRequest) -> u64 {
    let said = request.messages.iter().map(|message| {
        let arguments = message.tool_calls.iter().map(|call| chars(&call.function.arguments));
        message.content.texts().map(chars).chain(arguments).sum::<u64>()
    });
    said.sum()
}

impl Tally {
    pub(crate) fn new(request: &ChatRequest) -> Self {
        Self { prompt_chars: prompt_chars(request), ..Self::default() }
    }

    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Text(text) => self.answer_chars += chars(text),
            Event::ToolCall(piece) => {
                self.calls_tools = true;
                self.answer_chars += chars(&piece.function.arguments);
            }
            // Some servers write zeros until they know.
            Event::Usage(usage) if usage.prompt_tokens + usage.completion_tokens == 0 => {}
            Event::Usage(usage) => self.told = Some(Usage::new(usage.prompt_tokens, usage.completion_tokens)),
            Event::End(_) => {}
        }
    }

    /// The cost of an answer that is whole.
    pub(crate) fn of_whole(&self) -> Usage {
        self.told.unwrap_or_else(|| self.of_part())
    }

    /// The cost of an answer that was broken off: what had come until then was written, whether it was counted or not.
    pub(crate) fn of_part(&self) -> Usage {
        let told = self.told.unwrap_or_default();
        let prompt = match told.prompt_tokens {
            0 => self.prompt_chars.div_ceil(CHARS_PER_TOKEN),
            known => known,
        };
        let written = told.completion_tokens.max(self.answer_chars.div_ceil(CHARS_PER_TOKEN));
        Usage { estimated: true, ..Usage::new(prompt, written) }
    }

    /// Ollama and Gemini say `stop` where tools are to be called: callers rely on being told so.
    pub(crate) fn finish_reason(&self, said: FinishReason) -> FinishReason {
        match said {
            FinishReason::Stop if self.calls_tools => FinishReason::ToolCalls,
            said => said,
        }
    }
}

fn chars(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_two_calls_add_up_even_where_they_alternate() {
        let mut calls = ToolCalls::default();
        let first = |index, id: &str| ToolCallDelta::first(index, id.into(), "f".into(), String::new());
        let pieces = [first(0, "a"), first(1, "b")];
        let rest = [(0, "{\"x\""), (1, "{}"), (0, ":1}")];
        pieces.into_iter().for_each(|piece| calls.push(piece));
        rest.into_iter().for_each(|(index, text)| calls.push(ToolCallDelta::next(index, text.into())));
        let calls = calls.into_calls();
        let found: Vec<_> = calls.iter().map(|c| (c.id.as_str(), c.function.arguments.as_str())).collect();
        assert_eq!(found, [("a", "{\"x\":1}"), ("b", "{}")]);
    }

    #[test]
    fn answer_that_breaks_off_costs_what_was_told_and_what_has_come() {
        let request =
            ChatRequest { messages: vec![Message::text(Role::User, "12345678")], ..ChatRequest::default() };
        let mut tally = Tally::new(&request);
        tally.note(&Event::Text("123456789".into()));
        assert_eq!(tally.of_part(), Usage { estimated: true, ..Usage::new(2, 3) });
        assert_eq!(tally.of_whole(), tally.of_part());
        tally.note(&Event::Usage(Usage::new(7, 1)));
        assert_eq!(tally.of_part(), Usage { estimated: true, ..Usage::new(7, 3) });
        assert_eq!(tally.of_whole(), Usage::new(7, 1));
    }
}
