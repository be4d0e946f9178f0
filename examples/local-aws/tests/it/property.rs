//! Random requests: the emulator stays up and answers as AWS would.

use local_aws::{LocalAws, Server};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::ecr_images::{OCI, OCI_INDEX, index, manifest};
use crate::wire::{Answer, ECR, Wire, signed};

const OPERATIONS: [&str; 20] = [
    "GetAccountSetting",
    "PutAccountSetting",
    "BatchDeleteImage",
    "DeleteRepository",
    "GetDownloadUrlForLayer",
    "ListTagsForResource",
    "PutImageTagMutability",
    "BatchCheckLayerAvailability",
    "BatchGetImage",
    "CompleteLayerUpload",
    "CreateRepository",
    "DescribeImages",
    "DescribeRepositories",
    "GetAuthorizationToken",
    "InitiateLayerUpload",
    "ListImages",
    "PutImage",
    "UploadLayerPart",
    "Absent",
    "",
];

const MEMBERS: [&str; 31] = [
    "encryptionConfiguration",
    "encryptionType",
    "filterType",
    "force",
    "imageScanningConfiguration",
    "imageStatus",
    "imageTagMutabilityExclusionFilters",
    "layerDigest",
    "resourceArn",
    "scanOnPush",
    "tags",
    "filter",
    "imageDigest",
    "imageIds",
    "imageManifest",
    "imageManifestMediaType",
    "imageTag",
    "imageTagMutability",
    "layerDigests",
    "layerPartBlob",
    "maxResults",
    "nextToken",
    "partFirstByte",
    "partLastByte",
    "registryId",
    "registryIds",
    "repositoryName",
    "repositoryNames",
    "tagStatus",
    "uploadId",
    "unknown",
];

/// The content of the only layer, which is its own config, too.
const LAYER: &str = "layer";

#[derive(Debug, Clone)]
struct Request {
    target: Option<Vec<u8>>,
    authorization: Option<Vec<u8>>,
    body: Vec<u8>,
}

/// What HTTP allows in the value of a header, and AWS's clients never send.
fn header() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![0x21..0x7fu8, 0x80..=0xffu8, Just(b'.'), Just(b'/'), Just(b',')], 0..64)
}

fn target() -> impl Strategy<Value = Option<Vec<u8>>> {
    let named = select(&OPERATIONS[..]).prop_map(|name| Some(format!("{ECR}.{name}").into_bytes()));
    prop_oneof![8 => named, 1 => header().prop_map(Some), 1 => Just(None)]
}

fn authorization() -> impl Strategy<Value = Option<Vec<u8>>> {
    let prefixed =
        header().prop_map(|rest| Some([b"AWS4-HMAC-SHA256 Credential=".to_vec(), rest].concat()));
    prop_oneof![
        16 => Just(Some(signed("ecr").into_bytes())),
        1 => Just(Some(signed("sts").into_bytes())),
        1 => prefixed,
        1 => header().prop_map(Some),
        1 => Just(None),
    ]
}

