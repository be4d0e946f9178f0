//! Logs Docker in to ECR registries, or serves as Docker's credential helper.

use std::io::{BufRead as _, Read as _, stdin};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::SystemTime;

use clap::{Parser, ValueEnum};
use ecr_push::Repository;
use ecr_push::login::{DockerConfig, Token, TokenProvider};
use ecr_push::names::InvalidName;
use examples::{BoxError, Session, Story, parse_arguments, run};
use tempfile::TempDir;

/// Log Docker in to registries of Amazon ECR, and all tools that read Docker's config.json.
///
/// The program writes the token into config.json, so no command line contains a password. The token
/// is valid for 12 hours. The rest of the file stays unchanged. The last line on stdout is the
/// file's path.
///
/// Leave out --aws to try it out: the program then gets the token from an emulator and writes it
/// to a temporary folder, or to the file of --config.
///
/// --credential-helper makes the program Docker's credential helper: Docker runs it when it needs a
/// token. Put an executable docker-credential-NAME with the lines `#!/bin/sh` and `exec login --aws
/// --credential-helper "$1"` on the PATH, and {"credHelpers": {"REGISTRY": "NAME"}} into
/// config.json.
///
/// Permission: ecr:GetAuthorizationToken on *. `push` needs no login.
#[derive(Debug, Parser)]
#[command(after_help = "Exit code: 0 logged in or answered, 1 failed, 2 bad usage.")]
struct Arguments {
    /// Get the token from AWS, in the registry's region. Credentials and endpoints come from the
    /// usual places: AWS_PROFILE, AWS_ENDPOINT_URL, the role of a container or an instance, …
    #[arg(long)]
    aws: bool,

    /// Write to this file instead of $DOCKER_CONFIG/config.json or ~/.docker/config.json
    #[arg(long, value_name = "FILE", conflicts_with = "credential_helper")]
    config: Option<PathBuf>,

    /// Answer this request of Docker as its credential helper; the registry is on stdin
    #[arg(long, value_name = "REQUEST", conflicts_with = "registries")]
    credential_helper: Option<Request>,

    /// ACCOUNT.dkr.ecr.REGION.amazonaws.com, or a repository in that registry
    #[arg(required_unless_present = "credential_helper")]
    registries: Vec<Registry>,
}

/// A request of Docker to its credential helper.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Request {
    /// Erase a stored login
    Erase,
    /// Return the login for the registry on stdin
    Get,
    /// List all stored logins
    List,
    /// Store the login on stdin
    Store,
}

/// A registry, stored as one of its repositories: a token is valid for all of them.
#[derive(Debug, Clone)]
struct Registry(Repository);

impl FromStr for Registry {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.contains('/') {
            return text.parse().map(Self);
        }
        format!("{text}/any").parse().map(Self)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { aws, config, credential_helper, registries } = parse_arguments();
    match credential_helper {
        Some(request) => run(answer(aws, request)).await,
        None => run(log_in(aws, config, registries)).await,
    }
}

async fn log_in(
    aws: bool,
    config: Option<PathBuf>,
    registries: Vec<Registry>,
) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    // An emulator's token must not replace a real one.
    let temporary = TempDir::new()?;
    let config = match config {
        Some(file) => DockerConfig::from_path(file),
        None if aws => DockerConfig::from_env()?,
        None => DockerConfig::from_path(temporary.path().join("config.json")),
    };
    let session = session(aws, &registries[0].0).await?;
    let provider = TokenProvider::new(session.config());
    story.tell(format!("logging in ({})", session.place()));
    for Registry(repository) in &registries {
        let token = provider.token(repository).await?;
        config.log_in(&token).await?;
        story.tell(format!("  {} for {:.1} h", token.registry(), hours_left(&token)));
    }
    story.result(config.path().display().to_string())
}

async fn answer(aws: bool, request: Request) -> Result<(), BoxError> {
    let story = Story::on_stderr();
    match request {
        Request::Get => {}
        Request::List => return story.result("{}"),
        Request::Erase | Request::Store => {
            return Err(
                "this credential helper stores no logins: it requests a token whenever Docker \
                 needs one, so `docker login` is unnecessary"
                    .into(),
            );
        }
    }
    let server = server()?;
    let registry: Registry = match server.parse() {
        Ok(registry) => registry,
        Err(error) => {
            // Docker recognizes this text and continues without a login.
            story.result("credentials not found in native keychain")?;
            return Err(error.into());
        }
    };
    let session = session(aws, &registry.0).await?;
    let token = TokenProvider::new(session.config()).token(&registry.0).await?;
    story.result(token.credential_helper_answer())
}

async fn session(aws: bool, repository: &Repository) -> Result<Session, BoxError> {
    if aws { Session::on_aws_in(repository.region()).await } else { Session::on_emulator().await }
}

/// Reads the registry's host from stdin. Some clients write it as a URL.
fn server() -> Result<String, BoxError> {
    const MOST_BYTES: u64 = 4096;
    let mut line = String::new();
    stdin()
        .lock()
        .take(MOST_BYTES)
        .read_line(&mut line)
        .map_err(|error| format!("can't read the registry from stdin: {error}"))?;
    let server = line.trim();
    if server.is_empty() {
        return Err("the first line on stdin is empty: expected the registry".into());
    }
    let server = server.strip_prefix("https://").unwrap_or(server);
    Ok(server.trim_end_matches('/').to_owned())
}

fn hours_left(token: &Token) -> f64 {
    let left = token.expires_at().duration_since(SystemTime::now()).unwrap_or_default();
    left.as_secs_f64() / 3600.0
}
