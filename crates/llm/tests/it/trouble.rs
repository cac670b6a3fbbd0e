//! Routes, second attempts, providers that are left alone, deadlines, and what is known of it afterwards.

use futures::StreamExt;
use llm::budget::{Balance, now_s};
use llm::{Chat, Error, Kind, Price, ProviderSettings, Route};
use wire::chat::Usage;

use crate::exchange::{End, Exchange, chunked, plain};
use crate::recorded::OPENAI;
use crate::server::{OPENAI_STREAM, OPENAI_WHOLE, Server, nobody};
use crate::{chat, provider, request};

fn refusal(retry_after_s: u32) -> Vec<u8> {
    let (status, body) = OPENAI.overload;
    plain(status, &format!("retry-after: {retry_after_s}\r\n"), body)
}

#[tokio::test]
async fn refusal_for_the_moment_is_tried_again_whole_and_streamed() {
    let whole = plain("200 OK", "", OPENAI_WHOLE);
    let exchange = Exchange::serving(vec![refusal(0), refusal(0), whole]).await;
    let near = chat(&[provider("near", Kind::OpenAi, &exchange.url, &["m"])]);
    assert_eq!(near.complete(&request(None)).await.unwrap().message.content.text(), "Hello there");
    assert_eq!(exchange.asked().len(), 3);

    let streamed = chunked(OPENAI.media_type, &[OPENAI.text.as_bytes()], End::Whole);
    let exchange = Exchange::serving(vec![plain("503 Busy", "", "{}"), streamed]).await;
    let near = chat(&[provider("near", Kind::OpenAi, &exchange.url, &["m"])]);
    assert!(
        near.stream(&request(None)).await.unwrap().pieces.all(|piece| async move { piece.is_ok() }).await
    );
    assert_eq!(exchange.asked().len(), 2);
}

#[tokio::test]
async fn provider_that_wants_to_be_left_alone_for_long_is_not_asked_again() {
    let (first, second) =
        (Exchange::serving(vec![refusal(60)]).await, Server::answering(200, OPENAI_WHOLE).await);
    let first_one = provider("first", Kind::OpenAi, &first.url, &["m"]);
    let both = chat(&[first_one.clone(), provider("second", Kind::OpenAi, &second.url, &["m"])]);
    assert_eq!(both.complete(&request(None)).await.unwrap().provider, "second");
    assert_eq!(first.asked().len(), 1);
    let error = chat(&[first_one]).complete(&request(None)).await.unwrap_err();
    assert_eq!(error.retry_after().unwrap().as_secs(), 60);
}

#[tokio::test]
async fn stream_that_has_begun_is_never_begun_again() {
    let cut = chunked(OPENAI.media_type, &[&OPENAI.text.as_bytes()[..700]], End::Cut);
    let exchange = Exchange::serving(vec![cut]).await;
    let near = chat(&[provider("near", Kind::OpenAi, &exchange.url, &["m"])]);
    let pieces: Vec<_> = near.stream(&request(None)).await.unwrap().pieces.collect().await;
    assert!(matches!(pieces.last(), Some(Err(Error::BrokeOff { .. }))), "{pieces:?}");
    assert_eq!(exchange.asked().len(), 1);
}

#[tokio::test]
async fn provider_that_keeps_failing_is_left_alone_and_the_listing_says_so() {
    let (down, second) = (nobody(), Server::answering(200, OPENAI_WHOLE).await);
    let providers =
        [provider("down", Kind::OpenAi, &down, &["m"]), provider("up", Kind::OpenAi, &second.url, &["m"])];
    let chat = chat(&providers);
    assert_eq!(chat.survey().await[0].breaker, "closed");
    for _ in 0..5 {
        assert_eq!(chat.complete(&request(None)).await.unwrap().provider, "up");
    }
    let status = chat.survey().await;
    assert_eq!((status[0].breaker.as_str(), status[1].breaker.as_str()), ("open", "closed"));
    let named = wire::chat::ChatRequest { provider: Some("down".into()), ..request(None) };
    let error = chat.complete(&named).await.unwrap_err();
    assert!(error.to_string().contains("provider down has failed several times in a row"), "{error}");
    assert!(error.retry_after().is_some_and(|wait| wait.as_secs() > 0));
    let [record] = &status[1].records[..] else { panic!("{status:?}") };
    assert_eq!((record.model.as_str(), record.answers, record.failures), ("m", 5, 0));
    assert_eq!(record.usage, Usage::new(5 * 26, 5 * 2));
}

