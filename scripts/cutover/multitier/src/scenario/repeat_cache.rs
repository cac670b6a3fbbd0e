//! The same query five times: caches may make it faster, and nothing may make it differ.

use crate::expect;
use crate::failure::Result;
use crate::user::{K, User, search};

const REPETITIONS: usize = 5;

pub(super) async fn play(user: &mut User) -> Result {
    let request = search(&user.query());
    let first = user.calls.search(&request).await?;
    expect::full_page(&first, K)?;
    for _ in 1..REPETITIONS {
        let again = user.calls.search(&request).await?;
        expect::same(&first, &again)?;
    }
    Ok(())
}
