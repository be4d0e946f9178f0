//! Every public type goes into a task of its own.

use ecr_push::{
    Digest, DockerConfig, Error, ErrorKind, Event, Events, Image, Layer, Push, Pushed, Pusher,
    Repository, Tag, Token, TokenProvider,
};

#[test]
fn public_types_are_send() {
    fn send<T: Send + 'static>() {}
    fn sync<T: Send + Sync + 'static>() {}
    send::<Events>();
    sync::<Digest>();
    sync::<DockerConfig>();
    sync::<Error>();
    sync::<ErrorKind>();
    sync::<Event>();
    sync::<Image>();
    sync::<Layer>();
    sync::<Push>();
    sync::<Pushed>();
    sync::<Pusher>();
    sync::<Repository>();
    sync::<Tag>();
    sync::<Token>();
    sync::<TokenProvider>();
}
