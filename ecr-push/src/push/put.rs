//! The manifests and tags of a push, after its layers.

use crate::error::Error;
use crate::error::kind::ErrorKind;
use crate::image::blob::Blob;
use crate::image::graph::Manifest;
use crate::names::digest::Digest;
use crate::names::tag::Tag;
use crate::push::events::Event;
use crate::push::plan::{ManifestStep, RepositoryPlan};
use crate::push::pushed::PushedTag;
use crate::push::run::{LookUp, Run};
use crate::push::tags::TagChange;
use crate::tasks::Working;
use crate::wire::api::PutAnswer;
use crate::wire::destination::Destination;

/// What was done in one repository beside what its plan says.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) layers_again: usize,
    pub(crate) bytes_again: u64,
    pub(crate) read_again: u64,
    /// In the order in which they were set.
    pub(crate) tags: Vec<PushedTag>,
}

impl Run {
    /// Children by digest, then the root with its tags, in the repository of this number.
    pub(crate) async fn put(
        &self,
        at: usize,
        plan: &RepositoryPlan,
        changes: &[TagChange],
    ) -> Result<Done, Error> {
        let calls = &self.repositories[at];
        let mut put = Putting { run: self, at, calls, done: Done::default() };
        let graph = self.image.graph();
        let root = graph.root();
        for (manifest, planned) in graph.manifests().iter().zip(plan.manifests()) {
            if planned.step() == ManifestStep::Put && manifest.digest != root.digest {
                put.put(manifest, None).await?;
                put.report(manifest);
            }
        }
        let mut is_put = !plan.is_put(&root.digest);
        for (tag, change) in self.tags.iter().zip(changes) {
            let mut change = change.clone();
            if change != TagChange::Kept {
                let was_there = put.put(root, Some(tag)).await? == PutAnswer::AlreadyThere;
                if !is_put {
                    put.report(root);
                    is_put = true;
                }
                if was_there && change == TagChange::Set {
                    change = TagChange::Kept;
                }
            }
            self.uploader.reporter.report(Event::Tagged {
                repository: calls.repository().clone(),
                tag: tag.clone(),
                digest: root.digest.clone(),
                change: change.clone(),
            });
            put.done.tags.push(PushedTag { tag: tag.clone(), change });
        }
        if !is_put {
            put.put(root, None).await?;
            put.report(root);
        }
        Ok(put.done)
    }
}

/// The manifests on their way into one repository.
struct Putting<'a> {
    run: &'a Run,
    /// Which of the push's repositories.
    at: usize,
    calls: &'a Destination,
    done: Done,
}

impl Putting<'_> {
    /// Puts a manifest, and makes good what has vanished from under it since it was checked: once,
    /// as twice is no accident.
    async fn put(&mut self, manifest: &Manifest, tag: Option<&Tag>) -> Result<PutAnswer, Error> {
        let mut answer = self.put_over_layers(manifest, tag).await?;
        if answer == PutAnswer::ImagesMissing {
            let digest = &manifest.digest;
            tracing::warn!(%digest, "manifests have vanished, putting them again");
            let graph = self.run.image.graph();
            for child in graph.manifests().iter().take_while(|child| child.digest != *digest) {
                self.put_over_layers(child, None).await?;
            }
            answer = self.put_over_layers(manifest, tag).await?;
        }
        match (answer, tag) {
            (PutAnswer::TagTaken, Some(tag)) => self.who_has(tag, manifest).await,
            (PutAnswer::ImagesMissing | PutAnswer::TagTaken, _) => {
                Err(self.contradiction("manifests", manifest))
            }
            (answer, _) => Ok(answer),
        }
    }

    async fn put_over_layers(
        &mut self,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<PutAnswer, Error> {
        let answer = self.calls.put_manifest(manifest, tag).await?;
        if answer != PutAnswer::LayersMissing {
            return Ok(answer);
        }
        // ECR may clean up layers that no image refers to yet.
        tracing::warn!(digest = %manifest.digest, "layers have vanished, sending them again");
        self.send_again().await?;
        match self.calls.put_manifest(manifest, tag).await? {
            PutAnswer::LayersMissing => Err(self.contradiction("layers", manifest)),
            answer => Ok(answer),
        }
    }

    /// Sends the layers that the repository lacks by now.
    async fn send_again(&mut self) -> Result<(), Error> {
        let blobs = &self.run.image.graph().blobs;
        let digests: Vec<&Digest> = blobs.iter().map(|blob| blob.layer.digest()).collect();
        let available = self.calls.available(&digests).await?;
        let missing: Vec<&Blob> =
            blobs.iter().filter(|blob| !available.contains(blob.layer.digest())).collect();
        self.run.uploader.reporter.report(Event::Planned {
            repository: self.calls.repository().clone(),
            layers: blobs.len(),
            missing: missing.len(),
            bytes: missing.iter().map(|blob| blob.layer.size()).sum(),
        });
        self.done.layers_again += missing.len();
        let work = missing.into_iter().map(|blob| (blob.clone(), vec![self.at])).collect();
        let (sending, _) = Working::new();
        let sent = self.run.send(work, sending).await?;
        self.done.layers_again -= sent.to[self.at].mounted;
        self.done.bytes_again += sent.to[self.at].bytes;
        self.done.read_again += sent.read;
        Ok(())
    }

    /// A tag that can't be moved may be on this very image.
    async fn who_has(&self, tag: &Tag, manifest: &Manifest) -> Result<PutAnswer, Error> {
        let current = match self.run.look_up {
            LookUp::Never => None,
            LookUp::WhereAllowed => {
                match self.calls.look_up(std::slice::from_ref(tag), &[]).await {
                    Ok(found) => found.tags.get(tag).cloned(),
                    // The tag is taken all the same.
                    Err(error) if error.kind() == ErrorKind::AccessDenied => None,
                    Err(error) => return Err(error),
                }
            }
        };
        if current.as_ref() == Some(&manifest.digest) {
            return Ok(PutAnswer::AlreadyThere);
        }
        Err(Error::tag_immutable(tag, self.calls.repository(), &manifest.digest, current))
    }

    fn contradiction(&self, what: &str, manifest: &Manifest) -> Error {
        let digest = &manifest.digest;
        let problem =
            format!("ECR says that {what} of {digest} are missing, which have been sent twice");
        Error::protocol("PutImage", self.calls.repository(), problem)
    }

    fn report(&self, manifest: &Manifest) {
        let (repository, digest) = (self.calls.repository().clone(), manifest.digest.clone());
        self.run.uploader.reporter.report(Event::ManifestPut { repository, digest });
    }
}
