//! What a test or a demonstration decides about ECS from outside.

use std::time::Duration;

use crate::ecs::controls::Controls;
use crate::ecs::{
    AlarmState, ContainerExit, HookAnswer, RollbackId, RunTaskFailure, Script, UnknownMembers,
};
use crate::local::LocalAws;

/// All of them in [`REGION`](LocalAws::REGION). Clusters, services and the like are named, and
/// needn't exist yet.
impl LocalAws {
    /// Decides what the tasks that RunTask starts of a family do, from now on. By default the first
    /// essential container exits with 0 after a few seconds.
    pub fn script_task(&self, family: &str, script: Script) {
        self.controls(|it| it.task_scripts.insert(family.to_owned(), script));
    }

    /// Lets containers of the tasks that RunTask starts of a family exit one by one, each with an exit
    /// code of its own, in place of what [`script_task`](Self::script_task) decides. A task ends with
    /// its first essential container; the others run on until StopTask.
    pub fn script_containers(&self, family: &str, exits: impl IntoIterator<Item = ContainerExit>) {
        let exits = exits.into_iter().collect();
        self.controls(|it| it.container_exits.insert(family.to_owned(), exits));
    }

    /// Lets RunTask fail so many times for a family, each time for all tasks that were asked for.
    pub fn fail_run_task(&self, family: &str, failure: RunTaskFailure, times: u32) {
        self.controls(|it| it.run_task_failures.insert(family.to_owned(), (failure, times)));
    }

    /// Lets tasks that the scheduler stops drain for so long, until their connections are closed: the
    /// deployment isn't complete before. By default, a few seconds.
    pub fn set_draining(&self, cluster: &str, service: &str, lasts: Duration) {
        self.controls(|it| it.set_draining(cluster, service, lasts));
    }

    /// Decides whether ECS Express Mode manages a service: its `resourceManagementType` is `ECS` then,
    /// and UpdateService refuses to change it, which is inferred.
    pub fn set_express_mode(&self, cluster: &str, service: &str, is_express: bool) {
        self.controls(|it| it.set_express(cluster, service, is_express));
    }

    /// Decides what becomes of members of an input that the service model doesn't have.
    pub fn set_unknown_members(&self, unknown: UnknownMembers) {
        self.controls(|it| it.unknown_members = unknown);
    }

    /// Decides what the Lambda function `target_arn` answers to a lifecycle hook, from now on.
    pub fn script_hook(&self, target_arn: &str, answer: HookAnswer) {
        self.controls(|it| it.hook_answers.insert(target_arn.to_owned(), answer));
    }

    /// Lets the CloudWatch alarm `name` go into `state` after so much time. Every alarm exists, and
    /// is `OK` before.
    pub fn set_alarm(&self, name: &str, state: AlarmState, after: Duration) {
        // A hundred years are never.
        let at = self.now() + after.min(Duration::from_secs(100 * 365 * 24 * 60 * 60));
        self.controls(|it| {
            let changes = it.alarms.entry(name.to_owned()).or_default();
            changes.push((at, state));
            // The sort is stable: if two changes have one time, the later call counts.
            changes.sort_by_key(|(at, _)| *at);
        });
    }

    /// Decides as which deployment ECS rolls services back, from now on.
    pub fn set_rollback_id(&self, id: RollbackId) {
        self.controls(|it| it.rollback_id = id);
    }

    /// Keeps service deployments out of ListServiceDeployments for so long after they began: ECS is
    /// eventually consistent. By default, not at all.
    pub fn set_service_deployment_lag(&self, lag: Duration) {
        self.controls(|it| it.list_lag = lag);
    }

    /// Lets DescribeTasks say of a task, for so long after it was started, that it is MISSING: ECS
    /// is eventually consistent. By default, not at all.
    pub fn set_task_lag(&self, lag: Duration) {
        self.controls(|it| it.task_lag = lag);
    }

    /// Refuses a second registration of a family within so much time, as ECS does with concurrent
    /// ones. By default, none is refused.
    pub fn set_registration_window(&self, window: Duration) {
        self.controls(|it| it.registration_window = window);
    }

    /// Lets DescribeServices say so many times that `service` is MISSING, which it isn't: ECS is
    /// eventually consistent.
    pub fn hide_service(&self, cluster: &str, service: &str, times: u32) {
        let key = (cluster.to_owned(), service.to_owned());
        self.controls(|it| it.hidden.insert(key, times));
    }

    fn controls<T>(&self, act: impl FnOnce(&mut Controls) -> T) {
        self.in_region(Self::REGION, |place| act(&mut place.ecs.controls));
    }
}
