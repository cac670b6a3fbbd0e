//! The same query five times: caches may make it faster, and nothing may make it differ.

use wire::matrix::SearchRequest;

use crate::answer::Found;
use crate::expect;
use crate::failure::Result;
use crate::user::{K, User, search};

const REPETITIONS: usize = 5;

pub(super) async fn play(user: &mut User) -> Result {
    let query = user.query();
    let request = SearchRequest { use_result_cache: true, ..search(&query) };
    let answer = user.calls.search(&request).await?;
    let first: Found<'_> = answer.read("search")?;
    expect::full_page(&first, K)?;
    user.sample(&query, &first);
    let is_same = if user.tolerates_outages() { expect::alike } else { expect::same };
    for _ in 1..REPETITIONS {
        let answer = user.calls.search(&request).await?;
        let again: Found<'_> = answer.read("search")?;
        expect::ranked(&again)?;
        is_same(&first, &again)?;
    }
    Ok(())
}
