//! What the types promise by their traits and sizes.

use ecs_deploy::{
    Change, ContainerMut, Deployed, Deployer, Diff, Error, ErrorKind, Event, Events, OnFailure,
    Progress, Revision, RollOut, Service, TaskFailure,
};

#[test]
fn everything_can_be_sent_and_only_the_running_rollout_not_shared() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync + std::fmt::Debug + 'static>() {}
    share::<Change>();
    share::<ContainerMut<'static>>();
    share::<Deployed>();
    share::<Deployer>();
    share::<Diff>();
    share::<Error>();
    share::<ErrorKind>();
    share::<Event>();
    share::<OnFailure>();
    share::<Progress>();
    share::<Revision>();
    share::<RollOut>();
    share::<Service>();
    share::<TaskFailure>();
    send::<Events>();
    send::<<RollOut as IntoFuture>::IntoFuture>();
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}
