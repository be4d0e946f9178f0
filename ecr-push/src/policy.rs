//! [`PushPolicy`]: the least that an IAM policy has to allow for a push.

use std::fmt;

use serde_json::{Value, json};

use crate::names::Repository;
use crate::new_repository::NewRepository;
use crate::run::LookUp;

/// The least-privilege IAM policy of a push, for exactly its repositories and options.
///
/// `Display` prints the policy document; [`permissions`](Self::permissions) explains each action of
/// it. Each action is needed: without any one of them, the push fails, or does without what that
/// one is for.
///
/// ```
/// use ecr_push::{LookUp, PushPolicy, Repository};
///
/// let repository: Repository = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/web".parse()?;
/// let policy = PushPolicy::new(&repository).look_up(LookUp::Never);
/// println!("{policy}");
/// for permission in policy.permissions() {
///     println!("{} on {}: {}", permission.action(), permission.resource(), permission.reason());
/// }
/// # Ok::<(), ecr_push::Error>(())
/// ```
///
/// In another account than the caller's, the repository's own policy has to allow the same
/// actions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct PushPolicy {
    repositories: Vec<Repository>,
    look_up: LookUp,
    create: Creates,
    token: Token,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Creates {
    Nothing,
    Repositories,
    TaggedRepositories,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Needed,
    NotNeeded,
}

/// One action that is needed, on what, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    action: &'static str,
    resource: String,
    reason: &'static str,
}

impl PushPolicy {
    /// For a push into `repository` without further options.
    pub fn new(repository: &Repository) -> Self {
        Self {
            repositories: vec![repository.clone()],
            look_up: LookUp::default(),
            create: Creates::Nothing,
            token: Token::NotNeeded,
        }
    }

    /// For another repository as well.
    pub fn also_to(mut self, repository: &Repository) -> Self {
        if !self.repositories.contains(repository) {
            self.repositories.push(repository.clone());
        }
        self
    }

    /// As [`Push::look_up`](crate::Push::look_up).
    pub fn look_up(mut self, look_up: LookUp) -> Self {
        self.look_up = look_up;
        self
    }

    /// As [`Push::create_repository`](crate::Push::create_repository).
    pub fn create_repository(mut self, settings: &NewRepository) -> Self {
        self.create = match settings.has_tags() {
            true => Creates::TaggedRepositories,
            false => Creates::Repositories,
        };
        self
    }

    /// With a token for Docker's protocol, as [`TokenProvider`](crate::TokenProvider) gets it.
    pub fn token(mut self) -> Self {
        self.token = Token::Needed;
        self
    }

    /// Each action on each resource, and what it is for.
    pub fn permissions(&self) -> Vec<Permission> {
        let mut permissions = Vec::new();
        for repository in &self.repositories {
            permissions.extend(self.actions().into_iter().map(|(action, reason)| Permission {
                action,
                resource: repository.arn(),
                reason,
            }));
        }
        if self.token == Token::Needed {
            permissions.push(Permission {
                action: "ecr:GetAuthorizationToken",
                // ECR doesn't take it on anything else: Service Authorization Reference.
                resource: "*".to_owned(),
                reason: "gets the token for Docker's protocol",
            });
        }
        permissions
    }

    /// What is needed on each repository. The first five are AWS's own list ("IAM permissions for
    /// pushing an image to an Amazon ECR private repository"), less the token, which the API needs
    /// not.
    fn actions(&self) -> Vec<(&'static str, &'static str)> {
        let mut actions = vec![
            ("ecr:BatchCheckLayerAvailability", "finds out which layers are there already"),
            ("ecr:InitiateLayerUpload", "begins the upload of a layer"),
            ("ecr:UploadLayerPart", "sends a layer, part by part"),
            ("ecr:CompleteLayerUpload", "ends the upload of a layer"),
            ("ecr:PutImage", "puts the manifest, and sets each tag"),
        ];
        if self.look_up == LookUp::WhereAllowed {
            actions.push((
                "ecr:BatchGetImage",
                "looks up where the tags are, so that what is there isn't put again; a push does \
                 without, if it has to",
            ));
        }
        if self.create != Creates::Nothing {
            actions.push(("ecr:CreateRepository", "creates the repository where it is missing"));
        }
        if self.create == Creates::TaggedRepositories {
            actions.push(("ecr:TagResource", "puts its tags on a repository that is created"));
        }
        actions
    }

    fn document(&self) -> Value {
        let arns: Vec<String> = self.repositories.iter().map(Repository::arn).collect();
        let actions: Vec<&str> = self.actions().into_iter().map(|(action, _)| action).collect();
        let mut statements = vec![json!({
            "Sid": "Push",
            "Effect": "Allow",
            "Action": actions,
            "Resource": arns,
        })];
        if self.token == Token::Needed {
            statements.push(json!({
                "Sid": "Token",
                "Effect": "Allow",
                "Action": "ecr:GetAuthorizationToken",
                "Resource": "*",
            }));
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

/// The policy document, as IAM takes it.
impl fmt::Display for PushPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.document())
    }
}

impl Permission {
    /// Such as `ecr:PutImage`.
    pub fn action(&self) -> &str {
        self.action
    }

    /// An ARN, or `*`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// What it is for.
    pub fn reason(&self) -> &str {
        self.reason
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_what_iam_takes() {
        let repository: Repository =
            "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/demo/web".parse().unwrap();
        let other: Repository =
            "210987654321.dkr.ecr.us-gov-west-1.amazonaws.com/demo/web".parse().unwrap();
        let settings = NewRepository::default().tag("team", "web");
        let policy =
            PushPolicy::new(&repository).also_to(&other).create_repository(&settings).token();
        assert_eq!(
            policy.to_string(),
            r#"{
  "Statement": [
    {
      "Action": [
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
        "ecr:BatchGetImage",
        "ecr:CreateRepository",
        "ecr:TagResource"
      ],
      "Effect": "Allow",
      "Resource": [
        "arn:aws-cn:ecr:cn-north-1:123456789012:repository/demo/web",
        "arn:aws-us-gov:ecr:us-gov-west-1:210987654321:repository/demo/web"
      ],
      "Sid": "Push"
    },
    {
      "Action": "ecr:GetAuthorizationToken",
      "Effect": "Allow",
      "Resource": "*",
      "Sid": "Token"
    }
  ],
  "Version": "2012-10-17"
}"#
        );
        let explained = policy.permissions();
        assert_eq!(explained.len(), 17);
        assert!(explained.iter().all(|permission| !permission.reason().is_empty()));
    }
}
