//! llama.cpp with a small model behind chatd: a server whose tokens, ends and faults are not of our making.

use std::time::Duration;

use anyhow::ensure;
use testkit::{LlamaServer, python, wait_for};
use wire::DaemonName::{Chatd, Gateway};

use super::{over, run};

/// How long the server may take to see that nobody listens.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_llama_cpp_come_whole_and_streamed_and_end_when_the_caller_leaves() -> anyhow::Result<()> {
    let Some(server) = LlamaServer::start_or_skip("chatd before llama.cpp").await? else { return Ok(()) };
    let (url, model) = (server.url(), LlamaServer::MODEL);
    let provider = format!(r#"{{name="llama",kind="openai",url="{url}"}}"#);
    let mut stack = over(&[Chatd, Gateway], &provider).start().await?;
    let gateway = stack.gateway()?.url("");
    run(python("chat-clients")?, "llama_server.py", &[&gateway, model]).await?;
    wait_for("llama.cpp to see that its caller left", PATIENCE, async || {
        let log = server.log()?;
        ensure!(log.contains("Disconnected from client"), "{log}");
        Ok(())
    })
    .await?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}
