//! The auto traits of the public types: each can move to another task.

use ecr_push::events::{Event, Events};
use ecr_push::image::{Blob, Compression, FromFile, Layer, Open, Platform};
use ecr_push::login::{DockerConfig, Token, TokenProvider};
use ecr_push::names::InvalidName;
use ecr_push::outcome::{RepositoryOutcome, TagChange, TagOutcome};
use ecr_push::plan::{
    LayerPlan, LayerStep, ManifestPlan, ManifestStep, Obstacle, Plan, RepositoryPlan,
    RepositoryState, TagPlan,
};
use ecr_push::policy::{Permission, PushPolicy};
use ecr_push::settings::{LargeLayers, LookUp, NewRepository};
use ecr_push::transport::{RegistryEndpoint, Transport};
use ecr_push::{Digest, Error, ErrorKind, Image, Push, Pushed, Pusher, Repository, Tag};

#[test]
fn public_types_are_send() {
    fn send<T: Send + 'static>() {}
    fn sync<T: Send + Sync + 'static>() {}
    send::<Events>();
    sync::<Blob>();
    sync::<Compression>();
    sync::<Digest>();
    sync::<DockerConfig>();
    sync::<Error>();
    sync::<ErrorKind>();
    sync::<Event>();
    sync::<FromFile>();
    sync::<Image>();
    sync::<InvalidName>();
    sync::<LargeLayers>();
    sync::<Layer>();
    sync::<LayerPlan>();
    sync::<LayerStep>();
    sync::<LookUp>();
    sync::<ManifestPlan>();
    sync::<ManifestStep>();
    sync::<NewRepository>();
    sync::<Obstacle>();
    sync::<Open>();
    sync::<Permission>();
    sync::<Plan>();
    sync::<Platform>();
    sync::<Push>();
    sync::<PushPolicy>();
    sync::<Pushed>();
    sync::<Pusher>();
    sync::<RegistryEndpoint>();
    sync::<Repository>();
    sync::<RepositoryOutcome>();
    sync::<RepositoryPlan>();
    sync::<RepositoryState>();
    sync::<Tag>();
    sync::<TagChange>();
    sync::<TagOutcome>();
    sync::<TagPlan>();
    sync::<Token>();
    sync::<TokenProvider>();
    sync::<Transport>();
}
