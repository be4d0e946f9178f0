//! What the types promise by their traits and sizes.

use ecs_deploy::{
    Change, DeployPolicy, Deployed, Deployer, Diff, Error, ErrorKind, Event, Events, Kept, Logs,
    OnFailure, OnTimeout, Permission, Progress, Prune, PrunePlan, Pruned, Ran, Revision, RollOut,
    RunTask, Service, TaskFailure,
};

#[test]
fn everything_can_be_sent_and_only_the_running_rollout_not_shared() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync + std::fmt::Debug + 'static>() {}
    share::<Change>();
    share::<DeployPolicy>();
    share::<Deployed>();
    share::<Deployer>();
    share::<Diff>();
    share::<Error>();
    share::<ErrorKind>();
    share::<Event>();
    share::<Kept>();
    share::<Logs>();
    share::<OnFailure>();
    share::<OnTimeout>();
    share::<Permission>();
    share::<Progress>();
    share::<Prune>();
    share::<PrunePlan>();
    share::<Pruned>();
    share::<Ran>();
    share::<Revision>();
    share::<RollOut>();
    share::<RunTask<'static>>();
    share::<Service>();
    share::<TaskFailure>();
    send::<Events>();
    send::<<Prune as IntoFuture>::IntoFuture>();
    send::<<RunTask<'static> as IntoFuture>::IntoFuture>();
    send::<<RollOut as IntoFuture>::IntoFuture>();
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}
