//! The program arguments for a rollout beside its images.

use clap::Args;
use ecs_deploy::image_check::ImageCheck;
use ecs_deploy::{Deployer, Revision, RollOut};

use crate::ending::BoxError;
use crate::session::Session;

/// Whether to deploy again, and whether to check the images first.
#[derive(Debug, Args)]
#[group(skip)]
pub struct RollOutOptions {
    /// Start new tasks even if the service already runs this revision; each task pulls its image
    /// again
    #[arg(long)]
    force: bool,

    /// Check that the images exist in ECR and support the tasks' platform, and refuse to deploy
    /// otherwise
    #[arg(long)]
    check_images: bool,
}

impl RollOutOptions {
    /// Sets the options of a rollout.
    pub fn set(&self, mut roll_out: RollOut, session: &Session) -> RollOut {
        if self.force {
            roll_out = roll_out.force_new_deployment();
        }
        if self.check_images {
            roll_out = roll_out.check_images(&ImageCheck::new(session.config()));
        }
        roll_out
    }

    /// Checks the images now, if the arguments ask for it, before work that comes before the rollout.
    ///
    /// # Errors
    /// Fails if an image prevents the start of tasks.
    pub async fn check(
        &self,
        deployer: &Deployer,
        revision: &Revision,
        session: &Session,
    ) -> Result<(), BoxError> {
        if !self.check_images {
            return Ok(());
        }
        let check = ImageCheck::new(session.config());
        let findings = deployer.check_images(&check, revision).await;
        let refused: Vec<String> = findings
            .iter()
            .filter(|it| it.problem().prevents_start())
            .map(ToString::to_string)
            .collect();
        match refused.is_empty() {
            true => Ok(()),
            false => Err(format!("nothing was started: {}", refused.join("; and ")).into()),
        }
    }
}
