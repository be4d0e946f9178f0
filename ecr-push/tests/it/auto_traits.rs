//! Every public type goes into a task of its own.

use ecr_push::{
    Blob, Compression, Digest, Error, ErrorKind, Event, Events, FromFile, Image, Layer, Open,
    Platform, Push, Pushed, Pusher, Repository, Tag,
};

#[test]
fn public_types_are_send() {
    fn send<T: Send + 'static>() {}
    fn sync<T: Send + Sync + 'static>() {}
    send::<Events>();
    sync::<Blob>();
    sync::<Compression>();
    sync::<Digest>();
    sync::<Error>();
    sync::<ErrorKind>();
    sync::<Event>();
    sync::<FromFile>();
    sync::<Image>();
    sync::<Layer>();
    sync::<Open>();
    sync::<Platform>();
    sync::<Push>();
    sync::<Pushed>();
    sync::<Pusher>();
    sync::<Repository>();
    sync::<Tag>();
}

#[test]
fn futures_are_send() {
    fn send<T: Send>(_: T) {}
    send(Image::open("image").into_future());
    send(Image::new("{}", [Blob::from_bytes("{}")]));
    send(Blob::from_file("layer").into_future());
}
