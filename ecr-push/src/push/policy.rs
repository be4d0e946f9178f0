//! [`PushPolicy`]: the least that an IAM policy has to allow for a push.

use std::fmt;

use serde_json::{Value, json};

use crate::names::repository::Repository;
use crate::push::survey::LookUp;
use crate::wire::new_repository::NewRepository;
use crate::wire::transport::Transport;

/// The least-privilege IAM policy of a push, for exactly its repositories and options.
///
/// `Display` prints the policy document; [`permissions`](Self::permissions) explains each action of
/// it. Each action is needed: without any one of them, the push fails, or does without what that
/// one is for.
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
/// In another account than the caller's, the repository's own policy has to allow the same
/// actions. A policy belongs to a principal of one account and one partition, so where
/// repositories of several are pushed to, each with credentials of its own,
/// [`by_account`](Self::by_account) has a policy for each.
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
            create: None,
            token: TokenUse::NotNeeded,
            mount_from: None,
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
    pub fn create_repository(mut self, settings: NewRepository) -> Self {
        self.create = Some(settings);
        self
    }

    /// As [`Push::transport`](crate::Push::transport): by the registry's own protocol, the actions are
    /// the same, and a token is needed.
    pub fn transport(self, transport: Transport) -> Self {
        match transport {
            Transport::Api => self,
            Transport::Registry => self.token(),
        }
    }

    /// As [`Push::mount_from`](crate::Push::mount_from).
    pub fn mount_from(mut self, repository: &Repository) -> Self {
        self.mount_from = Some(repository.clone());
        self
    }

    /// With a token for Docker's protocol, as [`TokenProvider`](crate::login::TokenProvider) gets it.
    pub fn token(mut self) -> Self {
        self.token = TokenUse::Needed;
        self
    }

    /// The same for the repositories of each account by itself, in the order in which they were
    /// given.
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
        if let Some(source) = &self.mount_from {
            permissions.push(Permission {
                action: MOUNT_ACTION,
                resource: source.arn(),
                reason: "takes layers over from there; a push sends them, if it has to",
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
                // ECR doesn't take it on anything else: Service Authorization Reference.
                resource: "*".to_owned(),
                reason: "gets the token for Docker's protocol",
            });
        }
        permissions
    }

    /// The KMS key of repositories that are created: its ARN, or any where that isn't known.
    fn key(&self) -> Option<&str> {
        let key = self.create.as_ref()?.kms_key()?;
        // IAM knows keys by their ARN only, not by an id or an alias.
        Some(if key.starts_with("arn:") && key.contains(":key/") { key } else { "*" })
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
        if self.create.is_some() {
            actions.push(("ecr:CreateRepository", "creates the repository where it is missing"));
        }
        if self.create.as_ref().is_some_and(NewRepository::has_tags) {
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

/// ECR's user guide, "Blob mounting in Amazon ECR": what it takes on the repository that has the
/// layers.
const MOUNT_ACTION: &str = "ecr:GetDownloadUrlForLayer";

/// ECR's user guide, "Encryption at rest": what whoever creates a repository with a KMS key needs.
const KEY_ACTIONS: [(&str, &str); 3] = [
    ("kms:CreateGrant", "lets ECR use the key of a repository that is created"),
    ("kms:DescribeKey", "lets ECR look at the key of a repository that is created"),
    ("kms:RetireGrant", "lets ECR give the key of a repository back"),
];

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
