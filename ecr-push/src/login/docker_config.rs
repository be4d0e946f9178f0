//! [`DockerConfig`]: the file from which Docker and compatible tools read their logins.

mod members;
mod place;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::error::login::HelperSetting;
use crate::file::lock::LockFile;
use crate::file::replace::{Replacement, remove_stale};
use crate::login::docker_config::members::Members;
use crate::login::token::Token;
use crate::tasks::blocking;

/// Docker's `config.json`. Docker, Podman, BuildKit, crane, ORAS and other tools read their
/// registry logins from it.
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

/// How long a login waits for those of other processes. Each takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

impl DockerConfig {
    /// Returns the file that Docker reads: `config.json` in the folder that `DOCKER_CONFIG` names,
    /// or else in `.docker` in the user's home folder. The file doesn't have to exist.
    ///
    /// # Errors
    /// Returns [`DockerConfig`](crate::ErrorKind::DockerConfig) if both folders are unknown.
    pub fn from_env() -> Result<Self, Error> {
        Self::among(env::var_os("DOCKER_CONFIG"), env::home_dir())
    }

    /// Uses the file at this path, for example a file for one build only. It doesn't have to exist.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a token as the login to its registry and replaces an earlier login. The login works
    /// until the token expires.
    ///
    /// The file is replaced in one step, so that a concurrent reader finds the old or the new
    /// content. If the path is a symbolic link, the file that it points to is replaced. Afterwards
    /// only the owner can read the file (mode 0600). All other content keeps its text and its
    /// order, including members that Docker doesn't know.
    ///
    /// Concurrent logins of this crate wait for each other, also in several processes, at most 30
    /// seconds: each locks the file `.config.json.ecr-push.lock` beside `config.json` and removes it
    /// at its end. Docker's own tools don't lock the file, so if one of them writes at the same
    /// moment, the later one wins. A process that is killed can leave
    /// `.config.json.ecr-push-….tmp` with its token, readable for the owner only; the next login
    /// removes it.
    ///
    /// # Errors
    /// Returns [`CredentialHelper`](crate::ErrorKind::CredentialHelper) if Docker uses a credential
    /// helper for this registry and would ignore the login;
    /// [`DockerConfig`](crate::ErrorKind::DockerConfig) if the file isn't JSON that a login can be
    /// added to; [`Io`](crate::ErrorKind::Io) if the file can't be read or written, isn't a regular
    /// file, has more than 4 MiB, or is a mount point: mount its folder instead. After an error the
    /// file is unchanged.
    ///
    /// # Cancellation
    /// Another thread does the work. If the future is dropped, work that has begun is still
    /// finished.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn log_in(&self, token: &Token) -> Result<(), Error> {
        let (config, token) = (self.clone(), token.clone());
        blocking(move || config.write(&token)).await
    }

    fn among(folder: Option<OsString>, home: Option<PathBuf>) -> Result<Self, Error> {
        // Docker treats an empty variable as unset.
        let folder = folder.filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let home = home.filter(|home| !home.as_os_str().is_empty());
        let folder = folder.or_else(|| Some(home?.join(".docker"))).ok_or_else(Error::no_home)?;
        Ok(Self::from_path(folder.join("config.json")))
    }

    fn write(&self, token: &Token) -> Result<(), Error> {
        static WRITING: Mutex<()> = Mutex::new(());
        let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);

        let path = &self.path;
        let target = place::target(path).map_err(|error| Error::io(path, error))?;
        let unwritable = |error| Error::unwritable(path, error);
        place::create_folder(&target).map_err(unwritable)?;
        let _lock = LockFile::wait(&target, PATIENCE).map_err(unwritable)?;
        remove_stale(&target);
        let old = place::read(&target).map_err(|error| Error::io(path, error))?;
        let mut config =
            Members::parse(&old).map_err(|problem| Error::docker_config(path, problem))?;
        self.check_helpers(&config, token.registry())?;
        let mut logins = self.section(&config, "auths")?;
        logins.set(token.registry(), login(token));
        config.set("auths", logins.to_raw(1));
        let new = Zeroizing::new(format!("{}\n", config.to_raw(0).get()));
        let new = Replacement::write(&target, new.as_bytes());
        new.and_then(|new| new.persist(&target)).map_err(unwritable)?;
        Ok(())
    }

    /// Returns an error if Docker would ask a credential helper. A helper for this registry takes
    /// precedence over the helper for all registries, and an empty name disables the helper for the
    /// registry: docker/cli, `getConfiguredCredentialStore`.
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
            Error::docker_config(&self.path, format!("{name} is not a string"))
        })?;
        match helper.as_deref() {
            None | Some("") => Ok(()),
            Some(helper) => Err(Error::credential_helper(&self.path, registry, setting, helper)),
        }
    }

    /// Returns one of the file's objects; an empty one if the member is missing.
    fn section(&self, config: &Members, name: &str) -> Result<Members, Error> {
        let Some(section) = config.value(name).filter(|section| section.get() != "null") else {
            return Ok(Members::default());
        };
        // The text is known to be JSON, so the type is the only possible problem. The message
        // leaves out the value, which may be a secret.
        Members::parse(section.get())
            .map_err(|_| Error::docker_config(&self.path, format!("`{name}` is not an object")))
    }
}

/// Builds the whole entry anew: Docker would prefer a remaining `identitytoken` to the new login.
fn login(token: &Token) -> Box<RawValue> {
    let mut login = Members::default();
    // Base64 text doesn't need JSON escapes.
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
