//! The roles of the set-ups: which permissions and which trust each of them needs.

use clap::{Args, ValueEnum};

use crate::ending::BoxError;
use crate::setup_policy::{Place, SetupPolicy, Trust};

/// A role of a set-up in the folder `pipelines`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[allow(clippy::exhaustive_enums, reason = "the programs of this folder are its only users")]
pub enum Setup {
    /// Write the artifact zip to the pipeline's source bucket
    ArtifactBucket,
    /// The service role of a CodeBuild project: push, logs, and the pipeline's artifacts
    Codebuild,
    /// The role of an EventBridge rule that starts a pipeline
    EventTarget,
    /// The role of a GitHub Actions workflow: push, and deploy or write the artifact
    GithubOidc,
    /// The execution role of the Lambda function: deploy and log
    Lambda,
}

/// The resources of the set-ups.
#[derive(Debug, Args)]
#[group(skip)]
pub struct SetupResources {
    /// The bucket of the artifact
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,

    /// The object key of the artifact
    #[arg(long, value_name = "KEY", default_value = "imagedefinitions.zip")]
    key: String,

    /// The name of the Lambda function
    #[arg(long, value_name = "NAME", default_value = "ecr-event")]
    function: String,

    /// The GitHub repository whose workflows can assume the role
    #[arg(long, value_name = "OWNER/NAME")]
    github: Option<String>,

    /// A git ref whose workflows can assume the role, such as refs/tags/v*; may be given several
    /// times
    #[arg(long = "ref", value_name = "REF", default_value = "refs/heads/main")]
    refs: Vec<String>,

    /// The ARN of the pipeline
    #[arg(long, value_name = "ARN")]
    pipeline: Option<String>,

    /// The name of the CodeBuild project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// The name of the EventBridge rule
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
}

impl SetupResources {
    /// Adds the permissions of a role beside the push and the deployment. `place` is that of the
    /// repository or the service.
    ///
    /// # Errors
    /// Fails if the arguments of the set-up are missing.
    pub fn permissions(
        &self,
        setup: Setup,
        place: Option<&Place>,
        policy: &mut SetupPolicy,
    ) -> Result<(), BoxError> {
        match setup {
            Setup::ArtifactBucket => self.artifact(&self.place(place)?, policy),
            Setup::Codebuild => {
                let (place, project) = (self.place(place)?, required(&self.project, "project")?);
                policy.logs(&place, &format!("/aws/codebuild/{project}"));
                if let Some(bucket) = &self.bucket {
                    let objects = place.object(bucket, "*");
                    let reads = ["s3:GetObject", "s3:GetObjectVersion"];
                    let reason = "reads the source artifact";
                    policy.allow("SourceArtifact", &reads, std::slice::from_ref(&objects), reason);
                    let reason = "writes the artifact with the image definitions";
                    policy.allow("OutputArtifact", &["s3:PutObject"], &[objects], reason);
                }
                Ok(())
            }
            Setup::EventTarget => {
                let pipeline = required(&self.pipeline, "pipeline")?.to_owned();
                Place::from_arn(&pipeline, "codepipeline")?;
                let actions = ["codepipeline:StartPipelineExecution"];
                policy.allow("Pipeline", &actions, &[pipeline], "starts the pipeline");
                Ok(())
            }
            Setup::GithubOidc if self.bucket.is_some() => {
                self.artifact(&self.place(place)?, policy)
            }
            Setup::GithubOidc => Ok(()),
            Setup::Lambda => {
                policy.logs(&self.place(place)?, &format!("/aws/lambda/{}", self.function));
                Ok(())
            }
        }
    }

    /// The trust policy of a role.
    ///
    /// # Errors
    /// Fails if the arguments of the set-up are missing, or if the set-up has no role.
    pub fn trust(&self, setup: Setup, place: Option<&Place>) -> Result<Trust, BoxError> {
        let service = |principal, source| Ok(Trust::Service { principal, source });
        match setup {
            Setup::ArtifactBucket => {
                Err("artifact-bucket has no trust policy: add its permissions to the role of the \
                     writer"
                    .into())
            }
            Setup::Codebuild => {
                let place = self.place(place)?;
                let project = required(&self.project, "project")?;
                let arn = place.arn("codebuild", &format!("project/{project}"));
                service("codebuild.amazonaws.com", Some((place, arn)))
            }
            Setup::EventTarget => {
                let place = Place::from_arn(required(&self.pipeline, "pipeline")?, "codepipeline")?;
                let arn = place.arn("events", &format!("rule/{}", required(&self.rule, "rule")?));
                service("events.amazonaws.com", Some((place, arn)))
            }
            Setup::GithubOidc => {
                let repository = required(&self.github, "github")?.to_owned();
                Ok(Trust::GitHub { place: self.place(place)?, repository, refs: self.refs.clone() })
            }
            Setup::Lambda => service("lambda.amazonaws.com", None),
        }
    }

    fn artifact(&self, place: &Place, policy: &mut SetupPolicy) -> Result<(), BoxError> {
        let object = place.object(required(&self.bucket, "bucket")?, &self.key);
        policy.allow("Artifact", &["s3:PutObject"], &[object], "writes the artifact zip");
        Ok(())
    }

    fn place(&self, place: Option<&Place>) -> Result<Place, BoxError> {
        match (place, &self.pipeline) {
            (Some(place), _) => Ok(place.clone()),
            (None, Some(arn)) => Place::from_arn(arn, "codepipeline"),
            (None, None) => {
                Err("name the account and the region: use a REPOSITORY, --service ARN \
                                 or --pipeline ARN"
                    .into())
            }
        }
    }
}

fn required<'a>(value: &'a Option<String>, name: &str) -> Result<&'a str, BoxError> {
    value.as_deref().ok_or_else(|| format!("--{name} is required for this set-up").into())
}
