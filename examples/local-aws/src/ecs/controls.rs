//! What a test or a demonstration decides about ECS from outside: scripts, alarms, and the ways in
//! which ECS is known, or suspected, to behave now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::hooks::HookAnswer;
use super::script::Script;
use crate::clock::Timestamp;
use crate::local::LocalAws;

/// The state of a CloudWatch alarm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum AlarmState {
    /// `ALARM`
    Alarm,
    /// `OK`
    #[default]
    Ok,
}

/// As which deployment ECS rolls a service back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum RollbackId {
    /// As a new one, with an id of its own and the old task definition: nobody has reported that
    /// of ECS, but neither is it documented that it can't be.
    New,
    /// As the old one, which becomes PRIMARY again: what users report.
    #[default]
    Reused,
}

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

#[derive(Debug, Default)]
pub(crate) struct Controls {
    /// By cluster and service.
    scripts: BTreeMap<(String, String), Script>,
    /// By family.
    task_scripts: BTreeMap<String, Script>,
    /// By the function's ARN.
    hook_answers: BTreeMap<String, HookAnswer>,
    /// By the alarm's name, in the order of the times.
    alarms: BTreeMap<String, Vec<(Timestamp, AlarmState)>>,
    /// How many more times, by cluster and service.
    hidden: BTreeMap<(String, String), u32>,
    pub(crate) rollback_id: RollbackId,
    pub(crate) list_lag: Duration,
    pub(crate) registration_window: Duration,
    pub(crate) task_lag: Duration,
}

impl Controls {
    pub(crate) fn set_script(&mut self, cluster: &str, service: &str, script: Script) {
        self.scripts.insert((cluster.to_owned(), service.to_owned()), script);
    }

    pub(crate) fn script(&self, cluster: &str, service: &str) -> Script {
        let key = (cluster.to_owned(), service.to_owned());
        self.scripts.get(&key).copied().unwrap_or_default()
    }

    pub(crate) fn task_script(&self, family: &str) -> Script {
        self.task_scripts.get(family).copied().unwrap_or(Script::Crash { exit_code: 0 })
    }

    pub(crate) fn hook_answer(&self, target: &str) -> HookAnswer {
        self.hook_answers.get(target).copied().unwrap_or_default()
    }

    pub(crate) fn is_in_alarm(&self, name: &str, at: Timestamp) -> bool {
        self.first_alarm(name, at) == Some(at)
    }

    /// The first moment from `since` on at which the alarm is in ALARM.
    pub(crate) fn first_alarm(&self, name: &str, since: Timestamp) -> Option<Timestamp> {
        let changes = self.alarms.get(name)?;
        let later = changes.partition_point(|(at, _)| *at <= since);
        match later.checked_sub(1).map(|last| changes[last].1) {
            Some(AlarmState::Alarm) => Some(since),
            _ => changes[later..]
                .iter()
                .find(|(_, state)| *state == AlarmState::Alarm)
                .map(|(at, _)| *at),
        }
    }

    /// Whether DescribeServices misses the service this time.
    pub(crate) fn hides(&mut self, cluster: &str, service: &str) -> bool {
        match self.hidden.get_mut(&(cluster.to_owned(), service.to_owned())) {
            Some(times) if *times > 0 => {
                *times -= 1;
                true
            }
            _ => false,
        }
    }
}
