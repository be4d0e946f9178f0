use proptest::prelude::*;

use super::*;

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
        assert_eq!(repository.name(), "team/web");
        assert_eq!(
            repository.arn(),
            format!("arn:{partition}:ecr:{region}:123456789012:repository/team/web")
        );
    }
}

#[test]
fn what_is_wrong_with_a_repository_is_said() {
    let host = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
    let table = [
        (format!("https://{host}/web"), "leave out `https://`, a repository URI has no scheme"),
        (format!("{host}/web:1.0"), "leave out `:1.0`, tags are given apart"),
        (
            format!("{host}/web@sha256:00"),
            "leave out `@sha256:00`, the digest is the image's and follows from it",
        ),
        (
            host.to_owned(),
            "there is no `/` in it, the form is `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`",
        ),
        (
            "12345678901.dkr.ecr.us-east-1.amazonaws.com/web".to_owned(),
            "the account id has 11 digits instead of 12",
        ),
        (
            "111EXAMPLE.dkr.ecr.us-east-1.amazonaws.com/web".to_owned(),
            "`111EXAMPLE` is no account id, which is 12 digits",
        ),
        (
            format!("{host}.evil.example/web"),
            "`amazonaws.com.evil.example` is no domain of AWS, the form is \
             `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`",
        ),
        (
            "123456789012.dkr.ecr.amazonaws.com/web".to_owned(),
            "`amazonaws` is no region, the form is `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`",
        ),
        (
            "123456789012.dkr.ecr.US-EAST-1.amazonaws.com/web".to_owned(),
            "`US-EAST-1` is no region, the form is \
             `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`",
        ),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com.cn/web".to_owned(),
            "the region us-east-1 has no registries under `amazonaws.com.cn`",
        ),
        (
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com/web".to_owned(),
            "the region cn-north-1 has no registries under `amazonaws.com`",
        ),
        (
            "ghcr.io/team/web".to_owned(),
            "`ghcr.io` is no ECR registry, the form is \
             `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`",
        ),
        (
            "public.ecr.aws/team/web".to_owned(),
            "ECR Public is another service, this is for private registries",
        ),
        (format!("{host}/"), "the name has 0 characters, 2 to 256 are allowed"),
        (format!("{host}/Web"), "'W' is not allowed in the name, names are lower case"),
        (format!("{host}/we b"), "' ' is not allowed in the name"),
        (
            format!("{host}/team//web"),
            "`` in the name needs letters or digits around each `.`, `_`, `__` or `-`",
        ),
        (
            format!("{host}/web..x"),
            "`web..x` in the name needs letters or digits around each `.`, `_`, `__` or `-`",
        ),
    ];
    for (text, problem) in table {
        let expected = format!("`{text}` is no ECR repository URI: {problem}");
        assert_eq!(repository_error(&text), expected);
    }
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
    assert_eq!(error(""), "`` is no tag: it is empty");
    assert_eq!(error("-x"), "`-x` is no tag: it must start with a letter, a digit or `_`");
    assert_eq!(
        error("v1+build"),
        "`v1+build` is no tag: '+' at byte 2 is not allowed, only letters, digits, `_`, `.` and \
         `-` are"
    );
    assert_eq!(
        error("v1\n"),
        "`v1\\n` is no tag: '\\n' at byte 2 is not allowed, only letters, digits, `_`, `.` and `-` \
         are"
    );
    let long = "a".repeat(129);
    assert_eq!(
        error(&long),
        format!("`{long}` is no tag: it has 129 characters, at most 128 are allowed")
    );
}

#[test]
fn what_is_wrong_with_a_digest_is_said() {
    let error = |text: &str| text.parse::<Digest>().unwrap_err().to_string();
    assert_eq!(
        error("sha512:00"),
        "`sha512:00` is no digest: it does not start with `sha256:`, and ECR knows no other"
    );
    assert_eq!(
        error("sha256:0A"),
        "`sha256:0A` is no digest: 'A' at byte 8 is no lower-case hexadecimal digit"
    );
    assert_eq!(
        error("sha256:00"),
        "`sha256:00` is no digest: it has 2 hexadecimal digits instead of 64"
    );
}

#[test]
fn the_digest_of_nothing_is_known() {
    let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Digest::of(b"").as_str(), empty);
    assert_eq!(empty.parse::<Digest>().unwrap(), Digest::of(b""));
}

proptest! {
    #[test]
    fn a_repository_prints_what_it_read(
        account in "[0-9]{12}",
        region in "(us|eu|ap)-[a-z]{4,9}-[1-9]",
        name in "[a-z0-9]{2,8}((\\.|_|__|-{1,3})[a-z0-9]{1,5}){0,3}(/[a-z0-9]{1,5}){0,3}",
    ) {
        let text = format!("{account}.dkr.ecr.{region}.amazonaws.com/{name}");
        let repository: Repository = text.parse().unwrap();
        prop_assert_eq!(repository.to_string(), text);
        prop_assert_eq!(repository.name(), name);
        prop_assert_eq!(repository.region(), region);
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
    }

    #[test]
    fn no_host_panics(
        host in "([0-9é]{10,13}|x)?\\.?(dkr[.-]ecr)?(-fips)?[a-z.é-]{0,20}",
        name in "[a-zé/:@.]{0,9}",
    ) {
        let _ = format!("{host}/{name}").parse::<Repository>();
    }
}
