//! [`NewRepository`]: the settings of a repository that a push creates.

use aws_sdk_ecr::operation::create_repository::builders::CreateRepositoryFluentBuilder;
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    Tag as ResourceTag,
};

/// The settings of a repository that a push creates because it is missing; see
/// [`Push::create_repository`](crate::Push::create_repository).
///
/// They are the settings of ECR's CreateRepository. An existing repository keeps its own settings.
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
    /// The registry's scanning configuration decides.
    #[default]
    Unset,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Encryption {
    Key(String),
    ManagedKey,
    /// ECR's default: AES-256 with keys that ECR owns.
    #[default]
    Unset,
}

impl NewRepository {
    /// Makes the repository's tags immutable: a tag that points to an image can't be moved.
    pub fn immutable_tags(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    /// Scans each image when it is pushed.
    ///
    /// AWS has deprecated this setting in favour of the registry's scanning configuration, but
    /// still accepts it.
    pub fn scan_on_push(mut self) -> Self {
        self.scanning = Scanning::OnPush;
        self
    }

    /// Encrypts the content with the account's AWS managed KMS key for ECR (`aws/ecr`). The key's
    /// own policy lets every user of ECR use it.
    pub fn encrypted_with_managed_key(mut self) -> Self {
        self.encryption = Encryption::ManagedKey;
        self
    }

    /// Encrypts the content with this KMS key: its ARN, id or alias. The caller needs
    /// `kms:CreateGrant`, `kms:RetireGrant` and `kms:DescribeKey` on the key to create the
    /// repository.
    pub fn encrypted_with(mut self, kms_key: impl Into<String>) -> Self {
        self.encryption = Encryption::Key(kms_key.into());
        self
    }

    /// Adds a resource tag to the repository, for cost allocation and access rules. Needs
    /// `ecr:TagResource`.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// Returns the KMS key that the caller named. The managed key needs no permission here, because
    /// its own policy lets ECR's users use it.
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
            // Building fails only without key or value, and both are set.
            if let Ok(tag) = ResourceTag::builder().key(key).value(value).build() {
                request = request.tags(tag);
            }
        }
        request
    }
}
