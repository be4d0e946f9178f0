//! The program arguments of a push and of its plan.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ecr_push::settings::NewRepository;
use ecr_push::transport::RegistryEndpoint;
use ecr_push::{Image, Push, Pusher, Repository, Tag};

use crate::session::Session;

/// The options of a push.
#[derive(Debug, Args)]
#[group(skip)]
pub struct PushOptions {
    /// Tag the image; may be given several times
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<Tag>,

    /// Create the repository if it is missing, which needs ecr:CreateRepository
    #[arg(long)]
    create_repository: bool,

    /// Choose what happens to foreign layers, such as those of Windows base images, which
    /// registries don't store
    #[arg(long, value_enum, value_name = "HOW", default_value_t)]
    foreign_layers: ForeignLayers,

    /// Record the progress of each upload in this file, so that the next push resumes if this one
    /// is killed
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,

    /// Choose the protocol for layers and manifests
    #[arg(long, value_enum, value_name = "PROTOCOL", default_value_t)]
    transport: Transport,

    /// Mount layers from this repository of the same registry, which needs
    /// ecr:GetDownloadUrlForLayer on it and --transport registry
    #[arg(long, value_name = "REPOSITORY")]
    mount_from: Option<Repository>,

    /// The registry's address if it isn't the repository's host, such as a VPC endpoint
    #[arg(long, value_name = "URL")]
    registry_endpoint: Option<RegistryEndpoint>,

    /// The registry at --registry-endpoint isn't ECR and needs no login: don't call AWS
    #[arg(long, requires = "registry_endpoint")]
    anonymous: bool,

    /// The memory for all parts in flight, in MiB. More memory uploads more layers at once; 0
    /// uploads one layer after another
    #[arg(long, value_name = "MIB")]
    memory_limit: Option<u32>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Transport {
    /// ECR's API
    #[default]
    Api,
    /// Docker's protocol, which also needs ecr:GetAuthorizationToken
    Registry,
}

impl From<Transport> for ecr_push::transport::Transport {
    fn from(chosen: Transport) -> Self {
        match chosen {
            Transport::Api => Self::Api,
            Transport::Registry => Self::Registry,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ForeignLayers {
    /// Leave them out: nodes fetch them from the URLs in the manifest
    #[default]
    LeaveOut,
    /// Send those whose content is in the image
    Send,
}

impl From<ForeignLayers> for ecr_push::settings::ForeignLayers {
    fn from(chosen: ForeignLayers) -> Self {
        match chosen {
            ForeignLayers::LeaveOut => Self::LeaveOut,
            ForeignLayers::Send => Self::Send,
        }
    }
}

impl PushOptions {
    /// Returns where the push goes, for messages.
    pub fn place(&self, session: &Session) -> String {
        match &self.registry_endpoint {
            Some(endpoint) => endpoint.to_string(),
            None => session.place(),
        }
    }

    /// Prepares the push.
    pub fn push(self, image: &Image, repository: &Repository, session: &Session) -> Push {
        let mut pusher = Pusher::new(session.config());
        if let Some(endpoint) = self.registry_endpoint {
            let endpoint = if self.anonymous { endpoint.anonymous() } else { endpoint };
            pusher = pusher.registry_endpoint(endpoint);
        }
        if let Some(mib) = self.memory_limit {
            pusher = pusher.memory_limit(u64::from(mib) * 1024 * 1024);
        }
        let mut push = pusher
            .push(image, repository)
            .transport(self.transport.into())
            .foreign_layers(self.foreign_layers.into());
        if let Some(source) = self.mount_from {
            push = push.mount_from(&source);
        }
        for tag in self.tags {
            push = push.tag(tag);
        }
        if self.create_repository {
            push = push.create_repository(NewRepository::default());
        }
        if let Some(file) = self.checkpoint {
            push = push.checkpoint(file);
        }
        push
    }
}
