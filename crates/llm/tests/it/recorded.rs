//! What the providers' documentation shows on the wire, one set for each interface.
//! OpenAI: platform.openai.com/docs/api-reference/chat-streaming; Ollama: docs.ollama.com/api/chat; Anthropic:
//! platform.claude.com/docs/en/build-with-claude/streaming; Gemini: ai.google.dev/api/generate-content.

use llm::Kind;

/// Exchanges of one interface. Every text is `Grüße, 世界 👋`, every call `get_weather` with `{"city":"Köln"}`, and each costs
/// 25 tokens read and 9 written.
pub(crate) struct Recorded {
    pub(crate) kind: Kind,
    pub(crate) media_type: &'static str,
    /// A streamed text.
    pub(crate) text: &'static str,
    /// A streamed tool call.
    pub(crate) call: &'static str,
    /// A tool call that came whole.
    pub(crate) whole: &'static str,
    /// An error in the middle of a stream, and the code that it has.
    pub(crate) error: &'static str,
    pub(crate) error_code: wire::ErrorCode,
    /// A refusal under load: status line and body.
    pub(crate) overload: (&'static str, &'static str),
}

pub(crate) const ALL: [Recorded; 4] = [OPENAI, OLLAMA, ANTHROPIC, GEMINI];

/// With comments as OpenRouter sends them, CRLF, a first chunk without a choice as Azure sends it, and the usage last.
pub(crate) const OPENAI: Recorded = Recorded {
    kind: Kind::OpenAi,
    media_type: "text/event-stream",
    text: concat!(
        ": OPENROUTER PROCESSING\r\n\r\n",
        "data: {\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}\r\n\r\n",
        "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"m\",\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]}\r\n\r\n",
        "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße\"},\"logprobs\":null,\"finish_reason\":null}]}\r\n\r\n",
        ": keep-alive\n\n",
        "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\", 世界 👋\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"id\":\"chatcmpl-123\",\"object\":\"chat.completion.chunk\",\"created\":1694268190,\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":9,\"total_tokens\":34}}\n\n",
        "data: [DONE]\n\n",
    ),
    call: concat!(
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"id\":\"call_DdmO9pD3xa9XTPNJ32zg2hcA\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"\"}}],\"refusal\":null},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"city\\\":\\\"K\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"öln\\\"}\"}}]},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":9,\"total_tokens\":34}}\n\n",
        "data: [DONE]\n\n",
    ),
    whole: r#"{"id":"chatcmpl-abc123","object":"chat.completion","created":1699896916,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_abc123","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Köln\"}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":25,"completion_tokens":9,"total_tokens":34,"completion_tokens_details":{"reasoning_tokens":0}}}"#,
    error: "data: {\"id\":\"c\",\"provider\":\"x\",\"error\":{\"code\":502,\"message\":\"Provider disconnected\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}\n\n",
    error_code: wire::ErrorCode::UpstreamFailed,
    overload: (
        "429 Too Many Requests",
        r#"{"error":{"message":"Rate limit reached for m","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
    ),
};

pub(crate) const OLLAMA: Recorded = Recorded {
    kind: Kind::Ollama,
    media_type: "application/x-ndjson",
    text: concat!(
        "{\"model\":\"m\",\"created_at\":\"2025-05-27T22:54:57.641643Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"Hm\"},\"done\":false}\n",
        "{\"model\":\"m\",\"created_at\":\"2025-05-27T22:54:57.641643Z\",\"message\":{\"role\":\"assistant\",\"content\":\"Grüße\"},\"done\":false}\n",
        "{\"model\":\"m\",\"created_at\":\"2025-05-27T22:54:57.673559Z\",\"message\":{\"role\":\"assistant\",\"content\":\", 世界 👋\"},\"done\":false}\n",
        "{\"model\":\"m\",\"created_at\":\"2025-05-27T22:54:57.7Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"total_duration\":4883583458,\"load_duration\":1334875,\"prompt_eval_count\":25,\"prompt_eval_duration\":342546000,\"eval_count\":9,\"eval_duration\":4535599000}\n",
    ),
    call: concat!(
        "{\"model\":\"m\",\"created_at\":\"2025-07-07T20:22:19.184789Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"function\":{\"name\":\"get_weather\",\"arguments\":{\"city\":\"Köln\"}}}]},\"done\":false}\n",
        "{\"model\":\"m\",\"created_at\":\"2025-07-07T20:22:19.19314Z\",\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done_reason\":\"stop\",\"done\":true,\"prompt_eval_count\":25,\"eval_count\":9}\n",
    ),
    whole: r#"{"model":"m","created_at":"2025-07-07T20:32:53.844124Z","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"get_weather","arguments":{"city":"Köln"}}}]},"done_reason":"stop","done":true,"total_duration":3244883583,"prompt_eval_count":25,"eval_count":9}"#,
    error: "{\"error\":\"an error was encountered while running the model: unexpected EOF\"}\n",
    error_code: wire::ErrorCode::UpstreamFailed,
    overload: (
        "503 Service Unavailable",
        r#"{"error":"server busy, please try again.  maximum pending requests exceeded"}"#,
    ),
};

