//! What the types promise by their traits and sizes.

use ecs_deploy::{
    Change, ContainerMut, DeployPolicy, Deployed, Deployer, Diff, Error, ErrorKind, Event, Events,
    FailureCause, Finding, FindingKind, Fleet, FleetEvents, FleetPolicy, Follow, Handle, Kept,
    Logs, Obstacle, OnFailure, OnPause, OnTimeout, Outcome, Patience, Pause, Permission, Plan,
    Progress, Prune, PrunePlan, Pruned, Ran, Resolution, Revision, RollBack, RollOut,
    RollbackCause, RunTask, Service, TaskFailure,
};

#[test]
fn everything_can_be_sent_and_only_the_running_rollout_not_shared() {
    fn send<T: Send>() {}
    fn share<T: Send + Sync + std::fmt::Debug + 'static>() {}
    share::<Change>();
    share::<DeployPolicy>();
    share::<ContainerMut<'static>>();
    share::<Deployed>();
    share::<Deployer>();
    share::<Diff>();
    share::<Error>();
    share::<ErrorKind>();
    share::<Event>();
    share::<FailureCause>();
    share::<Obstacle>();
    share::<Kept>();
    share::<Logs>();
    share::<Finding>();
    share::<FindingKind>();
    share::<Fleet>();
    share::<FleetPolicy>();
    share::<Follow>();
    share::<Handle>();
    share::<OnPause>();
    share::<Outcome>();
    share::<Patience>();
    share::<Pause>();
    share::<Plan>();
    share::<Resolution>();
    share::<RollBack>();
    share::<RollbackCause>();
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
    send::<FleetEvents>();
    send::<<Prune as IntoFuture>::IntoFuture>();
    send::<<RunTask<'static> as IntoFuture>::IntoFuture>();
    send::<<RollOut as IntoFuture>::IntoFuture>();
}

#[cfg(feature = "ecr")]
#[test]
fn what_is_found_of_images_can_be_sent() {
    fn share<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    share::<ecs_deploy::ImageCheck>();
    share::<ecs_deploy::ImageFinding>();
    share::<ecs_deploy::ImageProblem>();
    fn send<F: Send>(_: impl FnOnce(&Deployer, &ecs_deploy::ImageCheck, &Revision) -> F) {}
    let future = |deployer: &Deployer, check: &ecs_deploy::ImageCheck, revision: &Revision| {
        let (deployer, check, revision) = (deployer.clone(), check.clone(), revision.clone());
        async move { deployer.check_images(&check, &revision).await }
    };
    send(future);
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}
