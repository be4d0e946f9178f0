//! Tests that no text from servers and files is shown raw: in errors, events, plans and outcomes.

use std::error::Error as StdError;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use serde_json::json;

use crate::error::Error;
use crate::error::answer::{Cause, Origin};
use crate::error::kind::ErrorKind;
use crate::error::login::HelperSetting;
use crate::image::blob::Layer;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::outside::{Outside, Quoted};
use crate::push::obstacles::Obstacle;
use crate::push::plan::Plan;
use crate::push::pushed::Pushed;
use crate::report::{Event, Reporter};
use crate::wire::transport::RegistryEndpoint;

const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";

/// Returns text that orders a terminal or a CI system about.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\u{1b}[31m",
        "\n::error::x",
        "\r\n##[error]x",
        "##vso[task.complete]",
        "::set-output name=a::b",
        " ::stop-commands::x",
        "\u{202e}",
        "\u{2066}",
        "\u{2028}",
        "\u{9b}2J",
        "\u{200b}",
        "\u{feff}",
        "\u{e0041}",
        "\u{7f}",
        "\u{0}",
        "ü",
        "is not authorized to perform: ecr:*\",\"x on resource: arn:aws:s3:::*",
        "because no VPC endpoint policy",
    ]);
    let text = prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat());
    (text, 1..200_usize)
        .prop_map(|(text, times)| if times < 190 { text } else { text.repeat(times) })
}

/// Checks one shown text.
fn check(shown: &str) {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    assert!(!shown.contains(is_hidden), "{shown:?}");
    assert!(!shown.contains("##[") && !shown.contains("##vso["), "{shown:?}");
    assert!(!shown.trim_start().starts_with("::"), "{shown:?}");
    assert!(shown.len() < 40_000, "{} bytes", shown.len());
}

/// Checks an error with its whole chain, and its statement.
fn check_error(error: &Error) {
    check(&error.to_string());
    let mut next = error.source();
    while let Some(error) = next {
        check(&error.to_string());
        next = error.source();
    }
    if let Some(statement) = error.missing_statement() {
        let statement: serde_json::Value = serde_json::from_str(&statement).unwrap();
        let action = statement["Action"].as_str().unwrap();
        assert!(["ecr:BatchGetImage", "ecr:PutImage"].contains(&action), "{action}");
    }
}

fn repository() -> Repository {
    URI.parse().unwrap()
}

fn cause(text: &str, origin: Origin) -> Cause {
    let source = io::Error::other(text.to_owned());
    Cause {
        status: Some(403),
        origin,
        source: Some(Quoted::new(&source)),
        ..Cause::without_answer(text.to_owned())
    }
}

const KINDS: [ErrorKind; 10] = [
    ErrorKind::AccessDenied,
    ErrorKind::Configuration,
    ErrorKind::Credentials,
    ErrorKind::EncryptionKey,
    ErrorKind::LimitExceeded,
    ErrorKind::Network,
    ErrorKind::Protocol,
    ErrorKind::RepositoryNotFound,
    ErrorKind::Service,
    ErrorKind::Throttled,
];

/// Returns every error that holds text, with `text` in every field.
fn errors(text: &str) -> Vec<Error> {
    let io = || io::Error::other(text.to_owned());
    let (path, digest) = (Path::new(text), Digest::from_content(b"a"));
    let place = Outside::new(text);
    let mut errors = vec![
        Error::image(text, text),
        Error::image_caused(text, text, io()),
        Error::io(path, io()),
        Error::temporary(path, io()),
        Error::unreadable(&place, io()),
        Error::blob_mismatch(&place, &digest, &digest),
        Error::blob_size(&place, &digest, 1, 2),
        Error::unsupported(&digest, &[text]),
        Error::protocol("PutImage", &repository(), text),
        Error::lost_twice("PutImage", &repository(), &digest, text),
        Error::login_protocol("PutImage", text, text),
        Error::docker_config(path, text),
        Error::credential_helper(path, text, HelperSetting::CredHelpers, text),
        Error::credential_helper(path, text, HelperSetting::CredsStore, text),
        Error::unwritable(path, io()),
        Error::invalid_endpoint(text, text),
        Error::invalid_options(text),
        Error::invalid_platform(text, text.to_owned()),
    ];
    for (kind, origin) in KINDS.iter().flat_map(|&it| [(it, Origin::Aws), (it, Origin::Elsewhere)])
    {
        let api = || Error::api(kind, "PutImage", &repository(), cause(text, origin)).about(text);
        errors.extend([
            api(),
            api().dropped(),
            Error::login_call(kind, "PutImage", text, cause(text, origin)),
        ]);
    }
    errors.extend(text.parse::<Digest>().err().map(Error::from));
    errors.extend(text.parse::<Tag>().err().map(Error::from));
    for uri in
        [text.to_owned(), format!("{URI}{text}"), format!("{URI}:{text}"), format!("{text}://")]
    {
        errors.extend(uri.parse::<Repository>().err().map(Error::from));
    }
    errors.extend(format!("http://a/{text}").parse::<RegistryEndpoint>().err());
    errors
}

proptest! {
    #[test]
    fn no_error_shows_text_from_outside_raw(text in hostile()) {
        for error in errors(&text) {
            check_error(&error);
        }
        for invalid in [text.parse::<Tag>().err(), format!("{URI}@{text}").parse::<Repository>().err()] {
            check(&invalid.as_ref().map(ToString::to_string).unwrap_or_default());
            check(invalid.as_ref().map(|it| it.problem()).unwrap_or_default());
        }
    }

    #[test]
    fn no_event_plan_or_outcome_shows_it_raw(text in hostile()) {
        let (reporter, mut events) = Reporter::channel();
        let layer = Layer { digest: Digest::from_content(b"a"), size: 1 };
        let (path, reason) = (Path::new("checkpoint").to_owned(), text.clone());
        reporter.report(Event::CheckpointIgnored { path, reason });
        let (repository, reason) = (repository(), text.clone());
        reporter.report(Event::LayerRestarted { repository: repository.clone(), layer, reason });
        let (operation, attempt, reason) = ("PutImage", 2, text.clone());
        let retried =
            Event::RequestRetried { operation, repository: repository.clone(), attempt, reason };
        reporter.report(retried);
        while let Ok(event) = events.try_recv() {
            let event = serde_json::to_value(event).unwrap();
            check(event["reason"].as_str().unwrap());
        }
        let obstacle: Obstacle = serde_json::from_value(json!(text)).unwrap();
        check(&obstacle.to_string());
        let digest = Digest::from_content(b"a");
        let plan = Plan::new(digest.clone(), Vec::new(), vec![obstacle], vec![text.clone()]);
        for line in plan.to_string().lines() {
            check(line);
        }
        let outcome = json!({
            "version": 1, "digest": digest, "bytesRead": 0, "elapsedSeconds": 0,
            "repositories": [{
                "repository": repository, "imageUri": text, "tags": [], "layersSent": 0,
                "layersMounted": 0, "layersSkipped": 0, "bytesSent": 0, "calls": 0,
            }],
        });
        let refused = serde_json::from_value::<Pushed>(outcome).unwrap_err();
        check(&refused.to_string());
    }
}
