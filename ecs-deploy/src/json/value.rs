//! JSON with nothing lost: members stay in their order and numbers as they are spelled, so that a
//! file that is kept in git comes back as it went in. serde_json's own value has neither, and its
//! features for both would be switched on for everybody in a user's build.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Array(Vec<Json>),
    Bool(bool),
    Null,
    /// As it is spelled.
    Number(String),
    Object(Object),
    String(String),
}

/// Members, each name once, in their order.
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

    /// The text of a member that is one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Sets a member where it stands, or as the last one.
    pub(crate) fn insert(&mut self, name: &str, value: impl Into<Json>) {
        *self.place(name) = value.into();
    }

    /// The array of that name, which is made where there is none.
    pub(crate) fn array(&mut self, name: &str) -> &mut Vec<Json> {
        let place = self.place(name);
        if !matches!(place, Json::Array(_)) {
            *place = Json::Array(Vec::new());
        }
        match place {
            Json::Array(elements) => elements,
            _ => unreachable!("it has just been made one"),
        }
    }

    /// The object of that name, which is made where there is none.
    pub(crate) fn object(&mut self, name: &str) -> &mut Object {
        let place = self.place(name);
        if !matches!(place, Json::Object(_)) {
            *place = Json::Object(Object::default());
        }
        match place {
            Json::Object(object) => object,
            _ => unreachable!("it has just been made one"),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Json> {
        let at = self.members.iter().position(|(of, _)| of == name)?;
        Some(self.members.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.members.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Where the value of a member is, which is added where there is none.
    fn place(&mut self, name: &str) -> &mut Json {
        let at = self.members.iter().position(|(of, _)| of == name).unwrap_or_else(|| {
            self.members.push((name.to_owned(), Json::Null));
            self.members.len() - 1
        });
        &mut self.members[at].1
    }
}

impl FromIterator<(String, Json)> for Object {
    /// The names are to differ.
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
