//! [`Reference`]: the name of a task definition.

use std::fmt;
use std::str::FromStr;

use crate::names::arn::{EcsArn, region};
use crate::names::invalid::{InvalidName, NameFlaw, Subject, check};
use crate::outside::Outside;

/// A reference to a task definition: a family, which means its latest active revision,
/// `FAMILY:REVISION`, or the ARN of a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    text: String,
}

impl Reference {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the region if the reference is an ARN.
    pub(crate) fn region(&self) -> Option<&str> {
        region(&self.text)
    }
}

impl FromStr for Reference {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match examine(text) {
            Ok(()) => Ok(Self { text: text.to_owned() }),
            Err(flaw) => Err(InvalidName::new(Subject::TaskDefinition, text, flaw)),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns what is wrong with a reference. Source: API references of DescribeTaskDefinition and
/// RegisterTaskDefinition.
fn examine(text: &str) -> Result<(), NameFlaw> {
    const KIND: &str = "a task definition";
    let Some(arn) = EcsArn::parse(text, KIND)? else {
        return examine_name(text, 0);
    };
    let Some(name) = arn.resource.strip_prefix("task-definition/") else {
        return Err(NameFlaw::new(format!("it isn't the ARN of {KIND}"), arn.prefix.len()));
    };
    match name.contains(':') {
        true => examine_name(name, text.len() - name.len()),
        false => Err(NameFlaw::new("its ARN lacks the revision", text.len())),
    }
}

/// Checks a family with or without a revision, which begins at `start`.
fn examine_name(name: &str, start: usize) -> Result<(), NameFlaw> {
    let (family, number) = match name.split_once(':') {
        Some((family, number)) => (family, Some(number)),
        None => (name, None),
    };
    check("its family", family).map_err(|flaw| flaw.shifted(start))?;
    let is_number = |number: &str| {
        number.bytes().all(|it| it.is_ascii_digit())
            && !number.starts_with('0')
            && number.parse::<u32>().is_ok()
    };
    match number {
        Some(number) if !is_number(number) => {
            let problem =
                format!("its revision is `{}`, not a number from 1", Outside::new(number));
            Err(NameFlaw::new(problem, start + family.len() + 1))
        }
        _ => Ok(()),
    }
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
            let reference = text.parse::<Reference>().unwrap();
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
            ("web/1", "its family has '/', but only letters, digits, '-' and '_' are allowed"),
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
            ("arn:aws:ecs::123456789012:task-definition/web:1", "its ARN lacks the region"),
            (
                "arn:aws:ecs:eu-west-1:123456789012:task-definition/web",
                "its ARN lacks the revision",
            ),
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("invalid task definition reference `{text}`: {problem}")
            );
        }
    }
}
