//! The conclusion: turns the verdict on a deployment into the outcome of the wait.

use tokio::time::{sleep, timeout_at};

use crate::error::Error;
use crate::error::repr::Repr;
use crate::error::rollout::Remedy;
use crate::model::deployed::End;
use crate::model::handle::Form;
use crate::model::pause::RollbackCause;
use crate::model::terms::Complete;
use crate::watch::fold::Verdict;
use crate::watch::stage_view::{StageView, Status};
use crate::watch::wait::{BETWEEN_TRIES, Wait};

impl Wait<'_> {
    pub(super) async fn conclude(mut self, verdict: Verdict, remedy: Remedy) -> Result<End, Error> {
        let repr = match verdict {
            Verdict::Completed => return Ok(End::Complete),
            Verdict::Draining if self.terms.complete == Complete::WhenNewTasksRun => {
                return Ok(End::Draining);
            }
            Verdict::Draining => {
                let after = self.terms.timeout;
                Repr::Draining { rollout: self.report(String::new(), remedy), after }
            }
            Verdict::Failed { reason, cause: RollbackCause::StopRequest } => {
                Repr::Stopped { rollout: self.report(reason, remedy), to: None }
            }
            Verdict::Failed { reason, .. } => {
                Repr::RolloutFailed { rollout: self.report(reason, remedy) }
            }
            Verdict::Gone { status } => {
                let service = self.record.service.clone();
                let source = Repr::ServiceInactive { service, status }.into();
                Repr::Gone { rollout: self.report(String::new(), remedy), source }
            }
            Verdict::Hopeless => {
                Repr::RolloutFailed { rollout: self.report(String::new(), remedy) }
            }
            Verdict::Paused(pause) => {
                Repr::Paused { rollout: self.report(String::new(), remedy), pause }
            }
            Verdict::Pending => {
                let (after, obstacle) = (self.terms.timeout, self.watch.obstacle());
                Repr::TimedOut { rollout: self.report(obstacle, remedy), after }
            }
            Verdict::RolledBack { to, by, reason, cause } => {
                let newer = match self.record.form {
                    Form::Rolling => self.newer(self.soon()).await,
                    // The observation has already included the service deployment.
                    Form::Staged => None,
                };
                match newer {
                    // Another deployment replaced ours, and ECS rolled that one back.
                    Some(StageView { status: Status::Stopped, .. }) => {
                        let rollout = self.report(String::new(), remedy);
                        Repr::Superseded { rollout, by, by_revision: to.unwrap_or_default() }
                    }
                    newer => self.rolled_back(to, reason, cause, newer).await,
                }
            }
            Verdict::Unclear { by, task_definition, reason } => {
                let newer = timeout_at(self.soon(), self.settled()).await.ok().flatten();
                match newer.as_ref().map(|it| it.status) {
                    Some(Status::Successful) => return Ok(End::Complete),
                    Some(Status::GoingBack) => {
                        self.rolled_back(
                            Some(task_definition),
                            reason,
                            RollbackCause::Unknown,
                            newer,
                        )
                        .await
                    }
                    _ => {
                        let rollout = self.report(reason, remedy);
                        Repr::Superseded { rollout, by, by_revision: task_definition }
                    }
                }
            }
        };
        Err(repr.into())
    }

    /// Returns the error of a rollback; `newer` may know its cause.
    async fn rolled_back(
        mut self,
        to: Option<String>,
        mut reason: String,
        mut cause: RollbackCause,
        newer: Option<StageView>,
    ) -> Repr {
        if let Some(newer) = newer {
            if reason.is_empty() {
                reason = newer.reason;
            }
            if newer.cause != RollbackCause::Unknown {
                cause = newer.cause;
            }
        }
        self.diagnose().await;
        let rollout = self.report(reason, Remedy::NotAsked);
        match cause {
            RollbackCause::StopRequest => Repr::Stopped { rollout, to },
            cause => Repr::RolledBack { rollout, to, cause },
        }
    }

    /// Returns the error of a watch that can't continue.
    pub(super) fn lost(self, source: Error) -> Error {
        let is_gone = source.operation().is_none();
        let rollout = self.report(String::new(), Remedy::NotAsked);
        match is_gone {
            true => Repr::Gone { rollout, source }.into(),
            false => Repr::Lost { rollout, source }.into(),
        }
    }

    /// Waits until the service deployment has ended; `None` if the policy doesn't allow the lookup
    /// or the state lags for too long.
    async fn settled(&mut self) -> Option<StageView> {
        for attempt in 0..TRIES {
            if attempt > 0 {
                sleep(BETWEEN_TRIES).await;
            }
            match self.stages.look(self.ecs, self.record).await {
                Some(newer) if newer.status == Status::Open => {}
                Some(newer) => return Some(newer),
                None if self.stages.is_denied() => return None,
                None => {}
            }
        }
        None
    }
}

/// The number of lookups of a service deployment, which lags by seconds (reported).
const TRIES: u32 = 4;
