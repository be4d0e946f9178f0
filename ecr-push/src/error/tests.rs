//! Tests of the errors: the text of each, and its serialised form.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::error::repr::TagHolder;
use crate::image::source::Source;
use crate::names::digest::Digest;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::names::text::InvalidName;

fn repository() -> Repository {
    "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap()
}

fn cause(text: &str) -> Cause {
    Cause {
        status: Some(400),
        request_id: Some("id-1".to_owned()),
        ..Cause::without_answer(text.to_owned())
    }
}

#[test]
fn it_is_one_word_and_goes_anywhere() {
    fn goes_anywhere<T: Send + Sync + 'static>() {}
    goes_anywhere::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}

#[test]
fn api_errors_say_what_to_do() {
    let text = |kind| {
        let error = Error::api(kind, "PutImage", &repository(), cause("X: y"));
        assert_eq!(error.kind(), kind);
        assert_eq!(error.operation(), Some("PutImage"));
        assert_eq!(error.request_id(), Some("id-1"));
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("X: y"));
        error.to_string()
    };
    let uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";
    assert_eq!(
        text(ErrorKind::AccessDenied),
        format!("PutImage on {uri} is not allowed: add {PUT_IMAGE} to the policy")
    );
    assert_eq!(
        text(ErrorKind::EncryptionKey),
        format!("PutImage on {uri} can't use the repository's KMS key")
    );
    assert_eq!(text(ErrorKind::Configuration), format!("PutImage on {uri} can't be sent"));
    assert_eq!(
        text(ErrorKind::Credentials),
        format!("PutImage on {uri} was not accepted with these credentials")
    );
    assert_eq!(
        text(ErrorKind::LimitExceeded),
        format!("PutImage on {uri} exceeded a quota of account 123456789012 in us-east-1")
    );
    assert_eq!(text(ErrorKind::Network), format!("PutImage on {uri} got no answer from ECR"));
    assert_eq!(
        text(ErrorKind::RepositoryNotFound),
        "repository `demo/web` not found in account 123456789012, region us-east-1: create it with \
         `aws ecr create-repository --repository-name demo/web --region us-east-1`, or correct the \
         URI"
    );
    assert_eq!(
        text(ErrorKind::Throttled),
        format!(
            "PutImage on {uri} was throttled: account 123456789012 makes more requests in \
             us-east-1 than ECR allows"
        )
    );
    assert_eq!(text(ErrorKind::Service), format!("PutImage on {uri} was refused"));
}

const PUT_IMAGE: &str = r#"{"Effect":"Allow","Action":"ecr:PutImage","Resource":"arn:aws:ecr:us-east-1:123456789012:repository/demo/web"}"#;

#[test]
fn a_denied_call_names_its_statement_or_the_policy_that_denies() {
    let error =
        |text: &str| Error::api(ErrorKind::AccessDenied, "PutImage", &repository(), cause(text));
    assert_eq!(error("x").missing_statement().as_deref(), Some(PUT_IMAGE));
    let denied = "AccessDeniedException: User: arn:aws:iam::123456789012:user/local is not \
                  authorized to perform: ecr:PutImage on resource: \
                  arn:aws:ecr:us-east-1:123456789012:repository/demo/web";
    let by_deny = error(&format!("{denied} with an explicit deny in a service control policy"));
    assert_eq!(by_deny.missing_statement(), None);
    assert_eq!(
        by_deny.to_string(),
        format!(
            "PutImage on {} is not allowed: a service control policy of the organization denies it \
             explicitly, which overrides every `Allow`",
            repository()
        )
    );
    let by_endpoint = error(&format!("{denied} because no VPC endpoint policy allows the action"));
    assert_eq!(by_endpoint.missing_statement(), None);
    assert_eq!(
        by_endpoint.to_string(),
        format!(
            "PutImage on {} is not allowed: the VPC endpoint policy doesn't allow `ecr:PutImage`, \
             and has to allow it, too",
            repository()
        )
    );
    let service = Error::api(ErrorKind::Service, "PutImage", &repository(), cause(denied));
    assert_eq!(service.missing_statement(), None);
}

