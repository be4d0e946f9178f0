//! GetAuthorizationToken.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::ecr::constraints;
use crate::ecr::store::registry_host;
use crate::error::AwsError;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GetAuthorizationToken {
    registry_ids: Option<Vec<String>>,
}

pub(crate) fn authorization_token(
    input: GetAuthorizationToken,
    context: &mut Context<'_>,
) -> Result<Value, AwsError> {
    let registries = input.registry_ids.unwrap_or_else(|| vec![context.caller.account.clone()]);
    // ECR's service model.
    constraints::check_length("registryIds", registries.len(), 1..=10)?;
    for registry in &registries {
        constraints::check_registry(registry)?;
    }
    let password = format!("local-aws-{}", context.ids.uuid());
    let token = base64_simd::STANDARD.encode_to_string(format!("AWS:{password}"));
    let expires_at = context.tokens.issue(token.clone(), context.caller.clone(), context.now);
    let data: Vec<Value> = registries
        .iter()
        .map(|registry| {
            json!({
                "authorizationToken": token,
                "expiresAt": expires_at.to_json(),
                "proxyEndpoint": format!("https://{}", registry_host(registry, context)),
            })
        })
        .collect();
    Ok(json!({ "authorizationData": data }))
}