/// Values that mean something to ECR, beside any others.
fn leaf() -> impl Strategy<Value = Value> {
    let layer = crate::ecr::digest(LAYER);
    let manifest = manifest(OCI, &layer, &[&layer]);
    let known = [
        json!("app"),
        json!(UPLOAD),
        json!(layer),
        json!(crate::ecr::digest(&manifest)),
        json!(index(OCI_INDEX, &[&crate::ecr::digest(&manifest)])),
        json!(manifest.replace("\"size\":1", &format!("\"size\":{}", u64::MAX))),
        json!(manifest),
        json!(OCI),
        json!("123456789012"),
        json!("bGF5ZXI="),
        json!("latest"),
        json!("TAGGED"),
        json!("IMMUTABLE"),
        json!("ARCHIVED"),
        json!("IMMUTABLE_WITH_EXCLUSION"),
        json!([{ "filterType": "WILDCARD", "filter": "l*t" }]),
        json!("arn:aws:ecr:us-east-1:123456789012:repository/app"),
        json!({ "encryptionType": "KMS" }),
        json!([{ "Key": "a", "Value": "b" }]),
        json!(4),
        json!(5),
    ];
    prop_oneof![
        8 => select(known.to_vec()),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => prop_oneof![Just(0), Just(1), Just(-1), Just(i64::MAX), Just(i64::MIN), any::<i64>()]
            .prop_map(Value::from),
        1 => Just(json!(u64::MAX)),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((select(&MEMBERS[..]), inner.clone()), 0..4).prop_map(object),
            // A manifest is JSON within a text.
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

fn object(members: Vec<(&'static str, Value)>) -> Value {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A body whose members are those of the right names, and half the time of the right values.
fn likely() -> impl Strategy<Value = Value> {
    let layer = crate::ecr::digest(LAYER);
    let right = json!({
        "repositoryName": "app",
        "uploadId": UPLOAD,
        "partFirstByte": 5,
        "partLastByte": 9,
        "layerPartBlob": "bGF5ZXI=",
        "layerDigests": [layer],
        "layerDigest": layer,
        "imageTagMutability": "IMMUTABLE",
        "resourceArn": "arn:aws:ecr:us-east-1:123456789012:repository/app",
        "imageManifest": manifest(OCI, &layer, &[&layer]),
        "imageIds": [{ "imageTag": "latest" }],
    });
    vec((select(&MEMBERS[..]), value()), 0..6).prop_map(move |members| {
        let mut body = right.clone();
        for (name, value) in members {
            body[name] = value;
        }
        body
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let text = |value: Value| value.to_string().into_bytes();
    let cut = |(value, at): (Value, prop::sample::Index)| {
        let mut text = value.to_string().into_bytes();
        text.truncate(at.index(text.len() + 1));
        text
    };
    prop_oneof![
        8 => likely().prop_map(text),
        4 => vec((select(&MEMBERS[..]), value()), 0..6).prop_map(object).prop_map(text),
        2 => (likely(), any::<prop::sample::Index>()).prop_map(cut),
        2 => value().prop_map(text),
        2 => vec(any::<u8>(), 0..256),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    (target(), authorization(), body()).prop_map(|(target, authorization, body)| Request {
        target,
        authorization,
        body,
    })
}

fn sts_request() -> impl Strategy<Value = Request> {
    let action = prop_oneof![
        Just("GetCallerIdentity".to_owned()),
        Just("AssumeRole".to_owned()),
        any::<String>(),
    ];
    let body = (action, "[&=%A-Za-z]{0,32}").prop_map(|(action, rest)| {
        format!("Action={action}&Version=2011-06-15{rest}").into_bytes()
    });
    let authorization = prop_oneof![
        4 => Just(Some(signed("sts").into_bytes())),
        1 => authorization(),
    ];
    (authorization, body).prop_map(|(authorization, body)| Request {
        target: None,
        authorization,
        body,
    })
}

/// The id of the upload of [`start`]: the emulator's ids come in a fixed order.
const UPLOAD: &str = "00000000-0000-4000-8000-000000000006";

/// An emulator with a repository, a layer, an image, and an upload of five bytes so far.
fn start(runtime: &Runtime) -> (Server, Wire) {
    let server = runtime.block_on(LocalAws::start()).unwrap();
    let mut wire = Wire::connect(&server);
    let mut call = |operation: &str, mut input: Value| {
        input["repositoryName"] = json!("app");
        let answer = wire.ecr(operation, &input.to_string());
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    call("CreateRepository", json!({}));
    let layer = crate::ecr::digest(LAYER);
    let part = json!({ "partFirstByte": 0, "partLastByte": 4, "layerPartBlob": "bGF5ZXI=" });
    let mut upload = || {
        let id = call("InitiateLayerUpload", json!({}))["uploadId"].clone();
        let mut part = part.clone();
        part["uploadId"] = id.clone();
        call("UploadLayerPart", part);
        id
    };
    let first = upload();
    assert_eq!(upload(), UPLOAD);
    call("CompleteLayerUpload", json!({ "uploadId": first, "layerDigests": [layer] }));
    let image = manifest(OCI, &layer, &[&layer]);
    call("PutImage", json!({ "imageManifest": image, "imageTag": "latest" }));
    (server, wire)
}

fn send(wire: &mut Wire, request: &Request) -> Answer {
    let mut headers = Vec::new();
    headers.extend(request.target.as_deref().map(|value| ("x-amz-target", value)));
    headers.extend(request.authorization.as_deref().map(|value| ("authorization", value)));
    wire.call(&headers, &request.body)
}

/// Success, or the client's fault, in the form of the protocol. A panic would end the connection.
fn check(answer: &Answer) -> Result<(), TestCaseError> {
    let refused = (400..500).contains(&answer.status);
    prop_assert!(answer.status == 200 || refused, "{answer:?}");
    match answer.header("content-type") {
        Some("application/x-amz-json-1.1") => {
            let body = answer.json();
            prop_assert!(body.is_object(), "{answer:?}");
            let code = body["__type"].as_str().is_some_and(|code| !code.is_empty());
            prop_assert_eq!(code && body["message"].is_string(), refused, "{:?}", answer);
        }
        Some("text/xml") => {
            prop_assert_eq!(answer.body.starts_with("<ErrorResponse "), refused, "{:?}", answer);
        }
        _ => prop_assert!(false, "{answer:?}"),
    }
    Ok(())
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn whatever_ecr_is_sent_it_answers_as_ecr_would() {
    let runtime = runtime();
    proptest!(ProptestConfig::with_cases(192), |(requests in vec(request(), 1..24))| {
        let (_server, mut wire) = start(&runtime);
        for request in &requests {
            check(&send(&mut wire, request))?;
        }
    });
}

#[test]
fn whatever_sts_is_sent_it_answers_as_sts_would() {
    let runtime = runtime();
    let server = runtime.block_on(LocalAws::start()).unwrap();
    proptest!(ProptestConfig::with_cases(512), |(request in sts_request())| {
        let mut wire = Wire::connect(&server);
        check(&send(&mut wire, &request))?;
    });
}
