//! [`Survey`]: the lookups in a repository before the push changes anything.

use std::collections::HashSet;

use futures_util::future::join;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::opened::Image;
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::report::TagChange;
use crate::wire::answers::ImageLookup;
use crate::wire::destination::Destination;
use crate::wire::new_repository::NewRepository;

/// The result of the lookups in a repository.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub(crate) state: RepositoryState,
    /// The blobs that the repository has.
    pub(crate) available: HashSet<Digest>,
    /// `None` if the lookup was denied or disabled.
    pub(crate) lookup: Option<ImageLookup>,
}

/// The state of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum RepositoryState {
    /// The repository exists.
    Exists,
    /// The repository is missing, and the push creates it.
    ToBeCreated,
}

/// Decides whether a push looks up the repository's images and tags, with `ecr:BatchGetImage`; see
/// [`Push::look_up`](crate::Push::look_up).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookUp {
    /// Never looks up. A policy with the five actions that every push needs is enough, and no
    /// request is denied. The push puts every manifest, even if the repository has it.
    Never,
    /// Looks up. If the policy denies it, the push continues as with [`Never`](Self::Never).
    #[default]
    WhereAllowed,
}

/// The treatment of a missing repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum MissingRepository {
    Create(NewRepository),
    #[default]
    Fail,
}

impl Survey {
    /// Finds out which parts of an image the repository already has, and the image of each tag. Asks
    /// only for parts whose digests are known before the push compresses layers.
    pub(crate) async fn new(
        to: &Destination,
        image: &Image,
        tags: &[Tag],
        look_up: LookUp,
        missing_repository: &MissingRepository,
    ) -> Result<Self, Error> {
        let (available, lookup) = ask(to, image, tags, look_up).await;
        let state = RepositoryState::Exists;
        let available = match available {
            Ok(available) => available,
            Err(error)
                if error.kind() == ErrorKind::RepositoryNotFound
                    && matches!(missing_repository, MissingRepository::Create(_)) =>
            {
                return Ok(Self {
                    state: RepositoryState::ToBeCreated,
                    available: HashSet::new(),
                    lookup: Some(ImageLookup::default()),
                });
            }
            Err(error) => return Err(error),
        };
        match lookup {
            Ok(lookup) => Ok(Self { state, available, lookup }),
            // The lookup is optional.
            Err(error) if error.kind() == ErrorKind::AccessDenied => {
                tracing::info!(repository = %to.repository(), "skipping the denied tag lookup");
                Ok(Self { state, available, lookup: None })
            }
            Err(error) => Err(error),
        }
    }

    /// Adds the result of a later lookup: it replaces the image of each tag.
    pub(crate) fn renew(&mut self, later: ImageLookup) {
        let lookup = self.lookup.get_or_insert_default();
        lookup.images.extend(later.images);
        lookup.tags = later.tags;
        lookup.unknown = later.unknown;
    }

    /// Returns whether the repository is known to have this manifest.
    pub(crate) fn has_image(&self, digest: &Digest) -> bool {
        self.lookup.as_ref().is_some_and(|lookup| lookup.images.contains(digest))
    }
}

/// Returns the effect of putting `tag` on the image `digest`, which is `None` until the push has
/// compressed its layers. `lookup` is the state of the repository, or `None` if it is unknown.
pub(crate) fn tag_change(
    tag: &Tag,
    digest: Option<&Digest>,
    lookup: Option<&ImageLookup>,
) -> TagChange {
    match lookup.map(|lookup| (lookup.tags.get(tag), lookup.unknown.contains(tag))) {
        None | Some((None, true)) => TagChange::Set,
        Some((None, false)) => TagChange::Created,
        Some((Some(current), _)) if Some(current) == digest => TagChange::Kept,
        Some((Some(current), _)) => TagChange::Moved { from: current.clone() },
    }
}

/// Looks up the blobs, and the image with its tags. Each lookup can fail on its own; the second is
/// `None` if it is disabled.
async fn ask(
    to: &Destination,
    image: &Image,
    tags: &[Tag],
    look_up: LookUp,
) -> (Result<HashSet<Digest>, Error>, Result<Option<ImageLookup>, Error>) {
    let (graph, pending) = (image.graph(), image.compression());
    let blobs = graph.blobs.iter().map(|blob| blob.layer.digest());
    let blobs: Vec<&Digest> =
        blobs.filter(|digest| pending.is_none_or(|pending| pending.keeps(digest))).collect();
    let manifests = graph.all_manifests().map(|it| &it.digest);
    let manifests =
        manifests.filter(|digest| pending.is_none_or(|pending| !pending.changes(digest)));
    let manifests: Vec<&Digest> = manifests.chain(&graph.gaps.manifests).collect();
    let look_up = async {
        match look_up {
            LookUp::Never => Ok(None),
            LookUp::WhereAllowed => to.look_up(tags, &manifests).await.map(Some),
        }
    };
    if !to.asks_one_by_one() {
        return join(to.available(&blobs), look_up).await;
    }
    // If the image exists, all its blobs exist too, except foreign layers. This saves one request
    // per blob.
    let lookup = look_up.await;
    let root = &graph.root().digest;
    let is_plain = graph.referrers.is_empty() && graph.foreign_layers().is_empty();
    let available = match &lookup {
        Ok(Some(lookup)) if is_plain && lookup.images.contains(root) => {
            Ok(blobs.into_iter().cloned().collect())
        }
        _ => to.available(&blobs).await,
    };
    (available, lookup)
}
