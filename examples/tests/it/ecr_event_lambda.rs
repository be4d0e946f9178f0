//! Tests of `ecr_event_lambda`: the handler answers invocations of Lambda's Runtime API.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::program::{Program, served};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn event(tag: &str) -> Value {
    json!({
        "detail-type": "ECR Image Action", "source": "aws.ecr", "account": "123456789012",
        "region": "us-east-1",
        "detail": {
            "result": "SUCCESS", "repository-name": "demo/web", "action-type": "PUSH",
            "image-digest": DIGEST, "image-tag": tag,
        },
    })
}

/// One request: the path and the body.
async fn receive(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse().ok())?
            });
            if body.len() >= length.unwrap_or(0_usize) {
                let path = head.split(' ').nth(1).unwrap().to_owned();
                return Some((path, body.to_owned()));
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// Serves the Runtime API (Lambda developer guide, "Using the Lambda runtime API for custom
/// runtimes") for these events, and returns the posted paths and bodies. Each connection carries one
/// request: the client may open a second one while the first is idle.
async fn serve(listener: TcpListener, events: Vec<Value>) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    let mut waiting = events.clone().into_iter();
    while answers.len() < events.len() {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Some((path, body)) = receive(&mut stream).await else { continue };
        let (status, payload) = if path.ends_with("/invocation/next") {
            let Some(event) = waiting.next() else { continue };
            ("200 OK", event.to_string())
        } else {
            answers.push((path, body));
            ("202 Accepted", "{}".to_owned())
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nLambda-Runtime-Aws-Request-Id: 1\r\n\
             Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: \
             arn:aws:lambda:us-east-1:123456789012:function:ecr-event\r\n\r\n{payload}",
            payload.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    answers
}

fn function(address: &str) -> Program {
    Program::ecr_event_lambda()
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("AWS_LAMBDA_FUNCTION_NAME", "ecr-event")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "log")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "log")
        .env("CONTAINERS", r#"{"demo/web": "web"}"#)
        .env("SERVICES", "demo/web")
}

#[tokio::test]
async fn the_handler_deploys_ignores_and_fails() {
    let server = served().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut child = function(&address).env("TAGS", "v*").on(&server).spawn();
    let events = vec![event("v1"), event("latest"), json!([])];
    let answers = serve(listener, events).await;
    child.kill().await.unwrap();

    let [deployed, ignored, failed] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(deployed.0.ends_with("/invocation/1/response"), "{deployed:?}");
    let revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/web:2";
    let body = |answer: &(String, String)| serde_json::from_str::<Value>(&answer.1).unwrap();
    assert_eq!(body(deployed), json!({ "revisions": [revision] }));
    assert_eq!(body(ignored), json!({ "ignored": "the tag is `latest`" }));
    assert!(failed.0.ends_with("/invocation/1/error"), "{failed:?}");
    let message = body(failed)["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.contains("the form that EventBridge Pipes deliver"), "{message}");
    assert_eq!(server.local().journal().count("UpdateService"), 1);
}

#[tokio::test]
async fn a_bad_configuration_ends_the_function() {
    for (tags, problem) in [
        ("", "the environment variable TAGS is not set"),
        ("*", "the tag pattern `*` also matches signatures and attestations"),
    ] {
        let ended = function("127.0.0.1:9").env("TAGS", tags).run().await;
        assert_eq!(ended.code, 1);
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
    }
}