#[tokio::test]
async fn request_that_is_refused_does_not_count_against_the_provider() {
    let server = Server::answering(400, r#"{"error":"too long"}"#).await;
    let chat = chat(&[provider("near", Kind::OpenAi, &server.url, &["m"])]);
    for _ in 0..6 {
        chat.complete(&request(None)).await.unwrap_err();
    }
    assert_eq!((server.seen().len(), chat.survey().await[0].breaker.as_str()), (6, "closed"));
}

#[tokio::test]
async fn route_decides_who_is_asked_in_which_order_and_by_which_name() {
    let server = Server::answering(200, OPENAI_WHOLE).await;
    let providers = [
        provider("near", Kind::OpenAi, &server.url, &[]),
        provider("down", Kind::OpenAi, &nobody(), &[]),
        provider("far", Kind::OpenAi, &server.url, &["vendor/m-1"]),
    ];
    let route = |models: &str, providers: &[&str]| Route {
        models: vec![models.into()],
        providers: providers.iter().map(|provider| (*provider).to_owned()).collect(),
    };
    let routes = [route("m-*", &["down", "far:vendor/m-1"]), route("*", &["near"])];
    let chat = Chat::new(&providers, &routes, None).unwrap();
    for (model, expected) in [("m-1", ("far", "vendor/m-1")), ("n", ("near", "n"))] {
        let answer = chat.complete(&request(Some(model))).await.unwrap();
        assert_eq!((answer.provider.as_str(), answer.model.as_str()), expected);
        assert_eq!(server.seen().last().unwrap()["model"], expected.1);
    }
    let error = Chat::new(&providers, &[route("*", &["nera"])], None).unwrap_err().to_string();
    assert!(error.contains("\"nera\"") && error.contains("near, down, far"), "{error}");
}

#[tokio::test]
async fn first_token_and_whole_stream_have_deadlines_of_their_own() {
    // Comments keep the connection alive, and are no token.
    let (server, _gone) = Server::hanging(": still here\n\n").await;
    let near = provider("near", Kind::OpenAi, &server.url, &["m"]);
    let settings = ProviderSettings { first_token_ms: Some(50), timeout_ms: 1, total_ms: 5_000, ..near };
    let error = chat(&[settings]).stream(&request(None)).await.unwrap_err().to_string();
    assert!(error.contains("within 50 ms") && error.contains("`first_token_ms`"), "{error}");

    // However long they are.
    let server = Server::streaming(&OPENAI_STREAM).await;
    let near = provider("near", Kind::OpenAi, &server.url, &["m"]);
    let settings =
        ProviderSettings { first_token_ms: Some(u64::MAX), total_ms: u64::MAX, timeout_ms: u64::MAX, ..near };
    chat(&[settings]).stream(&request(None)).await.unwrap();

    let (server, _gone) =
        Server::hanging("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n").await;
    let near = provider("near", Kind::OpenAi, &server.url, &["m"]);
    let settings = ProviderSettings { total_ms: 200, ..near };
    let pieces: Vec<_> = chat(&[settings]).stream(&request(None)).await.unwrap().pieces.collect().await;
    let error = pieces.last().unwrap().as_ref().unwrap_err();
    assert!(matches!(error, Error::BrokeOff { .. }) && error.to_string().contains("`total_ms`"), "{error}");
}

#[tokio::test]
async fn answer_that_nobody_waits_for_is_counted_with_what_it_cost() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let server = Server::streaming(&OPENAI_STREAM).await;
    let chat = chat(&[provider("near", Kind::OpenAi, &server.url, &["m"])]);
    let mut stream = chat.stream(&request(None)).await.unwrap();
    stream.pieces.next().await.unwrap().unwrap();
    drop(stream);
    let text = handle.render();
    for line in [
        "chatd_requests_total{provider=\"near\",outcome=\"abandoned\"} 1",
        // "Be brief." and "Hello?" are 15 characters, "Hello" is five.
        "chatd_tokens_total{provider=\"near\",model=\"m\",kind=\"prompt\"} 4",
        "chatd_tokens_total{provider=\"near\",model=\"m\",kind=\"completion\"} 2",
        "chatd_breaker_open{provider=\"near\"} 0",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    assert!(chat.survey().await[0].records[0].usage.estimated);
}

#[tokio::test]
async fn question_that_was_left_before_its_answer_has_cost_its_prompt() {
    let (server, mut gone) = Server::hanging("").await;
    let settings =
        ProviderSettings { tokens_per_day: Some(100), ..provider("near", Kind::OpenAi, &server.url, &["m"]) };
    let chat = chat(&[settings]);
    let (_, budget) = chat.budgets().next().unwrap();
    let request = request(None);
    let mut waiting = Box::pin(chat.complete(&request));
    while server.seen().is_empty() {
        assert!(futures::poll!(&mut waiting).is_pending());
        tokio::task::yield_now().await;
    }
    // 15 characters, and up to 16 tokens in answer.
    assert_eq!(budget.balance(now_s()), Balance { in_flight: 1, used: 0, held: 20 });
    drop(waiting);
    assert!(gone.recv().await.is_none());
    assert_eq!(budget.balance(now_s()), Balance { in_flight: 0, used: 4, held: 0 });
}

#[tokio::test]
async fn cost_latency_and_health_of_a_model_are_in_metrics_and_listing() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let server = Server::answering(200, OPENAI_WHOLE).await;
    let prices = vec![Price { models: vec!["m*".into()], input: 0.5, output: 1.5 }];
    let settings = ProviderSettings {
        prices,
        currency: "EUR".into(),
        tokens_per_day: Some(1000),
        ..provider("near", Kind::OpenAi, &server.url, &[])
    };
    let chat = chat(&[settings]);
    for model in ["m", "free"] {
        chat.complete(&request(Some(model))).await.unwrap();
    }
    // 26 tokens read and two written: sixteen millionths.
    let text = handle.render();
    for line in [
        "chatd_cost{provider=\"near\",model=\"m\",currency=\"EUR\"} 0.000016",
        "chatd_provider_reachable{provider=\"near\"} 1",
        "chatd_answer_seconds_count{provider=\"near\",model=\"m\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in:\n{text}");
    }
    let status = &chat.survey().await[0];
    let costs: Vec<_> = status.records.iter().map(|record| (record.model.as_str(), record.cost)).collect();
    assert_eq!((status.currency.as_str(), costs), ("EUR", vec![("free", None), ("m", Some(0.000_016))]));
    assert!(status.records[0].answer_ms.is_some_and(|took| took > 0.0));
    assert_eq!(status.budget.as_ref().map(|budget| budget.tokens_used), Some(56));
}
