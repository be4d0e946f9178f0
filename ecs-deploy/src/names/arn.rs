//! The parts of ARNs.

use crate::names::invalid::NameFlaw;

/// The parts of an ARN of ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EcsArn<'a> {
    /// The part before the resource, with the colon at its end.
    pub(super) prefix: &'a str,
    /// The resource, such as `service/prod/web`.
    pub(super) resource: &'a str,
}

impl<'a> EcsArn<'a> {
    /// Parses an ARN; `None` if the text isn't an ARN at all. `kind` names the expected resource in
    /// errors, such as "an ECS service".
    pub(super) fn parse(text: &'a str, kind: &str) -> Result<Option<Self>, NameFlaw> {
        let Some(rest) = text.strip_prefix("arn:") else {
            return Ok(None);
        };
        let fields: Vec<&str> = rest.splitn(5, ':').collect();
        let [partition, "ecs", region, account, resource] = fields[..] else {
            return Err(NameFlaw::new(format!("it isn't the ARN of {kind}"), 0));
        };
        let region_start = "arn:".len() + partition.len() + ":ecs:".len();
        for (what, field, start) in
            [("partition", partition, "arn:".len()), ("region", region, region_start)]
        {
            if !is_plain(field) {
                return Err(NameFlaw::new(format!("its {what} is invalid"), start));
            }
        }
        if region.is_empty() {
            return Err(NameFlaw::new("its ARN lacks the region", region_start));
        }
        if account.len() != 12 || !account.bytes().all(|it| it.is_ascii_digit()) {
            let start = region_start + region.len() + 1;
            return Err(NameFlaw::new("its account isn't 12 digits", start));
        }
        let prefix = text.strip_suffix(resource).unwrap_or_default();
        Ok(Some(Self { prefix, resource }))
    }
}

/// Returns the part after the last slash: `FAMILY:REVISION` of a task definition's ARN.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, short)| short)
}

/// Returns the family in a task definition's ARN.
pub(crate) fn family(arn: &str) -> &str {
    short(arn).split(':').next().unwrap_or_default()
}

/// Returns the revision number at the end of a task definition's ARN.
pub(crate) fn number(arn: &str) -> Option<u64> {
    arn.rsplit_once(':')?.1.parse().ok()
}

/// Returns the account of an ARN; `None` if the text isn't an ARN or has no account.
pub(crate) fn account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| !account.is_empty())
}

/// Returns the region of an ARN; `None` if the text isn't an ARN.
pub(crate) fn region(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2)
}

/// Returns whether a partition or region has only letters, digits and hyphens.
pub(super) fn is_plain(field: &str) -> bool {
    field.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_task_definition_s_arn() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12";
        assert_eq!((short(arn), family(arn), number(arn)), ("web:12", "web", Some(12)));
        assert_eq!((region(arn), region("web:12")), (Some("eu-west-1"), None));
    }
}
