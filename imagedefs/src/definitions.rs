//! Image definitions: which image each container of a task gets.

pub(crate) mod containers;
pub(crate) mod diff;
pub(crate) mod promotion;

use std::fmt;
use std::io::Write;
use std::iter::FusedIterator;
use std::path::Path;
use std::slice;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::error::Error;
use crate::file::{self, SAFE_BYTES};
use crate::names::container_name::ContainerName;
use crate::names::image_uri::ImageUri;

/// The content of an `imagedefinitions.json`: which image each container of an ECS task gets.
///
/// An `ImageDefinitions` is always valid: each container occurs once, and ECS accepts every name
/// and reference in it. The order is kept, because some readers of the file take its first element
/// without looking at the name.
///
/// Two values are equal when they hold the same definitions in the same order.
///
/// ```
/// use imagedefs::ImageDefinitions;
///
/// # let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// let mut definitions = ImageDefinitions::new();
/// definitions.insert("web", format!("111122223333.dkr.ecr.eu-west-1.amazonaws.com/web@{digest}"))?;
/// definitions.insert_tagged("proxy", "httpd:2.4")?;
/// for (container, image) in &definitions {
///     println!("{container} runs {image}");
/// }
/// # Ok::<(), imagedefs::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ImageDefinitions(Vec<Definition>);

impl ImageDefinitions {
    /// The name that CodePipeline's ECS action looks for unless its configuration sets `FileName`:
    /// `imagedefinitions.json` (CodePipeline user guide, image definitions file reference).
    pub const FILE_NAME: &str = file::DEFINITIONS_NAME;

    /// Creates empty definitions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a definition at the end, for an image with a digest, so that ECS runs exactly the image
    /// that was built. A tag is allowed beside the digest.
    ///
    /// `name` is the name of the container in the task definition, not of the image or its
    /// repository.
    ///
    /// # Errors
    ///
    /// `DuplicateContainer`, `InvalidContainerName`, `InvalidImageUri`, and `MutableTag` for a
    /// reference without a digest. The definitions are then unchanged.
    pub fn insert(&mut self, name: impl AsRef<str>, image: impl AsRef<str>) -> Result<(), Error> {
        self.add(name.as_ref(), image.as_ref(), Mutability::Refuse)
    }

    /// Adds a definition at the end, also with an image by its tag alone, or without tag and
    /// digest.
    ///
    /// Use this for images whose digest is unknown. A tag can move to another image between the
    /// build and the deployment. During a deployment, ECS keeps the digest that the tag had at its
    /// start, unless the container's `versionConsistency` is `disabled`.
    ///
    /// # Errors
    ///
    /// `DuplicateContainer`, `InvalidContainerName`, `InvalidImageUri`. The definitions are then
    /// unchanged.
    pub fn insert_tagged(
        &mut self,
        name: impl AsRef<str>,
        image: impl AsRef<str>,
    ) -> Result<(), Error> {
        self.add(name.as_ref(), image.as_ref(), Mutability::Allow)
    }

    /// Merges the definitions of another file into these: a container that is already here gets its
    /// new image in place, other containers are added at the end.
    ///
    /// Returns the replaced definitions, with the previous images. A container whose image is the
    /// same is not among them.
    pub fn merge(&mut self, other: Self) -> Self {
        let mut replaced = Self::new();
        for definition in other.0 {
            let present = self.0.iter_mut().find(|present| present.name == definition.name);
            match present {
                None => self.0.push(definition),
                Some(present) if present.image == definition.image => {}
                Some(present) => replaced.0.push(std::mem::replace(present, definition)),
            }
        }
        replaced
    }

    /// Returns the image of a container.
    pub fn get(&self, name: &str) -> Option<&ImageUri> {
        let mut definitions = self.0.iter();
        definitions.find(|definition| definition.name.as_str() == name).map(|found| &found.image)
    }

