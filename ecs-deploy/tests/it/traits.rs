//! Traits and sizes that the types guarantee.

use ecs_deploy::container::ContainerMut;
use ecs_deploy::diagnosis::{FailureCause, Obstacle, Patience, TaskFailure};
use ecs_deploy::diff::{Change, Diff};
use ecs_deploy::events::{Event, Events, Progress};
use ecs_deploy::fleet::{Fleet, FleetEvents, FleetPolicy, Outcome};
use ecs_deploy::follow::Follow;
use ecs_deploy::plan::{Finding, FindingKind, Plan};
use ecs_deploy::policy::{DeployPolicy, Permission};
use ecs_deploy::prune::{KeepReason, Prune, PrunePlan, Pruned};
use ecs_deploy::rollback::{RollBack, RollbackCause};
use ecs_deploy::stages::{OnPause, Pause, Resolution};
use ecs_deploy::task::{Logs, OnTimeout, RunTask, TaskRun};
use ecs_deploy::{
    Deployed, Deployer, Error, ErrorKind, Handle, OnFailure, Revision, RollOut, Service,
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
    share::<KeepReason>();
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
    share::<TaskRun>();
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
    share::<ecs_deploy::image_check::ImageCheck>();
    share::<ecs_deploy::image_check::ImageFinding>();
    share::<ecs_deploy::image_check::ImageProblem>();
    fn send<F: Send>(
        _: impl FnOnce(&Deployer, &ecs_deploy::image_check::ImageCheck, &Revision) -> F,
    ) {
    }
    let future =
        |deployer: &Deployer, check: &ecs_deploy::image_check::ImageCheck, revision: &Revision| {
            let (deployer, check, revision) = (deployer.clone(), check.clone(), revision.clone());
            async move { deployer.check_images(&check, &revision).await }
        };
    send(future);
}

#[test]
fn an_error_is_one_word() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}
