//! Five texts to two embed endpoints, the model forced; their vectors are compared by cosine.

mod compare;
mod shape;

use anyhow::Context;
use jiff::Zoned;
use serde_json::{Value, json};

use crate::cli::{examples, share};
use crate::{Fault, Findings, Output, Side, SideArgs, SideEvidence, Verdict};
use compare::compare;
use shape::Answer;
pub use shape::Shape;

const EXAMPLES: &str = examples!(
    "  parity embed                                    # legacy on :3100 beside ours on :4110, model nomic-embed-text
  MODEL=nomic-embed-text-v2-moe parity embed
  parity embed --left http://127.0.0.1:11434/api/embed --right http://127.0.0.1:4110/v1/embeddings --json
  parity embed --model all-MiniLM-L6-v2 --left http://10.0.0.5/embed --left-shape legacy"
);

/// What is sent: what people search workers with, a name with an accent, and a text that says little.
const TEXTS: [&str; 5] = [
    "forklift operator, night shift, Houston",
    "Registered nurse with five years in an intensive care unit, certified in ACLS",
    "CNC machinist who reads blueprints and programs in G-code",
    "Zoë can start on Monday at 6:30 a.m. for $24.50 an hour",
    "the",
];

/// Arguments of `parity embed`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    sides: SideArgs,
    /// The model, by name, that both are made to use.
    #[arg(long, env = "MODEL", default_value = "nomic-embed-text")]
    model: String,
    /// The name under which the right knows the same model, where it is another one.
    #[arg(long, value_name = "MODEL")]
    right_model: Option<String>,
    /// How the left is asked, where its path does not say it.
    #[arg(long, value_name = "SHAPE")]
    left_shape: Option<Shape>,
    /// How the right is asked, where its path does not say it.
    #[arg(long, value_name = "SHAPE")]
    right_shape: Option<Shape>,
    /// The cosine from which on two vectors count as alike.
    #[arg(long, default_value_t = 0.9999, value_name = "COSINE", value_parser = share)]
    threshold: f64,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// One side, and how it is asked.
struct Asked {
    name: &'static str,
    side: Side,
    shape: Shape,
    model: String,
}

/// Asks both sides and compares.
///
/// # Errors
/// When the arguments make no sense. A side that does not answer, or answers otherwise, is in the verdict.
pub(crate) async fn probe(args: &Args, now: &Zoned) -> anyhow::Result<Verdict> {
    let [left, right] = Side::pair(&args.sides, ["/ai/embed", "/v1/embed"])?;
    let asked = |name, side: Side, shape: Option<Shape>, model: &str| -> anyhow::Result<Asked> {
        let shape = shape.or_else(|| Shape::of(&side.url)).with_context(|| {
            format!("the path of {} does not say how it is asked: name it with --{name}-shape", side.url)
        })?;
        Ok(Asked { name, side, shape, model: model.to_owned() })
    };
    let asked = [
        asked("left", left, args.left_shape, &args.model)?,
        asked("right", right, args.right_shape, args.right_model.as_ref().unwrap_or(&args.model))?,
    ];
    let answers = [asked[0].ask().await, asked[1].ask().await];
    let sides = [evidence(&asked[0], &answers[0]), evidence(&asked[1], &answers[1])];
    let method = format!(
        "{} texts in one request to each side, model {}; a text's two vectors are alike from cosine {} on.",
        TEXTS.len(),
        args.model,
        args.threshold
    );
    Ok(Verdict::new("embed", now, method, sides, judge(&asked, &answers, args.threshold)))
}

type Reply = Result<(Answer, f64), Fault>;

impl Asked {
    async fn ask(&self) -> Reply {
        let (answer, took_ms) = self.side.post(&self.shape.request(&TEXTS, &self.model)).await?;
        let answer = self.shape.read(&answer).and_then(|answer| answer.checked(TEXTS.len()));
        Ok((answer.map_err(Fault::Wrong)?, took_ms))
    }
}

fn evidence(asked: &Asked, reply: &Reply) -> SideEvidence {
    let stated = match reply {
        Ok((answer, _)) => json!({ "model": answer.model, "dimension": answer.dimension }),
        Err(_) => Value::Null,
    };
    SideEvidence {
        request: asked.shape.request(&TEXTS, &asked.model),
        took_ms: reply.as_ref().ok().map(|(_, took_ms)| *took_ms),
        stated,
        ..asked.side.evidence(asked.shape.as_str())
    }
}

fn judge(asked: &[Asked; 2], replies: &[Reply; 2], threshold: f64) -> Findings {
    let mut causes = Vec::new();
    let mut is_unreachable = false;
    for (asked, reply) in asked.iter().zip(replies) {
        match reply {
            Err(Fault::Unreachable(why)) => {
                is_unreachable = true;
                causes.push(format!("{} ({}) could not be reached: {why}", asked.name, asked.side.url));
            }
            Err(Fault::Wrong(why)) => causes.push(format!("{} ({}): {why}", asked.name, asked.side.url)),
            Ok((answer, _)) => {
                causes.extend(answer.is_by(&asked.model).err().map(|why| format!("{}: {why}", asked.name)));
            }
        }
    }
    match replies {
        [Ok((left, _)), Ok((right, _))] => compare(&TEXTS, left, right, threshold, causes),
        _ if is_unreachable => Findings::ended(Fault::Unreachable(causes.join("; ")), Vec::new()),
        _ => Findings::of(&causes, Vec::new(), Vec::new()),
    }
}
