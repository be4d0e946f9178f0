//! Tests of names: what they parse and print, and the errors of invalid texts.

use proptest::prelude::*;

use crate::names::digest::Digest;
use crate::names::host::Endpoint;
use crate::names::repository::Repository;
use crate::names::tag::Tag;
use crate::outside::Outside;

fn repository_error(text: &str) -> String {
    text.parse::<Repository>().unwrap_err().to_string()
}

#[test]
fn every_partition_has_its_hosts() {
    let table = [
        ("dkr.ecr.us-east-1.amazonaws.com", "us-east-1", "aws"),
        ("dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "aws"),
        ("dkr-ecr.eu-west-1.on.aws", "eu-west-1", "aws"),
        ("dkr-ecr-fips.us-west-2.on.aws", "us-west-2", "aws"),
        ("dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov"),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"),
        ("dkr.ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", "aws-cn"),
        ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc"),
        ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso"),
        ("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"),
        ("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e"),
        ("dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f"),
    ];
    for (host, region, partition) in table {
        let text = format!("123456789012.{host}/team/web");
        let repository: Repository = text.parse().unwrap();
        assert_eq!(repository.to_string(), text);
        assert_eq!(repository.as_str(), text);
        assert_eq!(repository.host(), format!("123456789012.{host}"));
        assert_eq!(repository.account(), "123456789012");
        assert_eq!(repository.region(), region);
        assert_eq!(repository.partition(), partition);
        assert_eq!(repository.name(), "team/web");
        assert_eq!(
            repository.arn(),
            format!("arn:{partition}:ecr:{region}:123456789012:repository/team/web")
        );
    }
}

#[test]
fn what_is_wrong_with_a_repository_is_said() {
    let table = [
        ("HOST", "missing `/`, expected `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`"),
        ("https://HOST/web", "leave out `https://`, a repository URI has no scheme"),
        ("HOST/web:1.0", "leave out `:1.0`, tags are set separately"),
        ("HOST/web@sha256:00", "leave out `@sha256:00`, the image determines its digest"),
        (" HOST/web", "' ' at byte 0 is not allowed"),
        ("HOST/web\n", "'\\n' at byte 48 is not allowed"),
        ("HOST/we b", "' ' at byte 47 is not allowed"),
        ("HOST\0/web", "'\\0' at byte 44 is not allowed"),
        ("HOST/", "the name has 0 characters, 2 to 256 are allowed"),
        ("HOST/Web", "'W' at byte 45 is not allowed in the name, names are lower case"),
        ("HOST/web/ä", "'ä' at byte 49 is not allowed in the name"),
        ("HOST/team//web", "a part of the name is missing at byte 50, next to a `/`"),
        ("HOST//web", "a part of the name is missing at byte 45, next to a `/`"),
        ("HOST/web/", "a part of the name is missing at byte 49, next to a `/`"),
        (
            "HOST/team/web..x",
            "`web..x` at byte 50 in the name needs letters or digits around each `.`, `_`, `__` \
             or `-`",
        ),
    ];
    for (text, problem) in table {
        let text = text.replace("HOST", "123456789012.dkr.ecr.us-east-1.amazonaws.com");
        let shown = Outside::new(&text);
        let expected = format!("invalid ECR repository URI `{shown}`: {problem}");
        assert_eq!(repository_error(&text), expected);
    }
    let long = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{}", "a".repeat(257));
    assert_eq!(
        repository_error(&long),
        format!(
            "invalid ECR repository URI `{long}`: the name has 257 characters, 2 to 256 are allowed"
        )
    );
}

/// The cases follow AWS's own credential helper, which anchors its expression at both ends, and its
/// tests.
#[test]
fn what_is_wrong_with_a_host_is_said() {
    const FORM: &str = "expected `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`";
    for (host, problem) in WRONG_HOSTS {
        let problem = problem.replace("FORM", FORM);
        let expected = format!("invalid ECR repository URI `{host}/web`: {problem}");
        assert_eq!(repository_error(&format!("{host}/web")), expected);
    }
}

/// Invalid hosts, each with its problem. FORM stands for the expected form of a repository.
const WRONG_HOSTS: [(&str, &str); 23] = [
    ("12345678901.dkr.ecr.us-east-1.amazonaws.com", "the account id has 11 digits instead of 12"),
    ("1234567890123.dkr.ecr.us-east-1.amazonaws.com", "the account id has 13 digits instead of 12"),
    (
        "111EXAMPLE.dkr.ecr.us-east-1.amazonaws.com",
        "`111EXAMPLE` is not an account id of 12 digits",
    ),
    (".dkr.ecr.us-east-1.amazonaws.com", "the account id has 0 digits instead of 12"),
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.example",
        "`amazonaws.com.evil.example` at byte 31 is not a domain of AWS, FORM",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.",
        "`amazonaws.com.` at byte 31 is not a domain of AWS, FORM",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.evilamazonaws.com",
        "`evilamazonaws.com` at byte 31 is not a domain of AWS, FORM",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.comevil",
        "`amazonaws.comevil` at byte 31 is not a domain of AWS, FORM",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.AMAZONAWS.COM",
        "`AMAZONAWS.COM` at byte 31 is not a domain of AWS, FORM",
    ),
    ("123456789012.dkr.ecr.us-east-1", "`` at byte 30 is not a domain of AWS, FORM"),
    ("123456789012.dkr.ecr.amazonaws.com", "`amazonaws` at byte 21 is not a region, FORM"),
    ("123456789012.dkr.ecr..amazonaws.com", "`` at byte 21 is not a region, FORM"),
    (
        "123456789012.dkr.ecr-fips.US-EAST-1.amazonaws.com",
        "`US-EAST-1` at byte 26 is not a region, FORM",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn",
        "the region us-east-1 has no registries under `amazonaws.com.cn`",
    ),
    (
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com",
        "the region cn-north-1 has no registries under `amazonaws.com`",
    ),
    (
        "123456789012.dkr.ecr.eu-west-1.amazonaws.eu",
        "the region eu-west-1 has no registries under `amazonaws.eu`",
    ),
    (
        "123456789012.dkr.ecr.us-east-1.amazonaws.com:443",
        "leave out `:443` at byte 44, ECR's registries have no port",
    ),
    ("evil.example", "`evil.example` is not an ECR registry, FORM"),
    (
        "evil.123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "`evil.123456789012.dkr.ecr.us-east-1.amazonaws.com` is not an ECR registry, FORM",
    ),
    (
        "123456789012.DKR.ECR.us-east-1.amazonaws.com",
        "`123456789012.DKR.ECR.us-east-1.amazonaws.com` is not an ECR registry, FORM",
    ),
    (
        "123456789012.ecr.us-east-1.amazonaws.com",
        "`123456789012.ecr.us-east-1.amazonaws.com` is not an ECR registry, FORM",
    ),
    ("public.ecr.aws", "ECR Public is not supported, only private registries are"),
    ("ecr-public.aws.com", "ECR Public is not supported, only private registries are"),
];

