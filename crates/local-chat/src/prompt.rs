//! A conversation as the one text that a model goes on with.

use tokenizers::Tokenizer;
use wire::chat::{ChatRequest, Message, Part, ResponseFormat, Role, ToolChoice, ToolMode};

use crate::error::{Error, Result};

/// Writes conversations in ChatML: `<|im_start|>ROLE`, a line end, the text, `<|im_end|>`, a line end.
#[derive(Debug)]
pub(crate) struct Writer {
    start: u32,
    end: u32,
}

impl Writer {
    /// For the vocabulary of `tokenizer`. What looks like a mark in a text is text from here on: nobody may speak for another.
    pub(crate) fn chatml(tokenizer: &mut Tokenizer) -> Result<Self> {
        let id = |mark| {
            let id = tokenizer.token_to_id(mark);
            id.ok_or_else(|| Error::Failed(format!("its vocabulary has no {mark}: it does not speak ChatML")))
        };
        let writer = Self { start: id("<|im_start|>")?, end: id("<|im_end|>")? };
        tokenizer.set_encode_special_tokens(true);
        Ok(writer)
    }

    /// The mark at the end of a message.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// The tokens of `messages`, and the beginning of an answer.
    pub(crate) fn write(&self, tokenizer: &Tokenizer, messages: &[Message]) -> Result<Vec<u32>> {
        let text = |text: String| Ok::<_, Error>(tokenizer.encode_fast(text, false)?.get_ids().to_vec());
        let mut tokens = Vec::new();
        for message in messages {
            tokens.push(self.start);
            tokens.extend(text(format!("{}\n{}", role(message.role)?, message.content.text()))?);
            tokens.push(self.end);
            tokens.extend(text("\n".into())?);
        }
        tokens.push(self.start);
        tokens.extend(text("assistant\n".into())?);
        Ok(tokens)
    }
}

/// Refuses what a model that only goes on with a text cannot do.
pub(crate) fn check(request: &ChatRequest) -> Result<()> {
    let unsupported = |what: &str| Err(Error::Unsupported(what.to_owned()));
    let is_image = |part: &Part| matches!(part, Part::ImageUrl { .. });
    if request.messages.iter().any(|message| message.content.parts().iter().any(is_image)) {
        return unsupported("it reads no images");
    }
    let may_call = !matches!(request.tool_choice, Some(ToolChoice::Mode(ToolMode::None)));
    if may_call && !request.tools.is_empty() {
        return unsupported("it calls no tools: leave `tools` out, or send `tool_choice` \"none\"");
    }
    if !matches!(request.response_format, None | Some(ResponseFormat::Text)) {
        return unsupported("it writes words, in no given form: leave `response_format` out");
    }
    request.messages.iter().try_for_each(|message| role(message.role).map(drop))
}

fn role(role: Role) -> Result<&'static str> {
    match role {
        Role::System => Ok("system"),
        Role::User => Ok("user"),
        Role::Assistant => Ok("assistant"),
        Role::Tool => Err(Error::Unsupported("it knows no results of tools".into())),
    }
}