    /// Iterates over container names and images, in the order of the file.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// Returns the number of containers.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no definitions. Such definitions cannot be written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes a file in one step: a reader sees the old content or the new, never a part. If
    /// writing fails, the old file is unchanged, and no other file is left behind.
    ///
    /// An existing file keeps its permissions.
    ///
    /// # Errors
    ///
    /// `Empty`, `TooLarge`, `Write`. A path that is not a regular file, such as a pipe, cannot be
    /// replaced; use [`to_writer`](Self::to_writer) for those.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.to_text()?.as_bytes())
    }

    /// Writes the text of the file. A `&mut` reference to a writer works too.
    ///
    /// # Errors
    ///
    /// `Empty` and `TooLarge`, before anything is written; `Write`.
    pub fn to_writer(&self, mut writer: impl Write) -> Result<(), Error> {
        let text = self.to_text()?;
        writer
            .write_all(text.as_bytes())
            .and_then(|()| writer.flush())
            .map_err(|error| Error::write("the image definitions", error))
    }

    pub(crate) fn images(&self) -> impl Iterator<Item = (&str, &ImageUri)> {
        self.0.iter().map(|definition| (definition.name.as_str(), &definition.image))
    }

    pub(crate) fn images_mut(&mut self) -> impl Iterator<Item = (&str, &mut ImageUri)> {
        self.0.iter_mut().map(|definition| (definition.name.as_str(), &mut definition.image))
    }

    /// The caller makes sure that the container is new.
    pub(crate) fn push(&mut self, name: ContainerName, image: ImageUri) {
        self.0.push(Definition { name, image });
    }

    fn add(&mut self, name: &str, image: &str, mutability: Mutability) -> Result<(), Error> {
        let container = ContainerName::parse(name)
            .map_err(|flaws| Error::invalid_container_name(name, flaws))?;
        let image = image.parse::<ImageUri>()?;
        if image.digest().is_none() && mutability == Mutability::Refuse {
            return Err(Error::mutable_tag(name, image.as_str(), "`insert_tagged`"));
        }
        match self.get(name) {
            Some(present) => Err(Error::duplicate_container(name, present.as_str())),
            None => {
                self.push(container, image);
                Ok(())
            }
        }
    }

    /// Returns the text of a file that CodePipeline accepts.
    fn to_text(&self) -> Result<String, Error> {
        if self.is_empty() {
            return Err(Error::empty());
        }
        let text = self.to_string();
        if text.len() > SAFE_BYTES {
            Err(Error::too_large(text.len(), SAFE_BYTES))
        } else {
            Ok(text)
        }
    }
}

/// Prints the text of the file: a JSON array, indented, with a line end after it. `FromStr` reads
/// it back, up to the limit of 100 KB.
///
/// Empty definitions print as `[]`. `FromStr` reads that value, but AWS does not document what
/// CodePipeline does with such a file. So [`write`](Self::write) and [`to_writer`](Self::to_writer)
/// refuse to make one, and [`read`](Self::read) and [`Diagnosis`](crate::diagnosis::Diagnosis)
/// refuse to read one.
impl fmt::Display for ImageDefinitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(f, "{text}")
    }
}

impl<'a> IntoIterator for &'a ImageDefinitions {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl Serialize for ImageDefinitions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(|(name, image_uri)| Element { name, image_uri }))
    }
}

/// Reads definitions inside other documents; unknown members are ignored. For the file itself use
/// [`read`](Self::read) or `FromStr`, which report more.
impl<'de> Deserialize<'de> for ImageDefinitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut definitions = Self::new();
        for Element { name, image_uri } in Vec::<Element<String>>::deserialize(deserializer)? {
            definitions.insert_tagged(name, image_uri).map_err(de::Error::custom)?;
        }
        Ok(definitions)
    }
}

/// An iterator over container names and images, in the order of the file. See
/// [`ImageDefinitions::iter`].
#[derive(Clone, Debug)]
pub struct Iter<'a>(slice::Iter<'a, Definition>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(Definition::as_pair)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(Definition::as_pair)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl FusedIterator for Iter<'_> {}

/// Whether an image may lack a digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mutability {
    Allow,
    Refuse,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Definition {
    name: ContainerName,
    image: ImageUri,
}

impl Definition {
    fn as_pair(&self) -> (&str, &str) {
        (self.name.as_str(), self.image.as_str())
    }
}

/// A definition as the file has it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<T> {
    name: T,
    image_uri: T,
}
