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

/// Which image each container of an ECS task gets: the content of an `imagedefinitions.json`.
///
/// Each container is in it once, and every name and reference is one that ECS accepts: there is no
/// way to have a value that isn't valid. The order is kept, because some readers of the file take
/// its first element without looking at the name.
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
    /// `imagedefinitions.json`, the name that CodePipeline's ECS action looks for unless its
    /// configuration has a `FileName` (CodePipeline user guide, image definitions file reference).
    pub const FILE_NAME: &str = file::DEFINITIONS_NAME;

    /// No definitions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a definition at the end, with an image by its digest: what the build has made is what
    /// will run. There may be a tag as well.
    ///
    /// `name` is that of the container in the task definition, not of the image or its repository.
    ///
    /// # Errors
    ///
    /// `DuplicateContainer`, `InvalidContainerName`, `InvalidImageUri`, and `MutableTag` for a
    /// reference without a digest. The definitions are then as they were.
    pub fn insert(&mut self, name: impl AsRef<str>, image: impl AsRef<str>) -> Result<(), Error> {
        self.add(name.as_ref(), image.as_ref(), Mutability::Refuse)
    }

    /// Adds a definition at the end, also with an image by its tag alone, or by neither tag nor
    /// digest.
    ///
    /// For images that nobody has a digest for. What a tag means can change between the build and
    /// the deployment; during one, ECS keeps to the digest that the tag had at its start, unless the
    /// container's `versionConsistency` is `disabled`.
    ///
    /// # Errors
    ///
    /// `DuplicateContainer`, `InvalidContainerName`, `InvalidImageUri`. The definitions are then as
    /// they were.
    pub fn insert_tagged(
        &mut self,
        name: impl AsRef<str>,
        image: impl AsRef<str>,
    ) -> Result<(), Error> {
        self.add(name.as_ref(), image.as_ref(), Mutability::Allow)
    }

    /// Takes over all definitions of another file: the images of containers that are here already
    /// are replaced in their place, other containers are added at the end.
    ///
    /// Returns what was replaced, with the images that these containers had. One that had the same
    /// image isn't among them.
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

    /// The image of a container.
    pub fn get(&self, name: &str) -> Option<&ImageUri> {
        let mut definitions = self.0.iter();
        definitions.find(|definition| definition.name.as_str() == name).map(|found| &found.image)
    }

    /// Container names and images, in the order of the file.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// How many containers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none. Such definitions can't be written.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes a file in one step: a reader sees the old content or the new, never a part, and when
    /// writing fails, the old file is still there and nothing else is.
    ///
    /// A file that is already there keeps its permissions.
    ///
    /// # Errors
    ///
    /// `Empty`, `TooLarge`, `Write`. What isn't a regular file, such as a pipe, can't be replaced:
    /// there is [`to_writer`](Self::to_writer) for those.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        file::write(path.as_ref(), self.to_text()?.as_bytes())
    }

    /// Writes the text of the file. A `&mut` reference to a writer will do.
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

    /// The caller has seen to it that the container isn't there yet.
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

    /// The text of a file that CodePipeline accepts.
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

/// The text of the file: a JSON array, indented, with a line end after it. `FromStr` reads it back,
/// if it isn't above the limit of 100 KB.
///
/// No definitions print as `[]`, which is a value that `FromStr` reads, and no file that
/// CodePipeline is known to take: [`write`](Self::write) and [`to_writer`](Self::to_writer) refuse
/// to make one of it, and [`read`](Self::read) and [`Diagnosis`](crate::diagnosis::Diagnosis) refuse such a file.
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

/// For definitions inside of other documents; unknown members are ignored. For the file itself
/// there are [`read`](Self::read) and `FromStr`, which say more about what is wrong.
impl<'de> Deserialize<'de> for ImageDefinitions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut definitions = Self::new();
        for Element { name, image_uri } in Vec::<Element<String>>::deserialize(deserializer)? {
            definitions.insert_tagged(name, image_uri).map_err(de::Error::custom)?;
        }
        Ok(definitions)
    }
}

/// Container names and images, in the order of the file. See [`ImageDefinitions::iter`].
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

/// Whether an image may be one that its reference doesn't pin.
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

/// A definition as it is in the file.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Element<T> {
    name: T,
    image_uri: T,
}
