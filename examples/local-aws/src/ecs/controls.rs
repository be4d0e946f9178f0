//! What a test or a demonstration decides about ECS from outside: scripts, alarms, and the ways in
//! which ECS is known, or suspected, to behave now and then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::model::UnknownMembers;
use super::script::{ContainerExit, STOPPING, Script};
use crate::clock::Timestamp;

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

/// The deployment as which ECS rolls a service back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum RollbackId {
    /// A new deployment, with an id of its own and the old task definition. That is neither
    /// reported of ECS nor ruled out by its documentation.
    New,
    /// The old deployment, which becomes PRIMARY again, as users report.
    #[default]
    Reused,
}

/// What the Lambda function of a lifecycle hook answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum HookAnswer {
    /// It fails, which rolls the deployment back.
    Fail,
    /// Nothing at all, until the hook's timeout.
    None,
    /// It succeeds, after a few seconds.
    #[default]
    Succeed,
}

/// Why RunTask starts nothing, as its `failures` say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum RunTaskFailure {
    /// `AGENT`: the agent of the container instance is disconnected.
    Agent,
    /// Fargate has no capacity at this time.
    Capacity,
    /// `RESOURCE:CPU`: no container instance has enough CPU units left.
    Cpu,
    /// `RESOURCE:MEMORY`: no container instance has enough memory left.
    Memory,
}

#[derive(Debug, Default)]
pub(crate) struct Controls {
    /// The scripts by cluster and service.
    scripts: BTreeMap<(String, String), Script>,
    /// By family.
    pub(crate) task_scripts: BTreeMap<String, Script>,
    /// The answers by the function's ARN.
    pub(crate) hook_answers: BTreeMap<String, HookAnswer>,
    /// The changes by the alarm's name, in the order of their times.
    pub(crate) alarms: BTreeMap<String, Vec<(Timestamp, AlarmState)>>,
    /// How many more times, by cluster and service.
    pub(crate) hidden: BTreeMap<(String, String), u32>,
    /// How long a task takes to drain, by cluster and service.
    draining: BTreeMap<(String, String), Duration>,
    /// The services that ECS Express Mode manages, by cluster and name.
    express: BTreeSet<(String, String)>,
    /// The containers of RunTask's tasks that exit, and when, by family.
    pub(crate) container_exits: BTreeMap<String, Vec<ContainerExit>>,
    /// How RunTask fails, and how many more times, by family.
    pub(crate) run_task_failures: BTreeMap<String, (RunTaskFailure, u32)>,
    pub(crate) unknown_members: UnknownMembers,
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

    pub(crate) fn set_draining(&mut self, cluster: &str, service: &str, lasts: Duration) {
        self.draining.insert((cluster.to_owned(), service.to_owned()), lasts);
    }

    /// How long a task of the service takes from the scheduler's decision to STOPPED.
    pub(crate) fn draining(&self, cluster: &str, service: &str) -> Duration {
        let key = (cluster.to_owned(), service.to_owned());
        self.draining.get(&key).copied().unwrap_or(STOPPING)
    }

    pub(crate) fn set_express(&mut self, cluster: &str, service: &str, is_express: bool) {
        let key = (cluster.to_owned(), service.to_owned());
        match is_express {
            true => self.express.insert(key),
            false => self.express.remove(&key),
        };
    }

    /// Whether ECS Express Mode manages the service.
    pub(crate) fn is_express(&self, cluster: &str, service: &str) -> bool {
        self.express.contains(&(cluster.to_owned(), service.to_owned()))
    }

    /// How RunTask fails this time, if it does.
    pub(crate) fn run_task_failure(&mut self, family: &str) -> Option<RunTaskFailure> {
        let (failure, times) = self.run_task_failures.get_mut(family)?;
        *times = times.checked_sub(1)?;
        Some(*failure)
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
