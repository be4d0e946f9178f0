//! [`ContainerMut`]: the edits of a container.

use std::fmt;

use crate::error::Error;
use crate::error::repr::Repr;
use crate::json::value::{Json, Object};

/// An editor of a container definition, from
/// [`Revision::container_mut`](crate::Revision::container_mut).
///
/// Each edit changes only its own member; setting an existing value changes nothing. The methods
/// cover the members that differ from rollout to rollout. For all others, use
/// [`Revision::edit`](crate::Revision::edit).
pub struct ContainerMut<'a> {
    container: &'a mut Object,
    /// The revision's name in errors.
    revision: String,
}

impl<'a> ContainerMut<'a> {
    pub(super) fn new(container: &'a mut Object, revision: String) -> Self {
        Self { container, revision }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        self.container.text("name").unwrap_or_default()
    }

    /// Returns its image.
    pub fn image(&self) -> &str {
        self.container.text("image").unwrap_or_default()
    }

    /// Sets the image.
    pub fn set_image(&mut self, image: &str) -> &mut Self {
        self.set("image", image)
    }

    /// Sets an environment variable and removes a secret of the same name, because ECS refuses a
    /// container with both.
    pub fn set_env(&mut self, name: &str, value: &str) -> &mut Self {
        self.remove_named("secrets", name);
        self.set_named("environment", name, "value", value)
    }

    /// Removes an environment variable; a missing one isn't an error.
    pub fn remove_env(&mut self, name: &str) -> &mut Self {
        self.remove_named("environment", name)
    }

    /// Sets an environment variable that ECS fills with a secret, and removes a plain variable of
    /// the same name, because ECS refuses a container with both. `value_from` is the ARN of a
    /// secret of Secrets Manager or of a parameter of Systems Manager, or the parameter's name.
    ///
    /// The task's execution role needs permission to read it.
    pub fn set_secret(&mut self, name: &str, value_from: &str) -> &mut Self {
        self.remove_named("environment", name);
        self.set_named("secrets", name, "valueFrom", value_from)
    }

    /// Removes a secret; a missing one isn't an error.
    pub fn remove_secret(&mut self, name: &str) -> &mut Self {
        self.remove_named("secrets", name)
    }

    /// Sets the command, which replaces the image's `CMD`. It is a list of words, not a line for a
    /// shell.
    pub fn set_command(&mut self, words: impl IntoIterator<Item: AsRef<str>>) -> &mut Self {
        self.set("command", list(words))
    }

    /// Sets the entry point, which replaces the image's `ENTRYPOINT`.
    pub fn set_entry_point(&mut self, words: impl IntoIterator<Item: AsRef<str>>) -> &mut Self {
        self.set("entryPoint", list(words))
    }

    /// Sets the CPU units that are reserved for it; 1024 units are one vCPU.
    pub fn set_cpu(&mut self, units: u32) -> &mut Self {
        self.set("cpu", units)
    }

    /// Sets its memory limit in MiB; a container that exceeds it is killed.
    pub fn set_memory(&mut self, mib: u32) -> &mut Self {
        self.set("memory", mib)
    }

    /// Sets the memory in MiB that is reserved for it.
    pub fn set_memory_reservation(&mut self, mib: u32) -> &mut Self {
        self.set("memoryReservation", mib)
    }

    /// Sets a Docker label.
    pub fn set_docker_label(&mut self, key: &str, value: &str) -> &mut Self {
        self.container.object("dockerLabels").insert(key, value);
        self
    }

    /// Removes a Docker label; a missing one isn't an error.
    pub fn remove_docker_label(&mut self, key: &str) -> &mut Self {
        if let Some(Json::Object(labels)) = self.container.get_mut("dockerLabels") {
            labels.remove(key);
        }
        self
    }

    /// Sets an option of the log driver, such as `awslogs-group`.
    ///
    /// # Errors
    /// Returns [`InvalidTaskDefinition`](crate::ErrorKind::InvalidTaskDefinition) if the container
    /// doesn't have a log driver.
    pub fn set_log_option(&mut self, key: &str, value: &str) -> Result<&mut Self, Error> {
        match self.container.get_mut("logConfiguration") {
            Some(Json::Object(logs)) => logs.object("options").insert(key, value),
            _ => {
                let (revision, container) = (self.revision.clone(), self.name().to_owned());
                let option = key.to_owned();
                return Err(Repr::NoLogDriver { revision, container, option }.into());
            }
        }
        Ok(self)
    }

    /// Removes an option of the log driver; a missing one isn't an error.
    pub fn remove_log_option(&mut self, key: &str) -> &mut Self {
        if let Some(Json::Object(logs)) = self.container.get_mut("logConfiguration")
            && let Some(Json::Object(options)) = logs.get_mut("options")
        {
            options.remove(key);
        }
        self
    }

    fn set(&mut self, member: &str, value: impl Into<Json>) -> &mut Self {
        self.container.insert(member, value);
        self
    }

    /// Sets a member of all elements with that name, or adds an element.
    fn set_named(&mut self, list: &str, name: &str, member: &str, value: &str) -> &mut Self {
        let elements = self.container.array(list);
        let mut is_there = false;
        for element in elements.iter_mut().filter_map(Json::as_object_mut) {
            if element.text("name") == Some(name) {
                element.insert(member, value);
                is_there = true;
            }
        }
        if !is_there {
            let element = [("name".to_owned(), name.into()), (member.to_owned(), value.into())];
            elements.push(Json::Object(element.into_iter().collect()));
        }
        self
    }

    fn remove_named(&mut self, list: &str, name: &str) -> &mut Self {
        if let Some(Json::Array(elements)) = self.container.get_mut(list) {
            elements.retain(|element| {
                element.as_object().and_then(|element| element.text("name")) != Some(name)
            });
        }
        self
    }
}

/// Shows only the name, because environment variables may hold secrets.
impl fmt::Debug for ContainerMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerMut").field("name", &self.name()).finish_non_exhaustive()
    }
}

fn list(words: impl IntoIterator<Item: AsRef<str>>) -> Vec<Json> {
    words.into_iter().map(|word| word.as_ref().into()).collect()
}
