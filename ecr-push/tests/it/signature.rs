//! Tests of the signatures of parts, whose hash comes from the encoder instead of the SDK's signer.
//! The emulator checks no signatures, so it can't detect an error here.

use std::sync::{Arc, Mutex};

use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::date_time::{DateTime, Format};
use ecr_push::settings::NewRepository;
use ecr_push::{Image, Repository};
use local_aws::{Fault, When};

use crate::client;
use crate::layout::{Layout, digest};
use crate::world::{World, repository};

const MIB: usize = 1024 * 1024;

#[tokio::test(start_paused = true)]
async fn every_request_is_signed_for_the_body_that_it_has() {
    let world = World::new().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let pusher = client::pusher(&world.local, {
        let seen = seen.clone();
        move |request| {
            let operation = client::operation(request).to_owned();
            let authorization = request.headers().get("authorization").unwrap();
            let (_, sent) = authorization.split_once("Signature=").unwrap();
            assert_eq!(sent, signature(request), "{operation}");
            seen.lock().unwrap().push(operation);
            None
        }
    });
    // Covers a part that the SDK retries, a part that arrives twice, and copies for another
    // repository.
    world.local.inject(When::nth("UploadLayerPart", 2), Fault::ServerError);
    world.local.inject(When::nth("UploadLayerPart", 4), Fault::LoseResponse);
    let layout = Layout::image(&[25 * MIB, 1000]);
    let image = Image::open(layout.path()).await.unwrap();
    let there: Repository =
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/demo/web".parse().unwrap();
    let push = pusher.push(&image, &repository()).also_to(&there);
    push.create_repository(NewRepository::default()).await.unwrap();

    let seen = seen.lock().unwrap();
    let parts = seen.iter().filter(|operation| *operation == "UploadLayerPart").count();
    assert!(parts >= 2 * 5 + 2, "{seen:?}");
}

/// Computes the SigV4 signature of the request (AWS's "Create a signed AWS API request").
fn signature(request: &HttpRequest) -> String {
    let header = |name: &str| request.headers().get(name).unwrap_or_default();
    let authorization = header("authorization");
    let (_, scope) = authorization.split_once("Credential=AKIALOCALAWSEXAMPLE/").unwrap();
    let scope = scope.split_once(", ").unwrap().0;
    let signed = authorization.split_once("SignedHeaders=").unwrap().1.split(',').next().unwrap();
    let uri: http::Uri = request.uri().parse().unwrap();
    // The HTTP client derives the header `host` from the URI.
    let value = |name| if name == "host" { uri.host().unwrap() } else { header(name) };
    let headers: String =
        signed.split(';').map(|name| format!("{name}:{}\n", value(name))).collect();
    let body = hash(request.body().bytes().unwrap());
    let canonical = format!("POST\n/\n\n{headers}\n{signed}\n{body}");
    let date = header("x-amz-date");
    let canonical = hash(canonical.as_bytes());
    let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{canonical}");
    let [_, region, service, _] = scope.split('/').collect::<Vec<_>>()[..] else {
        panic!("{scope}");
    };
    let day = format!("{}-{}-{}T00:00:00Z", &date[..4], &date[4..6], &date[6..8]);
    let day = DateTime::from_str(&day, Format::DateTime).unwrap().try_into().unwrap();
    let key = generate_signing_key("local", day, region, service);
    calculate_signature(key, to_sign.as_bytes())
}

fn hash(content: &[u8]) -> String {
    digest(content).trim_start_matches("sha256:").to_owned()
}
