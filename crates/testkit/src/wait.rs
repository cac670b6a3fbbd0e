//! The one way to wait.

use std::time::{Duration, Instant};

/// Between two looks at a condition.
const INTERVAL: Duration = Duration::from_millis(10);

/// Looks at a condition until it holds and returns what was found. `look` says in its error what it saw instead.
///
/// # Errors
/// When `limit` has passed: what was waited for, how long, and what was seen last.
pub async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(seen) if started.elapsed() > limit => {
                return Err(seen.context(format!("waited {} s for {what}; seen last", limit.as_secs_f32())));
            }
            Err(_) => tokio::time::sleep(INTERVAL).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_found_at_last_is_returned() {
        let mut looks = 0;
        let found = wait_for("the third look", Duration::from_secs(5), async || {
            looks += 1;
            anyhow::ensure!(looks == 3, "look {looks}");
            Ok(looks)
        });
        assert_eq!(found.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn failure_says_what_was_awaited_and_what_was_seen() {
        let never = async || -> anyhow::Result<()> { anyhow::bail!("nothing") };
        let error = format!("{:#}", wait_for("a miracle", Duration::ZERO, never).await.unwrap_err());
        assert!(error.contains("a miracle") && error.contains("nothing"), "{error}");
    }
}
