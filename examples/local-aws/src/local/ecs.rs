//! What a test or a demonstration decides about ECS from outside.

use std::time::Duration;

use crate::ecs::controls::Controls;
use crate::ecs::{AlarmState, HookAnswer, RollbackId, Script};
use crate::local::LocalAws;

/// All of them in [`REGION`](LocalAws::REGION). Clusters, services and the like are named, and
/// needn't exist yet.
impl LocalAws {
    /// Decides what the tasks that RunTask starts of a family do, from now on. By default the first
    /// essential container exits with 0 after a few seconds.
    pub fn script_task(&self, family: &str, script: Script) {
        self.controls(|it| it.task_scripts.insert(family.to_owned(), script));
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
            // Of two at one time, the later call is the later change: the sort is stable.
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
