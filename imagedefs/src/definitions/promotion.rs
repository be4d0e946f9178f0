//! The same images in the registry of another account, region or partition.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::definitions::ImageDefinitions;
use crate::error::Error;
use crate::names::ecr;
use crate::names::image_uri::ImageUri;
use crate::text::versioned::Versioned;

/// To which registry images move on, from staging to production or from region to region. See
/// [`ImageDefinitions::promote`].
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    account: String,
    region: String,
    selection: Selection,
    tags: Tags,
}

impl Promotion {
    /// To the private ECR registry of an account in a region, such as `eu-west-1`. The partition,
    /// and with it the end of the host, follows from the region.
    ///
    /// # Errors
    ///
    /// `InvalidRegistry` where one of the two can't be what it has to be.
    pub fn new(account: impl AsRef<str>, region: impl AsRef<str>) -> Result<Self, Error> {
        let (account, region) = (account.as_ref().to_owned(), region.as_ref().to_owned());
        ecr::check_account(&account).map_err(Error::invalid_registry)?;
        ecr::check_region(&region).map_err(Error::invalid_registry)?;
        Ok(Self { account, region, selection: Selection::OneAccount, tags: Tags::Refuse })
    }

    /// Promotes the images of this account alone. Without it, all that are in ECR, which then have
    /// to be of one account: a log router or a monitoring agent comes from an account of AWS, and
    /// isn't promoted with the rest.
    pub fn from_account(mut self, account: impl AsRef<str>) -> Self {
        self.selection = Selection::Account(account.as_ref().to_owned());
        self
    }

    /// Promotes images that have a tag and no digest too. What the tag means in the other registry
    /// need not be what it means here.
    pub fn allow_tagged(mut self) -> Self {
        self.tags = Tags::Allow;
        self
    }
}

impl ImageDefinitions {
    /// The same images in another registry: account, region and with it partition are replaced in
    /// the host, while repository, tag and digest stay. FIPS and dual-stack hosts become such
    /// hosts again. Images that aren't in private ECR registries stay as they are.
    ///
    /// This changes text; it copies no image. A digest names the same content everywhere, so that
    /// what was tested is what will run, but it has to have been pushed or replicated there. ECR's
    /// replication doesn't cross partitions.
    ///
    /// # Errors
    ///
    /// `MutableTag` for an image without a digest, unless
    /// [`allow_tagged`](Promotion::allow_tagged); `SeveralAccounts`; `NothingToPromote`;
    /// `InvalidRegistry` where the partition has no such hosts, FIPS or dual-stack;
    /// `InvalidImageUri` where a reference becomes too long.
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

/// With `"version": 1`; see [`Deserialize`](#impl-Deserialize<'de>-for-Promotion).
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

/// `account` and `region`, and what [`Promotion::from_account`] and [`Promotion::allow_tagged`] set:
/// `fromAccount`, and `tags`, which is `allow` or `refuse`. Another `version` than 1 is refused, and
/// so are members that are not known.
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
