//! This crate's reference parser, compared with that of oci-spec, which many Rust tools use.

use imagedefs::{ImageUri, ProblemKind};
use oci_spec::distribution::Reference;
use proptest::prelude::*;
use proptest::sample::select;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The kinds that this crate refuses and oci-spec accepts: rules of ECS and ECR, and names that no
/// image has.
const STRICTER: [ProblemKind; 12] = [
    // ECS supports SHA-256 alone; oci-spec accepts any algorithm.
    ProblemKind::DigestAlgorithm,
    ProblemKind::EcrHost,
    // The account of an ECR host.
    ProblemKind::EmptyPart,
    // oci-spec accepts any number of digits from 32 on for an unknown algorithm.
    ProblemKind::InvalidDigest,
    // A digest alone, or a host with `_`, which oci-spec parses as a repository.
    ProblemKind::InvalidReference,
    // A tag of 64 digits, and a registry as a part of a repository.
    ProblemKind::MisplacedDigest,
    // `aws --query` prints it for a missing value.
    ProblemKind::NullText,
    // `\w` in oci-spec's expression matches the letters of all scripts.
    ProblemKind::ReferenceCharacter,
    ProblemKind::ReferenceTooLong,
    ProblemKind::RepeatedRegistry,
    ProblemKind::Scheme,
    // `__NAME__` is a legal tag.
    ProblemKind::UnreplacedToken,
];

fn pieces() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a".to_owned(),
        "b0".to_owned(),
        "A".to_owned(),
        ".".to_owned(),
        "_".to_owned(),
        "__".to_owned(),
        "-".to_owned(),
        "/".to_owned(),
        ":".to_owned(),
        "@".to_owned(),
        "é".to_owned(),
        "None".to_owned(),
        ":latest".to_owned(),
        ":5000/".to_owned(),
        "localhost".to_owned(),
        "ghcr.io/".to_owned(),
        "docker.io/".to_owned(),
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/".to_owned(),
        "11112222333.dkr.ecr.us-east-1.amazonaws.com/".to_owned(),
        "x".repeat(129),
        HEX.to_owned(),
        format!("@sha256:{HEX}"),
        format!("@sha256:{}", HEX.to_uppercase()),
        format!("@sha256:{}", &HEX[1..]),
        format!("@sha512:{HEX}{HEX}"),
        format!("@other:{HEX}"),
    ]);
    prop::collection::vec(piece, 1..7).prop_map(|pieces| pieces.concat())
}

/// If both parse a reference, they find the same parts.
fn compare(image: &ImageUri, reference: &Reference) {
    let text = image.as_str();
    assert_eq!(image.digest(), reference.digest(), "{text}");
    // oci-spec fills in missing parts.
    let tag = image.tag().or(if image.digest().is_none() { Some("latest") } else { None });
    assert_eq!(tag, reference.tag(), "{text}");
    let path = match image.registry() {
        Some(registry) => &image.repository()[registry.len() + 1..],
        None => image.repository(),
    };
    match image.registry() {
        // The reference grammar parses a first part with a capital letter as a host, because a
        // repository cannot have one; oci-spec leaves it with the repository.
        Some(host) if !host.contains(['.', ':']) && host != "localhost" => {
            assert_eq!(reference.registry(), "docker.io", "{text}");
            assert_eq!(reference.repository(), image.repository(), "{text}");
        }
        None | Some("docker.io") if !path.contains('/') => {
            assert_eq!(reference.registry(), "docker.io", "{text}");
            assert_eq!(reference.repository(), format!("library/{path}"), "{text}");
        }
        registry => {
            assert_eq!(reference.registry(), registry.unwrap_or("docker.io"), "{text}");
            assert_eq!(reference.repository(), path, "{text}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn ours_accepts_less_than_oci_spec_and_reads_it_alike(text in pieces()) {
        match (text.parse::<ImageUri>(), text.parse::<Reference>()) {
            (Ok(image), Ok(reference)) => compare(&image, &reference),
            (Ok(_), Err(error)) => prop_assert!(false, "{} is refused by oci-spec: {}", text, error),
            (Err(error), Ok(_)) => {
                for problem in error.problems() {
                    prop_assert!(STRICTER.contains(&problem.kind()), "{}", error);
                }
            }
            (Err(_), Err(_)) => {}
        }
    }
}

#[test]
fn known_differences() {
    for (text, registry, repository, tag) in [
        // oci-spec completes a short name, and adds a tag.
        ("httpd:2.4", "docker.io", "library/httpd", "2.4"),
        ("ghcr.io/shop/web", "ghcr.io", "shop/web", "latest"),
        ("Registry/web:1", "docker.io", "Registry/web", "1"),
    ] {
        let reference = text.parse::<Reference>().unwrap();
        let parts = (reference.registry(), reference.repository(), reference.tag());
        assert_eq!(parts, (registry, repository, Some(tag)));
        assert_eq!(text.parse::<ImageUri>().unwrap().as_str(), text);
    }
    assert_eq!("Registry/web:1".parse::<ImageUri>().unwrap().registry(), Some("Registry"));
    assert_eq!("ghcr.io/shop/web".parse::<ImageUri>().unwrap().tag(), None);

    for (text, kind) in [
        (format!("web@sha512:{HEX}{HEX}"), ProblemKind::DigestAlgorithm),
        (HEX.to_owned(), ProblemKind::InvalidReference),
        ("my_registry.example.com/web".to_owned(), ProblemKind::InvalidReference),
        ("web:None".to_owned(), ProblemKind::NullText),
        ("web:é".to_owned(), ProblemKind::ReferenceCharacter),
        (format!("{}:{}", "x".repeat(240), "1".repeat(20)), ProblemKind::ReferenceTooLong),
        ("111EXAMPLE.dkr.ecr.us-east-1.amazonaws.com/web".to_owned(), ProblemKind::EcrHost),
    ] {
        assert!(text.parse::<Reference>().is_ok(), "{text}");
        assert_eq!(text.parse::<ImageUri>().unwrap_err().problems()[0].kind(), kind, "{text}");
    }
}