#[test]
fn a_password_before_the_host_is_not_repeated() {
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    for login in ["AWS:secret@", "https://AWS:secret@", "AWS:sec/ret@", "https://AWS:sec/ret@"] {
        for rest in [format!("{host}/web"), host.to_owned()] {
            assert_eq!(
                repository_error(&format!("{login}{rest}")),
                format!(
                    "invalid ECR repository URI `…@{rest}`: leave out the user and password before \
                     the `@`"
                )
            );
        }
    }
}

#[test]
fn a_repository_is_composed_of_its_parts() {
    let hosts = [
        ("us-east-1", "dkr.ecr.us-east-1.amazonaws.com"),
        ("us-gov-west-1", "dkr.ecr.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("eusc-de-east-1", "dkr.ecr.eusc-de-east-1.amazonaws.eu"),
        ("us-iso-east-1", "dkr.ecr.us-iso-east-1.c2s.ic.gov"),
        ("us-isob-east-1", "dkr.ecr.us-isob-east-1.sc2s.sgov.gov"),
        ("eu-isoe-west-1", "dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk"),
        ("us-isof-south-1", "dkr.ecr.us-isof-south-1.csp.hci.ic.gov"),
    ];
    for (region, host) in hosts {
        let repository = Repository::new("123456789012", region, "team/web").unwrap();
        assert_eq!(repository.as_str(), format!("123456789012.{host}/team/web"));
        assert_eq!(repository.as_str().parse::<Repository>().unwrap(), repository);
    }
    let error = |account, region, name| Repository::new(account, region, name).unwrap_err();
    assert_eq!(
        error("1234", "us-east-1", "web").to_string(),
        "invalid ECR repository URI `1234.dkr.ecr.us-east-1.amazonaws.com/web`: `1234` is not an \
         account id of 12 digits"
    );
    assert_eq!(
        error("123456789012", "aws-global", "web").to_string(),
        "invalid ECR repository URI `123456789012.dkr.ecr.aws-global.amazonaws.com/web`: \
         `aws-global` is not a region such as `us-east-1`"
    );
    assert_eq!(
        error("123456789012", "us-east-1", "web:1").to_string(),
        "invalid ECR repository URI `123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1`: ':' at \
         byte 48 is not allowed in the name"
    );
    // These parts would change the host.
    error("123456789012.dkr.ecr.us-east-1.amazonaws.com/a", "us-east-1", "web");
    error("123456789012", "us-east-1.amazonaws.com/a", "web");
}

#[test]
fn a_host_has_its_endpoint() {
    let endpoint = |host: &str| {
        let repository: Repository = format!("123456789012.{host}/web").parse().unwrap();
        let Endpoint { fips, dual_stack, .. } = repository.endpoint();
        (fips, dual_stack)
    };
    assert_eq!(endpoint("dkr.ecr.us-east-1.amazonaws.com"), (false, false));
    assert_eq!(endpoint("dkr.ecr-fips.us-east-1.amazonaws.com"), (true, false));
    assert_eq!(endpoint("dkr-ecr.us-east-1.on.aws"), (false, true));
    assert_eq!(endpoint("dkr-ecr-fips.us-east-1.on.aws"), (true, true));
    assert_eq!(endpoint("dkr.ecr.cn-north-1.on.amazonwebservices.com.cn"), (false, true));
}

#[test]
fn what_is_wrong_with_a_tag_is_said() {
    let error = |text: &str| text.parse::<Tag>().unwrap_err().to_string();
    assert_eq!(error(""), "invalid tag ``: it is empty");
    assert_eq!(error("-x"), "invalid tag `-x`: it must start with a letter, a digit or `_`");
    assert_eq!(
        error("v1+build"),
        "invalid tag `v1+build`: '+' at byte 2 is not allowed, only letters, digits, `_`, `.` and \
         `-` are"
    );
    assert_eq!(
        error("v1\n"),
        "invalid tag `v1\\n`: '\\n' at byte 2 is not allowed, only letters, digits, `_`, `.` and `-` \
         are"
    );
    let long = "a".repeat(129);
    assert_eq!(
        error(&long),
        format!("invalid tag `{long}`: it has 129 characters, at most 128 are allowed")
    );
}

#[test]
fn what_is_wrong_with_a_digest_is_said() {
    let error = |text: &str| text.parse::<Digest>().unwrap_err().to_string();
    assert_eq!(
        error("sha512:00"),
        "invalid digest `sha512:00`: it does not start with `sha256:`, ECR's only algorithm"
    );
    assert_eq!(
        error("sha256:0A"),
        "invalid digest `sha256:0A`: 'A' at byte 8 is not a lower-case hexadecimal digit"
    );
    assert_eq!(
        error("sha256:00"),
        "invalid digest `sha256:00`: it has 2 hexadecimal digits instead of 64"
    );
}

/// The byte that the text names, if it names one.
#[test]
fn a_problem_has_its_byte() {
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let repository = |text: &str| text.parse::<Repository>().unwrap_err();
    let error = repository(&format!("{host}/web:1.0"));
    assert_eq!(
        (error.offset(), error.problem()),
        (Some(48), "leave out `:1.0`, tags are set separately")
    );
    assert_eq!(repository(&format!("{host}/Web")).offset(), Some(45));
    assert_eq!(repository(&format!("{host}:443/web")).offset(), Some(44));
    assert_eq!(repository(host).offset(), None);
    assert_eq!("v1+build".parse::<Tag>().unwrap_err().offset(), Some(2));
    assert_eq!("sha256:0A".parse::<Digest>().unwrap_err().offset(), Some(8));
}

#[test]
fn the_digest_of_nothing_is_known() {
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::from_content(b"").as_str(), empty);
    assert_eq!(empty.parse::<Digest>().unwrap(), Digest::from_content(b""));
}

