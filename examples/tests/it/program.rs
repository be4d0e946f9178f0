//! A runner of the programs, without the AWS configuration of the machine.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use examples::DemoImage;
use local_aws::{LocalAws, Server};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

pub(crate) const URI: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web";

pub(crate) struct Program {
    command: Command,
    stdin: String,
}

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn check_taskdef() -> Self {
        Self::new(env!("CARGO_BIN_EXE_check_taskdef"))
    }

    pub(crate) fn codebuild() -> Self {
        Self::new(env!("CARGO_BIN_EXE_codebuild"))
    }

    pub(crate) fn definitions() -> Self {
        Self::new(env!("CARGO_BIN_EXE_definitions"))
    }

    pub(crate) fn ecr_event_lambda() -> Self {
        Self::new(env!("CARGO_BIN_EXE_ecr_event_lambda"))
    }

    pub(crate) fn ecr_event() -> Self {
        Self::new(env!("CARGO_BIN_EXE_ecr_event"))
    }

    pub(crate) fn login() -> Self {
        Self::new(env!("CARGO_BIN_EXE_login"))
    }

    pub(crate) fn pipeline() -> Self {
        Self::new(env!("CARGO_BIN_EXE_pipeline"))
    }

    pub(crate) fn multi_arch() -> Self {
        Self::new(env!("CARGO_BIN_EXE_multi_arch"))
    }

    pub(crate) fn prune() -> Self {
        Self::new(env!("CARGO_BIN_EXE_prune"))
    }

    pub(crate) fn push() -> Self {
        Self::new(env!("CARGO_BIN_EXE_push"))
    }

    pub(crate) fn push_events() -> Self {
        Self::new(env!("CARGO_BIN_EXE_push_events"))
    }

    pub(crate) fn plan() -> Self {
        Self::new(env!("CARGO_BIN_EXE_plan"))
    }

    pub(crate) fn policy() -> Self {
        Self::new(env!("CARGO_BIN_EXE_policy"))
    }

    pub(crate) fn multi_region() -> Self {
        Self::new(env!("CARGO_BIN_EXE_multi_region"))
    }

    pub(crate) fn doctor() -> Self {
        Self::new(env!("CARGO_BIN_EXE_doctor"))
    }

    pub(crate) fn promote() -> Self {
        Self::new(env!("CARGO_BIN_EXE_promote"))
    }

    pub(crate) fn deploy() -> Self {
        Self::new(env!("CARGO_BIN_EXE_deploy"))
    }

    pub(crate) fn deploy_events() -> Self {
        Self::new(env!("CARGO_BIN_EXE_deploy_events"))
    }

    pub(crate) fn deploy_from_git() -> Self {
        Self::new(env!("CARGO_BIN_EXE_deploy_from_git"))
    }

    pub(crate) fn fleet() -> Self {
        Self::new(env!("CARGO_BIN_EXE_fleet"))
    }

    pub(crate) fn migrate() -> Self {
        Self::new(env!("CARGO_BIN_EXE_migrate"))
    }

    pub(crate) fn rollback() -> Self {
        Self::new(env!("CARGO_BIN_EXE_rollback"))
    }

    fn new(path: &str) -> Self {
        let mut command = Command::new(path);
        command
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        Self { command, stdin: String::new() }
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the environment of a served emulator.
    pub(crate) fn on(self, server: &Server) -> Self {
        let variables = server.environment();
        variables.iter().fold(self, |program, (name, value)| program.env(name, value))
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets the input of the program.
    pub(crate) fn stdin(mut self, text: &str) -> Self {
        text.clone_into(&mut self.stdin);
        self
    }

    /// Runs the program with a closed stdout.
    pub(crate) async fn without_reader(mut self) -> Ended {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        self.command.stdout(writer).stderr(Stdio::piped());
        let child = self.command.spawn().unwrap();
        Ended::from(child.wait_with_output().await.unwrap())
    }

    /// Runs the program with these files as stdout and stderr.
    pub(crate) async fn into_files(mut self, stdout: Option<File>, stderr: Option<File>) -> Ended {
        let stream = |file: Option<File>| file.map_or_else(Stdio::piped, Stdio::from);
        self.command.stdin(Stdio::null()).stdout(stream(stdout)).stderr(stream(stderr));
        let child = self.command.spawn().unwrap();
        Ended::from(child.wait_with_output().await.unwrap())
    }

    /// Starts the program. The caller kills it.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.command.spawn().unwrap()
    }

    /// Runs the program until a line on stderr contains `text`, then kills it.
    pub(crate) async fn until(mut self, text: &str) {
        self.command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = self.command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains(text) {
                return child.kill().await.unwrap();
            }
        }
        panic!("the program ended without {text}");
    }

    pub(crate) async fn run(mut self) -> Ended {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap();
        // Ignores errors: most programs don't read stdin, and may have ended.
        let _ = child.stdin.take().unwrap().write_all(self.stdin.as_bytes()).await;
        Ended::from(child.wait_with_output().await.unwrap())
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Starts an emulator with the demonstration's repository and service, and fast rollouts.
pub(crate) async fn served() -> Server {
    let local = LocalAws::new();
    local.create_demo();
    local.set_rollout_pace(0.001);
    local.listen(([127, 0, 0, 1], 0).into()).await.unwrap()
}

/// A folder that contains an image.
pub(crate) struct Workplace {
    pub(crate) folder: TempDir,
    pub(crate) image: PathBuf,
}

impl Workplace {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let image = folder.path().join("image");
        DemoImage::create(&image, &[]).unwrap();
        Self { folder, image }
    }

    pub(crate) fn image(&self) -> &str {
        self.image.to_str().unwrap()
    }
}
