//! The two systems that are asked the same.

use serde_json::Value;

use crate::{Fault, Side, SideArgs, SideEvidence};

/// Both sides, left first, and what is known of each so far.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) sides: [Side; 2],
    pub(crate) evidence: [SideEvidence; 2],
}

/// What each side gave, or why that is no answer.
pub(crate) type Given<T> = [Result<T, String>; 2];

impl Pair {
    /// Both sides, each with how it is asked; where no address is given, below the predecessor's gateway and ours.
    ///
    /// # Errors
    /// What is wrong with an address or a token.
    pub(crate) fn new(args: &SideArgs, paths: [&str; 2], shapes: [&str; 2]) -> anyhow::Result<Self> {
        let sides = Side::pair(args, paths)?;
        let evidence = [sides[0].evidence(shapes[0]), sides[1].evidence(shapes[1])];
        Ok(Self { sides, evidence })
    }

    /// Posts a JSON body to each, one after the other.
    ///
    /// # Errors
    /// See [`Pair::take`].
    pub(crate) async fn post(&mut self, bodies: [&Value; 2]) -> Result<Given<Value>, Fault> {
        let replies = [self.sides[0].post(bodies[0]).await, self.sides[1].post(bodies[1]).await];
        self.take(bodies, replies)
    }

    /// Takes replies, each with the milliseconds that it took, into the evidence: what was asked last, and how long all of them took.
    ///
    /// # Errors
    /// [`Fault::Unreachable`] with the side that cannot be reached.
    pub(crate) fn take<T>(
        &mut self,
        requests: [&Value; 2],
        replies: [Result<(T, f64), Fault>; 2],
    ) -> Result<Given<T>, Fault> {
        let [left, right] = replies;
        let left = take(&mut self.evidence[0], requests[0], left);
        let right = take(&mut self.evidence[1], requests[1], right);
        Ok([left?, right?])
    }
}

fn take<T>(
    evidence: &mut SideEvidence,
    request: &Value,
    reply: Result<(T, f64), Fault>,
) -> Result<Result<T, String>, Fault> {
    evidence.request.clone_from(request);
    match reply {
        Ok((answer, took_ms)) => {
            evidence.took_ms = Some(evidence.took_ms.unwrap_or_default() + took_ms);
            Ok(Ok(answer))
        }
        Err(Fault::Wrong(why)) => Ok(Err(why)),
        Err(Fault::Unreachable(why)) => {
            Err(Fault::Unreachable(format!("{} could not be reached: {why}", evidence.url)))
        }
    }
}