/// Generates a host of each kind and a region that belongs to it.
fn any_host() -> impl Strategy<Value = (String, String)> {
    let commercial = || "(us|eu|ap|il|mx)-[a-z]{4,9}-[1-9][0-9]?".prop_map(String::from);
    let of_partition = prop_oneof![
        commercial().prop_map(|region| (region, "amazonaws.com")),
        commercial().prop_map(|region| (region, "on.aws")),
        "us-gov-[a-z]{4}-1".prop_map(|region| (region, "amazonaws.com")),
        "cn-[a-z]{5,9}-1".prop_map(|region| (region, "amazonaws.com.cn")),
        "cn-[a-z]{5,9}-1".prop_map(|region| (region, "on.amazonwebservices.com.cn")),
        "eusc-de-[a-z]{4}-1".prop_map(|region| (region, "amazonaws.eu")),
        "us-iso-[a-z]{4}-1".prop_map(|region| (region, "c2s.ic.gov")),
        "us-isob-[a-z]{4}-1".prop_map(|region| (region, "sc2s.sgov.gov")),
        "eu-isoe-[a-z]{4}-1".prop_map(|region| (region, "cloud.adc-e.uk")),
        "us-isof-[a-z]{5}-1".prop_map(|region| (region, "csp.hci.ic.gov")),
    ];
    ("[0-9]{12}\\.dkr[.-]ecr(-fips)?", of_partition)
        .prop_map(|(service, (region, domain))| (format!("{service}.{region}.{domain}"), region))
}

