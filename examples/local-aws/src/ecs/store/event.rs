//! A service event.

use serde_json::{Value, json};

use crate::clock::Timestamp;

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) message: String,
}

impl Event {
    pub(crate) fn to_json(&self) -> Value {
        json!({ "id": self.id, "createdAt": self.at.to_json(), "message": self.message })
    }
}
