//! The official packages of OpenAI and Ollama, pointed at the gateway and nothing else: chat by a provider that speaks neither
//! interface, vectors by the built-in model.

use testkit::{Stack, bun, node, python};
use wire::DaemonName::{Chatd, Embedd, Gateway};

use super::{anthropic, over, run};

/// A gateway before everything that the clients ask for, and the provider.
async fn served() -> anyhow::Result<(Stack, String)> {
    let provider = anthropic::start().await?;
    let settings = format!(r#"{{name="far",kind="anthropic",url="{provider}",api_key_env="FAR_KEY"}}"#);
    let stack = over(&[Embedd, Chatd, Gateway], &settings).env_of(Chatd, "FAR_KEY", "sk-live-1");
    Ok((stack.start().await?, provider))
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_for_python_chat_call_tools_leave_and_embed_through_the_gateway() -> anyhow::Result<()> {
    let (mut stack, provider) = served().await?;
    let gateway = stack.gateway()?.url("");
    run(python("chat-clients")?, "clients.py", &[&gateway, &provider]).await?;
    stack.stop().await?;
    stack.assert_quiet(&[])
}

#[tokio::test(flavor = "multi_thread")]
async fn package_for_node_and_bun_chats_calls_tools_leaves_and_embeds_through_the_gateway()
-> anyhow::Result<()> {
    let (mut stack, provider) = served().await?;
    let gateway = stack.gateway()?.url("");
    for runtime in [node, bun] {
        run(runtime("chat-clients-node")?, "clients.cjs", &[&gateway, &provider]).await?;
    }
    stack.stop().await?;
    stack.assert_quiet(&[])
}