proptest! {
    #[test]
    fn a_repository_prints_what_it_read(
        (host, region) in any_host(),
        name in "[a-z0-9]{2,8}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,5}){0,3}",
    ) {
        let text = format!("{host}/{name}");
        let repository: Repository = text.parse().unwrap();
        prop_assert_eq!(repository.to_string(), text);
        prop_assert_eq!(repository.host(), host);
        prop_assert_eq!(repository.name(), name);
        prop_assert_eq!(repository.region(), region);
        prop_assert_eq!(repository.clone(), repository.as_str().parse().unwrap());
    }

    #[test]
    fn parts_come_back(
        account in "[0-9]{12}",
        (_, region) in any_host(),
        name in "[a-z0-9]{2,8}(/[a-z0-9]{1,5}){0,3}",
    ) {
        let repository = Repository::new(&account, &region, &name).unwrap();
        prop_assert_eq!(repository.account(), account);
        prop_assert_eq!(repository.region(), region);
        prop_assert_eq!(repository.name(), name);
    }

    #[test]
    fn a_tag_prints_what_it_read(text in "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}") {
        prop_assert_eq!(text.parse::<Tag>().unwrap().to_string(), text);
    }

    #[test]
    fn a_digest_prints_what_it_read(hash in any::<[u8; 32]>()) {
        let digest = Digest::from_hash(&hash);
        prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }

    #[test]
    fn no_text_panics(text in "\\PC*") {
        let _ = text.parse::<Repository>();
        let _ = text.parse::<Tag>();
        let _ = text.parse::<Digest>();
        let _ = Repository::new(&text, &text, &text);
    }

    #[test]
    fn no_host_panics(
        host in "([0-9é]{10,13}|x)?\\.?(dkr[.-]ecr)?(-fips)?[a-z.é-]{0,20}",
        name in "[a-zé/:@.]{0,9}",
    ) {
        let _ = format!("{host}/{name}").parse::<Repository>();
    }
}
