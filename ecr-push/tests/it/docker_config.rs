//! Tests of logins in Docker's configuration.

use std::fs;
use std::path::PathBuf;

use ecr_push::login::{DockerConfig, Token, TokenProvider};
use ecr_push::{Error, ErrorKind, Repository};
use local_aws::LocalAws;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::world::repository;

const HOST: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com";

/// A folder with or without a configuration, and a token for the login.
struct Home {
    folder: TempDir,
    token: Token,
}

impl Home {
    async fn new() -> Self {
        let provider = TokenProvider::new(&LocalAws::new().sdk_config());
        let token = provider.token(&repository()).await.unwrap();
        Self { folder: TempDir::new().unwrap(), token }
    }

    async fn with(content: &str) -> Self {
        let home = Self::new().await;
        fs::write(home.path(), content).unwrap();
        home
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("config.json")
    }

    async fn log_in(&self) -> Result<(), Error> {
        DockerConfig::from_path(self.path()).log_in(&self.token).await
    }

    fn read(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    /// Returns the file names in the folder.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn auth(&self) -> String {
        base64_simd::STANDARD.encode_to_string(format!("AWS:{}", self.token.password()))
    }

    /// Returns the error's text, with PATH instead of the path. Checks that the file hasn't
    /// changed.
    async fn refused(&self, kind: ErrorKind) -> String {
        let before = self.read();
        let error = self.log_in().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert_eq!(self.read(), before);
        assert_eq!(self.files(), ["config.json"]);
        error.to_string().replace(&self.path().display().to_string(), "PATH")
    }
}

