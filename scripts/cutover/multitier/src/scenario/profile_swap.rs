//! "Someone else, please": search, then search again without those found.

use wire::matrix::SearchRequest;

use crate::answer::Found;
use crate::expect;
use crate::failure::Result;
use crate::user::{K, User, search};

pub(super) async fn play(user: &mut User) -> Result {
    // With the playbook: an excluded id must not come back as a recorded answer either.
    let request = SearchRequest { use_playbook: true, ..search(&user.query()) };
    let answer = user.calls.search(&request).await?;
    let first: Found<'_> = answer.read("search")?;
    expect::full_page(&first, K)?;

    let exclude_ids = first.results.iter().map(|hit| hit.id.clone().into_owned()).collect();
    let answer = user.calls.search(&SearchRequest { exclude_ids, ..request }).await?;
    let second: Found<'_> = answer.read("search")?;
    expect::ranked(&second)?;
    expect::swapped(&first, &second)
}
