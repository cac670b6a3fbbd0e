//! Conversations to two chat endpoints of OpenAI's shape, whole and streamed; what the shape promises is checked.

mod compare;
mod spoken;
mod stream;
mod whole;

use jiff::Zoned;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::cli::examples;
use crate::{Fault, Output, Pair, Side, SideArgs, Verdict};
use compare::Comparison;
use spoken::Spoken;

const EXAMPLES: &str = examples!(
    "  parity chat --model smollm2                     # legacy on :3100 beside ours on :4110, both with a model of that name
  parity chat --model smollm2 --left http://127.0.0.1:8000/v1/chat/completions --right-model SmolLM2-135M-Instruct --json
  parity chat --model smollm2 --same-text         # two servers of one kind: not a letter may differ"
);

/// How both sides are asked.
const SHAPE: &str = "OpenAI's chat completions, whole and streamed";
/// Without one, some servers begin with a system message of the model's makers.
const SYSTEM: (&str, &str) =
    ("system", "You are a helpful assistant of a staffing company. Answer in one sentence.");
/// Who says what. The last message of each is its name.
const CONVERSATIONS: [&[(&str, &str)]; 3] = [
    &[SYSTEM, ("user", "Name three tools that a carpenter uses.")],
    &[
        SYSTEM,
        ("user", "May I drive a forklift without a certificate?"),
        ("assistant", "No, you may not."),
        ("user", "Why not?"),
    ],
    &[SYSTEM, ("user", "Zoë earns 24,50 € an hour in Zürich. What does she earn in eight hours?")],
];

/// Arguments of `parity chat`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    sides: SideArgs,
    /// The model, by the name that the left knows.
    #[arg(long, env = "MODEL")]
    model: String,
    /// The name under which the right knows the same model, where it is another one.
    #[arg(long, value_name = "MODEL")]
    right_model: Option<String>,
    /// Tokens of an answer at most.
    #[arg(long, default_value_t = 32, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=4096))]
    max_tokens: u32,
    /// A text that differs fails; without it, it is only remarked: two runtimes may choose otherwise where two tokens are nearly
    /// as likely.
    #[arg(long)]
    same_text: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Asks both sides and compares.
///
/// # Errors
/// When the arguments make no sense. A side that does not answer, or answers otherwise, is in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let mut pair = Pair::new(&args.sides, ["/v1/chat/completions"; 2], [SHAPE; 2])?;
    let mut comparison = Comparison::new(args.same_text);
    let asked = ask(&mut pair, args, &mut comparison).await;
    let method = format!(
        "{} conversations, each to both sides, whole and streamed, at temperature 0 and for at most {} tokens. Checked is what the shape \
         promises, of each answer by itself. Whole: one choice with role, text, a reason for its end, and a usage that adds up. Streamed: \
         server-sent events, chunks of one answer, the role first, then text, one reason at the end, one usage as it is asked for, \
         and [DONE] as the last. A promise that the right breaks fails; one that only the left breaks is remarked, as nobody can rely on \
         it there. Texts of left and right are compared from their beginning, letter by letter; that they begin alike does not make them \
         alike. One that differs {}. The figure is the part of the longer text up to the first difference. Below are the last request \
         and the time of all of them.",
        CONVERSATIONS.len(),
        args.max_tokens,
        if args.same_text { "fails" } else { "is remarked and does not fail" }
    );
    Ok(Verdict::new("chat", now, method, pair.evidence, comparison.findings(asked)))
}

/// Asks for one answer after the other, and adds each pair of them.
async fn ask(pair: &mut Pair, args: &Args, comparison: &mut Comparison) -> Result<(), Fault> {
    let models = [&args.model, args.right_model.as_ref().unwrap_or(&args.model)];
    for conversation in CONVERSATIONS {
        for is_streamed in [false, true] {
            let [left, right] =
                models.map(|model| request(model, conversation, args.max_tokens, is_streamed));
            let sides = &pair.sides;
            let replies =
                [hear(&sides[0], &left, is_streamed).await, hear(&sides[1], &right, is_streamed).await];
            let given = pair.take([&left, &right], replies)?;
            for (evidence, spoken) in pair.evidence.iter_mut().zip(&given) {
                if let Ok(spoken) = spoken {
                    evidence.stated = json!({ "model": spoken.model });
                }
            }
            comparison.add(&case(conversation, is_streamed), given);
        }
    }
    Ok(())
}

fn case(conversation: &[(&str, &str)], is_streamed: bool) -> String {
    let question = conversation.last().map_or("", |(_, content)| *content);
    format!("{}: {question}", if is_streamed { "streamed" } else { "whole" })
}

fn request(model: &str, conversation: &[(&str, &str)], max_tokens: u32, is_streamed: bool) -> Value {
    let message = |(role, content): &(&str, &str)| json!({ "role": role, "content": content });
    let messages: Vec<Value> = conversation.iter().map(message).collect();
    let mut body = json!({
        "model": model, "messages": messages, "temperature": 0, "max_tokens": max_tokens, "stream": is_streamed,
    });
    if is_streamed {
        body["stream_options"] = json!({ "include_usage": true });
    }
    body
}

async fn hear(side: &Side, request: &Value, is_streamed: bool) -> Result<(Spoken, f64), Fault> {
    let (spoken, took_ms) = if is_streamed {
        let answer = side.ask(request).await?;
        let body = String::from_utf8_lossy(&answer.body);
        (stream::read(answer.header(CONTENT_TYPE), &body), answer.took_ms)
    } else {
        let (answer, took_ms) = side.post(request).await?;
        (whole::read(&answer), took_ms)
    };
    Ok((spoken.map_err(Fault::Wrong)?, took_ms))
}
