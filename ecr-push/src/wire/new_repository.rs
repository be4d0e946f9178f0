//! [`NewRepository`]: the settings of a repository that a push makes.

use aws_sdk_ecr::operation::create_repository::builders::CreateRepositoryFluentBuilder;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    Tag as ResourceTag,
};

/// What a repository is like that a push creates because it is missing: see
/// [`Push::create_repository`](crate::Push::create_repository).
///
/// The settings are those of ECR's CreateRepository. A repository that exists already keeps its
/// own; nothing here changes it.
///
/// ```
/// use ecr_push::settings::NewRepository;
///
/// let settings = NewRepository::default().immutable_tags().scan_on_push().tag("team", "web");
/// # let _ = settings;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct NewRepository {
    mutability: Mutability,
    scanning: Scanning,
    encryption: Encryption,
    tags: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mutability {
    Immutable,
    #[default]
    Mutable,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Scanning {
    OnPush,
    /// As the registry's scanning configuration says.
    #[default]
    Unset,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Encryption {
    Key(String),
    ManagedKey,
    /// ECR's default, AES-256 with keys of its own.
    #[default]
    Unset,
}

impl NewRepository {
    /// A tag that is on an image stays on it.
    pub fn immutable_tags(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    /// Images are scanned when they are pushed.
    ///
    /// AWS has deprecated the setting in favour of the registry's scanning configuration, and
    /// still takes it.
    pub fn scan_on_push(mut self) -> Self {
        self.scanning = Scanning::OnPush;
        self
    }

    /// Content is encrypted with the account's AWS managed KMS key for ECR (`aws/ecr`), whose own
    /// policy allows its use to whoever may use ECR.
    pub fn encrypted_with_managed_key(mut self) -> Self {
        self.encryption = Encryption::ManagedKey;
        self
    }

    /// Content is encrypted with this KMS key: its ARN, id or alias. Whoever creates the repository
    /// needs `kms:CreateGrant`, `kms:RetireGrant` and `kms:DescribeKey` on it.
    pub fn encrypted_with(mut self, kms_key: impl Into<String>) -> Self {
        self.encryption = Encryption::Key(kms_key.into());
        self
    }

    /// Puts a tag on the repository as a resource, for cost allocation and access rules. Needs
    /// `ecr:TagResource`.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// The key that was asked for by name; of the managed one, ECR's own policy allows the use.
    pub(crate) fn kms_key(&self) -> Option<&str> {
        match &self.encryption {
            Encryption::Key(key) => Some(key),
            Encryption::ManagedKey | Encryption::Unset => None,
        }
    }

    pub(crate) fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    pub(crate) fn set(
        &self,
        mut request: CreateRepositoryFluentBuilder,
    ) -> CreateRepositoryFluentBuilder {
        if self.mutability == Mutability::Immutable {
            request = request.image_tag_mutability(ImageTagMutability::Immutable);
        }
        if self.scanning == Scanning::OnPush {
            let scanning = ImageScanningConfiguration::builder().scan_on_push(true).build();
            request = request.image_scanning_configuration(scanning);
        }
        let kms = || EncryptionConfiguration::builder().encryption_type(EncryptionType::Kms);
        let encryption = match &self.encryption {
            Encryption::Key(key) => kms().kms_key(key).build().ok(),
            Encryption::ManagedKey => kms().build().ok(),
            Encryption::Unset => None,
        };
        request = request.set_encryption_configuration(encryption);
        for (key, value) in &self.tags {
            // Both are set, and nothing else is required.
            if let Ok(tag) = ResourceTag::builder().key(key).value(value).build() {
                request = request.tags(tag);
            }
        }
        request
    }
}
