//! The build that a program runs in, as CodeBuild describes it.

use std::env;

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::text::flaw::Quoted;

/// The CodeBuild build that the program runs in, from the variables that CodeBuild sets (CodeBuild
/// user guide, environment variables in build environments).
///
/// An empty variable counts as unset. The accessors return the text as it is set, which is not safe
/// to print: a git tag or a branch can have characters that a terminal obeys.
///
/// ```
/// use imagedefs::codebuild::CodeBuildEnv;
///
/// let build = CodeBuildEnv::from_vars([
///     ("CODEBUILD_BUILD_ARN", "arn:aws:codebuild:eu-west-1:111122223333:build/shop:6e2c"),
///     ("CODEBUILD_RESOLVED_SOURCE_VERSION", "55b4b4ea1c3f0a1d6c6d8f0e0c6c7b5c2d5b1e1a"),
///     ("CODEBUILD_WEBHOOK_TRIGGER", "tag/v1.4.2"),
/// ])?;
/// assert_eq!(build.account(), "111122223333");
/// assert_eq!(build.region(), "eu-west-1");
/// assert_eq!(build.revision()?, "55b4b4ea1c3f0a1d6c6d8f0e0c6c7b5c2d5b1e1a");
/// assert_eq!(build.tag(), Some("v1.4.2"));
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeBuildEnv {
    partition: String,
    region: String,
    account: String,
    variables: Variables,
}

impl CodeBuildEnv {
    /// Reads the variables of this process.
    ///
    /// # Errors
    ///
    /// `InvalidEnvironment` if `CODEBUILD_BUILD_ARN` is unset or invalid.
    pub fn from_env() -> Result<Self, Error> {
        // `vars` would panic on a variable that is not UTF-8. CodeBuild sets none.
        let text = |(name, value): (_, std::ffi::OsString)| {
            Some((std::ffi::OsString::into_string(name).ok()?, value.into_string().ok()?))
        };
        Self::from_vars(env::vars_os().filter_map(text))
    }

    /// Reads names and values, so that tests and other callers need not change their process.
    ///
    /// # Errors
    ///
    /// The error of [`from_env`](Self::from_env).
    pub fn from_vars<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Result<Self, Error>
    where
        N: AsRef<str>,
        V: Into<String>,
    {
        let variables = Variables::new(variables);
        let refused = |reason: String| {
            let what = "not a CodeBuild environment";
            Error::refused(ErrorKind::InvalidEnvironment, what, [reason])
        };
        let Some(arn) = variables.build_arn.as_deref() else {
            let reason = "`CODEBUILD_BUILD_ARN` is not set: CodeBuild sets it in every build";
            return Err(refused(reason.to_owned()));
        };
        let [partition, region, account] = parse_arn(arn).ok_or_else(|| {
            refused(format!(
                "invalid `CODEBUILD_BUILD_ARN` {}: expected \
                 arn:PARTITION:codebuild:REGION:ACCOUNT:build/PROJECT:ID",
                Quoted(arn)
            ))
        })?;
        let [partition, region, account] = [partition, region, account].map(str::to_owned);
        Ok(Self { partition, region, account, variables })
    }

    /// Returns the AWS account of the build, 12 digits. CodeBuild has no variable for it, so it
    /// comes from the ARN of the build. `AWS_ACCOUNT_ID`, which some builds set by hand, is
    /// ignored.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns the region of the build, from the ARN of the build: `AWS_REGION` and
    /// `AWS_DEFAULT_REGION` can be set to another one.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the partition, as ARNs have it: `aws`, `aws-cn`, `aws-us-gov`, ...
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// Returns the full revision of the source: for git the 40 digits of the commit, for a
    /// versioned object in S3 its version, for an image in ECR its digest.
    ///
    /// The value is `CODEBUILD_RESOLVED_SOURCE_VERSION`, and never `CODEBUILD_SOURCE_VERSION`,
    /// which can be a branch. A missing revision is an error. AWS's sample falls back to `latest`,
    /// which silently overwrites the image deployed under that tag.
    ///
    /// # Errors
    ///
    /// `NoRevision`.
    pub fn revision(&self) -> Result<&str, Error> {
        if let Some(revision) = &self.variables.resolved_source_version {
            return Ok(revision);
        }
        let mut what = "CodeBuild has no revision of the source: \
                        `CODEBUILD_RESOLVED_SOURCE_VERSION` is not set: it is missing before the \
                        phase DOWNLOAD_SOURCE, and for S3 sources without versions"
            .to_owned();
        if let Some(version) = &self.variables.source_version {
            let version = Quoted(version);
            what.push_str(&format!(
                "; `CODEBUILD_SOURCE_VERSION` is {version}, which can mean another revision later"
            ));
        }
        Err(Error::refused(ErrorKind::NoRevision, what, []))
    }

    /// Returns the number of the build within its project, from 1. It can be a tag for images whose
    /// source has no revision.
    pub fn build_number(&self) -> Option<u64> {
        self.variables.build_number.as_deref()?.parse().ok()
    }

