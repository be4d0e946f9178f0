//! The hosts of every partition, and hosts that are nearly of ECR.

use super::*;

#[test]
fn knows_the_hosts_of_every_partition() {
    for (host, region, partition) in [
        ("dkr.ecr.us-east-1.amazonaws.com", "us-east-1", "aws"),
        ("dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "aws"),
        ("dkr-ecr.eu-west-1.on.aws", "eu-west-1", "aws"),
        ("dkr-ecr-fips.us-west-2.on.aws", "us-west-2", "aws"),
        ("dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov"),
        ("dkr.ecr-fips.us-gov-east-1.amazonaws.com", "us-gov-east-1", "aws-us-gov"),
        ("dkr-ecr-fips.us-gov-west-1.on.aws", "us-gov-west-1", "aws-us-gov"),
        ("dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn"),
        ("dkr.ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", "aws-cn"),
        ("dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc"),
        ("dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso"),
        ("dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b"),
        ("dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e"),
        ("dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f"),
    ] {
        let host = format!("111122223333.{host}");
        let found = EcrRegistry::from_host(&host).unwrap().unwrap();
        assert_eq!(
            (found.account(), found.region(), found.partition()),
            ("111122223333", region, partition),
            "{host}"
        );
        // The registry's own account and region.
        assert_eq!(found.host_of("111122223333", region).as_deref(), Ok(&*host));
    }
}

#[test]
fn hosts_stay_of_their_kind_in_another_region() {
    for (host, region, expected) in [
        (
            "dkr.ecr.us-east-1.amazonaws.com",
            "cn-north-1",
            Ok("dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ),
        (
            "dkr.ecr.cn-north-1.amazonaws.com.cn",
            "us-gov-west-1",
            Ok("dkr.ecr.us-gov-west-1.amazonaws.com"),
        ),
        (
            "dkr.ecr-fips.us-east-1.amazonaws.com",
            "us-gov-west-1",
            Ok("dkr.ecr-fips.us-gov-west-1.amazonaws.com"),
        ),
        (
            "dkr-ecr.eu-west-1.on.aws",
            "cn-north-1",
            Ok("dkr.ecr.cn-north-1.on.amazonwebservices.com.cn"),
        ),
        (
            "dkr.ecr.cn-north-1.on.amazonwebservices.com.cn",
            "eu-west-1",
            Ok("dkr-ecr.eu-west-1.on.aws"),
        ),
        ("dkr-ecr-fips.us-west-2.on.aws", "us-east-2", Ok("dkr-ecr-fips.us-east-2.on.aws")),
        (
            "dkr.ecr-fips.us-east-1.amazonaws.com",
            "cn-north-1",
            Err("ECR has no FIPS hosts in the region `cn-north-1`"),
        ),
        (
            "dkr-ecr.eu-west-1.on.aws",
            "us-iso-east-1",
            Err("ECR has no dual-stack hosts in the region `us-iso-east-1`"),
        ),
    ] {
        let host = format!("111122223333.{host}");
        let registry = EcrRegistry::from_host(&host).unwrap().unwrap();
        let expected = expected.map(|host| format!("444455556666.{host}"));
        assert_eq!(registry.host_of("444455556666", region), expected.map_err(str::to_owned));
    }
}

#[test]
fn leaves_other_hosts_alone() {
    for host in [
        "docker.io",
        "ghcr.io",
        "public.ecr.aws",
        "localhost",
        "ecr.example.com",
        "registry.dkr.ecr.example.com",
        // This host is not AWS's, and no credentials are sent to it.
        "111122223333.dkr.ecr.us-east-1.example.com",
        "ec2-203-0-113-25.compute-1.amazonaws.com",
        "000000000000.dkr.ecr.us-east-1.localhost.localstack.cloud",
    ] {
        assert_eq!(EcrRegistry::from_host(host), Ok(None), "{host}");
    }
}

#[test]
fn says_what_is_wrong_with_a_host_that_is_nearly_of_ecr() {
    for (host, offset, what) in NEARLY {
        let flaw = Flaw::new(offset, ProblemKind::EcrHost, what);
        assert_eq!(EcrRegistry::from_host(host), Err(flaw));
    }
}

#[test]
fn parts_that_a_variable_left_empty_have_their_own_kinds() {
    for (host, offset, kind, what) in [
        (
            ".dkr.ecr.us-east-1.amazonaws.com",
            0,
            ProblemKind::EmptyPart,
            "the AWS account in the ECR host is empty",
        ),
        (
            "111122223333.dkr.ecr..amazonaws.com",
            21,
            ProblemKind::EmptyPart,
            "the region in the ECR host is empty",
        ),
        (
            "undefined.dkr.ecr.us-east-1.amazonaws.com",
            0,
            ProblemKind::NullText,
            "the AWS account in the ECR host is `undefined`",
        ),
        (
            "111122223333.dkr.ecr.null.amazonaws.com",
            21,
            ProblemKind::NullText,
            "the region in the ECR host is `null`",
        ),
    ] {
        assert_eq!(EcrRegistry::from_host(host), Err(Flaw::new(offset, kind, what)));
    }
}

/// Each host, the byte at which it is wrong, and the message.
const NEARLY: [(&str, usize, &str); 20] = [
    (
        "11112222333.dkr.ecr.us-east-1.amazonaws.com",
        0,
        "the AWS account `11112222333` has 11 digits instead of 12",
    ),
    (
        "111EXAMPLE.dkr.ecr.us-east-1.amazonaws.com",
        0,
        "invalid AWS account `111EXAMPLE`: expected 12 digits",
    ),
    ("111122223333.dkr.ecr.amazonaws.com", 21, "missing region before `amazonaws.com`"),
    ("111122223333.dkr.ecr.us-east-1.amazonaws.co", 31, "invalid ECR host suffix `amazonaws.co`"),
    (
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.fake.example.com",
        31,
        "invalid ECR host suffix `amazonaws.com.fake.example.com`",
    ),
    (
        "111122223333.dkr.ecr.US-EAST-1.amazonaws.com",
        21,
        "capital letter in the ECR host \
         `111122223333.dkr.ecr.US-EAST-1.amazonaws.com`",
    ),
    (
        "111122223333.DKR.ecr.us-east-1.AmazonAWS.com",
        13,
        "capital letter in the ECR host \
         `111122223333.DKR.ecr.us-east-1.AmazonAWS.com`",
    ),
    (
        "1111222233334.dkr.ecr.us-east-1.amazonaws.com",
        0,
        "the AWS account `1111222233334` has 13 digits instead of 12",
    ),
    (
        "111122223333.dkr.ecr.us-east-1.evilamazonaws.com",
        31,
        "invalid ECR host suffix `evilamazonaws.com`",
    ),
    (
        "111122223333.dkr.ecr.us-east-1.amazonaws.comevil",
        31,
        "invalid ECR host suffix `amazonaws.comevil`",
    ),
    (
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.",
        31,
        "invalid ECR host suffix `amazonaws.com.`",
    ),
    (
        "111122223333.dkr.ecr.eu-west-1.amazonaws.eu",
        21,
        "ECR has no hosts under `amazonaws.eu` in the region `eu-west-1`",
    ),
    (
        "111122223333.dkr.ecr.us-gov-west-1.c2s.ic.gov",
        21,
        "ECR has no hosts under `c2s.ic.gov` in the region `us-gov-west-1`",
    ),
    ("111122223333.dkr.ecr.useast1.amazonaws.com", 21, "invalid AWS region `useast1`"),
    (
        "x.111122223333.dkr.ecr.us-east-1.amazonaws.com",
        0,
        "invalid AWS account `x.111122223333`: expected 12 digits",
    ),
    (
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.cn",
        21,
        "ECR has no hosts under `amazonaws.com.cn` in the region `us-east-1`",
    ),
    (
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
        21,
        "ECR has no hosts under `amazonaws.com` in the region `cn-north-1`",
    ),
    ("111122223333.dkr.ecr.amazonaws", 21, "the ECR host ends after `amazonaws`"),
    (
        "111122223333.ecr.us-east-1.amazonaws.com",
        0,
        "`111122223333.ecr.us-east-1.amazonaws.com` looks like an ECR host, but `.dkr.ecr.` is \
         missing",
    ),
    (
        "api.ecr.us-east-1.on.aws",
        0,
        "`api.ecr.us-east-1.on.aws` looks like an ECR host, but `.dkr.ecr.` is missing",
    ),
];
