//! The registry's authorization tokens: who each stands for, and until when.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::caller::Caller;
use crate::clock::Timestamp;

/// AWS documents 12 hours.
const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// The tokens that were given out, by their text, until their time is over for long.
#[derive(Debug, Default)]
pub(crate) struct Tokens(BTreeMap<String, Issued>);

#[derive(Debug)]
struct Issued {
    caller: Caller,
    expires: Timestamp,
}

/// What a token is good for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Expired,
    /// Who got it. AWS documents that it gives access to every registry that its principal has
    /// access to, in its one region.
    Good(Caller),
    Unknown,
}

impl Tokens {
    /// What is known of the text of a token: `AWS:` and its password, in base64.
    pub(crate) fn standing(&self, token: &str, now: Timestamp) -> Standing {
        match self.0.get(token) {
            None => Standing::Unknown,
            Some(Issued { expires, .. }) if *expires <= now => Standing::Expired,
            Some(Issued { caller, .. }) => Standing::Good(caller.clone()),
        }
    }

    /// Ends the time of the tokens in an answer of GetAuthorizationToken.
    pub(crate) fn expire(&mut self, answer: &mut Value, now: Timestamp) {
        let tokens = answer.get_mut("authorizationData").and_then(Value::as_array_mut);
        for token in tokens.into_iter().flatten() {
            token["expiresAt"] = now.to_json();
            let issued = token["authorizationToken"].as_str().and_then(|it| self.0.get_mut(it));
            if let Some(issued) = issued {
                issued.expires = now;
            }
        }
    }

    pub(crate) fn issue(&mut self, token: String, caller: Caller, now: Timestamp) -> Timestamp {
        // A token is remembered for a day after its end, so that it is refused as expired.
        self.0.retain(|_, issued| now < issued.expires + 2 * TOKEN_LIFETIME);
        let expires = now + TOKEN_LIFETIME;
        self.0.insert(token, Issued { caller, expires });
        expires
    }
}
