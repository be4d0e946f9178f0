//! A task definition with every member that the SDK knows, and an unknown member in each object.
//! The SDK's own reader builds it, so a new member of the SDK is included at once.

use std::collections::BTreeSet;

use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::primitives::{Blob, DateTime};
use aws_smithy_schema::Schema;
use aws_smithy_schema::serde::{SerdeError, ShapeDeserializer};
use aws_smithy_types::{BigDecimal, BigInteger, Document};
use serde_json::{Map, Value, json};

/// The JSON of members for which ECS accepts only certain values, by their names from the outside in.
const SPECIAL: [(&str, &str); 13] = [
    ("family", r#""web""#),
    ("networkMode", r#""awsvpc""#),
    ("requiresCompatibilities", r#""FARGATE""#),
    ("cpu", r#""256""#),
    ("memory", r#""512""#),
    ("taskRoleArn", r#""arn:aws:iam::123456789012:role/task""#),
    ("executionRoleArn", r#""arn:aws:iam::123456789012:role/execution""#),
    ("volumes.configuredAtLaunch", "false"),
    ("containerDefinitions.name", r#""every-member""#),
    ("containerDefinitions.portMappings.containerPort", "80"),
    ("containerDefinitions.portMappings.hostPort", "80"),
    ("containerDefinitions.mountPoints.sourceVolume", r#""volumes.name""#),
    ("containerDefinitions.dependsOn.containerName", r#""every-member""#),
];

/// Returns the JSON, and the same value as the SDK's type.
pub(crate) fn every_member() -> (Value, RegisterTaskDefinitionInput) {
    let mut maker = Maker::default();
    let input = RegisterTaskDefinitionInput::deserialize(&mut maker).unwrap();
    let special: BTreeSet<&str> = SPECIAL.iter().map(|(path, _)| *path).collect();
    assert_eq!(maker.used, special, "a special value isn't needed any more");
    (maker.made, input)
}

/// A deserializer that answers each request of the SDK's reader with an invented value.
#[derive(Default)]
struct Maker {
    path: Vec<String>,
    /// The last value that was read.
    made: Value,
    numbers: i32,
    used: BTreeSet<&'static str>,
}

impl Maker {
    /// The special value for this place, if there is one.
    fn special(&mut self) -> Option<Value> {
        let path = self.path.join(".");
        let (path, json) = SPECIAL.iter().find(|(of, _)| *of == path)?;
        self.used.insert(path);
        self.made = serde_json::from_str(json).unwrap();
        Some(self.made.clone())
    }

    fn number(&mut self) -> i32 {
        if let Some(special) = self.special() {
            return special.as_i64().unwrap().try_into().unwrap();
        }
        self.numbers += 1;
        self.made = json!(self.numbers);
        self.numbers
    }

    fn unknown<T>(&self, what: &str) -> Result<T, SerdeError> {
        Err(SerdeError::unsupported(format!("{what} at {}: make one", self.path.join("."))))
    }
}

impl ShapeDeserializer for Maker {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        assert!(self.path.len() < 12, "the model is recursive at {}", self.path.join("."));
        let mut object = Map::new();
        // A union has exactly one of its members.
        let members = if schema.is_union() { &schema.members()[..1] } else { schema.members() };
        for member in members {
            let name = member.member_name().unwrap();
            self.path.push(name.to_owned());
            state(member, self)?;
            self.path.pop();
            object.insert(name.to_owned(), self.made.take());
        }
        if !schema.is_union() {
            object.insert("invented".to_owned(), json!({ "a": [1.0, null, {}], "b": "" }));
        }
        self.made = Value::Object(object);
        Ok(())
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        state(self)?;
        self.made = json!([self.made.take()]);
        Ok(())
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        state("key".to_owned(), self)?;
        self.made = json!({ "key": self.made.take() });
        Ok(())
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        if let Some(special) = self.special() {
            return Ok(special.as_bool().unwrap());
        }
        self.made = json!(true);
        Ok(true)
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        self.unknown("a byte")
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        self.unknown("a short")
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        Ok(self.number())
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        Ok(self.number().into())
    }

    fn read_float(&mut self, _: &Schema<'_>) -> Result<f32, SerdeError> {
        self.unknown("a float")
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        Ok(self.number().into())
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        self.unknown("a big integer")
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        self.unknown("a big decimal")
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        if let Some(special) = self.special() {
            return Ok(special.as_str().unwrap().to_owned());
        }
        let text = self.path.join(".");
        self.made = json!(text);
        Ok(text)
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        self.unknown("a blob")
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        self.unknown("a time")
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        self.unknown("a document")
    }

    fn is_null(&self) -> bool {
        false
    }

    fn container_size(&self) -> Option<usize> {
        None
    }
}