#[cfg(unix)]
fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_is_made_as_docker_makes_it() {
    let home = Home::new().await;
    let path = home.folder.path().join("new/folder/config.json");
    DockerConfig::from_path(&path).log_in(&home.token).await.unwrap();
    let content = fs::read_to_string(&path).unwrap();
    let auth = home.auth();
    assert_eq!(
        content,
        format!(
            "{{\n\t\"auths\": {{\n\t\t\"{HOST}\": {{\n\t\t\t\"auth\": \"{auth}\"\n\t\t}}\n\t}}\n}}\n"
        )
    );
    #[cfg(unix)]
    {
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_there_stays_in_its_order_and_to_the_letter() {
    let home = Home::with(
        "{\n\t\"z\": 1.50,\n\t\"auths\": {\n\t\t\"ghcr.io\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t},\n\
         \t\t\"a.example\": { }\n\t},\n\t\"currentContext\": \"rootless\",\n\
         \t\"HttpHeaders\": {\"b\": \"\\u00e9\", \"a\": 1e3}\n}",
    )
    .await;
    home.log_in().await.unwrap();
    let auth = home.auth();
    assert_eq!(
        home.read(),
        format!(
            "{{\n\t\"z\": 1.50,\n\t\"auths\": {{\n\t\t\"ghcr.io\": {{\n\t\t\t\"auth\": \"eDp5\"\n\
             \t\t}},\n\t\t\"a.example\": {{ }},\n\t\t\"{HOST}\": {{\n\t\t\t\"auth\": \"{auth}\"\n\
             \t\t}}\n\t}},\n\t\"currentContext\": \"rootless\",\n\
             \t\"HttpHeaders\": {{\"b\": \"\\u00e9\", \"a\": 1e3}}\n}}\n"
        )
    );
    assert_eq!(home.files(), ["config.json"]);
}

#[tokio::test(start_paused = true)]
async fn an_earlier_login_is_replaced_as_a_whole() {
    let earlier = json!({
        "auths": { HOST: { "auth": "b2xkOm9sZA==", "identitytoken": "old" }, "ghcr.io": {} },
    });
    let home = Home::with(&earlier.to_string()).await;
    for _ in 0..2 {
        home.log_in().await.unwrap();
        let now: Value = serde_json::from_str(&home.read()).unwrap();
        let expected = json!({ "auths": { HOST: { "auth": home.auth() }, "ghcr.io": {} } });
        assert_eq!(now, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn empty_is_no_configuration_yet() {
    for content in ["", " \n", "{}", r#"{"auths": null, "credHelpers": null, "credsStore": ""}"#] {
        let home = Home::with(content).await;
        home.log_in().await.unwrap();
        let now: Value = serde_json::from_str(&home.read()).unwrap();
        assert_eq!(now["auths"][HOST]["auth"], home.auth());
    }
}

#[tokio::test(start_paused = true)]
async fn logins_of_one_process_do_not_lose_each_other() {
    let home = Home::new().await;
    let provider = TokenProvider::new(&LocalAws::new().sdk_config());
    let mut logins = tokio::task::JoinSet::new();
    for account in 100_000_000_000_u64..100_000_000_020 {
        let repository = Repository::new(&account.to_string(), "us-east-1", "web").unwrap();
        let token = provider.token(&repository).await.unwrap();
        let config = DockerConfig::from_path(home.path());
        logins.spawn(async move { config.log_in(&token).await.unwrap() });
    }
    logins.join_all().await;
    let now: Value = serde_json::from_str(&home.read()).unwrap();
    assert_eq!(now["auths"].as_object().unwrap().len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_broken_file_is_refused_with_the_place() {
    const NO: &str = "can't add a login to Docker's configuration PATH: ";
    for (content, problem) in [
        ("{\n\t\"auths\": {,\n}", "line 2, column 12: key must be a string"),
        ("{\"auths\": {}", "line 1, column 12: EOF while parsing an object"),
        ("[]", "it is not a JSON object"),
        (r#"{"auths": "QVdTOng="}"#, "`auths` is not an object"),
        (r#"{"credHelpers": []}"#, "`credHelpers` is not an object"),
        (r#"{"credsStore": 1}"#, "`credsStore` is not a string"),
    ] {
        let home = Home::with(content).await;
        assert_eq!(home.refused(ErrorKind::DockerConfig).await, format!("{NO}{problem}"));
    }
    let home = Home::with(&json!({ "credHelpers": { HOST: 1 } }).to_string()).await;
    assert_eq!(
        home.refused(ErrorKind::DockerConfig).await,
        format!("{NO}`credHelpers` of {HOST} is not a string")
    );
}

#[tokio::test(start_paused = true)]
async fn a_helper_for_the_registry_is_respected() {
    let helpers = json!({ "credHelpers": { HOST: "ecr-login" }, "credsStore": "desktop" });
    let home = Home::with(&helpers.to_string()).await;
    assert_eq!(
        home.refused(ErrorKind::CredentialHelper).await,
        format!(
            "Docker would ignore a login to {HOST} in PATH, because `credHelpers` assigns the \
             registry to `docker-credential-ecr-login`: use that helper, or remove the entry"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_for_all_registries_is_respected() {
    let helpers = json!({ "credHelpers": { "ghcr.io": "x" }, "credsStore": "desktop", "auths": { HOST: {} } });
    let home = Home::with(&helpers.to_string()).await;
    assert_eq!(
        home.refused(ErrorKind::CredentialHelper).await,
        format!(
            "Docker would ignore a login to {HOST} in PATH, because `credsStore` assigns every \
             registry to `docker-credential-desktop`: pass the token to `docker login --username \
             AWS --password-stdin {HOST}`, which stores it there, or remove the entry"
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_helper_for_others_and_one_without_a_name_are_none() {
    let others = json!({ "credHelpers": { "ghcr.io": "ecr-login" } });
    let exempt = json!({ "credHelpers": { HOST: "" }, "credsStore": "desktop" });
    for helpers in [others, exempt] {
        let home = Home::with(&helpers.to_string()).await;
        home.log_in().await.unwrap();
        let now: Value = serde_json::from_str(&home.read()).unwrap();
        assert_eq!(now["auths"][HOST]["auth"], home.auth());
        assert_eq!(now["credHelpers"], helpers["credHelpers"]);
    }
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_link_stays_one_and_others_lose_their_access() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let home = Home::new().await;
    let dotfiles = home.folder.path().join("dotfiles");
    fs::create_dir(&dotfiles).unwrap();
    let target = dotfiles.join("docker.json");
    fs::write(&target, "{\"z\": 1}").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
    symlink("dotfiles/docker.json", home.path()).unwrap();
    home.log_in().await.unwrap();
    assert!(home.path().is_symlink());
    assert_eq!(mode(&target), 0o600);
    assert!(fs::read_to_string(&target).unwrap().starts_with("{\n\t\"z\": 1,\n"));

    // First a dangling link, then a link to itself.
    fs::remove_file(&target).unwrap();
    home.log_in().await.unwrap();
    assert!(home.path().is_symlink() && target.is_file());
    fs::remove_file(&target).unwrap();
    symlink("docker.json", &target).unwrap();
    let error = home.log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), format!("{} can't be read", home.path().display()));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_file_is_left_alone() {
    let home = Home::new().await;
    fs::create_dir(home.path()).unwrap();
    let error = home.log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), format!("{:?} is a folder, not a regular file", home.path()));
    assert_eq!(home.files(), ["config.json"]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_pipe_is_left_alone_and_not_waited_for() {
    let home = Home::new().await;
    let made = std::process::Command::new("mkfifo").arg(home.path()).status().unwrap();
    assert!(made.success());
    let error = home.log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), format!("{:?} is a named pipe, not a regular file", home.path()));
    assert_eq!(home.files(), ["config.json"]);
}

/// A sparse file takes no space on disk, and would take memory.
#[tokio::test(start_paused = true)]
async fn a_file_that_is_too_large_is_not_read() {
    let home = Home::new().await;
    fs::File::create(home.path()).unwrap().set_len(2 << 30).unwrap();
    let error = home.log_in().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), format!("{} can't be read", home.path().display()));
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "it has 2147483648 bytes, more than the limit of 4194304");
    assert_eq!(fs::metadata(home.path()).unwrap().len(), 2 << 30);
    assert_eq!(home.files(), ["config.json"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_text_is_left_alone() {
    let home = Home::new().await;
    fs::write(home.path(), b"{\"\xff\": 1}").unwrap();
    let error = home.log_in().await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "invalid UTF-8 at byte 2");
}

/// It contains the token, and only its owner can read it.
#[tokio::test(start_paused = true)]
async fn what_a_killed_login_left_behind_is_removed() {
    let home = Home::with("{}").await;
    let stale = home.folder.path().join(".config.json.ecr-push-a1B2c3.tmp");
    fs::write(stale, "token").unwrap();
    fs::write(home.folder.path().join(".config.json.ecr-push.lock"), "").unwrap();
    fs::write(home.folder.path().join(".config.json.other.tmp"), "kept").unwrap();
    home.log_in().await.unwrap();
    let left = home.files().into_iter().filter(|name| !name.ends_with(".lock"));
    assert_eq!(left.collect::<Vec<_>>(), [".config.json.other.tmp", "config.json"]);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_made_is_said() {
    let home = Home::with("{}").await;
    let path = home.path().join("below/a/file/config.json");
    let error = DockerConfig::from_path(&path).log_in(&home.token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    assert_eq!(home.read(), "{}");
}
