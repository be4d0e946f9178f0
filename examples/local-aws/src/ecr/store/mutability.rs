//! Whether the tags of a repository may move.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::ecr::constraints;
use crate::error::AwsError;
use crate::iam::covers;

/// What a repository has set.
#[derive(Debug, Clone, Default)]
pub(crate) struct TagMutability {
    setting: Setting,
    exclusions: Vec<Exclusion>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Setting {
    Immutable,
    ImmutableWithExclusion,
    #[default]
    Mutable,
    MutableWithExclusion,
}

/// Tags for which the opposite of the setting holds.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exclusion {
    filter_type: FilterType,
    filter: String,
}

#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum FilterType {
    Wildcard,
}

impl TagMutability {
    /// The limits of the list and of each text in it are those of ECR's service model.
    pub(crate) fn new(
        setting: Setting,
        exclusions: Option<Vec<Exclusion>>,
    ) -> Result<Self, AwsError> {
        const MEMBER: &str = "imageTagMutabilityExclusionFilters";
        let excludes =
            matches!(setting, Setting::ImmutableWithExclusion | Setting::MutableWithExclusion);
        let Some(exclusions) = exclusions else {
            if !excludes {
                return Ok(Self { setting, exclusions: Vec::new() });
            }
            // Users report the words.
            let constraint = format!(
                "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set \
                 as {}",
                setting.name()
            );
            return Err(constraints::violated(MEMBER, &constraint));
        };
        if !excludes {
            // Users report the refusal; the words are inferred.
            let constraint = format!(
                "ImageTagMutabilityExclusionFilters must be null when imageTagMutability is set \
                 as {}",
                setting.name()
            );
            return Err(constraints::violated(MEMBER, &constraint));
        }
        constraints::check_length(MEMBER, exclusions.len(), 1..=5)?;
        for Exclusion { filter, .. } in &exclusions {
            constraints::check_length("filter", filter.len(), 1..=128)?;
            if !filter.bytes().all(|b| b.is_ascii_alphanumeric() || b"._*-".contains(&b)) {
                return Err(constraints::no_match("filter", "^[0-9a-zA-Z._*-]{1,128}$"));
            }
            // Clients of AWS's own making check for two; the words are inferred.
            if filter.matches('*').count() > 2 {
                return Err(constraints::violated("filter", "Filter has more than 2 wildcards"));
            }
        }
        Ok(Self { setting, exclusions })
    }

    /// Whether `tag`, once it is on an image, has to stay there.
    pub(crate) fn protects(&self, tag: &str) -> bool {
        let excluded = || self.exclusions.iter().any(|it| covers(&it.filter, tag));
        match self.setting {
            Setting::Immutable => true,
            Setting::ImmutableWithExclusion => !excluded(),
            Setting::Mutable => false,
            Setting::MutableWithExclusion => excluded(),
        }
    }

    /// Adds the members that a repository and the answer of PutImageTagMutability have in common.
    pub(crate) fn describe(&self, answer: &mut Value) {
        answer["imageTagMutability"] = json!(self.setting.name());
        if !self.exclusions.is_empty() {
            answer["imageTagMutabilityExclusionFilters"] = json!(self.exclusions);
        }
    }
}

impl Setting {
    fn name(self) -> &'static str {
        match self {
            Setting::Immutable => "IMMUTABLE",
            Setting::ImmutableWithExclusion => "IMMUTABLE_WITH_EXCLUSION",
            Setting::Mutable => "MUTABLE",
            Setting::MutableWithExclusion => "MUTABLE_WITH_EXCLUSION",
        }
    }
}
