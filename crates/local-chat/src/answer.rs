//! One answer, token by token.

use candle_transformers::generation::{LogitsProcessor, Sampling};
use llm::Event;
use tokio::sync::mpsc::UnboundedSender;
use wire::chat::{ChatRequest, FinishReason, Usage};

use crate::error::{Error, Result};
use crate::model::Model;
use crate::stops::Stops;

/// What the makers of SmolLM2 advise (its model card, "How to use").
const TEMPERATURE: f64 = 0.2;
const TOP_P: f64 = 0.9;

/// Where the events of an answer go. They are bounded by the context of the model, so nobody waits for a slow reader.
pub(crate) type Listener = UnboundedSender<provider::Result<Event>>;

/// Lets `model` answer `request`, which has been checked, as long as `listener` is there.
pub(crate) fn write(model: &Model, request: &ChatRequest, listener: &Listener) -> Result<()> {
    let prompt = model.writer.write(&model.tokenizer, &request.messages)?;
    let room = room(model, prompt.len())?;
    let limit = request.max_tokens.map_or(room, |most| room.min(most as usize));
    let mut answer = Answer::new(prompt.len(), Stops::new(&request.stop), listener);
    answer.tell_usage();
    let mut chooser = LogitsProcessor::from_sampling(seed(request), sampling(request));
    let (mut session, mut text) = (model.begin(), model.tokenizer.decode_stream(true));
    let mut next = prompt;
    while answer.tokens < limit {
        let Some(logits) = session.read(&next, || !listener.is_closed())? else { return Ok(()) };
        let token = chooser.sample(&logits)?;
        if token == model.writer.end() {
            answer.end(FinishReason::Stop);
            return Ok(());
        }
        let piece = text.step(token)?.unwrap_or_default();
        if answer.add(&piece) {
            answer.end(FinishReason::Stop);
            return Ok(());
        }
        next = vec![token];
    }
    answer.end(FinishReason::Length);
    Ok(())
}

/// Tokens that are left for an answer after a prompt of so many.
fn room(model: &Model, prompt: usize) -> Result<usize> {
    model.context.checked_sub(prompt).filter(|&room| room > 0).ok_or_else(|| {
        Error::Unsupported(format!(
            "the conversation has {prompt} tokens, and {} reads and writes {} at most: shorten it, or ask another model",
            model.name, model.context
        ))
    })
}

fn sampling(request: &ChatRequest) -> Sampling {
    let temperature = request.temperature.unwrap_or(TEMPERATURE);
    match (temperature, request.top_p.unwrap_or(TOP_P)) {
        // A probability of all zeros cannot be drawn from.
        (temperature, p) if temperature < 1e-3 || p <= 0.0 => Sampling::ArgMax,
        (temperature, p) if p >= 1.0 => Sampling::All { temperature },
        (temperature, p) => Sampling::TopP { p, temperature },
    }
}

fn seed(request: &ChatRequest) -> u64 {
    request.seed.map_or_else(rand::random, i64::cast_unsigned)
}

/// What has been said.
struct Answer<'a> {
    prompt: usize,
    tokens: usize,
    stops: Stops,
    listener: &'a Listener,
}

impl<'a> Answer<'a> {
    fn new(prompt: usize, stops: Stops, listener: &'a Listener) -> Self {
        Self { prompt, tokens: 0, stops, listener }
    }

    /// Adds the text of a token; whether a stop text has come.
    fn add(&mut self, piece: &str) -> bool {
        self.tokens += 1;
        let (text, is_over) = self.stops.push(piece);
        self.say(text);
        is_over
    }

    fn end(mut self, reason: FinishReason) {
        let rest = std::mem::replace(&mut self.stops, Stops::new(&[])).rest();
        self.say(rest);
        self.tell_usage();
        self.tell(Event::End(reason));
    }

    fn say(&self, text: String) {
        if !text.is_empty() {
            self.tell(Event::Text(text));
        }
    }

    /// What it has cost so far: also those who leave before the end are told.
    fn tell_usage(&self) {
        self.tell(Event::Usage(Usage::new(self.prompt as u64, self.tokens as u64)));
    }

    fn tell(&self, event: Event) {
        // Whoever has left is noticed before the next token.
        drop(self.listener.send(Ok(event)));
    }
}
