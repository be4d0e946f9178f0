//! The conversion between the SDK's types and JSON, by the SDK's own schemas. This crate keeps no
//! list of members, so a newer SDK's members are supported without a change.

use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_smithy_json::codec::{JsonCodec, JsonCodecSettings};
use aws_smithy_schema::codec::Codec;
use aws_smithy_schema::serde::{SerializableStruct, ShapeSerializer};
use serde_json::Value;

use crate::json::value::{Json, Object};

/// Returns the JSON of one of the SDK's structures, with the members in the SDK's order.
pub(crate) fn to_json(value: &impl SerializableStruct) -> Result<Object, String> {
    match Json::parse(&text(value)?) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err("the SDK's JSON of it isn't an object".to_owned()),
        Err(flaw) => Err(format!("the SDK's JSON of it is invalid: {flaw}")),
    }
}

/// Returns the same JSON as serde_json's value.
pub(crate) fn to_value(value: &impl SerializableStruct) -> Result<Value, String> {
    serde_json::from_str(&text(value)?).map_err(|error| error.to_string())
}

/// Returns the SDK's value of the JSON, without the members that the SDK doesn't know.
pub(crate) fn to_input(members: &Object) -> Result<RegisterTaskDefinitionInput, String> {
    let text = members.to_string();
    let mut deserializer = codec().create_deserializer(text.as_bytes());
    RegisterTaskDefinitionInput::deserialize(&mut deserializer).map_err(|error| error.to_string())
}

fn text(value: &impl SerializableStruct) -> Result<String, String> {
    let mut serializer = codec().create_serializer();
    serializer.write_struct(value.schema(), value).map_err(|error| error.to_string())?;
    String::from_utf8(serializer.finish()).map_err(|error| error.to_string())
}

fn codec() -> JsonCodec {
    JsonCodec::new(JsonCodecSettings::default())
}
