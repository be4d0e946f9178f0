//! The difference between two sets of image definitions.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use crate::definitions::ImageDefinitions;
use crate::names::image_uri::ImageUri;

impl ImageDefinitions {
    /// Compares these definitions with newer ones. The order does not count.
    pub fn diff(&self, newer: &Self) -> Diff {
        Diff::between(self, newer)
    }
}

/// The difference between two sets of image definitions, empty if nothing changes. See
/// [`ImageDefinitions::diff`].
///
/// `Display` prints for each change the container, its previous image and its new one. It
/// serialises as a list of [`Change`]s:
///
/// ```
/// use imagedefs::ImageDefinitions;
///
/// let old = r#"[{"name": "web", "imageUri": "shop/web:1.4.1"}]"#.parse::<ImageDefinitions>()?;
/// let new = r#"[{"name": "web", "imageUri": "shop/web:1.4.2"}]"#.parse::<ImageDefinitions>()?;
/// assert_eq!(old.diff(&new).to_string(), "web\n  - shop/web:1.4.1\n  + shop/web:1.4.2\n");
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff(Vec<Change>);

impl Diff {
    /// Returns the changes in the order of the newer definitions, then the removed containers.
    pub fn changes(&self) -> &[Change] {
        &self.0
    }

    /// Whether nothing changed. The order of the definitions may still differ.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn between(before: &ImageDefinitions, after: &ImageDefinitions) -> Self {
        let mut old = before.images().collect::<HashMap<_, _>>();
        let mut changes = Vec::new();
        for (name, image) in after.images() {
            let present = old.remove(name);
            if present != Some(image) {
                changes.push(Change::new(name, present, Some(image)));
            }
        }
        let removed = before.images().filter(|(name, _)| old.contains_key(name));
        changes.extend(removed.map(|(name, image)| Change::new(name, Some(image), None)));
        Self(changes)
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|change| change.fmt(f))
    }
}

/// A container with a new image, a new container, or a removed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    container: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<ImageUri>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<ImageUri>,
}

impl Change {
    /// Returns the name of the container.
    pub fn container(&self) -> &str {
        &self.container
    }

    /// Returns the previous image, `None` for a new container.
    pub fn before(&self) -> Option<&ImageUri> {
        self.before.as_ref()
    }

    /// Returns the new image, `None` for a removed container. CodePipeline's ECS action then keeps
    /// the image that the container has.
    pub fn after(&self) -> Option<&ImageUri> {
        self.after.as_ref()
    }

    fn new(container: &str, before: Option<&ImageUri>, after: Option<&ImageUri>) -> Self {
        Self { container: container.to_owned(), before: before.cloned(), after: after.cloned() }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.container)?;
        for (sign, image) in [('-', &self.before), ('+', &self.after)] {
            if let Some(image) = image {
                writeln!(f, "  {sign} {image}")?;
            }
        }
        Ok(())
    }
}
