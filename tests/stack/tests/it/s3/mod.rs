//! The warehouse in a bucket of an S3 server that checks every signature and that nobody here wrote.

mod objects;
mod outages;
mod tables;

use testkit::{Builder, Credentials, S3Server, Stack};
use wire::DaemonName;

use crate::main_job;

const BUCKET: &str = "acme-data";
/// What the warehouse may touch of the bucket.
const PREFIX: &str = "lakehouse/main";

/// A server with the bucket and a user, from which on nobody else may do anything.
async fn server() -> anyhow::Result<(S3Server, Credentials)> {
    let server = S3Server::start().await?;
    server.create_bucket(BUCKET).await?;
    let user = server.create_user().await?;
    server.check_credentials(true).await?;
    Ok((server, user))
}

/// Daemons whose warehouse is in the bucket.
fn on_s3(daemons: &[DaemonName], server: &S3Server, user: &Credentials) -> Builder {
    let warehouse = format!("s3://{BUCKET}/{PREFIX}");
    Stack::of(daemons).env("LAKEHOUSE_LAKE__WAREHOUSE", warehouse).envs(server.environment(user))
}

/// What the server itself says is in the bucket.
async fn keys(server: &S3Server) -> anyhow::Result<Vec<String>> {
    server.check_credentials(false).await?;
    let keys = server.keys(BUCKET).await?;
    server.check_credentials(true).await?;
    Ok(keys)
}

#[tokio::test]
async fn main_job_is_done_on_s3_and_found_again_after_a_restart() -> anyhow::Result<()> {
    let (server, user) = server().await?;
    let mut stack = on_s3(&DaemonName::ALL, &server, &user).start().await?;
    main_job::run(&stack).await?;
    stack.stop().await?;
    stack.restart().await?;
    main_job::sql_answers_over_both_tables(&stack.gateway()?).await?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}
