//! What the listener refuses, because a web page could have sent it.

use local_aws::LocalAws;
use serde_json::json;

use crate::wire::{Wire, signed};

const ORDER: &[u8] = br#"{"inject": {"operation": "PutImage", "fault": "Throttle"}}"#;
const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_page_of_another_site_is_refused_everywhere() {
    let server = LocalAws::start().await.unwrap();
    let host = server.endpoint_url().split_off("http://".len());
    let foreign = [
        (("host", host.as_str()), ("origin", "https://evil.example")),
        (("host", host.as_str()), ("origin", "null")),
        (("host", "evil.example"), ("origin", "http://evil.example")),
        (("host", "evil.example"), ("accept", "*/*")),
    ];
    let authorization = signed("ecr");
    for request in
        ["POST /_local-aws", "GET /_local-aws", "POST /", "GET /v2/", "OPTIONS /", "PUT /v2/app/x"]
    {
        for (host, origin) in foreign {
            let headers = [host, origin, JSON, ("authorization", authorization.as_str())];
            let answer = Wire::connect(&server).send(request, &headers, ORDER).unwrap();
            assert_eq!(answer.status, 403, "{request} {host:?} {origin:?}");
            assert_eq!(answer.header("connection"), Some("close"));
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
    }
    assert_eq!(server.local().journal().calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_answer_says_why() {
    let server = LocalAws::start().await.unwrap();
    let answer = |headers: &[(&str, &str)]| {
        let answer = Wire::connect(&server).send("POST /_local-aws", headers, ORDER).unwrap();
        (answer.status, answer.json())
    };
    let host = ("host", "localhost");
    assert_eq!(
        answer(&[("host", "evil.example:80"), JSON]),
        (
            403,
            json!({
                "error": "host \"evil.example:80\" is not a name of this emulator: use 127.0.0.1",
            })
        )
    );
    assert_eq!(
        answer(&[host, JSON, ("origin", "null")]),
        (403, json!({ "error": "requests of web pages are refused: origin \"null\"" }))
    );
    for simple in ["text/plain", "application/x-www-form-urlencoded"] {
        let problem = format!("an order needs Content-Type: application/json, not {simple:?}");
        assert_eq!(answer(&[host, ("content-type", simple)]), (403, json!({ "error": problem })));
    }
    let problem = "an order needs Content-Type: application/json, not \"\"";
    assert_eq!(answer(&[host]), (403, json!({ "error": problem })));
    assert_eq!(answer(&[host, JSON]), (200, json!({})));
}
