//! A push at work: what is there, what is missing, and then layers, manifests, tags.

use std::cmp::Reverse;
use std::sync::Arc;

use futures_util::future::{join, try_join_all};
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::api::{Calls, Found, PutAnswer};
use crate::error::{Error, ErrorKind};
use crate::events::Event;
use crate::image::{Blob, Graph, Image, Manifest};
use crate::names::{Digest, Tag};
use crate::new_repository::NewRepository;
use crate::plan::{ManifestStep, Parts, Plan, RepositoryPlan, RepositoryState, Survey, obstacles};
use crate::pushed::{PushedTag, PushedTo};
use crate::tags::TagChange;
use crate::tasks::joined;
use crate::upload::{Moved, Uploader};

/// One push of an image to its repositories.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) image: Image,
    /// In the order in which they are set.
    pub(crate) tags: Vec<Tag>,
    pub(crate) repositories: Vec<Arc<Calls>>,
    pub(crate) look_up: LookUp,
    pub(crate) missing_repository: MissingRepository,
    pub(crate) uploader: Uploader,
}

/// Whether a push looks up what is in the repository, with `ecr:BatchGetImage`; see
/// [`Push::look_up`](crate::Push::look_up).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookUp {
    /// Never: a policy of the five actions that a push can't do without is enough, and nothing is
    /// refused. Manifests are put whether they are there or not.
    Never,
    /// Yes; where the policy doesn't allow it, the push goes on as with [`Never`](Self::Never).
    #[default]
    WhereAllowed,
}

/// What becomes of a push into a repository that doesn't exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum MissingRepository {
    Create(NewRepository),
    #[default]
    Fail,
}

/// What was done in one repository beside what its plan says.
#[derive(Debug, Default)]
struct Done {
    layers_again: usize,
    bytes: u64,
    /// In the order in which they were set.
    tags: Vec<PushedTag>,
}

impl Run {
    /// Finds out what is there and what is to be done; changes nothing.
    pub(crate) async fn plan(&self) -> Result<Plan, Error> {
        let plans =
            try_join_all(self.repositories.iter().map(|calls| self.plan_for(calls))).await?;
        let graph = self.image.graph();
        let obstacles = obstacles(graph, &plans, &self.tags, self.parts());
        Ok(Plan::new(graph.root().digest.clone(), plans, obstacles))
    }

    /// Does what the plan says. Returns what was done in each repository, and how many bytes were
    /// read.
    pub(crate) async fn carry_out(&self, plan: &Plan) -> Result<(Vec<PushedTo>, u64), Error> {
        if !plan.obstacles().is_empty() {
            return Err(Error::unsupported(self.image.digest(), plan.obstacles()));
        }
        for (calls, plan) in self.repositories.iter().zip(plan.repositories()) {
            self.report_missing(calls, plan);
            if let (RepositoryState::ToBeCreated, MissingRepository::Create(new)) =
                (plan.state(), &self.missing_repository)
            {
                calls.create_repository(new).await?;
                let repository = calls.repository().clone();
                self.uploader.reporter.report(Event::RepositoryCreated { repository });
            }
        }
        // All layers everywhere first: a tag moves in no repository before every one of them has
        // what it takes.
        let (sent, mut read) = self.send_layers(plan.repositories()).await?;
        let work = self.repositories.iter().zip(plan.repositories());
        let done = try_join_all(work.map(|(calls, plan)| self.put_manifests(calls, plan))).await?;
        let mut pushed = Vec::new();
        for (((calls, plan), sent), (done, read_again)) in
            self.repositories.iter().zip(plan.repositories()).zip(sent).zip(done)
        {
            read += read_again;
            let missing = plan.missing().len();
            let repository = calls.repository().clone();
            pushed.push(PushedTo {
                image_uri: format!("{repository}@{}", self.image.digest()),
                repository,
                tags: done.tags,
                layers_sent: missing + done.layers_again,
                layers_skipped: plan.layers().len() - missing,
                bytes_sent: sent + done.bytes,
                calls: calls.made(),
            });
        }
        Ok((pushed, read))
    }

    fn parts(&self) -> Parts {
        let size = self.uploader.memory.usual_part_size();
        Parts { size, large_layers: self.uploader.large_layers }
    }

    async fn plan_for(&self, calls: &Calls) -> Result<RepositoryPlan, Error> {
        let graph = self.image.graph();
        let survey = self.survey(calls, graph).await?;
        let repository = calls.repository().clone();
        Ok(RepositoryPlan::new(repository, &survey, graph, &self.tags, self.parts()))
    }

    async fn survey(&self, calls: &Calls, graph: &Graph) -> Result<Survey, Error> {
        let blobs: Vec<&Digest> = graph.blobs.iter().map(|blob| blob.layer.digest()).collect();
        let manifests: Vec<&Digest> = graph.manifests().iter().map(|it| &it.digest).collect();
        let look_up = async {
            match self.look_up {
                LookUp::Never => Ok(None),
                LookUp::WhereAllowed => calls.look_up(&self.tags, &manifests).await.map(Some),
            }
        };
        let (available, found) = join(calls.available(&blobs), look_up).await;
        let mut survey = Survey {
            state: RepositoryState::Exists,
            available: Default::default(),
            found: None,
            calls: calls.made(),
        };
        let is_missing = |error: &Error| error.kind() == ErrorKind::RepositoryNotFound;
        let creates = matches!(self.missing_repository, MissingRepository::Create(_));
        match available {
            Ok(available) => survey.available = available,
            Err(error) if creates && is_missing(&error) => {
                survey.state = RepositoryState::ToBeCreated;
                survey.found = Some(Found::default());
                return Ok(survey);
            }
            Err(error) => return Err(error),
        }
        match found {
            Ok(found) => survey.found = found,
            // A push doesn't need it.
            Err(error) if error.kind() == ErrorKind::AccessDenied => {
                tracing::info!(repository = %calls.repository(), "tags can't be looked up");
            }
            Err(error) => return Err(error),
        }
        Ok(survey)
    }