pub(crate) const ANTHROPIC: Recorded = Recorded {
    kind: Kind::Anthropic,
    media_type: "text/event-stream; charset=utf-8",
    text: concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"m\",\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":20,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":5,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Grüße\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\", 世界 👋\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: yet_unknown\ndata: {\"type\":\"yet_unknown\"}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    call: concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_014p7gG3wDgGV9EUtLvnow3U\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":2},\"content\":[],\"stop_reason\":null}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_01T1x1fJ34qAmk2tNTrN7Up6\",\"name\":\"get_weather\",\"input\":{}}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"city\\\":\\\"K\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"öln\\\"}\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":1}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":9}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ),
    whole: r#"{"id":"msg_01Aq9w938a90dw8q","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_01A09q90qw90lq917835lq9","name":"get_weather","input":{"city":"Köln"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":25,"output_tokens":9}}"#,
    error: "event: error\ndata: {\"type\": \"error\", \"error\": {\"type\": \"overloaded_error\", \"message\": \"Overloaded\"}}\n\n",
    error_code: wire::ErrorCode::Overloaded,
    overload: (
        "529 Overloaded",
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_011CSHoEeqs5C35K2UUqR7Fy"}"#,
    ),
};

pub(crate) const GEMINI: Recorded = Recorded {
    kind: Kind::Gemini,
    media_type: "text/event-stream",
    text: concat!(
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hm\",\"thought\": true}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 25,\"totalTokenCount\": 29,\"thoughtsTokenCount\": 4},\"modelVersion\": \"m\",\"responseId\": \"r\"}\r\n\r\n",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Grüße\"}],\"role\": \"model\"},\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 25,\"candidatesTokenCount\": 1,\"totalTokenCount\": 30,\"thoughtsTokenCount\": 4},\"modelVersion\": \"m\",\"responseId\": \"r\"}\r\n\r\n",
        "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \", 世界 👋\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 25,\"candidatesTokenCount\": 5,\"totalTokenCount\": 34,\"thoughtsTokenCount\": 4},\"modelVersion\": \"m\",\"responseId\": \"r\"}\r\n\r\n",
    ),
    call: "data: {\"candidates\": [{\"content\": {\"parts\": [{\"functionCall\": {\"name\": \"get_weather\",\"args\": {\"city\": \"Köln\"}},\"thoughtSignature\": \"CqQBAVSoXO4\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 25,\"candidatesTokenCount\": 9,\"totalTokenCount\": 34}}\r\n\r\n",
    whole: r#"{"candidates": [{"content": {"parts": [{"functionCall": {"name": "get_weather","args": {"city": "Köln"}}}],"role": "model"},"finishReason": "STOP","index": 0}],"usageMetadata": {"promptTokenCount": 25,"candidatesTokenCount": 9,"totalTokenCount": 34},"modelVersion": "m"}"#,
    error: "data: {\"error\": {\"code\": 503,\"message\": \"The model is overloaded. Please try again later.\",\"status\": \"UNAVAILABLE\"}}\r\n\r\n",
    error_code: wire::ErrorCode::Unavailable,
    overload: (
        "429 Too Many Requests",
        r#"{"error": {"code": 429,"message": "You exceeded your current quota","status": "RESOURCE_EXHAUSTED"}}"#,
    ),
};
