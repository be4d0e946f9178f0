//! Container maps: which containers get the images of which repository.

mod document;

use std::collections::BTreeMap;

use crate::definitions::ImageDefinitions;
use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::names::container_name::ContainerName;
use crate::names::image_uri::ImageUri;
use crate::nearest::nearest;
use crate::text::flaw::Quoted;
use crate::text::problem::Problem;

/// A map from repositories to containers: the small file beside an app that turns images into image
/// definitions.
///
/// An `imageDetail.json`, an event of ECR and the variables of ECRBuildAndPublish all name an
/// image, but the ECS action of CodePipeline also needs the container. This file replaces the
/// script in between:
///
/// ```
/// use imagedefs::containers::ContainerMap;
///
/// let containers = r#"{
///     "shop/web": "web",
///     "shop/jobs": ["worker", "scheduler"]
/// }"#.parse::<ContainerMap>()?;
///
/// let image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/jobs@sha256:\
///     0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// let definitions = containers.definitions([image.parse()?])?;
/// assert_eq!(definitions.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["worker", "scheduler"]);
/// # Ok::<(), imagedefs::Error>(())
/// ```
///
/// # The file
///
/// A JSON object. Each member's name is a repository, without the registry, so that the same file
/// works for all accounts and regions. Each value is the name of a container in the task
/// definition, or an array of such names. A container belongs to one repository. With the feature
/// `toml`, the same in TOML:
///
/// ```toml
/// "shop/web" = "web"
/// "shop/jobs" = ["worker", "scheduler"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContainerMap(BTreeMap<String, Vec<ContainerName>>);

impl ContainerMap {
    /// The name of the file in this crate's documentation, `containers.json`. No AWS service knows
    /// this name.
    pub const FILE_NAME: &str = "containers.json";

    /// Creates an empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a container for a repository, which is named without its registry.
    ///
    /// # Errors
    ///
    /// `InvalidContainerMap` if a name is invalid, or the container already belongs to a
    /// repository. The map is then unchanged.
    pub fn insert(&mut self, repository: &str, container: &str) -> Result<(), Error> {
        let mut reasons = check_repository(repository);
        match ContainerName::parse(container) {
            Err(flaws) => reasons.extend(flaws.into_iter().map(|flaw| flaw.what)),
            Ok(name) => match self.repository_of(&name) {
                Some(owner) => {
                    let container = Quoted(container);
                    reasons.push(format!("the container {container} already belongs to `{owner}`"));
                }
                None if reasons.is_empty() => {
                    self.0.entry(repository.to_owned()).or_default().push(name);
                }
                None => {}
            },
        }
        if reasons.is_empty() { Ok(()) } else { Err(invalid("the container map", reasons)) }
    }

    /// Assigns each image to the containers of its repository, in the order of the images.
    ///
    /// The account and region of an ECR image do not count: the path after the host is the key, for
    /// other registries too. A repository without an image is not an error.
    ///
    /// # Errors
    ///
    /// `UnknownRepository`, with the nearest name; `NoDigest` for an image with a tag alone;
    /// `DuplicateContainer` for two images of one repository. The message lists all of them; the
    /// kind is that of the first.
    pub fn definitions(
        &self,
        images: impl IntoIterator<Item = ImageUri>,
    ) -> Result<ImageDefinitions, Error> {
        let mut definitions = ImageDefinitions::new();
        let mut reasons = Vec::new();
        for image in images {
            let repository = image.path();
            let quoted = Quoted(image.as_str());
            if image.digest().is_none() {
                let reason = format!("{quoted} has no digest, and a tag can move to another image");
                reasons.push((ErrorKind::NoDigest, reason));
                continue;
            }
            let Some(containers) = self.0.get(repository) else {
                let mut reason = format!("unknown repository {}", Quoted(repository));
                if let Some(nearest) = nearest(repository, self.0.keys().map(String::as_str)) {
                    reason.push_str(&format!(": the nearest name is `{nearest}`"));
                }
                reasons.push((ErrorKind::UnknownRepository, reason));
                continue;
            };
            for container in containers {
                match definitions.get(container.as_str()) {
                    None => definitions.push(container.clone(), image.clone()),
                    Some(present) if *present == image => {}
                    Some(present) => {
                        let (name, present) = (container.as_str(), Quoted(present.as_str()));
                        let reason = format!(
                            "the container `{name}` gets {quoted}, but already has {present}"
                        );
                        reasons.push((ErrorKind::DuplicateContainer, reason));
                    }
                }
            }
        }
        match reasons.first() {
            None => Ok(definitions),
            Some((kind, _)) => {
                let what = "cannot assign the images to containers";
                Err(Error::refused(*kind, what, reasons.into_iter().map(|(_, reason)| reason)))
            }
        }
    }

    /// Returns the containers of a repository, which is named without its registry. Empty for an
    /// unknown repository.
    pub fn containers(&self, repository: &str) -> impl Iterator<Item = &str> {
        self.0.get(repository).into_iter().flatten().map(ContainerName::as_str)
    }

    /// Returns the repositories, in alphabetical order.
    pub fn repositories(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn repository_of(&self, container: &ContainerName) -> Option<&str> {
        let mut entries = self.0.iter();
        entries.find(|(_, names)| names.contains(container)).map(|(name, _)| name.as_str())
    }
}

/// Returns what is wrong with the name of a repository, which stands without its registry.
pub(crate) fn check_repository(name: &str) -> Vec<String> {
    let quoted = Quoted(name);
    // A name can contain dots, so only a host of ECR is certain to be a host.
    if let Ok(image) = name.parse::<ImageUri>()
        && image.ecr().is_some()
    {
        return vec![format!("repository {quoted}: remove the registry")];
    }
    let of_repository = |problem: &Problem| format!("repository {quoted}: {}", problem.what());
    match format!("{PROBE_HOST}/{name}").parse::<ImageUri>() {
        Ok(image) if image.tag().is_some() || image.digest().is_some() => {
            vec![format!("repository {quoted}: remove the tag and the digest")]
        }
        Ok(_) => Vec::new(),
        Err(error) => error.problems().iter().map(of_repository).collect(),
    }
}

/// A host in front of a name, so that its first part is not taken for one.
const PROBE_HOST: &str = "localhost";

fn invalid(source: &str, reasons: Vec<String>) -> Error {
    Error::refused(ErrorKind::InvalidContainerMap, format!("cannot use {source}"), reasons)
}

#[cfg(test)]
mod tests;
