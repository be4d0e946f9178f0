//! The comparison of a task definition with the SDK's own schema: unknown members and wrong types.
//! The SDK's reader visits each member, so a newer SDK's members are known without a change here.

use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::primitives::{Blob, DateTime};
use aws_smithy_schema::Schema;
use aws_smithy_schema::serde::{SerdeError, ShapeDeserializer};
use aws_smithy_types::{BigDecimal, BigInteger, Document};

use crate::json::value::{Json, Object};

/// A part of a task definition that the schema doesn't have.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mismatch {
    /// The place, such as `containerDefinitions[0].image`.
    pub(crate) path: String,
    pub(crate) what: MismatchKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MismatchKind {
    /// The value has another type.
    Type { expected: Type, found: Json },
    /// The member is unknown; `known` are the names beside it.
    Unknown { name: String, known: Vec<String> },
}

/// The type of a value in the schema. `Display` is a noun phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Boolean,
    Decimal,
    Integer,
    List,
    Object,
    Other,
    String,
}

impl Type {
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Decimal => "a number",
            Self::Integer => "an integer",
            Self::List => "a list",
            Self::Object => "an object",
            Self::Other => "another type",
            Self::String => "a string",
        }
    }
}

/// Returns all mismatches between the input of RegisterTaskDefinition and its schema.
pub(crate) fn mismatches(members: &Object) -> Vec<Mismatch> {
    let all = Json::Object(members.clone());
    let mut reader = Reader { value: &all, path: String::new(), found: Vec::new() };
    // An error ends the visit early. It comes from the SDK's builders, which have defaults for all
    // required members.
    if let Err(error) = RegisterTaskDefinitionInput::deserialize(&mut reader) {
        tracing::debug!(%error, "the check of the schema ended early");
    }
    reader.found
}

/// Returns the known members beside the unknown members of this name.
pub(crate) fn siblings(members: &Object, name: &str) -> Vec<String> {
    let mismatches = mismatches(members).into_iter();
    let known = mismatches.filter_map(|it| match it.what {
        MismatchKind::Unknown { name: unknown, known } if unknown == name => Some(known),
        _ => None,
    });
    known.flatten().collect()
}

/// A deserializer that gives the SDK's reader a default for each value that doesn't fit.
struct Reader<'a> {
    value: &'a Json,
    path: String,
    found: Vec<Mismatch>,
}

impl<'a> Reader<'a> {
    /// Reads a part of the value, whose path continues with `step`.
    fn within(
        &mut self,
        step: &str,
        value: &'a Json,
        read: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let (outer, length) = (self.value, self.path.len());
        self.value = value;
        self.path.push_str(step);
        let result = read(self);
        self.path.truncate(length);
        self.value = outer;
        result
    }

    fn member(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!(".{name}") }
    }

    fn wrong<T>(&mut self, expected: Type, default: T) -> T {
        let (path, found) = (self.path.clone(), self.value.clone());
        self.found.push(Mismatch { path, what: MismatchKind::Type { expected, found } });
        default
    }

    fn integer(&mut self, range: std::ops::RangeInclusive<i64>) -> i64 {
        let whole = match self.value {
            Json::Number(spelling) => spelling.parse().ok().or_else(|| {
                // `80.0` is 80.
                let float = spelling.parse::<f64>().ok().filter(|it| it.fract() == 0.0)?;
                (float.abs() < 9e15).then_some(float as i64)
            }),
            _ => None,
        };
        match whole.filter(|whole| range.contains(whole)) {
            Some(whole) => whole,
            None => self.wrong(Type::Integer, *range.start().max(&0)),
        }
    }

    fn decimal(&mut self) -> f64 {
        match self.value {
            Json::Number(spelling) => spelling.parse().unwrap_or_default(),
            _ => self.wrong(Type::Decimal, 0.0),
        }
    }
}

impl ShapeDeserializer for Reader<'_> {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let Json::Object(object) = self.value else {
            self.wrong(Type::Object, ());
            return Ok(());
        };
        for (name, value) in object.iter() {
            let step = self.member(name);
            match schema.member_schema(name) {
                // In AWS's JSON protocols a null member is an absent member.
                Some(_) if *value == Json::Null => {}
                Some(member) => self.within(&step, value, &mut |reader| state(member, reader))?,
                None => {
                    let known = schema.members().iter().filter_map(|it| it.member_name());
                    let known = known.map(str::to_owned).collect();
                    let (path, name) = (format!("{}{step}", self.path), name.to_owned());
                    let what = MismatchKind::Unknown { name, known };
                    self.found.push(Mismatch { path, what });
                }
            }
        }
        Ok(())
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let Json::Array(elements) = self.value else {
            self.wrong(Type::List, ());
            return Ok(());
        };
        for (at, element) in elements.iter().enumerate() {
            self.within(&format!("[{at}]"), element, state)?;
        }
        Ok(())
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let Json::Object(object) = self.value else {
            self.wrong(Type::Object, ());
            return Ok(());
        };
        for (name, value) in object.iter().filter(|(_, value)| **value != Json::Null) {
            let (step, key) = (self.member(name), name.to_owned());
            self.within(&step, value, &mut |reader| state(key.clone(), reader))?;
        }
        Ok(())
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        Ok(self.value.as_bool().unwrap_or_else(|| self.wrong(Type::Boolean, false)))
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        Ok(self.integer(i8::MIN.into()..=i8::MAX.into()) as i8)
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        Ok(self.integer(i16::MIN.into()..=i16::MAX.into()) as i16)
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        Ok(self.integer(i32::MIN.into()..=i32::MAX.into()) as i32)
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        Ok(self.integer(i64::MIN..=i64::MAX))
    }

    fn read_float(&mut self, _: &Schema<'_>) -> Result<f32, SerdeError> {
        Ok(self.decimal() as f32)
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        Ok(self.decimal())
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        Ok(self.wrong(Type::Other, BigInteger::default()))
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        Ok(self.wrong(Type::Other, BigDecimal::default()))
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        match self.value {
            Json::String(text) => Ok(text.clone()),
            _ => Ok(self.wrong(Type::String, String::new())),
        }
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        Ok(self.wrong(Type::Other, Blob::new([])))
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        Ok(self.wrong(Type::Other, DateTime::from_secs(0)))
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        Ok(Document::Null)
    }

    fn is_null(&self) -> bool {
        *self.value == Json::Null
    }

    fn container_size(&self) -> Option<usize> {
        None
    }
}
