//! [`DockerConfig`]: where Docker and its relatives look for a login.

mod file;
mod members;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::error::login::HelperSetting;
use crate::login::docker_config::members::Members;
use crate::login::token::Token;
use crate::tasks::blocking;

/// Docker's `config.json`, from which Docker, Podman, BuildKit, crane, ORAS and others take their
/// logins to registries.
///
/// ```no_run
/// use ecr_push::login::{DockerConfig, TokenProvider};
/// use ecr_push::{Error, Repository};
///
/// # async fn log_in(config: &aws_types::SdkConfig, repository: &Repository) -> Result<(), Error> {
/// let token = TokenProvider::new(config).token(repository).await?;
/// DockerConfig::from_env()?.log_in(&token).await
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerConfig {
    path: PathBuf,
}

impl DockerConfig {
    /// The one that Docker reads: `config.json` in the folder that `DOCKER_CONFIG` names, or else
    /// in `.docker` in the user's home folder. It needn't exist.
    ///
    /// # Errors
    /// [`DockerConfig`](crate::ErrorKind::DockerConfig) where there is neither.
    pub fn from_env() -> Result<Self, Error> {
        Self::among(env::var_os("DOCKER_CONFIG"), env::home_dir())
    }

    /// The file at this path, for example one that only one build reads. It needn't exist.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a token as the login to its registry, in the place of an earlier one. It is good
    /// until the token expires.
    ///
    /// The file is replaced in one step, so that who reads it finds the old or the new one; where
    /// it is a symbolic link, the file that the link points to. From then on, only its owner can
    /// read it (mode 0600). All else in it, also what Docker doesn't know, stays as it is and in
    /// its order. Logins of one process wait for each other; of two processes that write at the
    /// same moment, the later wins.
    ///
    /// # Errors
    /// [`CredentialHelper`](crate::ErrorKind::CredentialHelper) where Docker asks one for this
    /// registry, and would not read the login; [`DockerConfig`](crate::ErrorKind::DockerConfig)
    /// where the file is no JSON that can take it; [`Io`](crate::ErrorKind::Io). The file is as it
    /// was before.
    ///
    /// # Cancellation
    /// The work is done on another thread, and what has begun is finished there.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn log_in(&self, token: &Token) -> Result<(), Error> {
        let (config, token) = (self.clone(), token.clone());
        blocking(move || config.write(&token)).await
    }

    fn among(folder: Option<OsString>, home: Option<PathBuf>) -> Result<Self, Error> {
        // Docker takes an empty variable for none.
        let folder = folder.filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let home = home.filter(|home| !home.as_os_str().is_empty());
        let folder = folder.or_else(|| Some(home?.join(".docker"))).ok_or_else(Error::no_home)?;
        Ok(Self::from_path(folder.join("config.json")))
    }

    fn write(&self, token: &Token) -> Result<(), Error> {
        static WRITING: Mutex<()> = Mutex::new(());
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);

        let path = &self.path;
        let target = file::target(path).map_err(|error| Error::io(path, error))?;
        let old = file::read(&target).map_err(|error| Error::io(path, error))?;
        let mut config =
            Members::parse(&old).map_err(|problem| Error::docker_config(path, problem))?;
        self.check_helpers(&config, token.registry())?;
        let mut logins = self.section(&config, "auths")?;
        logins.set(token.registry(), login(token));
        config.set("auths", logins.to_raw(1));
        let new = Zeroizing::new(format!("{}\n", config.to_raw(0).get()));
        file::replace(&target, new.as_bytes()).map_err(|error| Error::unwritable(path, error))
    }

    /// A helper for this registry comes before one for all, and an empty name says that there is
    /// none for it: docker/cli, `getConfiguredCredentialStore`.
    fn check_helpers(&self, config: &Members, registry: &str) -> Result<(), Error> {
        let helpers = self.section(config, "credHelpers")?;
        let (setting, helper) = match helpers.value(registry) {
            Some(helper) => (HelperSetting::CredHelpers, Some(helper)),
            None => (HelperSetting::CredsStore, config.value("credsStore")),
        };
        let Some(helper) = helper else {
            return Ok(());
        };
        let helper: Option<String> = serde_json::from_str(helper.get()).map_err(|_| {
            let name = match setting {
                HelperSetting::CredHelpers => format!("`credHelpers` of {registry}"),
                HelperSetting::CredsStore => "`credsStore`".to_owned(),
            };
            Error::docker_config(&self.path, format!("{name} is no text"))
        })?;
        match helper.as_deref() {
            None | Some("") => Ok(()),
            Some(helper) => Err(Error::credential_helper(&self.path, registry, setting, helper)),
        }
    }

    /// One of the objects within the file, empty where it isn't there.
    fn section(&self, config: &Members, name: &str) -> Result<Members, Error> {
        let Some(section) = config.value(name).filter(|section| section.get() != "null") else {
            return Ok(Members::default());
        };
        // That it is JSON is known, so that this can be the only problem; and what it is instead
        // may be a secret.
        Members::parse(section.get())
            .map_err(|_| Error::docker_config(&self.path, format!("`{name}` is no object")))
    }
}

/// All of the entry: an `identitytoken` that stayed would be preferred to the new login.
fn login(token: &Token) -> Box<RawValue> {
    let mut login = Members::default();
    // Base64 needs no escapes.
    login.set("auth", members::text(&token.basic()));
    login.to_raw(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_where_docker_looks() {
        let found = |folder: Option<&str>, home: Option<&str>| {
            let found = DockerConfig::among(folder.map(OsString::from), home.map(PathBuf::from));
            found.map(|config| config.path().to_owned())
        };
        let path = |path: &str| PathBuf::from(path);
        assert_eq!(found(Some("/d"), Some("/home/u")).unwrap(), path("/d/config.json"));
        assert_eq!(found(Some(""), Some("/home/u")).unwrap(), path("/home/u/.docker/config.json"));
        assert_eq!(found(None, Some("/home/u")).unwrap(), path("/home/u/.docker/config.json"));
        assert_eq!(found(None, None).unwrap_err().kind(), crate::ErrorKind::DockerConfig);
        assert_eq!(found(None, Some("")).unwrap_err().kind(), crate::ErrorKind::DockerConfig);
    }
}