    fn report_missing(&self, calls: &Calls, plan: &RepositoryPlan) {
        let missing = plan.missing();
        let reporter = &self.uploader.reporter;
        let repository = calls.repository();
        reporter.report(Event::Planned {
            repository: repository.clone(),
            layers: plan.layers().len(),
            missing: missing.len(),
            bytes: plan.bytes(),
        });
        for planned in plan.layers() {
            if !missing.contains(planned.layer().digest()) {
                let (repository, layer) = (repository.clone(), planned.layer().clone());
                reporter.report(Event::LayerSkipped { repository, layer });
            }
        }
    }

    /// Sends what each repository lacks. Returns the bytes sent to each, and those read.
    async fn send_layers(&self, plans: &[RepositoryPlan]) -> Result<(Vec<u64>, u64), Error> {
        let missing: Vec<_> = plans.iter().map(RepositoryPlan::missing).collect();
        let lacking = |blob: &Blob| -> Vec<usize> {
            let digest = blob.layer.digest();
            (0..missing.len()).filter(|&at| missing[at].contains(digest)).collect()
        };
        let mut work: Vec<(&Blob, Vec<usize>)> = self
            .image
            .graph()
            .blobs
            .iter()
            .map(|blob| (blob, lacking(blob)))
            .filter(|(_, to)| !to.is_empty())
            .collect();
        // The largest first: it takes longest, and nothing can speed up a layer of its own.
        work.sort_by_key(|(blob, _)| Reverse(blob.layer.size()));
        // Dropped with this future, and all uploads with it: none outlives the push.
        let mut uploads = JoinSet::new();
        for (blob, to) in work {
            let (blob, uploader) = (blob.clone(), self.uploader.clone());
            let calls: Vec<_> = to.iter().map(|&at| self.repositories[at].clone()).collect();
            let digest = blob.layer.digest();
            let span = tracing::info_span!("layer", %digest, size = blob.layer.size());
            let upload = async move {
                let moved = uploader.upload(blob, &calls).await?;
                Ok::<_, Error>((to, moved))
            };
            uploads.spawn(upload.instrument(span));
        }
        let (mut sent, mut read) = (vec![0; plans.len()], 0);
        while let Some(ended) = uploads.join_next().await {
            let (to, moved): (Vec<usize>, Moved) = joined(ended).await?;
            read += moved.read;
            for (at, bytes) in to.into_iter().zip(moved.sent) {
                sent[at] += bytes;
            }
        }
        Ok((sent, read))
    }

    /// Children by digest, then the root with its tags. Returns what was done, and how many bytes
    /// were read once more.
    async fn put_manifests(
        &self,
        calls: &Arc<Calls>,
        plan: &RepositoryPlan,
    ) -> Result<(Done, u64), Error> {
        let mut put = Putting { run: self, calls, done: Done::default(), read: 0 };
        let graph = self.image.graph();
        let steps = graph.manifests().iter().zip(plan.manifests());
        let root = graph.root();
        for (manifest, planned) in steps {
            if planned.step() == ManifestStep::Put && manifest.digest != root.digest {
                put.put(manifest, None).await?;
                put.report(manifest);
            }
        }
        let mut is_put = !plan.is_put(&root.digest);
        for planned in plan.tags() {
            let (tag, digest) = (planned.tag(), root.digest.clone());
            let mut change = planned.change().clone();
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
            let repository = calls.repository().clone();
            self.uploader.reporter.report(Event::Tagged {
                repository,
                tag: tag.clone(),
                digest,
                change: change.clone(),
            });
            put.done.tags.push(PushedTag { tag: tag.clone(), change });
        }
        if !is_put {
            put.put(root, None).await?;
            put.report(root);
        }
        Ok((put.done, put.read))
    }
}

/// The manifests on their way into one repository.
struct Putting<'a> {
    run: &'a Run,
    calls: &'a Arc<Calls>,
    done: Done,
    read: u64,
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
        let uploader = &self.run.uploader;
        uploader.reporter.report(Event::Planned {
            repository: self.calls.repository().clone(),
            layers: blobs.len(),
            missing: missing.len(),
            bytes: missing.iter().map(|blob| blob.layer.size()).sum(),
        });
        for blob in missing {
            let moved = uploader.upload(blob.clone(), std::slice::from_ref(self.calls)).await?;
            self.done.layers_again += 1;
            self.done.bytes += moved.sent.iter().sum::<u64>();
            self.read += moved.read;
        }
        Ok(())
    }

    /// A tag that can't be moved may be on this very image.
    async fn who_has(&self, tag: &Tag, manifest: &Manifest) -> Result<PutAnswer, Error> {
        let current = match self.run.look_up {
            LookUp::Never => None,
            // Where it can't be found out, the tag is taken all the same.
            LookUp::WhereAllowed => {
                let found = self.calls.look_up(std::slice::from_ref(tag), &[]).await;
                found.ok().and_then(|found| found.tags.get(tag).cloned())
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
