//! Tests that `imagedefs` and `ecr-push` recognize the same hosts of ECR.

use ecr_push::Repository;
use imagedefs::ImageUri;

#[test]
fn both_know_the_same_hosts() {
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
        let text = format!("111122223333.{host}/shop/web");
        let image = text.parse::<ImageUri>().unwrap();
        let registry = image.ecr().unwrap();
        assert_eq!((registry.region(), registry.partition()), (region, partition), "{host}");
        let repository = text.parse::<Repository>().unwrap();
        assert_eq!((repository.account(), repository.region()), (registry.account(), region));
        let arn = format!("arn:{partition}:ecr:{region}:111122223333:repository/shop/web");
        assert_eq!(repository.arn(), arn);
    }
}

#[test]
fn both_refuse_misspelled_hosts_of_ecr() {
    for host in [
        "11112222333.dkr.ecr.us-east-1.amazonaws.com",
        "1111222233334.dkr.ecr.us-east-1.amazonaws.com",
        "111EXAMPLE.dkr.ecr.us-east-1.amazonaws.com",
        "x.111122223333.dkr.ecr.us-east-1.amazonaws.com",
        "111122223333.dkr.ecr.amazonaws.com",
        "111122223333.dkr.ecr..amazonaws.com",
        "111122223333.dkr.ecr.useast1.amazonaws.com",
        "111122223333.dkr.ecr.US-EAST-1.amazonaws.com",
        "111122223333.DKR.ECR.us-east-1.amazonaws.com",
        "111122223333.dkr.ecr.us-east-1.AMAZONAWS.COM",
        "111122223333.ecr.us-east-1.amazonaws.com",
        "111122223333.dkr.ecr.us-east-1.amazonaws.co",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com:443",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.evil.example",
        "111122223333.dkr.ecr.us-east-1.evilamazonaws.com",
        "111122223333.dkr.ecr.us-east-1.amazonaws.comevil",
        "111122223333.dkr.ecr.us-east-1.amazonaws.com.cn",
        "111122223333.dkr.ecr.cn-north-1.amazonaws.com",
        "111122223333.dkr.ecr.eu-west-1.amazonaws.eu",
    ] {
        let text = format!("{host}/shop/web");
        assert!(text.parse::<ImageUri>().is_err(), "{host}");
        assert!(text.parse::<Repository>().is_err(), "{host}");
    }
}

/// These hosts resemble ECR: `ecr-push` refuses them, and `imagedefs` accepts them as other
/// registries.
#[test]
fn neither_takes_another_registry_for_ecr() {
    for host in [
        "ghcr.io",
        "localhost:5000",
        "public.ecr.aws",
        "111122223333.dkr.ecr.us-east-1.example.com",
        "example.com/111122223333.dkr.ecr.us-east-1.amazonaws.com",
    ] {
        let text = format!("{host}/shop/web");
        assert_eq!(text.parse::<ImageUri>().unwrap().ecr(), None, "{host}");
        assert!(text.parse::<Repository>().is_err(), "{host}");
    }
}
