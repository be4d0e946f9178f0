//! The last phase of a push: its manifests and tags, after its layers.
//!
//! The child manifests come first, each under its digest, then the root under each of its tags. A
//! root without a tag is put under its digest. What refers to the image comes last. Each manifest passes through these states:
//!
//! ```text
//! put ──> stored, or already there
//!  │ ├──> layers missing: send the layers again, put again
//!  │ └──> child manifests missing: put all earlier manifests again, put again
//!  └────> tag taken: accepted if a lookup finds the tag at this manifest, else the push fails
//! ```
//!
//! Each repair is tried once. If ECR reports the same kind of content as missing right after its
//! repair, the push fails. One invariant holds: a manifest is put only after the manifests that it
//! lists were put or found.

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::error::repr::TagHolder;
use crate::image::blob::Blob;
use crate::image::graph::{Graph, Manifest, Referrer};
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::push::obstacles::incomplete;
use crate::push::pushed::TagOutcome;
use crate::push::repository_plan::RepositoryPlan;
use crate::push::survey::LookUp;
use crate::report::{Event, Reporter, TagChange};
use crate::upload::receipt::RepositoryReceipt;
use crate::wire::answers::PutAnswer;
use crate::wire::destination::Destination;

/// The manifests of a push to one repository.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manifests<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) to: &'a Destination,
    pub(crate) reporter: &'a Reporter,
    pub(crate) look_up: LookUp,
}

/// The work in one repository that its plan didn't predict.
#[derive(Debug, Default)]
pub(crate) struct PutReceipt {
    pub(crate) layers_again: usize,
    pub(crate) bytes_again: u64,
    pub(crate) read_again: u64,
    /// The tags, in the order in which they were set.
    pub(crate) tags: Vec<TagOutcome>,
}

impl Manifests<'_> {
    /// Puts the child manifests by digest and then the root with its tags. `send_again` sends
    /// layers that the repository lost, and returns the receipt and how many bytes were read.
    pub(crate) async fn put<F>(
        self,
        plan: &RepositoryPlan,
        send_again: impl Fn(Vec<Blob>) -> F,
    ) -> Result<PutReceipt, Error>
    where
        F: Future<Output = Result<(RepositoryReceipt, u64), Error>>,
    {
        let root = self.graph.root();
        let mut put =
            ManifestPutter { manifests: self, plan, send_again, receipt: PutReceipt::default() };
        for manifest in self.graph.manifests() {
            if plan.is_put(&manifest.digest) && manifest.digest != root.digest {
                put.put(manifest, None).await?;
                self.report_put(manifest);
            }
        }
        let mut is_put = !plan.is_put(&root.digest);
        for planned in plan.tags() {
            let (tag, mut change) = (planned.tag(), planned.change().clone());
            if change != TagChange::Kept {
                let answer = put.put(root, Some(tag)).await?;
                if !is_put && answer != PutAnswer::TagTaken {
                    self.report_put(root);
                }
                is_put = true;
                let was_there = match answer {
                    // A retried request finds what its first attempt has put.
                    PutAnswer::AlreadyThere => change == TagChange::Set,
                    PutAnswer::TagTaken => true,
                    _ => false,
                };
                if was_there {
                    change = TagChange::Kept;
                }
            }
            self.reporter.report(Event::Tagged {
                repository: self.to.repository().clone(),
                tag: tag.clone(),
                digest: root.digest.clone(),
                change: change.clone(),
            });
            put.receipt.tags.push(TagOutcome { tag: tag.clone(), change });
        }
        if !is_put {
            put.put(root, None).await?;
            self.report_put(root);
        }
        for Referrer { manifest, tag } in &self.graph.referrers {
            let is_new = plan.is_put(&manifest.digest);
            // The repository may have the manifest without the tag.
            if is_new || tag.is_some() {
                let answer = put.put(manifest, tag.as_ref()).await?;
                if answer != PutAnswer::AlreadyThere {
                    self.report_put(manifest);
                }
            }
        }
        Ok(put.receipt)
    }

    fn report_put(&self, manifest: &Manifest) {
        let (repository, digest) = (self.to.repository().clone(), manifest.digest.clone());
        self.reporter.report(Event::ManifestPut { repository, digest });
    }

    fn contradiction(&self, what: &str, manifest: &Manifest) -> Error {
        let digest = &manifest.digest;
        let problem =
            format!("ECR reports {what} of {digest} as missing, although they were sent again");
        Error::protocol("PutImage", self.to.repository(), problem)
    }
}