#[test]
fn a_new_repository_s_key_is_the_one_that_was_asked_for() {
    let text = "AccessDeniedException: User: arn:aws:iam::123456789012:user/local is not \
                authorized to perform: kms:CreateGrant on resource: \
                arn:aws:kms:us-east-1:999999999999:key/* because no identity-based policy allows \
                the kms:CreateGrant action";
    let key = "arn:aws:kms:us-east-1:123456789012:key/1";
    let kind = ErrorKind::AccessDenied;
    let error = Error::api(kind, "CreateRepository", &repository(), cause(text));
    assert_eq!(
        error.with_key(Some(key)).missing_statement(),
        Some(format!(r#"{{"Effect":"Allow","Action":"kms:CreateGrant","Resource":"{key}"}}"#))
    );
}

#[test]
fn an_answer_from_elsewhere_is_not_aws_s() {
    let error = |status| {
        let text = format!("HTTP {status}, text/html: \"No\", not an answer of ECR's");
        let origin = Origin::Elsewhere;
        let cause = Cause { status: Some(status), origin, ..cause(&text) };
        Error::api(ErrorKind::Network, "PutImage", &repository(), cause)
    };
    assert_eq!(
        error(413).to_string(),
        format!(
            "PutImage on {} did not reach AWS: a proxy, a firewall or a portal on the way answered, \
             so check the network's settings",
            repository()
        )
    );
    assert!(!error(413).is_retryable());
    assert!(error(504).is_retryable());
    assert_eq!(error(413).missing_statement(), None);
}

#[test]
fn what_a_call_was_about_is_named_once() {
    let digest = Digest::from_content(b"a");
    let error = Error::api(ErrorKind::Network, "UploadLayerPart", &repository(), cause("x"));
    let error = error.about(&digest).about("an image");
    assert_eq!(
        error.to_string(),
        format!("UploadLayerPart of {digest} on {} got no answer from ECR", repository())
    );
}

#[test]
fn only_a_passing_failure_is_retryable() {
    let retryable = |kind, status| {
        let cause = Cause { status, ..cause("x") };
        Error::api(kind, "PutImage", &repository(), cause).is_retryable()
    };
    assert!(retryable(ErrorKind::Throttled, Some(400)));
    assert!(retryable(ErrorKind::Network, None));
    assert!(retryable(ErrorKind::Service, Some(500)));
    assert!(!retryable(ErrorKind::Service, Some(400)));
    assert!(!retryable(ErrorKind::LimitExceeded, Some(400)));
    assert!(!retryable(ErrorKind::AccessDenied, Some(400)));
}

#[test]
fn an_immutable_tag_names_both_digests() {
    let tag: Tag = "1.0".parse().unwrap();
    let (a, b) = (Digest::from_content(b"a"), Digest::from_content(b"b"));
    let uri = repository();
    assert_eq!(
        Error::tag_immutable(&tag, &uri, &a, TagHolder::Image(b.clone())).to_string(),
        format!(
            "tag `1.0` of {uri} is immutable and refers to {b}, so it can't be moved to {a}: choose \
             another tag"
        )
    );
    assert_eq!(
        Error::tag_immutable(&tag, &uri, &a, TagHolder::Denied).to_string(),
        format!(
            "tag `1.0` of {uri} exists and is immutable, so it can't be moved to {a}: choose another \
             tag, or allow `ecr:BatchGetImage` to see which image it refers to"
        )
    );
    assert_eq!(
        Error::tag_immutable(&tag, &uri, &a, TagHolder::Unknown).to_string(),
        format!(
            "tag `1.0` of {uri} exists and is immutable, so it can't be moved to {a}: choose another \
             tag"
        )
    );
}

#[test]
fn blobs_are_blamed_by_digest_and_file() {
    let (a, b) = (Digest::from_content(b"a"), Digest::from_content(b"b"));
    let path = &Source::from_path("layout/blobs/sha256/x".into());
    assert_eq!(
        Error::blob_mismatch(path, &a, &b).to_string(),
        format!(
            "blob {a} has the digest {b}: the file layout/blobs/sha256/x was changed or is \
             damaged"
        )
    );
    assert_eq!(
        Error::blob_size(path, &a, 7, 3).to_string(),
        format!(
            "blob {a} has 3 bytes instead of 7: the file layout/blobs/sha256/x was cut off or \
             changed"
        )
    );
    assert_eq!(
        Error::unsupported(&a, &["blob x: it is empty", "blob y: it is foreign"]).to_string(),
        format!("image {a} can't be stored by ECR: blob x: it is empty; blob y: it is foreign")
    );
}

#[test]
fn a_compressed_layer_that_can_not_be_kept_says_where() {
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = Error::temporary(Path::new("/tmp"), full);
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(
        error.to_string(),
        "a compressed layer can't be written into /tmp: make room, or set TMPDIR to another folder"
    );
    assert_eq!(error.source().unwrap().to_string(), "no storage space");
}

#[test]
fn it_serialises_with_what_a_program_needs() {
    let json = |error: &Error| serde_json::to_value(error).unwrap();
    let denied = Error::api(ErrorKind::AccessDenied, "PutImage", &repository(), cause("X: y"));
    assert_eq!(
        json(&denied),
        json!({
            "kind": "accessDenied",
            "message": denied.to_string(),
            "causes": ["X: y"],
            "operation": "PutImage",
            "requestId": "id-1",
            "retryable": false,
            "missingStatement": {
                "Effect": "Allow",
                "Action": "ecr:PutImage",
                "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/demo/web",
            },
        })
    );
    let invalid = Error::from("x".parse::<Digest>().unwrap_err());
    assert_eq!(
        json(&invalid),
        json!({
            "kind": "invalidDigest",
            "message": "invalid digest `x`: it does not start with `sha256:`, ECR's only algorithm",
            "causes": [],
            "retryable": false,
        })
    );
    let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
    let error = Error::temporary(Path::new("/tmp"), full);
    assert_eq!(json(&error)["causes"], json!(["no storage space"]));
}

#[test]
fn a_kind_is_one_word() {
    assert_eq!(ErrorKind::AccessDenied.to_string(), "accessDenied");
    assert_eq!(serde_json::to_value(ErrorKind::TagImmutable).unwrap(), "tagImmutable");
    assert_eq!(ErrorKind::Io.to_string(), "io");
}

#[test]
fn an_invalid_name_has_the_kind_of_its_name() {
    let kind = |invalid: InvalidName| Error::from(invalid).kind();
    assert_eq!(kind("x".parse::<Digest>().unwrap_err()), ErrorKind::InvalidDigest);
    assert_eq!(kind("x".parse::<Repository>().unwrap_err()), ErrorKind::InvalidRepository);
    assert_eq!(kind("".parse::<Tag>().unwrap_err()), ErrorKind::InvalidTag);
}
