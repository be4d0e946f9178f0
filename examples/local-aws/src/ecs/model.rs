//! The service model of ECS: which members an input has, and of which types they are.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::error::AwsError;
use crate::wire::{malformed, parse};

/// What becomes of a member that the service model doesn't have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[non_exhaustive]
pub enum UnknownMembers {
    /// ECS drops it without a word, as users report.
    #[default]
    Dropped,
    /// ECS keeps it: a service that is newer than the model, and knows the member.
    Kept,
}

/// Reads the input of an operation as ECS does: a member of the wrong type is refused, and one that
/// is unknown or null is absent. What is left is the JSON of known members alone.
pub(crate) fn read(
    operation: &str,
    body: &[u8],
    unknown: UnknownMembers,
) -> Result<Vec<u8>, AwsError> {
    let Some(structure) = MODEL.get(operation) else { return Ok(body.to_vec()) };
    let mut members: Map<String, Value> = parse(body)?;
    structure.check(&mut members, unknown)?;
    Ok(Value::Object(members).to_string().into_bytes())
}

/// The inputs by their operations, and the structures in them by their names.
static MODEL: LazyLock<BTreeMap<&str, Structure>> = LazyLock::new(|| {
    // Generated from the schemas of aws-sdk-ecs: tests/it/ecs_model.rs holds it against them.
    let mut model = BTreeMap::new();
    let mut members = None;
    for line in include_str!("model.txt").lines() {
        match line.trim_start().split_once(": ") {
            Some((name, of)) => {
                let Structure(members): &mut Structure = match members {
                    Some(structure) => model.entry(structure).or_default(),
                    None => continue,
                };
                members.insert(name, Type::parse(of));
            }
            None => {
                members = Some(line);
                model.entry(line).or_default();
            }
        }
    }
    model
});

#[derive(Debug, Default)]
struct Structure(BTreeMap<&'static str, Type>);

#[derive(Debug)]
enum Type {
    Boolean,
    /// A float or a double.
    Decimal,
    /// JSON of any shape.
    Document,
    Integer,
    List(Box<Type>),
    Long,
    /// A map whose keys are strings.
    Map(Box<Type>),
    String,
    Structure(&'static str),
    /// Seconds since the Unix epoch.
    Timestamp,
}

impl Structure {
    fn check(
        &self,
        members: &mut Map<String, Value>,
        unknown: UnknownMembers,
    ) -> Result<(), AwsError> {
        members.retain(|name, value| match self.0.contains_key(name.as_str()) {
            // AWS's JSON protocols: a null member is an absent one.
            true => !value.is_null(),
            false => unknown == UnknownMembers::Kept,
        });
        members.iter_mut().try_for_each(|(name, value)| match self.0.get(name.as_str()) {
            Some(of) => of.check(value, unknown),
            None => Ok(()),
        })
    }
}

impl Type {
    fn parse(text: &'static str) -> Self {
        let inner = |open, close| text.strip_prefix(open).and_then(|it| it.strip_suffix(close));
        if let Some(element) = inner('[', ']') {
            return Self::List(Box::new(Self::parse(element)));
        }
        if let Some(value) = inner('{', '}') {
            return Self::Map(Box::new(Self::parse(value)));
        }
        match text {
            "boolean" => Self::Boolean,
            "double" | "float" => Self::Decimal,
            "document" => Self::Document,
            "integer" => Self::Integer,
            "long" => Self::Long,
            "string" => Self::String,
            "timestamp" => Self::Timestamp,
            structure => Self::Structure(structure),
        }
    }

    fn check(&self, value: &mut Value, unknown: UnknownMembers) -> Result<(), AwsError> {
        match (self, &mut *value) {
            (Self::Document, _)
            | (Self::Boolean, Value::Bool(_))
            | (Self::Decimal | Self::Timestamp, Value::Number(_))
            | (Self::String, Value::String(_)) => Ok(()),
            (Self::Integer | Self::Long, Value::Number(number)) => {
                // `80.0` is 80. The refusal of a fraction is inferred.
                let whole = number.as_i64().or_else(|| {
                    let float = number.as_f64().filter(|it| it.fract() == 0.0)?;
                    (float.abs() < 9e15).then_some(float as i64)
                });
                let fits = |it: &i64| matches!(self, Self::Long) || i32::try_from(*it).is_ok();
                match whole.filter(fits) {
                    Some(whole) => *value = whole.into(),
                    None => return Err(self.mismatch(value)),
                }
                Ok(())
            }
            (Self::List(element), Value::Array(elements)) => {
                elements.iter_mut().try_for_each(|it| element.check(it, unknown))
            }
            (Self::Map(of), Value::Object(entries)) => {
                entries.retain(|_, value| !value.is_null());
                entries.values_mut().try_for_each(|it| of.check(it, unknown))
            }
            (Self::Structure(name), Value::Object(members)) => match MODEL.get(name) {
                Some(structure) => structure.check(members, unknown),
                None => Ok(()),
            },
            _ => Err(self.mismatch(value)),
        }
    }

    /// Reported: `STRING_VALUE cannot be converted to Integer`, which says nothing of where
    /// (aws-actions/amazon-ecs-deploy-task-definition#587, aws/aws-cdk-cli#973). The words for lists
    /// and structures are inferred from what other services with this protocol answer.
    fn mismatch(&self, value: &Value) -> AwsError {
        let wanted = match self {
            Self::Boolean => "Boolean",
            Self::Decimal => "Double",
            Self::Document => "Document",
            Self::Integer => "Integer",
            Self::Long => "Long",
            Self::String => "String",
            Self::Timestamp => "Date",
            Self::List(_) => return malformed("Expected list or null"),
            Self::Map(_) | Self::Structure(_) => {
                return malformed("Expected structure or map or null");
            }
        };
        let token = match value {
            Value::Array(_) => return malformed("Start of list found where not expected"),
            Value::Object(_) => {
                return malformed("Start of structure or map found where not expected.");
            }
            Value::Bool(false) => "FALSE_VALUE",
            Value::Bool(true) => "TRUE_VALUE",
            Value::Null => "NULL_VALUE",
            Value::Number(_) => "NUMBER_VALUE",
            Value::String(_) => "STRING_VALUE",
        };
        malformed(format!("{token} cannot be converted to {wanted}"))
    }
}
