//! Policies: what is allowed passes, everything else is refused in AWS's words.

use aws_credential_types::Credentials;
use aws_sdk_ecs::error::ProvideErrorMetadata as _;
use aws_sdk_ecs::types::ContainerDefinition;
use local_aws::LocalAws;
use serde_json::{Value, json};

fn policy(statements: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resource })
}

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:123456789012:repository/app";
const SERVICE: &str = "arn:aws:ecs:us-east-1:123456789012:service/demo/web";

/// An emulator with the demonstration's world, and the repository `app`.
async fn world() -> LocalAws {
    let local = LocalAws::new();
    local.create_demo();
    let ecr = aws_sdk_ecr::Client::new(&local.sdk_config());
    ecr.create_repository().repository_name("app").send().await.unwrap();
    local
}

#[tokio::test(start_paused = true)]
async fn without_a_policy_everything_is_allowed() {
    let ecr = aws_sdk_ecr::Client::new(&world().await.sdk_config());
    ecr.initiate_layer_upload().repository_name("app").send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_lacks_is_refused_in_aws_s_words() {
    let local = world().await;
    let statement = allow(&["ecr:InitiateLayerUpload"], REPOSITORY);
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    let ecr = aws_sdk_ecr::Client::new(&local.sdk_config());
    ecr.initiate_layer_upload().repository_name("app").send().await.unwrap();

    let error = ecr.list_images().repository_name("app").send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:iam::123456789012:user/local is not authorized to perform: \
             ecr:ListImages on resource: arn:aws:ecr:us-east-1:123456789012:repository/app because \
             no identity-based policy allows the ecr:ListImages action"
        )
    );
    let elsewhere = ecr.initiate_layer_upload().repository_name("demo/web").send().await;
    assert_eq!(elsewhere.unwrap_err().code(), Some("AccessDeniedException"));
    // Refused before it is known whether there is such a repository.
    let nowhere = ecr.initiate_layer_upload().repository_name("none").send().await;
    assert_eq!(nowhere.unwrap_err().code(), Some("AccessDeniedException"));
}