/// The work of putting the manifests, with the receipt of all repairs so far.
struct ManifestPutter<'a, S> {
    manifests: Manifests<'a>,
    plan: &'a RepositoryPlan,
    send_again: S,
    receipt: PutReceipt,
}

impl<S, F> ManifestPutter<'_, S>
where
    S: Fn(Vec<Blob>) -> F,
    F: Future<Output = Result<(RepositoryReceipt, u64), Error>>,
{
    /// Puts a manifest. If ECR reports missing content, sends or puts that content again and
    /// retries once; a second report is an error. `TagTaken` means that the tag already pointed to
    /// this manifest.
    async fn put(&mut self, manifest: &Manifest, tag: Option<&Tag>) -> Result<PutAnswer, Error> {
        let mut answer = self.put_over_layers(manifest, tag).await?;
        if answer == PutAnswer::ImagesMissing {
            let digest = &manifest.digest;
            tracing::warn!(%digest, "manifests are missing, putting them again");
            let all = self.manifests.graph.manifests().iter();
            for child in all.take_while(|child| child.digest != *digest) {
                self.put_over_layers(child, None).await?;
            }
            answer = self.put_over_layers(manifest, tag).await?;
        }
        match (answer, tag) {
            (PutAnswer::TagTaken, Some(tag)) => self.taken(tag, manifest).await,
            (PutAnswer::ImagesMissing | PutAnswer::TagTaken, _) => {
                Err(self.manifests.contradiction("manifests", manifest))
            }
            (answer, _) => Ok(answer),
        }
    }

    /// Puts a manifest. If ECR reports missing layers, sends them again and retries once.
    async fn put_over_layers(
        &mut self,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<PutAnswer, Error> {
        let to = self.manifests.to;
        let answer = to.put_manifest(manifest, tag).await?;
        if answer != PutAnswer::LayersMissing {
            return Ok(answer);
        }
        // ECR may delete layers that no image refers to yet.
        tracing::warn!(digest = %manifest.digest, "layers are missing, sending them again");
        self.send_vanished().await?;
        match to.put_manifest(manifest, tag).await? {
            PutAnswer::LayersMissing => Err(self.manifests.contradiction("layers", manifest)),
            answer => Ok(answer),
        }
    }

    /// Sends the layers that the repository lacks now.
    async fn send_vanished(&mut self) -> Result<(), Error> {
        let Manifests { graph, to, reporter, .. } = self.manifests;
        let digests: Vec<&Digest> = graph.blobs.iter().map(|blob| blob.layer.digest()).collect();
        let available = to.available(&digests).await?;
        let left_out = self.plan.left_out();
        let is_missing =
            |digest: &Digest| !available.contains(digest) && !left_out.contains(digest);
        let missing = graph.blobs.iter().filter(|blob| is_missing(blob.layer.digest()));
        let missing: Vec<Blob> = missing.cloned().collect();
        let absent: Vec<&Digest> = graph.absent().filter(|digest| is_missing(digest)).collect();
        if !absent.is_empty() {
            let problem = incomplete(graph, to.repository(), &absent);
            return Err(Error::image(&graph.gaps.subject, problem));
        }
        reporter.report(Event::Planned {
            repository: to.repository().clone(),
            layers: graph.blobs.len(),
            missing: missing.len(),
            bytes: missing.iter().map(|blob| blob.layer.size()).sum(),
        });
        self.receipt.layers_again += missing.len();
        let (sent, bytes_read) = (self.send_again)(missing).await?;
        self.receipt.layers_again -= sent.mounted;
        self.receipt.bytes_again += sent.bytes;
        self.receipt.read_again += bytes_read;
        Ok(())
    }

    /// Resolves a rejected tag: an immutable tag may already point to this image. Then it was taken
    /// since the last lookup.
    async fn taken(&self, tag: &Tag, manifest: &Manifest) -> Result<PutAnswer, Error> {
        let Manifests { to, look_up, .. } = self.manifests;
        let current = match look_up {
            LookUp::Never => TagHolder::Unknown,
            LookUp::WhereAllowed => match to.look_up(std::slice::from_ref(tag), &[]).await {
                Ok(lookup) => match lookup.tags.get(tag) {
                    Some(digest) if *digest == manifest.digest => {
                        return Ok(PutAnswer::TagTaken);
                    }
                    Some(digest) => TagHolder::Image(digest.clone()),
                    None => TagHolder::Unknown,
                },
                // The lookup is denied, but the tag is taken in any case.
                Err(error) if error.kind() == ErrorKind::AccessDenied => TagHolder::Denied,
                Err(error) => return Err(error),
            },
        };
        Err(Error::tag_immutable(tag, to.repository(), &manifest.digest, current))
    }
}
