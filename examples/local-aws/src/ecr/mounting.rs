//! Blob mounting: a layer of one repository in another, without its bytes; and the setting of the
//! account that allows it.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::store::{Ecr, Mounting, On};
use crate::error::AwsError;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GetAccountSetting {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PutAccountSetting {
    name: String,
    value: String,
}

impl Ecr {
    pub(crate) fn get_account_setting(&self, input: GetAccountSetting) -> Result<Value, AwsError> {
        check_name(&input.name)?;
        Ok(json!({ "name": input.name, "value": self.mounting }))
    }

    pub(crate) fn put_account_setting(
        &mut self,
        input: PutAccountSetting,
    ) -> Result<Value, AwsError> {
        check_name(&input.name)?;
        self.mounting = match input.value.as_str() {
            "DISABLED" => Mounting::Disabled,
            "ENABLED" => Mounting::Enabled,
            _ => return Err(constraints::violated("value", "must be ENABLED or DISABLED")),
        };
        Ok(json!({ "name": input.name, "value": self.mounting }))
    }

    /// Mounts a layer if that is possible: ECR's user guide asks for the setting and for
    /// repositories of the same registry with the same encryption. Users report that a layer isn't
    /// mounted unless an image in its own repository refers to it; that an archived one isn't
    /// either is inferred.
    pub(crate) fn mount(
        &mut self,
        to: On<'_>,
        from: &str,
        digest: &str,
        context: &Context<'_>,
    ) -> Result<Mounted, AwsError> {
        let enabled = self.mounting == Mounting::Enabled;
        let source = self.repository(Some(to.registry), from, context).ok().and_then(|source| {
            let layer = source.layers.get(digest).filter(|layer| !layer.archived)?;
            let referred = source.refers_to(digest);
            referred.then(|| (layer.clone(), source.encryption.clone()))
        });
        let target = self.decrypted_repository(Some(to.registry), to.repository, context)?;
        match source {
            Some((layer, encryption)) if enabled && encryption == target.encryption => {
                target.layers.insert(digest.to_owned(), layer);
                Ok(Mounted::Yes)
            }
            _ => Ok(Mounted::No),
        }
    }
}

/// Whether a layer is there now without its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mounted {
    No,
    Yes,
}

/// The one setting that is emulated. ECR's words for another one are inferred.
fn check_name(name: &str) -> Result<(), AwsError> {
    if name == "BLOB_MOUNTING" {
        return Ok(());
    }
    Err(constraints::violated("name", "must be BLOB_MOUNTING"))
}
