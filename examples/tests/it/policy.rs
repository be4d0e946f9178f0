//! Tests of `policy`: the documents, the explanations, and that the programs run with them.

use local_aws::LocalAws;
use serde_json::Value;

use crate::program::{Program, URI, Workplace, served};

#[tokio::test]
async fn a_policy_is_printed_and_explained() {
    let ended = Program::policy().with(&["--explain", "--no-look-up", URI]).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["Statement"][0]["Action"].as_array().unwrap().len(), 5);
    let resource = "arn:aws:ecr:us-east-1:123456789012:repository/demo/web";
    let lines: Vec<&str> = ended.stderr.lines().collect();
    let (actions, questions) = lines.split_at(10);
    for action in actions.chunks(2) {
        assert!(action[0].contains(&format!(" on {resource}: ")), "{action:?}");
        assert!(action[1].starts_with("  in other words: "), "{action:?}");
    }
    let expected = format!("ecr:PutImage on {resource}: stores the manifest and sets each tag");
    assert_eq!(actions[8], expected);
    let expected = "  in other words: stores the manifest, the list that makes an image of the \
                    layers, and points a tag at it";
    assert_eq!(actions[9], expected);
    assert_eq!(questions.len(), 6);
    assert_eq!(questions[0], "What is the token?");
    assert_eq!(questions[2], "Why is the resource of ecr:GetAuthorizationToken `*`?");
    assert_eq!(questions[4], "Why does one push need five actions?");
}

#[tokio::test]
async fn a_policy_for_deployments_is_printed_and_explained() {
    let service = "arn:aws:ecs:eu-west-1:123456789012:service/prod/web";
    let role = "arn:aws:iam::123456789012:role/web";
    let arguments = ["--explain", "--service", service, "--role", role, "--for", "roll-back"];
    let ended = Program::policy().with(&arguments).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let statements = document["Statement"].as_array().unwrap();
    let pass = statements.iter().find(|it| it["Action"][0] == "iam:PassRole").unwrap();
    assert_eq!(pass["Resource"][0], role);
    let explained = statements.iter().map(|it| {
        it["Action"].as_array().unwrap().len() * it["Resource"].as_array().unwrap().len()
    });
    assert_eq!(ended.stderr.lines().count(), explained.sum::<usize>());
    let expected = format!(
        "ecs:StopServiceDeployment on {service}: asks ECS for a rollback; without it, a rollback \
         is an UpdateService with the previous revision\n"
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[tokio::test]
async fn both_policies_are_printed_one_after_the_other() {
    let service = "arn:aws:ecs:us-east-1:123456789012:service/demo/web";
    let arguments = ["--service", service, "--check-images", URI, URI];
    let ended = Program::policy().with(&arguments).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let documents = serde_json::Deserializer::from_str(&ended.stdout).into_iter::<Value>();
    let documents = documents.collect::<Result<Vec<_>, _>>().unwrap();
    let [push, deploy] = documents.as_slice() else { panic!("{documents:?}") };
    assert!(push.to_string().contains("\"ecr:PutImage\""), "{push}");
    let repository = "arn:aws:ecr:us-east-1:123456789012:repository/demo/web";
    let looked_at = deploy["Statement"].as_array().unwrap().iter().find(|it| {
        it["Action"].as_array().unwrap().iter().any(|action| action == "ecr:BatchGetImage")
    });
    assert_eq!(looked_at.unwrap()["Resource"][0], repository);
}

#[tokio::test]
async fn a_deploy_policy_needs_the_arn() {
    let ended = Program::policy().with(&["--service", "prod/web"]).run().await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    let expected = "error: invalid service `prod/web`: a policy needs the region and account: \
                    use its ARN\n";
    assert_eq!(ended.stderr, expected);
}

/// Limits the user to the printed policy.
async fn limit(local: &LocalAws, work: &[&str]) {
    let role = |name| format!("arn:aws:iam::123456789012:role/{name}");
    let service = "arn:aws:ecs:us-east-1:123456789012:service/demo/web";
    let (role, execution_role) = (role("demo-web"), role("demo-web-execution"));
    let arguments = ["--service", service, "--family", "web", "--role", &role, "--role"];
    let policy = Program::policy().with(&arguments).with(&[&execution_role, "--for", "tags"]);
    let printed = policy.with(work).run().await;
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    local.set_policy(LocalAws::USER, &printed.stdout).unwrap();
}

#[tokio::test]
async fn each_program_runs_with_its_policy() {
    let (server, workplace) = (served().await, Workplace::new());
    let service = ["--aws", "--cluster", "demo", "--service", "web"];
    let push = Program::push().with(&["--aws", workplace.image(), URI]).on(&server).run().await;
    let image = format!("web={}", push.stdout.trim_end());

    limit(server.local(), &["--check-images", URI]).await;
    let deploy = Program::deploy().with(&service).with(&["--image", &image, "--check-images"]);
    let deployed = deploy.on(&server).run().await;
    assert_eq!(deployed.code, 0, "{}", deployed.stderr);
    assert!(!deployed.stderr.contains("warning: "), "{}", deployed.stderr);

    limit(server.local(), &["--for", "roll-back", "--for", "service-deployments"]).await;
    let rolled_back = Program::rollback().with(&service).on(&server).run().await;
    assert_eq!(rolled_back.code, 0, "{}", rolled_back.stderr);

    let migrate = || {
        let command = ["--image", "web=nginx:2", "--", "migrate"];
        Program::migrate().with(&service).with(&command).on(&server).run()
    };
    let denied = migrate().await;
    assert_eq!(denied.code, 1, "{}", denied.stderr);
    assert!(denied.stderr.contains("RunTask on demo/web isn't allowed: add "), "{}", denied.stderr);
    limit(server.local(), &["--for", "run-task"]).await;
    let migrated = migrate().await;
    assert_eq!(migrated.code, 0, "{}", migrated.stderr);
}

#[tokio::test]
async fn a_short_arn_gets_its_cluster_from_an_argument() {
    let prefix = "arn:aws:ecs:eu-west-1:123456789012:";
    let long = Program::policy().with(&["--service", &format!("{prefix}service/prod/web")]);
    let expected = long.run().await.stdout;
    let (short, cluster) = (format!("{prefix}service/web"), format!("{prefix}cluster/prod"));
    for arguments in [
        ["--cluster", "prod", "--service", short.as_str()],
        ["--cluster", &cluster, "--service", "web"],
        ["--cluster", &cluster, "--service", &short],
    ] {
        let ended = Program::policy().with(&arguments).run().await;
        assert_eq!((ended.code, ended.stdout), (0, expected.clone()), "{}", ended.stderr);
    }
    let ended = Program::policy().with(&["--service", &short]).run().await;
    assert_eq!(ended.code, 1);
    assert_eq!(
        ended.stderr,
        format!(
            "error: invalid service `{short}`: its ARN lacks the cluster: use CLUSTER/SERVICE\n"
        )
    );
}
