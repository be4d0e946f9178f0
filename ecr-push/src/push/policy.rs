//! [`PushPolicy`]: the least-privilege IAM policy of a push.

use std::fmt;

use serde_json::{Value, json};

use crate::names::repository::Repository;
use crate::push::survey::LookUp;
use crate::wire::new_repository::NewRepository;
use crate::wire::transport::Transport;

/// The least-privilege IAM policy of a push, for exactly its repositories and options.
///
/// `Display` prints the policy document; [`permissions`](Self::permissions) explains each of its
/// actions. Every action is needed: without it, the push fails or skips the step that the action is
/// for.
///
/// ```
/// use ecr_push::Repository;
/// use ecr_push::policy::PushPolicy;
/// use ecr_push::settings::LookUp;
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
/// If a repository belongs to another account than the caller's, its own repository policy also has
/// to allow these actions. An IAM policy belongs to a principal of one account and one partition.
/// If a push reaches repositories of several accounts with separate credentials,
/// [`by_account`](Self::by_account) returns a policy for each account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct PushPolicy {
    repositories: Vec<Repository>,
    look_up: LookUp,
    create: Option<NewRepository>,
    token: TokenUse,
    mount_from: Option<Repository>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenUse {
    Needed,
    NotNeeded,
}

/// An action that a push needs, its resource, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permission {
    action: &'static str,
    resource: String,
    reason: &'static str,
}

impl PushPolicy {
    /// Creates the policy of a push into `repository` without further options.
    pub fn new(repository: &Repository) -> Self {
        Self {
            repositories: vec![repository.clone()],
            look_up: LookUp::default(),
            create: None,
            token: TokenUse::NotNeeded,
            mount_from: None,
        }
    }

    /// Adds another repository.
    pub fn also_to(mut self, repository: &Repository) -> Self {
        if !self.repositories.contains(repository) {
            self.repositories.push(repository.clone());
        }
        self
    }

    /// Sets the lookup of the push, as [`Push::look_up`](crate::Push::look_up) does.
    pub fn look_up(mut self, look_up: LookUp) -> Self {
        self.look_up = look_up;
        self
    }

    /// Adds the creation of missing repositories, as
    /// [`Push::create_repository`](crate::Push::create_repository) does.
    pub fn create_repository(mut self, settings: NewRepository) -> Self {
        self.create = Some(settings);
        self
    }

    /// Sets the transport of the push, as [`Push::transport`](crate::Push::transport) does. The
    /// registry's own protocol needs the same actions and a token.
    pub fn transport(self, transport: Transport) -> Self {
        match transport {
            Transport::Api => self,
            Transport::Registry => self.token(),
        }
    }

    /// Adds the source of mounts, as [`Push::mount_from`](crate::Push::mount_from) does.
    pub fn mount_from(mut self, repository: &Repository) -> Self {
        self.mount_from = Some(repository.clone());
        self
    }

    /// Adds a token for Docker's protocol, which [`TokenProvider`](crate::login::TokenProvider)
    /// requests.
    pub fn token(mut self) -> Self {
        self.token = TokenUse::Needed;
        self
    }

    /// Returns a policy with the same options for each account, in the order of the repositories.
    pub fn by_account(&self) -> Vec<Self> {
        let mut policies: Vec<Self> = Vec::new();
        for repository in &self.repositories {
            let account = |policy: &&mut Self| {
                let first = &policy.repositories[0];
                first.account() == repository.account()
                    && first.partition() == repository.partition()
            };
            match policies.iter_mut().find(account) {
                Some(policy) => policy.repositories.push(repository.clone()),
                None => {
                    let mount_from = self.mount_from.clone();
                    let mount_from = mount_from.filter(|it| it.account() == repository.account());
                    let repositories = vec![repository.clone()];
                    policies.push(Self { repositories, mount_from, ..self.clone() });
                }
            }
        }
        policies
    }

    /// Returns each action on each resource, with its reason.
    pub fn permissions(&self) -> Vec<Permission> {
        let mut permissions = Vec::new();
        for repository in &self.repositories {
            permissions.extend(self.actions().into_iter().map(|(action, reason)| Permission {
                action,
                resource: repository.arn(),
                reason,
            }));
        }
        if let Some(source) = &self.mount_from {
            permissions.push(Permission {
                action: MOUNT_ACTION,
                resource: source.arn(),
                reason: "mounts layers from this repository; without it, a push uploads them",
            });
        }
        if let Some(key) = self.key() {
            permissions.extend(KEY_ACTIONS.map(|(action, reason)| Permission {
                action,
                resource: key.to_owned(),
                reason,
            }));
        }
        if self.token == TokenUse::Needed {
            permissions.push(Permission {
                action: "ecr:GetAuthorizationToken",
                // ECR accepts this action only on `*`: Service Authorization Reference.
                resource: "*".to_owned(),
                reason: "gets the token for Docker's protocol",
            });
        }
        permissions
    }

