//! Changes between sets of definitions: `diff` and `promote`.

use imagedefs::{ErrorKind, ImageDefinitions, ImageUri};

use imagedefs::promotion::Promotion;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const STAGING: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

fn definitions(pairs: &[(&str, &str)]) -> ImageDefinitions {
    let mut definitions = ImageDefinitions::new();
    for (name, image) in pairs {
        definitions.insert_tagged(name, image.replace("DIGEST", DIGEST)).unwrap();
    }
    definitions
}

fn production() -> Promotion {
    Promotion::new("444455556666", "eu-west-1").unwrap()
}

#[test]
fn a_diff_has_what_is_new_other_and_gone() {
    let old = definitions(&[("log", "log:1"), ("proxy", "httpd:2.4"), ("web", "web:1")]);
    let new = definitions(&[("web", "web:2"), ("proxy", "httpd:2.4"), ("job", "job:1")]);
    let diff = old.diff(&new);
    assert_eq!(diff.to_string(), "web\n  - web:1\n  + web:2\njob\n  + job:1\nlog\n  - log:1\n");
    let changes = diff.changes().iter().map(|change| {
        let text = |image: Option<&ImageUri>| image.map(ToString::to_string);
        (change.container(), text(change.before()), text(change.after()))
    });
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        changes.collect::<Vec<_>>(),
        [
            ("web", some("web:1"), some("web:2")),
            ("job", None, some("job:1")),
            ("log", some("log:1"), None)
        ]
    );

    let reordered = definitions(&[("web", "web:1"), ("proxy", "httpd:2.4"), ("log", "log:1")]);
    assert!(old.diff(&reordered).is_empty());
    assert_eq!(old.diff(&old).to_string(), "");
}

#[test]
fn a_promotion_changes_the_host_and_nothing_else() {
    let staging = definitions(&[
        ("web", &format!("{STAGING}/shop/web@DIGEST")),
        ("proxy", "httpd:2.4"),
        ("job", &format!("{STAGING}/shop/job:1.4.2@DIGEST")),
        ("log", "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"),
        ("mirror", "registry.example.com/111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1"),
    ]);
    for (account, region, host) in [
        ("444455556666", "eu-west-1", "444455556666.dkr.ecr.eu-west-1.amazonaws.com"),
        ("111122223333", "us-gov-east-1", "111122223333.dkr.ecr.us-gov-east-1.amazonaws.com"),
        ("111122223333", "cn-north-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ] {
        let promoted = staging.promote(&Promotion::new(account, region).unwrap()).unwrap();
        let expected = definitions(&[
            ("web", &format!("{host}/shop/web@DIGEST")),
            ("proxy", "httpd:2.4"),
            ("job", &format!("{host}/shop/job:1.4.2@DIGEST")),
            ("log", "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable"),
            ("mirror", "registry.example.com/111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1"),
        ]);
        assert_eq!(promoted, expected);
        assert_eq!(staging.diff(&promoted).changes().len(), 2);
    }
}

#[test]
fn a_tag_is_promoted_only_where_that_is_asked_for() {
    let staging = definitions(&[("web", &format!("{STAGING}/web:1.4.2"))]);
    let error = staging.promote(&production()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MutableTag);
    assert_eq!(
        error.to_string(),
        "the image `111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1.4.2` of the container \
         `web` has no digest, and a tag can move to another image: use the digest, or allow the \
         tag with `Promotion::allow_tagged`"
    );
    let promoted = staging.promote(&production().allow_tagged()).unwrap();
    let expected = [("web", "444455556666.dkr.ecr.eu-west-1.amazonaws.com/web:1.4.2")];
    assert_eq!(promoted.iter().collect::<Vec<_>>(), expected);
}

#[test]
fn images_of_several_accounts_need_a_choice() {
    let log = "906394416424.dkr.ecr.eu-west-1.amazonaws.com/aws-for-fluent-bit@DIGEST";
    let staging = definitions(&[("web", &format!("{STAGING}/web@DIGEST")), ("log", log)]);
    let error = staging.promote(&production()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SeveralAccounts);
    assert_eq!(
        error.to_string(),
        "the images are in the accounts `111122223333` and `906394416424`: choose one with \
         `Promotion::from_account`"
    );
    let promoted = staging.promote(&production().from_account("111122223333")).unwrap();
    let host = "444455556666.dkr.ecr.eu-west-1.amazonaws.com";
    assert_eq!(promoted, definitions(&[("web", &format!("{host}/web@DIGEST")), ("log", log)]));
}

#[test]
fn what_can_not_be_promoted() {
    let docker = definitions(&[("proxy", "httpd:2.4")]);
    let error = docker.promote(&production()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NothingToPromote);
    assert_eq!(error.to_string(), "nothing to promote: no image is in a private ECR registry");
    let error = docker.promote(&production().from_account("1")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing to promote: no image is in a private ECR registry of the account `1`"
    );

    for (account, region, what) in [
        ("44445555666", "eu-west-1", "the AWS account `44445555666` has 11 digits instead of 12"),
        ("prod", "eu-west-1", "invalid AWS account `prod`: expected 12 digits"),
        ("444455556666", "Ireland", "invalid AWS region `Ireland`"),
    ] {
        let error = Promotion::new(account, region).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRegistry);
        assert_eq!(error.to_string(), format!("invalid promotion target: {what}"));
    }
    let fips = "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/web@DIGEST";
    let china = Promotion::new("444455556666", "cn-north-1").unwrap();
    let error = definitions(&[("web", fips)]).promote(&china).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid promotion target: ECR has no FIPS hosts in the region `cn-north-1`"
    );

    // The reference has 255 characters here, and more in a region with a longer name.
    let long = format!("{STAGING}/web:1");
    let long = format!("{STAGING}/{}web:1", "w".repeat(255 - long.len()));
    let far = Promotion::new("444455556666", "us-gov-west-1").unwrap().allow_tagged();
    let error = definitions(&[("web", &long)]).promote(&far).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidImageUri);
}
