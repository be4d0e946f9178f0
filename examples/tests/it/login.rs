//! Tests of `login`: Docker's configuration and Docker's credential helper.

use std::fs;

use local_aws::{Fault, When};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ended, Program, URI, served};

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";
const OTHER: &str = "210987654321.dkr.ecr.us-east-1.amazonaws.com";
const FAR: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

fn read(folder: &TempDir, path: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.path().join(path)).unwrap()).unwrap()
}

fn failed(ended: &Ended, error: &str) {
    assert_eq!(ended.code, 1);
    assert_eq!(ended.stderr, format!("error: {error}\n"));
}

#[tokio::test]
async fn it_logs_docker_in() {
    let (server, home) = (served().await, TempDir::new().unwrap());
    let registries = ["--aws", URI, OTHER, FAR];
    let login = Program::login().with(&registries).on(&server);
    let ended = login.env("HOME", home.path().to_str().unwrap()).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let path = home.path().join(".docker/config.json");
    assert_eq!(ended.stdout, format!("{}\n", path.display()));
    assert!(
        ended
            .stderr
            .ends_with(&format!("  {HOST} for 12.0 h\n  {OTHER} for 12.0 h\n  {FAR} for 12.0 h\n")),
        "{}",
        ended.stderr
    );
    let config = read(&home, ".docker/config.json");
    let auth = |host: &str| config["auths"][host]["auth"].as_str().unwrap();
    assert!(auth(HOST).starts_with("QVdTO"), "{config}");
    assert_eq!(auth(HOST), auth(OTHER));
    assert_ne!(auth(HOST), auth(FAR));
    assert!(!ended.stderr.contains(auth(HOST)));
    // One token for each region.
    assert_eq!(server.local().journal().operations(), ["GetAuthorizationToken"; 2]);
}

#[tokio::test]
async fn docker_config_names_another_folder() {
    let (server, folder) = (served().await, TempDir::new().unwrap());
    fs::write(folder.path().join("config.json"), r#"{"credsStore": "desktop"}"#).unwrap();
    let folder_name = folder.path().to_str().unwrap();
    let login = || Program::login().env("HOME", "/nowhere").env("DOCKER_CONFIG", folder_name);
    let ended = login().with(&["--aws", HOST]).on(&server).run().await;
    assert_eq!(ended.code, 1);
    assert_eq!(ended.stdout, "");
    let expected = format!(
        "error: Docker would ignore a login to {HOST} in {folder_name}/config.json, because \
         `credsStore` assigns every registry to `docker-credential-desktop`: pass the token to \
         `docker login --username AWS --password-stdin {HOST}`, which stores it there, or remove \
         the entry\n"
    );
    assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);

    let other = folder.path().join("other.json");
    let arguments = ["--aws", "--config", other.to_str().unwrap(), HOST];
    let ended = login().with(&arguments).on(&server).run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(read(&folder, "other.json")["auths"][HOST]["auth"].is_string());
}

#[tokio::test]
async fn without_aws_no_real_login_is_touched() {
    let home = TempDir::new().unwrap();
    let login = Program::login().with(&[HOST]).env("HOME", home.path().to_str().unwrap());
    let ended = login.run().await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.ends_with("/config.json\n"), "{}", ended.stdout);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn docker_gets_an_answer() {
    let server = served().await;
    for asked in [format!("{HOST}\n"), HOST.to_owned(), format!("https://{HOST}/\n")] {
        let helper = Program::login().with(&["--aws", "--credential-helper", "get"]);
        let ended = helper.on(&server).stdin(&asked).run().await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(ended.stderr, "");
        let answer: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(answer["Secret"].as_str().unwrap().starts_with("local-aws-"));
        let secret = &answer["Secret"];
        let expected = json!({ "ServerURL": HOST, "Username": "AWS", "Secret": secret });
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn docker_needs_no_login_for_other_registries() {
    let ended =
        Program::login().with(&["--credential-helper", "get"]).stdin("ghcr.io\n").run().await;
    assert_eq!(ended.stdout, "credentials not found in native keychain\n");
    failed(
        &ended,
        "invalid ECR repository URI `ghcr.io/any`: `ghcr.io` is not an ECR registry, expected \
         `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME`",
    );
}

#[tokio::test]
async fn other_requests_of_docker_are_answered() {
    let helper = |request| Program::login().with(&["--credential-helper", request]);
    let ended = helper("list").run().await;
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "{}\n"));
    for request in ["erase", "store"] {
        failed(
            &helper(request).run().await,
            "this credential helper stores no logins: it requests a token whenever Docker needs \
             one, so `docker login` is unnecessary",
        );
    }
    failed(
        &helper("get").stdin("\n").run().await,
        "the first line on stdin is empty: expected the registry",
    );
}

#[tokio::test]
async fn an_expired_token_is_an_error() {
    let (server, folder) = (served().await, TempDir::new().unwrap());
    server.local().inject(When::every("GetAuthorizationToken"), Fault::ExpiredToken);
    let login = Program::login().env("DOCKER_CONFIG", folder.path().to_str().unwrap());
    let ended = login.with(&["--aws", HOST]).on(&server).run().await;
    assert_eq!(ended.code, 1);
    assert!(
        ended.stderr.contains("\nerror: ECR in us-east-1 returned a token that expired at 20"),
        "{}",
        ended.stderr
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn bad_usage_is_2() {
    let ended = Program::login().run().await;
    assert_eq!(ended.code, 2);
    let ended = Program::login().with(&["1234.dkr.ecr.us-east-1.amazonaws.com"]).run().await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("the account id has 4 digits instead of 12"));
}