#[tokio::test(start_paused = true)]
async fn an_explicit_denial_says_so() {
    let local = world().await;
    let statements = json!([
        allow(&["*"], "*"),
        { "Effect": "Deny", "Action": "ecr:*", "Resource": "*" },
    ]);
    local.set_policy(LocalAws::USER, &policy(&statements)).unwrap();
    let ecr = aws_sdk_ecr::Client::new(&local.sdk_config());
    let error = ecr.get_authorization_token().send().await.unwrap_err();
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:iam::123456789012:user/local is not authorized to perform: \
             ecr:GetAuthorizationToken on resource: * with an explicit deny in an identity-based \
             policy"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn the_token_is_had_on_everything_or_not_at_all() {
    let local = world().await;
    let ecr = aws_sdk_ecr::Client::new(&local.sdk_config());
    let statement = allow(&["ecr:GetAuthorizationToken"], REPOSITORY);
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    ecr.get_authorization_token().send().await.unwrap_err();
    let statement = allow(&["ecr:GetAuthorizationToken"], "*");
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    ecr.get_authorization_token().send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_service_counts_by_itself() {
    let local = world().await;
    local.set_policy(LocalAws::USER, &policy(&allow(&["ecs:*"], SERVICE))).unwrap();
    let ecs = aws_sdk_ecs::Client::new(&local.sdk_config());
    let describe = || ecs.describe_services().cluster("demo");
    describe().services("web").send().await.unwrap();
    describe()
        .services("arn:aws:ecs:us-east-1:123456789012:service/demo/web")
        .send()
        .await
        .unwrap();
    let error = describe().services("web").services("api").send().await.unwrap_err();
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:iam::123456789012:user/local is not authorized to perform: \
             ecs:DescribeServices on resource: \
             arn:aws:ecs:us-east-1:123456789012:service/demo/api because no identity-based policy \
             allows the ecs:DescribeServices action"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_is_passed_only_with_leave() {
    let local = world().await;
    let ecs = aws_sdk_ecs::Client::new(&local.sdk_config());
    let role = "arn:aws:iam::123456789012:role/task";
    let container = ContainerDefinition::builder().name("web").image("web:1").memory(64).build();
    let register = || {
        let register = ecs.register_task_definition().family("web").task_role_arn(role);
        register.container_definitions(container.clone()).send()
    };
    let statement = allow(&["ecs:RegisterTaskDefinition"], "*");
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    let error = register().await.unwrap_err();
    assert_eq!(
        error.message(),
        Some(
            "User: arn:aws:iam::123456789012:user/local is not authorized to perform: \
             iam:PassRole on resource: arn:aws:iam::123456789012:role/task because no \
             identity-based policy allows the iam:PassRole action"
        )
    );
    let pass_to = |service: &str| {
        let mut pass = allow(&["iam:PassRole"], role);
        pass["Condition"] = json!({ "StringEquals": { "iam:PassedToService": service } });
        policy(&json!([statement, pass]))
    };
    local.set_policy(LocalAws::USER, &pass_to("ec2.amazonaws.com")).unwrap();
    register().await.unwrap_err();
    local.set_policy(LocalAws::USER, &pass_to("ecs-tasks.amazonaws.com")).unwrap();
    register().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn tags_on_creation_need_leave_to_tag() {
    let local = world().await;
    let ecs = aws_sdk_ecs::Client::new(&local.sdk_config());
    let container = ContainerDefinition::builder().name("web").image("web:1").memory(64).build();
    let tag = aws_sdk_ecs::types::Tag::builder().key("team").value("shop").build();
    let register = || {
        let register = ecs.register_task_definition().family("web").tags(tag.clone());
        register.container_definitions(container.clone()).send()
    };
    let statement = allow(&["ecs:RegisterTaskDefinition"], "*");
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    assert!(register().await.unwrap_err().message().unwrap().contains("ecs:TagResource"));
    let mut tagging =
        allow(&["ecs:TagResource"], "arn:aws:ecs:us-east-1:123456789012:task-definition/web:*");
    tagging["Condition"] =
        json!({ "StringEquals": { "ecs:CreateAction": "RegisterTaskDefinition" } });
    local.set_policy(LocalAws::USER, &policy(&json!([statement, tagging]))).unwrap();
    register().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_role_s_policy_counts_for_whoever_assumed_it() {
    let local = world().await;
    let role = "arn:aws:iam::210987654321:role/push";
    local.set_policy(role, &policy(&allow(&["ecr:CreateRepository"], "*"))).unwrap();
    let sts = aws_sdk_sts::Client::new(&local.sdk_config());
    let assumed = sts.assume_role().role_arn(role).role_session_name("ci").send().await.unwrap();
    let given = assumed.credentials().unwrap();
    let credentials = Credentials::from_keys(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token().to_owned()),
    );
    let config = aws_sdk_ecr::config::Builder::from(&local.sdk_config())
        .credentials_provider(credentials)
        .build();
    let ecr = aws_sdk_ecr::Client::from_conf(config);
    let created = ecr.create_repository().repository_name("app").send().await.unwrap();
    // The role's account is another world: the name was free there.
    assert_eq!(
        created.repository().unwrap().repository_arn(),
        Some("arn:aws:ecr:us-east-1:210987654321:repository/app")
    );
    let error = ecr.list_images().repository_name("app").send().await.unwrap_err();
    let user = "User: arn:aws:sts::210987654321:assumed-role/push/ci is not authorized";
    assert!(error.message().unwrap().starts_with(user), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_policy_is_refused() {
    let local = LocalAws::new();
    let error = local.set_policy(LocalAws::USER, "{}").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the policy is not valid: missing field `Version` at line 1 column 2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_repository_with_tags_takes_the_right_to_tag() {
    let local = world().await;
    let repository = "arn:aws:ecr:us-east-1:123456789012:repository/new*";
    let create = async |tagged: bool| {
        let ecr = aws_sdk_ecr::Client::new(&local.sdk_config());
        let tag = aws_sdk_ecr::types::Tag::builder().key("team").value("web").build().unwrap();
        let tags = tagged.then(|| vec![tag]);
        let name = if tagged { "new-tagged" } else { "new" };
        let answer = ecr.create_repository().repository_name(name).set_tags(tags).send().await;
        answer.map(drop).map_err(|error| error.message().unwrap_or_default().to_owned())
    };
    let statement = allow(&["ecr:CreateRepository"], repository);
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    create(false).await.unwrap();
    let denied = create(true).await.unwrap_err();
    assert!(denied.contains("not authorized to perform: ecr:TagResource on resource"), "{denied}");
    let statement = allow(&["ecr:CreateRepository", "ecr:TagResource"], repository);
    local.set_policy(LocalAws::USER, &policy(&statement)).unwrap();
    create(true).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_service_deployment_takes_its_service_as_well() {
    let local = world().await;
    let ecs = aws_sdk_ecs::Client::new(&local.sdk_config());
    let listed = ecs.list_service_deployments().cluster("demo").service("web").send().await;
    let brief = listed.unwrap().service_deployments.unwrap().remove(0);
    let arn = brief.service_deployment_arn().unwrap().to_owned();
    let describe = || ecs.describe_service_deployments().service_deployment_arns(&arn).send();
    let action = &["ecs:DescribeServiceDeployments"];
    let deployments = "arn:aws:ecs:us-east-1:123456789012:service-deployment/demo/web/*";
    for one in [SERVICE, deployments] {
        local.set_policy(LocalAws::USER, &policy(&allow(action, one))).unwrap();
        describe().await.unwrap_err();
    }
    let both = json!([allow(action, SERVICE), allow(action, deployments)]);
    local.set_policy(LocalAws::USER, &policy(&both)).unwrap();
    describe().await.unwrap();

    let mut elsewhere = allow(action, "*");
    elsewhere["Condition"] = json!({ "ArnEquals": {
        "ecs:cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/default",
    } });
    local.set_policy(LocalAws::USER, &policy(&elsewhere)).unwrap();
    describe().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_task_takes_leave_to_pass_its_definition_s_roles_and_to_tag() {
    let local = world().await;
    let ecs = aws_sdk_ecs::Client::new(&local.sdk_config());
    let run = async |propagate: bool| {
        let subnets = aws_sdk_ecs::types::AwsVpcConfiguration::builder().subnets("subnet-1");
        let network = aws_sdk_ecs::types::NetworkConfiguration::builder()
            .awsvpc_configuration(subnets.build().unwrap())
            .build();
        let from = propagate.then_some(aws_sdk_ecs::types::PropagateTags::TaskDefinition);
        let run = ecs.run_task().cluster("demo").task_definition("web:1").set_propagate_tags(from);
        let answer = run.network_configuration(network).send().await;
        answer.map(drop).map_err(|error| error.message().unwrap_or_default().to_owned())
    };
    let task = allow(&["ecs:RunTask"], "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1");
    local.set_policy(LocalAws::USER, &policy(&task)).unwrap();
    let denied = run(false).await.unwrap_err();
    let expected = "iam:PassRole on resource: arn:aws:iam::123456789012:role/demo-web because";
    assert!(denied.contains(expected), "{denied}");
    let pass = allow(&["iam:PassRole"], "*");
    local.set_policy(LocalAws::USER, &policy(&json!([task, pass]))).unwrap();
    run(false).await.unwrap();
    let denied = run(true).await.unwrap_err();
    let expected = "ecs:TagResource on resource: arn:aws:ecs:us-east-1:123456789012:task/demo/*";
    assert!(denied.contains(expected), "{denied}");
}
