//! The IAM policies of the set-ups: permissions and trust of each role.

use serde_json::{Map, Value, json};

use crate::ending::BoxError;

/// A policy document in the making, with a reason for each action.
#[derive(Debug, Default)]
pub struct SetupPolicy {
    statements: Vec<Value>,
    reasons: Vec<String>,
}

impl SetupPolicy {
    /// A policy without statements.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the statements of another document.
    ///
    /// # Errors
    /// Fails if the document isn't a policy.
    pub fn add_document(&mut self, document: &str) -> Result<(), BoxError> {
        let document: Value = serde_json::from_str(document)?;
        let statements = document["Statement"].as_array().ok_or("the policy has no Statement")?;
        for statement in statements {
            if !self.statements.contains(statement) {
                self.statements.push(statement.clone());
            }
        }
        Ok(())
    }

    /// Adds an action on resources, with the reason.
    pub fn allow(&mut self, sid: &str, actions: &[&str], resources: &[String], reason: &str) {
        self.statements.push(json!({
            "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources,
        }));
        for action in actions {
            self.reasons.push(format!("{action} on {}: {reason}", resources.join(" and ")));
        }
    }

    /// The logs of a function or a build: the streams of one log group.
    pub fn logs(&mut self, place: &Place, group: &str) {
        let arn = place.arn("logs", &format!("log-group:{group}:*"));
        let actions = ["logs:CreateLogStream", "logs:PutLogEvents"];
        self.allow("Logs", &actions, &[arn], "writes the log");
    }

    /// The reasons of the actions from [`allow`](Self::allow).
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// The document as indented JSON.
    ///
    /// # Errors
    /// Fails if the JSON can't be written.
    pub fn document(&self) -> Result<String, BoxError> {
        document(&self.statements)
    }
}

/// The partition, the region and the account of a set-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    partition: String,
    region: String,
    account: String,
}

impl Place {
    /// Reads the place from an ARN of a service.
    ///
    /// # Errors
    /// Fails if the text isn't an ARN with a region and an account, or belongs to another service.
    pub fn from_arn(arn: &str, service: &str) -> Result<Self, BoxError> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, found, region, account, resource]
                if found == service
                    && account.len() == 12
                    && !region.is_empty()
                    && !resource.is_empty() =>
            {
                let own = str::to_owned;
                Ok(Self { partition: own(partition), region: own(region), account: own(account) })
            }
            _ => {
                let expected = format!("arn:aws:{service}:REGION:ACCOUNT:NAME");
                Err(format!("invalid ARN `{arn}`: expected {expected}").into())
            }
        }
    }

    /// The ARN of a resource in this place.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self { partition, region, account } = self;
        format!("arn:{partition}:{service}:{region}:{account}:{resource}")
    }

    /// The ARN of an object in S3.
    pub fn object(&self, bucket: &str, key: &str) -> String {
        format!("arn:{}:s3:::{bucket}/{key}", self.partition)
    }
}

/// A trust policy: who can assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "the set-ups of this folder have no other principals")]
pub enum Trust {
    /// The workflows of a GitHub repository, for these refs, such as `refs/heads/main`.
    GitHub {
        /// The account and the partition of the identity provider.
        place: Place,
        /// OWNER/REPOSITORY.
        repository: String,
        /// The git refs; `*` matches any text.
        refs: Vec<String>,
    },
    /// A service of AWS, on behalf of one resource if there is its ARN.
    Service {
        /// The principal of the service: `lambda.amazonaws.com`.
        principal: &'static str,
        /// The account and the ARN of the resource, against the confused deputy.
        source: Option<(Place, String)>,
    },
}

impl Trust {
    /// The document as indented JSON.
    ///
    /// # Errors
    /// Fails if the JSON can't be written.
    pub fn document(&self) -> Result<String, BoxError> {
        let statement = match self {
            Self::GitHub { place, repository, refs } => github(place, repository, refs),
            Self::Service { principal, source } => service(principal, source.as_ref()),
        };
        document(&[statement])
    }
}

fn github(place: &Place, repository: &str, refs: &[String]) -> Value {
    const ISSUER: &str = "token.actions.githubusercontent.com";
    let Place { partition, account, .. } = place;
    let provider = format!("arn:{partition}:iam::{account}:oidc-provider/{ISSUER}");
    let subjects: Vec<String> =
        refs.iter().map(|it| format!("repo:{repository}:ref:{it}")).collect();
    let mut equals = Map::new();
    equals.insert(format!("{ISSUER}:aud"), "sts.amazonaws.com".into());
    let mut like = Map::new();
    like.insert(format!("{ISSUER}:sub"), subjects.into());
    json!({
        "Effect": "Allow",
        "Principal": { "Federated": provider },
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": { "StringEquals": equals, "StringLike": like },
    })
}

fn service(principal: &str, source: Option<&(Place, String)>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "Service": principal },
        "Action": "sts:AssumeRole",
    });
    if let Some((place, arn)) = source {
        statement["Condition"] = json!({
            "StringEquals": { "aws:SourceAccount": place.account },
            "ArnLike": { "aws:SourceArn": arn },
        });
    }
    statement
}

fn document(statements: &[Value]) -> Result<String, BoxError> {
    let document = json!({ "Version": "2012-10-17", "Statement": statements });
    Ok(serde_json::to_string_pretty(&document)?)
}
