//! The policy document, and each permission in it.

use super::*;
use crate::names::ecr_host::images_of_all_partitions;

const ARN: &str = "arn:aws-cn:ecs:cn-north-1:123456789012:service/prod/web";

fn policy() -> DeployPolicy {
    DeployPolicy::new(&ARN.parse().unwrap()).unwrap()
}

fn everything() -> DeployPolicy {
    policy()
        .family("web")
        .role("web")
        .tags()
        .diagnosis()
        .service_deployments()
        .roll_back()
        .hooks()
        .run_task()
        .prune()
        .check_images(["123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/demo/web:1"])
}

/// Returns the resources of an action, in order.
fn resources(policy: &DeployPolicy, action: &str) -> Vec<String> {
    let permissions = policy.permissions();
    let of_action = permissions.iter().filter(|permission| permission.action() == action);
    of_action.map(|permission| permission.resource().to_owned()).collect()
}

#[test]
fn the_document_is_what_iam_takes() {
    let policy = policy().family("web").role("arn:aws-cn:iam::123456789012:role/ci/web").tags();
    assert_eq!(
        policy.to_string(),
        r#"{
  "Statement": [
    {
      "Action": [
        "ecs:DescribeServices",
        "ecs:UpdateService"
      ],
      "Effect": "Allow",
      "Resource": [
        "arn:aws-cn:ecs:cn-north-1:123456789012:service/prod/web"
      ],
      "Sid": "Service"
    },
    {
      "Action": [
        "ecs:DescribeTaskDefinition",
        "ecs:RegisterTaskDefinition"
      ],
      "Effect": "Allow",
      "Resource": [
        "*"
      ],
      "Sid": "TaskDefinitions"
    },
    {
      "Action": [
        "iam:PassRole"
      ],
      "Condition": {
        "StringEquals": {
          "iam:PassedToService": "ecs-tasks.amazonaws.com"
        }
      },
      "Effect": "Allow",
      "Resource": [
        "arn:aws-cn:iam::123456789012:role/ci/web"
      ],
      "Sid": "Roles"
    },
    {
      "Action": [
        "ecs:TagResource"
      ],
      "Condition": {
        "StringEquals": {
          "ecs:CreateAction": "RegisterTaskDefinition"
        }
      },
      "Effect": "Allow",
      "Resource": [
        "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web",
        "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:*"
      ],
      "Sid": "Tags"
    }
  ],
  "Version": "2012-10-17"
}"#
    );
}

#[test]
fn without_a_role_none_is_passed() {
    assert_eq!(resources(&policy(), "iam:PassRole"), [""; 0]);
    assert!(!policy().to_string().contains("PassRole"));
}

#[test]
fn a_role_s_short_name_is_one_of_the_service_s_account() {
    let role = resources(&policy().role("web"), "iam:PassRole");
    assert_eq!(role, ["arn:aws-cn:iam::123456789012:role/web"]);
}

#[test]
fn a_service_without_its_arn_is_refused() {
    let error = DeployPolicy::new(&Service::new("prod", "web").unwrap()).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::InvalidService);
    assert_eq!(
        error.to_string(),
        "invalid service `prod/web`: a policy needs the region and account: use its ARN"
    );
}

#[test]
fn every_permission_is_explained_and_only_what_has_no_resource_is_on_everything() {
    const NO_RESOURCE: [&str; 7] = [
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitions",
        "ecs:ListTasks",
        "ecs:RegisterTaskDefinition",
    ];
    for permission in everything().permissions() {
        let action = permission.action();
        assert!(!permission.reason().is_empty(), "{action}");
        assert_eq!(permission.resource() == "*", NO_RESOURCE.contains(&action), "{action}");
        if permission.resource() != "*" {
            assert!(permission.resource().starts_with("arn:aws-cn:"), "{permission:?}");
        }
    }
}

#[test]
fn an_identifier_of_a_statement_is_unique_and_alphanumeric() {
    let policy = everything();
    let statements = policy.statements();
    let sids: BTreeSet<&str> = statements.iter().map(|statement| statement.sid).collect();
    assert_eq!(sids.len(), statements.len());
    assert!(sids.iter().all(|sid| sid.bytes().all(|byte| byte.is_ascii_alphanumeric())));
    assert!(statements.iter().all(|it| !it.actions.is_empty() && !it.resources.is_empty()));
}

#[test]
fn a_service_deployment_takes_its_service_as_well() {
    let of_service = |kind: &str| ARN.replace(":service/", &format!(":{kind}/")) + "/*";
    let policy = policy().service_deployments().roll_back().hooks();
    for (action, kind) in [
        ("ecs:ContinueServiceDeployment", "service-deployment"),
        ("ecs:DescribeServiceDeployments", "service-deployment"),
        ("ecs:DescribeServiceRevisions", "service-revision"),
        ("ecs:StopServiceDeployment", "service-deployment"),
    ] {
        assert_eq!(resources(&policy, action), [ARN.to_owned(), of_service(kind)], "{action}");
    }
    assert_eq!(resources(&policy, "ecs:ListServiceDeployments"), [ARN]);
}

#[test]
fn a_one_off_task_is_limited_to_the_family_and_the_cluster() {
    let policy = policy().family("web").tags().run_task();
    let permissions = policy.permissions();
    let run = permissions.iter().find(|it| it.action() == "ecs:RunTask").unwrap();
    assert_eq!(run.resource(), "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/web:*");
    let cluster = "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/prod";
    assert_eq!(run.condition(), Some(("ArnEquals", "ecs:cluster", cluster)));
    let tag = permissions.iter().rfind(|it| it.action() == "ecs:TagResource").unwrap();
    assert_eq!(tag.resource(), "arn:aws-cn:ecs:cn-north-1:123456789012:task/prod/*");
    assert_eq!(tag.condition(), Some(("StringEquals", "ecs:CreateAction", "RunTask")));
}

#[test]
fn only_images_in_a_private_registry_take_permissions() {
    let images = [
        "210987654321.dkr.ecr.cn-northwest-1.amazonaws.com.cn/shop/web@sha256:7f",
        "210987654321.dkr.ecr.cn-northwest-1.amazonaws.com.cn/shop/web:1.0",
        "210987654321.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn/shop/web:1.0@sha256:7f",
        "21098765432.dkr.ecr.cn-northwest-1.amazonaws.com.cn/short/account",
        "210987654321.dkr.eks.cn-northwest-1.amazonaws.com.cn/no/registry",
        "public.ecr.aws/nginx/nginx:1",
        "nginx",
        "registry:5000/web:1",
        "210987654321.dkr.ecr.evil",
        "210987654321.dkr.ecr.evil.example/web",
    ];
    let arn = "arn:aws-cn:ecr:cn-northwest-1:210987654321:repository/shop/web";
    assert_eq!(resources(&policy().check_images(images), "ecr:BatchGetImage"), [arn]);
}

/// The table of hosts is the one that the check of the images goes by.
#[test]
fn an_image_s_repository_is_allowed_in_every_partition() {
    for (partition, region, image) in images_of_all_partitions() {
        let arn = format!("arn:{partition}:ecs:{region}:123456789012:service/prod/web");
        let policy = DeployPolicy::new(&arn.parse().unwrap()).unwrap().check_images([&image]);
        let repository = format!("arn:{partition}:ecr:{region}:123456789012:repository/team/web");
        for action in ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] {
            assert_eq!(resources(&policy, action), [repository.as_str()], "{image}");
        }
    }
}
