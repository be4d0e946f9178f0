//! The verdict on a stopped one-off task, from the exits of its containers.

use aws_sdk_ecs::types::{Container, Task, TaskStopCode};

use crate::model::task_failure::TaskFailure;

/// The failure of a stopped one-off task.
#[derive(Debug, PartialEq)]
pub(super) struct EndingFailure {
    pub(super) what: TaskFailure,
    /// Whether the watched container ever ran.
    pub(super) has_run: bool,
}

/// Returns the failure, if any. `counts` is the watched container, whose exit code decides;
/// `essential` has all essential ones.
pub(super) fn failure(task: &Task, counts: &str, essential: &[String]) -> Option<EndingFailure> {
    let containers = || {
        let named = task.containers().iter().filter(|it| it.name() == Some(counts));
        let others = task.containers().iter().filter(|it| it.name() != Some(counts));
        named.chain(others.filter(|it| essential.iter().any(|name| it.name() == Some(name))))
    };
    let has_run = containers().next().is_some_and(|it| it.exit_code().is_some());
    let because = |container: Option<&Container>| {
        Some(EndingFailure { what: TaskFailure::from_culprit(task, container), has_run })
    };
    match task.stop_code() {
        None | Some(TaskStopCode::EssentialContainerExited) => {}
        Some(TaskStopCode::TaskFailedToStart) => {
            let with_reason = |it: &&Container| it.reason().is_some_and(|it| !it.is_empty());
            return because(task.containers().iter().find(with_reason));
        }
        // A user stopped the task, or its capacity was taken away. The exit code then shows how the
        // container handled the signal, not that it completed.
        Some(_) => return because(None),
    }
    let mut all = containers();
    match all.next() {
        Some(it) if it.exit_code() == Some(0) => {}
        // It never ran, so another container that failed before is the cause.
        Some(it) if it.exit_code().is_none() => return because(all.find(has_failed).or(Some(it))),
        first => return because(first),
    }
    because(Some(all.find(has_failed)?))
}

/// Returns the failure of the watched container `counts`, which has exited while the task continues.
pub(super) fn own_failure(task: &Task, counts: &str) -> Option<EndingFailure> {
    let container = task.containers().iter().find(|it| it.name() == Some(counts));
    if container.is_some_and(|it| it.exit_code() == Some(0)) {
        return None;
    }
    Some(EndingFailure { what: TaskFailure::from_culprit(task, container), has_run: true })
}

/// Returns whether a container failed by itself. ECS stops the others when an essential one exits.
fn has_failed(container: &&Container) -> bool {
    const SIGKILL: i32 = 137;
    const SIGTERM: i32 = 143;
    match container.exit_code() {
        None | Some(0) => false,
        // A reason, such as exceeded memory, shows that the other container isn't the cause.
        Some(SIGKILL | SIGTERM) => container.reason().is_some_and(|reason| !reason.is_empty()),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, exit_code: Option<i32>, reason: Option<&str>) -> Container {
        let reason = reason.map(str::to_owned);
        Container::builder().name(name).set_exit_code(exit_code).set_reason(reason).build()
    }

    /// Returns the verdict on a task with the containers `log`, `web` and the sidecar `side`, which
    /// isn't essential.
    fn outcome(
        code: TaskStopCode,
        log: (Option<i32>, Option<&str>),
        web: (Option<i32>, Option<&str>),
    ) -> Option<(String, bool)> {
        let containers = vec![
            container("log", log.0, log.1),
            container("web", web.0, web.1),
            container("side", Some(1), None),
        ];
        let task = Task::builder()
            .task_arn("arn:aws:ecs:us-east-1:123456789012:task/demo/0a1b")
            .stop_code(code)
            .stopped_reason("it stopped")
            .set_containers(Some(containers))
            .build();
        let essential = ["log", "web"].map(str::to_owned);
        failure(&task, "web", &essential).map(|it| (it.what.explanation(), it.has_run))
    }

    #[test]
    fn what_counts_exits_with_0_and_nothing_essential_fails() {
        use TaskStopCode::*;
        let killed = Some("OutOfMemoryError: killed");
        let text = |text: &str, has_run| Some((text.to_owned(), has_run));
        for (code, log, web, expected) in [
            (EssentialContainerExited, (Some(0), None), (Some(0), None), None),
            // ECS stopped it because the other one was complete.
            (EssentialContainerExited, (Some(143), None), (Some(0), None), None),
            (EssentialContainerExited, (Some(137), None), (Some(0), None), None),
            (
                EssentialContainerExited,
                (Some(137), killed),
                (Some(0), None),
                text("container log exited with code 137: OutOfMemoryError: killed", true),
            ),
            (
                EssentialContainerExited,
                (Some(2), None),
                (Some(0), None),
                text("container log exited with code 2: it stopped", true),
            ),
            // The watched container fails even with an exit code of a signal.
            (
                EssentialContainerExited,
                (Some(0), None),
                (Some(143), None),
                text("container web exited with code 143: it stopped", true),
            ),
            (
                EssentialContainerExited,
                (Some(3), None),
                (Some(1), None),
                text("container web exited with code 1: it stopped", true),
            ),
            (
                EssentialContainerExited,
                (Some(2), None),
                (None, None),
                text("container log exited with code 2: it stopped", false),
            ),
            (
                EssentialContainerExited,
                (Some(0), None),
                (None, Some("no image")),
                text("container web: no image", false),
            ),
            (
                TaskFailedToStart,
                (None, Some("CannotPullContainerError: x")),
                (None, None),
                text("container log: CannotPullContainerError: x", false),
            ),
            (TaskFailedToStart, (None, None), (None, None), text("it stopped", false)),
            (UserInitiated, (Some(0), None), (Some(0), None), text("it stopped", true)),
            (SpotInterruption, (Some(0), None), (Some(0), None), text("it stopped", true)),
            (TerminationNotice, (None, None), (None, None), text("it stopped", false)),
        ] {
            assert_eq!(outcome(code.clone(), log, web), expected, "{code} {log:?} {web:?}");
        }
    }

    #[test]
    fn a_task_without_the_container_has_failed() {
        let task = Task::builder().stop_code(TaskStopCode::EssentialContainerExited).build();
        let failure = failure(&task, "web", &["web".to_owned()]).unwrap();
        assert_eq!(failure.what.explanation(), "no reason given");
        assert!(!failure.has_run);
    }
}
