//! The same images in the registry of another account, region or partition.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::definitions::ImageDefinitions;
use crate::error::Error;
use crate::names::ecr;
use crate::names::image_uri::ImageUri;
use crate::text::versioned::Versioned;

/// The registry that images are promoted to, from staging to production or from region to region.
/// See [`ImageDefinitions::promote`].
///
/// ```
/// use imagedefs::ImageDefinitions;
/// use imagedefs::promotion::Promotion;
///
/// # let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// let mut staging = ImageDefinitions::new();
/// let repository = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web";
/// staging.insert("web", format!("{repository}@{digest}"))?;
///
/// let production = staging.promote(&Promotion::new("444455556666", "cn-north-1")?)?;
/// let repository = "444455556666.dkr.ecr.cn-north-1.amazonaws.com.cn/shop/web";
/// assert_eq!(production.get("web").unwrap().as_str(), format!("{repository}@{digest}"));
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// A promotion can be saved. It serialises as `{"version": 1, "account": "444455556666", "region":
/// "cn-north-1", "fromAccount": "111122223333", "tags": "refuse"}`; `fromAccount` and `tags`, which is
/// `allow` or `refuse`, are optional. Reading it refuses another version and unknown members.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Promotion {
    account: String,
    region: String,
    selection: Selection,
    tags: Tags,
}

impl Promotion {
    /// Creates a promotion to the private ECR registry of an account in a region, such as
    /// `eu-west-1`. The region determines the partition, and with it the end of the host.
    ///
    /// # Errors
    ///
    /// `InvalidRegistry` if the account or the region is invalid.
    pub fn new(account: impl AsRef<str>, region: impl AsRef<str>) -> Result<Self, Error> {
        let (account, region) = (account.as_ref().to_owned(), region.as_ref().to_owned());
        ecr::check_account(&account).map_err(Error::invalid_registry)?;
        ecr::check_region(&region).map_err(Error::invalid_registry)?;
        Ok(Self { account, region, selection: Selection::OneAccount, tags: Tags::Refuse })
    }

    /// Promotes only the images of this account. Without it, all ECR images are promoted, and have
    /// to be of one account: a log router or a monitoring agent comes from an account of AWS, and
    /// is not promoted with the rest.
    pub fn from_account(mut self, account: impl AsRef<str>) -> Self {
        self.selection = Selection::Account(account.as_ref().to_owned());
        self
    }

    /// Also promotes images with a tag and without a digest. The tag can mean another image in the
    /// other registry.
    pub fn allow_tagged(mut self) -> Self {
        self.tags = Tags::Allow;
        self
    }
}

impl ImageDefinitions {
    /// Returns the same images in another registry: account, region and partition are replaced in
    /// the host, while repository, tag and digest stay. FIPS and dual-stack hosts stay FIPS and
    /// dual-stack. Images outside private ECR registries are unchanged.
    ///
    /// This changes text and copies no image. A digest names the same content everywhere, so the
    /// tested image is the one that runs. The image still has to be pushed or replicated there.
    /// ECR's replication does not cross partitions.
    ///
    /// # Errors
    ///
    /// `MutableTag` for an image without a digest, unless [`allow_tagged`](Promotion::allow_tagged)
    /// is set; `SeveralAccounts`; `NothingToPromote`; `InvalidRegistry` if the partition has no
    /// such FIPS or dual-stack hosts; `InvalidImageUri` if a reference becomes too long.
    pub fn promote(&self, promotion: &Promotion) -> Result<Self, Error> {
        let Promotion { account, region, selection, tags } = promotion;
        let is_promoted = |image: &ImageUri| {
            image.ecr().is_some_and(|registry| match selection {
                Selection::Account(account) => registry.account() == account,
                Selection::OneAccount => true,
            })
        };
        let accounts = self
            .images()
            .filter(|(_, image)| is_promoted(image))
            .filter_map(|(_, image)| Some(image.ecr()?.account()))
            .collect::<BTreeSet<_>>();
        match accounts.len() {
            0 => return Err(Error::nothing_to_promote(selection.account())),
            1 => {}
            _ => return Err(Error::several_accounts(accounts)),
        }

        let mut promoted = self.clone();
        for (name, image) in promoted.images_mut() {
            if !is_promoted(image) {
                continue;
            }
            if image.digest().is_none() && *tags == Tags::Refuse {
                return Err(Error::mutable_tag(name, image.as_str(), "`Promotion::allow_tagged`"));
            }
            let (Some(registry), Some(host)) = (image.ecr(), image.registry()) else { continue };
            let target = registry.host_of(account, region).map_err(Error::invalid_registry)?;
            let text = format!("{target}{}", &image.as_str()[host.len()..]);
            *image = text.parse()?;
        }
        Ok(promoted)
    }
}

/// Serialises with `"version": 1`, as the type's documentation shows.
impl Serialize for Promotion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Versioned::new(SavedPromotion {
            account: self.account.clone(),
            region: self.region.clone(),
            from_account: self.selection.account().map(str::to_owned),
            tags: self.tags,
        })
        .serialize(serializer)
    }
}

/// Reads a saved promotion. Another `version` than 1 and unknown members are refused.
impl<'de> Deserialize<'de> for Promotion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let SavedPromotion { account, region, from_account, tags } =
            Versioned::deserialize(deserializer)?.data;
        let promotion = Self::new(account, region).map_err(de::Error::custom)?;
        let selection = from_account.map_or(Selection::OneAccount, Selection::Account);
        Ok(Self { selection, tags, ..promotion })
    }
}

/// A promotion as it is saved.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedPromotion {
    account: String,
    region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from_account: Option<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Selection {
    Account(String),
    OneAccount,
}

impl Selection {
    fn account(&self) -> Option<&str> {
        match self {
            Self::Account(account) => Some(account),
            Self::OneAccount => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum Tags {
    Allow,
    #[default]
    Refuse,
}
