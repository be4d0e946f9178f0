//! A lossless JSON value. Members keep their order and numbers keep their spelling, so that a file
//! in git is written as it was read. serde_json's own value keeps neither, and its features for
//! both would apply to every crate in a user's build.

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Array(Vec<Json>),
    Bool(bool),
    Null,
    /// The exact spelling.
    Number(String),
    Object(Object),
    String(String),
}

/// The members in their order; each name occurs once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Object {
    pub(super) members: Vec<(String, Json)>,
}

impl Json {
    pub(crate) fn as_array(&self) -> Option<&Vec<Json>> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn as_array_mut(&mut self) -> Option<&mut Vec<Json>> {
        match self {
            Json::Array(elements) => Some(elements),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Object {
    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.members.iter().find(|(of, _)| of == name).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        self.members.iter_mut().find(|(of, _)| of == name).map(|(_, value)| value)
    }

    /// Returns the text of a member if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Sets a member in its place, or appends it.
    pub(crate) fn insert(&mut self, name: &str, value: impl Into<Json>) {
        *self.place(name) = value.into();
    }

    /// Returns the array of that name, and creates it if it is missing.
    pub(crate) fn array(&mut self, name: &str) -> &mut Vec<Json> {
        let place = self.place(name);
        if !matches!(place, Json::Array(_)) {
            *place = Json::Array(Vec::new());
        }
        match place {
            Json::Array(elements) => elements,
            _ => unreachable!("the place holds an array now"),
        }
    }

    /// Returns the object of that name, and creates it if it is missing.
    pub(crate) fn object(&mut self, name: &str) -> &mut Object {
        let place = self.place(name);
        if !matches!(place, Json::Object(_)) {
            *place = Json::Object(Object::default());
        }
        match place {
            Json::Object(object) => object,
            _ => unreachable!("the place holds an object now"),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(of, _)| of == name)?;
        Some(self.members.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Returns the place of a member's value, and adds the member if it is missing.
    fn place(&mut self, name: &str) -> &mut Json {
        let at = self.members.iter().position(|(of, _)| of == name).unwrap_or_else(|| {
            self.members.push((name.to_owned(), Json::Null));
            self.members.len() - 1
        });
        &mut self.members[at].1
    }
}

impl FromIterator<(String, Json)> for Object {
    /// Collects members; their names have to be distinct.
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(members: I) -> Self {
        Self { members: members.into_iter().collect() }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.to_owned())
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Json::Number(number.to_string())
    }
}

impl From<Vec<Json>> for Json {
    fn from(elements: Vec<Json>) -> Self {
        Json::Array(elements)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Json::Object(object)
    }
}

#[cfg(test)]
pub(crate) mod tests;