    /// Returns the pipeline that started the build, if a pipeline did.
    pub fn pipeline(&self) -> Option<&str> {
        self.variables.initiator.as_deref()?.strip_prefix("codepipeline/")
    }

    /// Returns the trigger of the webhook that started the build. `None` without a webhook, as in
    /// every pipeline.
    pub fn trigger(&self) -> Option<WebhookTrigger<'_>> {
        if let Some(trigger) = self.variables.webhook_trigger.as_deref() {
            return Some(match trigger.split_once('/') {
                Some(("branch", name)) => WebhookTrigger::Branch(name),
                Some(("pr", number)) => {
                    let number = number.parse().ok();
                    number.map_or(WebhookTrigger::Other(trigger), WebhookTrigger::PullRequest)
                }
                Some(("tag", name)) => WebhookTrigger::Tag(name),
                _ => WebhookTrigger::Other(trigger),
            });
        }
        // The head of a pull request is a branch too, but not one to deploy.
        let is_push = self.variables.webhook_event.as_deref() == Some("PUSH");
        let head = self.variables.webhook_head_ref.as_deref().filter(|_| is_push)?;
        let tag = head.strip_prefix("refs/tags/").map(WebhookTrigger::Tag);
        tag.or_else(|| head.strip_prefix("refs/heads/").map(WebhookTrigger::Branch))
    }

    /// Returns the git tag whose push started the build.
    pub fn tag(&self) -> Option<&str> {
        match self.trigger() {
            Some(WebhookTrigger::Tag(name)) => Some(name),
            _ => None,
        }
    }

    /// Returns the branch whose push started the build.
    pub fn branch(&self) -> Option<&str> {
        match self.trigger() {
            Some(WebhookTrigger::Branch(name)) => Some(name),
            _ => None,
        }
    }

    /// Checks that no phase has failed so far. CodeBuild uploads the artifacts of failed builds
    /// too, so a file written then would name an image that was never pushed, or never tested.
    ///
    /// # Errors
    ///
    /// `BuildFailed` if `CODEBUILD_BUILD_SUCCEEDING` is 0.
    pub fn check_succeeding(&self) -> Result<(), Error> {
        if self.variables.build_succeeding.as_deref() != Some("0") {
            return Ok(());
        }
        let what = "a phase of the build failed (`CODEBUILD_BUILD_SUCCEEDING` is 0): its output \
                    must not be deployed";
        Err(Error::refused(ErrorKind::BuildFailed, what, []))
    }
}

/// The trigger of a build that a webhook started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebhookTrigger<'a> {
    /// A push to this branch.
    Branch(&'a str),
    /// Another trigger, as CodeBuild writes it.
    Other(&'a str),
    /// The pull request of this number.
    PullRequest(u64),
    /// A push of this tag.
    Tag(&'a str),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Variables {
    build_arn: Option<String>,
    build_number: Option<String>,
    build_succeeding: Option<String>,
    initiator: Option<String>,
    resolved_source_version: Option<String>,
    source_version: Option<String>,
    webhook_event: Option<String>,
    webhook_head_ref: Option<String>,
    webhook_trigger: Option<String>,
}

impl Variables {
    fn new<N: AsRef<str>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut known = Self::default();
        for (name, value) in variables {
            let slot = match name.as_ref() {
                "CODEBUILD_BUILD_ARN" => &mut known.build_arn,
                "CODEBUILD_BUILD_NUMBER" => &mut known.build_number,
                "CODEBUILD_BUILD_SUCCEEDING" => &mut known.build_succeeding,
                "CODEBUILD_INITIATOR" => &mut known.initiator,
                "CODEBUILD_RESOLVED_SOURCE_VERSION" => &mut known.resolved_source_version,
                "CODEBUILD_SOURCE_VERSION" => &mut known.source_version,
                "CODEBUILD_WEBHOOK_EVENT" => &mut known.webhook_event,
                "CODEBUILD_WEBHOOK_HEAD_REF" => &mut known.webhook_head_ref,
                "CODEBUILD_WEBHOOK_TRIGGER" => &mut known.webhook_trigger,
                _ => continue,
            };
            *slot = Some(value.into()).filter(|value| !value.is_empty());
        }
        known
    }
}

/// Parses partition, region and account of
/// `arn:aws:codebuild:us-east-2:111122223333:build/NAME:ID`.
fn parse_arn(arn: &str) -> Option<[&str; 3]> {
    let mut parts = arn.splitn(6, ':');
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (arn, partition, service) = (part()?, part()?, part()?);
    let (region, account, resource) = (part()?, part()?, part()?);
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    // The resource is `build/` or, in a batch, `build-batch/`.
    let is_build = arn == "arn" && service == "codebuild" && resource.starts_with("build");
    (is_account && is_build).then_some([partition, region, account])
}

#[cfg(test)]
mod tests;
