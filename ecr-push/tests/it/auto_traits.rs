//! Every public type goes into a task of its own.

use ecr_push::{
    Blob, Compression, Digest, DockerConfig, Error, ErrorKind, Event, Events, FromFile, Image,
    LargeLayers, Layer, LayerStep, LookUp, ManifestStep, NewRepository, Obstacle, Open, Permission,
    Plan, PlannedLayer, PlannedManifest, PlannedTag, Platform, Push, PushPolicy, Pushed, PushedTag,
    PushedTo, Pusher, RegistryEndpoint, Repository, RepositoryPlan, RepositoryState, Tag,
    TagChange, Token, TokenProvider, Transport,
};

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
    sync::<LargeLayers>();
    sync::<Layer>();
    sync::<LayerStep>();
    sync::<LookUp>();
    sync::<ManifestStep>();
    sync::<NewRepository>();
    sync::<Obstacle>();
    sync::<Open>();
    sync::<Permission>();
    sync::<Plan>();
    sync::<PlannedLayer>();
    sync::<PlannedManifest>();
    sync::<PlannedTag>();
    sync::<Platform>();
    sync::<Push>();
    sync::<PushPolicy>();
    sync::<Pushed>();
    sync::<PushedTag>();
    sync::<PushedTo>();
    sync::<Pusher>();
    sync::<RegistryEndpoint>();
    sync::<Repository>();
    sync::<RepositoryPlan>();
    sync::<RepositoryState>();
    sync::<Tag>();
    sync::<TagChange>();
    sync::<Token>();
    sync::<TokenProvider>();
    sync::<Transport>();
}
