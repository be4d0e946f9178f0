//! What a task definition is called by.

use std::fmt;

use crate::error::{Error, Repr};

/// A family, for its latest active revision; `FAMILY:REVISION`; or the ARN of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    text: String,
}

impl Reference {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        match problem(text) {
            None => Ok(Self { text: text.to_owned() }),
            Some(problem) => Err(Repr::InvalidReference { text: text.to_owned(), problem }.into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The region, where it is an ARN.
    pub(crate) fn region(&self) -> Option<&str> {
        self.text.strip_prefix("arn:")?.split(':').nth(2)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// API references of DescribeTaskDefinition and RegisterTaskDefinition.
fn problem(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix("arn:") else {
        return match text.split_once(':') {
            Some((family, number)) => of_family(family).or_else(|| of_number(number)),
            None => of_family(text),
        };
    };
    let fields: Vec<&str> = rest.splitn(5, ':').collect();
    let [_partition, "ecs", region, account, resource] = fields[..] else {
        return Some("it isn't the ARN of a task definition".to_owned());
    };
    if region.is_empty() {
        return Some("its ARN names no region".to_owned());
    }
    if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some("its account isn't 12 digits".to_owned());
    }
    let Some(name) = resource.strip_prefix("task-definition/") else {
        return Some("it isn't the ARN of a task definition".to_owned());
    };
    match name.split_once(':') {
        Some((family, number)) => of_family(family).or_else(|| of_number(number)),
        None => Some("its ARN lacks the revision".to_owned()),
    }
}

fn of_family(family: &str) -> Option<String> {
    if family.is_empty() {
        return Some("its family is empty".to_owned());
    }
    if family.len() > 255 {
        return Some(format!("its family has {} characters, at most 255", family.len()));
    }
    let stranger =
        family.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'))?;
    Some(format!("its family has {stranger:?}, where only letters, digits, '-' and '_' may be"))
}

fn of_number(number: &str) -> Option<String> {
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit())
        && !number.starts_with('0')
        && number.parse::<u32>().is_ok();
    (!is_number)
        .then(|| format!("its revision is `{}`, not a number from 1", number.escape_debug()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ecs_takes_is_taken() {
        for (text, region) in [
            ("web", None),
            ("web:1", None),
            ("Web_a-1:4294967295", None),
            ("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:12", Some("eu-west-1")),
            ("arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/a:1", Some("cn-north-1")),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!((reference.as_str(), reference.region()), (text, region));
        }
    }

    #[test]
    fn what_is_none_is_explained() {
        let long = "a".repeat(256);
        for (text, problem) in [
            ("", "its family is empty"),
            (":1", "its family is empty"),
            (&long, "its family has 256 characters, at most 255"),
            ("web/1", "its family has '/', where only letters, digits, '-' and '_' may be"),
            ("web:", "its revision is ``, not a number from 1"),
            ("web:0", "its revision is `0`, not a number from 1"),
            ("web:latest", "its revision is `latest`, not a number from 1"),
            ("web:1:2", "its revision is `1:2`, not a number from 1"),
            ("web:4294967296", "its revision is `4294967296`, not a number from 1"),
            (
                "arn:aws:ecs:eu-west-1:123456789012:service/prod/web",
                "it isn't the ARN of a task definition",
            ),
            ("arn:aws:ecs:eu-west-1:12:task-definition/web:1", "its account isn't 12 digits"),
            ("arn:aws:ecs::123456789012:task-definition/web:1", "its ARN names no region"),
            (
                "arn:aws:ecs:eu-west-1:123456789012:task-definition/web",
                "its ARN lacks the revision",
            ),
        ] {
            let error = Reference::parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` names no task definition: {problem}"));
        }
    }
}