    /// Returns the KMS key of created repositories: its ARN, or `*` if the ARN isn't known.
    fn key(&self) -> Option<&str> {
        let key = self.create.as_ref()?.kms_key()?;
        // IAM identifies keys only by their ARN, not by an id or an alias.
        Some(if key.starts_with("arn:") && key.contains(":key/") { key } else { "*" })
    }

    /// Returns the actions that each repository needs. The first five are AWS's own list ("IAM
    /// permissions for pushing an image to an Amazon ECR private repository") without the token,
    /// which the API doesn't need.
    fn actions(&self) -> Vec<(&'static str, &'static str)> {
        let mut actions = vec![
            ("ecr:BatchCheckLayerAvailability", "checks which layers exist already"),
            ("ecr:InitiateLayerUpload", "starts the upload of a layer"),
            ("ecr:UploadLayerPart", "uploads the parts of a layer"),
            ("ecr:CompleteLayerUpload", "completes the upload of a layer"),
            ("ecr:PutImage", "stores the manifest and sets each tag"),
        ];
        if self.look_up == LookUp::WhereAllowed {
            actions.push((
                "ecr:BatchGetImage",
                "looks up the tags, so that an image that exists isn't put again; without it, a push \
                 skips the lookup",
            ));
        }
        if self.create.is_some() {
            actions.push(("ecr:CreateRepository", "creates the repository if it is missing"));
        }
        if self.create.as_ref().is_some_and(NewRepository::has_tags) {
            actions
                .push(("ecr:TagResource", "sets the tags of a repository that the push creates"));
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
        if let Some(source) = &self.mount_from {
            statements.push(json!({
                "Sid": "Mount",
                "Effect": "Allow",
                "Action": MOUNT_ACTION,
                "Resource": source.arn(),
            }));
        }
        if let Some(key) = self.key() {
            statements.push(json!({
                "Sid": "Key",
                "Effect": "Allow",
                "Action": KEY_ACTIONS.map(|(action, _)| action),
                "Resource": key,
            }));
        }
        if self.token == TokenUse::Needed {
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

/// The action that a mount needs on the source repository. Source: ECR's user guide, "Blob mounting
/// in Amazon ECR".
const MOUNT_ACTION: &str = "ecr:GetDownloadUrlForLayer";

/// The actions that the creator of a repository with a KMS key needs. Source: ECR's user guide,
/// "Encryption at rest".
const KEY_ACTIONS: [(&str, &str); 3] = [
    ("kms:CreateGrant", "lets ECR use the KMS key of a repository that the push creates"),
    ("kms:DescribeKey", "lets ECR describe the KMS key of a repository that the push creates"),
    ("kms:RetireGrant", "lets ECR retire its grant on the KMS key of a repository"),
];

/// Prints the policy document in IAM's JSON.
impl fmt::Display for PushPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.document())
    }
}

impl Permission {
    /// Returns the action, such as `ecr:PutImage`.
    pub fn action(&self) -> &str {
        self.action
    }

    /// Returns the resource: an ARN, or `*`.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns what the action is for.
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
            "123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn/demo/web".parse().unwrap();
        let settings = NewRepository::default().tag("team", "web");
        let policy =
            PushPolicy::new(&repository).also_to(&other).create_repository(settings).token();
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
        "arn:aws-cn:ecr:cn-northwest-1:123456789012:repository/demo/web"
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

    #[test]
    fn each_account_has_a_policy_of_its_own() {
        let repository = |text: &str| text.parse::<Repository>().unwrap();
        let here = repository("123456789012.dkr.ecr.us-east-1.amazonaws.com/web");
        let there = repository("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web");
        let theirs = repository("210987654321.dkr.ecr.us-east-1.amazonaws.com/web");
        let policy = PushPolicy::new(&here).also_to(&theirs).also_to(&there);
        let policies = policy.by_account();
        assert_eq!(policies, [PushPolicy::new(&here).also_to(&there), PushPolicy::new(&theirs)]);

        let base = repository("123456789012.dkr.ecr.us-east-1.amazonaws.com/base");
        let policies = policy.mount_from(&base).by_account();
        let ours = PushPolicy::new(&here).also_to(&there).mount_from(&base);
        assert_eq!(policies, [ours, PushPolicy::new(&theirs)]);
    }

    #[test]
    fn a_key_is_named_by_its_arn_where_that_is_known() {
        let repository: Repository =
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web".parse().unwrap();
        let arn = "arn:aws:kms:us-east-1:123456789012:key/1234";
        for (key, expected) in [(arn, arn), ("alias/web", "*"), ("1234", "*")] {
            let settings = NewRepository::default().encrypted_with(key);
            let policy = PushPolicy::new(&repository).create_repository(settings);
            let permissions = policy.permissions();
            let of_kms: Vec<_> = permissions
                .iter()
                .filter(|permission| permission.action().starts_with("kms:"))
                .map(|permission| (permission.action(), permission.resource()))
                .collect();
            assert_eq!(
                of_kms,
                [
                    ("kms:CreateGrant", expected),
                    ("kms:DescribeKey", expected),
                    ("kms:RetireGrant", expected),
                ]
            );
            assert_eq!(policy.document()["Statement"][1]["Resource"], expected);
        }
    }
}
