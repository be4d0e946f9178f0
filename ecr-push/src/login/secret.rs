//! The parser of `GetAuthorizationToken`'s answer.

use std::time::SystemTime;

use aws_sdk_ecr::operation::get_authorization_token::GetAuthorizationTokenOutput;
use zeroize::Zeroizing;

/// A token without the registry for which it is used.
pub(crate) struct Secret {
    user: String,
    password: Zeroizing<String>,
    expires_at: SystemTime,
}

impl Secret {
    /// Parses the answer.
    ///
    /// # Errors
    /// Returns what is wrong with the answer, without any of its content.
    pub(crate) fn read(answer: GetAuthorizationTokenOutput) -> Result<Self, &'static str> {
        let data = answer.authorization_data.unwrap_or_default();
        let data = data.into_iter().next().ok_or("the answer has no authorizationData")?;
        let token = data.authorization_token.ok_or("the answer has no authorizationToken")?;
        let token = Zeroizing::new(token);
        let expires_at = data.expires_at.ok_or("the answer has no expiresAt")?;
        let expires_at =
            expires_at.try_into().map_err(|_| "the answer has an invalid expiresAt")?;
        let pair = base64_simd::STANDARD
            .decode_to_vec(token.as_bytes())
            .map_err(|_| "the token is not base64")?;
        let pair = String::from_utf8(pair).map_err(|_| "the token is not UTF-8")?;
        let pair = Zeroizing::new(pair);
        let (user, password) =
            pair.split_once(':').ok_or("the token has no `:` between user and password")?;
        if password.is_empty() {
            return Err("the token has no password");
        }
        let (user, password) = (user.to_owned(), Zeroizing::new(password.to_owned()));
        Ok(Self { user, password, expires_at })
    }

    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    pub(crate) fn expires_at(&self) -> SystemTime {
        self.expires_at
    }
}

#[cfg(test)]
impl Secret {
    pub(crate) fn for_tests(password: &str) -> Self {
        let password = Zeroizing::new(password.to_owned());
        Self { user: "AWS".to_owned(), password, expires_at: SystemTime::UNIX_EPOCH }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecr::primitives::DateTime;
    use aws_sdk_ecr::types::AuthorizationData;

    use super::*;

    fn answer(token: &[u8]) -> GetAuthorizationTokenOutput {
        let data = AuthorizationData::builder()
            .authorization_token(base64_simd::STANDARD.encode_to_string(token))
            .expires_at(DateTime::from_secs(60));
        GetAuthorizationTokenOutput::builder().authorization_data(data.build()).build()
    }

    #[test]
    fn a_token_is_a_user_and_a_password() {
        let secret = Secret::read(answer(b"AWS:a:b")).ok().unwrap();
        assert_eq!(secret.user(), "AWS");
        assert_eq!(secret.password(), "a:b");
        assert_eq!(
            secret.expires_at(),
            SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(60)
        );
    }

    #[test]
    fn an_answer_without_a_token_is_none() {
        let problem = |answer| Secret::read(answer).err().unwrap();
        let empty = GetAuthorizationTokenOutput::builder();
        assert_eq!(problem(empty.build()), "the answer has no authorizationData");
        let with = |data| GetAuthorizationTokenOutput::builder().authorization_data(data).build();
        let data = AuthorizationData::builder;
        assert_eq!(problem(with(data().build())), "the answer has no authorizationToken");
        let token = data().authorization_token("QVdTOng=");
        assert_eq!(problem(with(token.clone().build())), "the answer has no expiresAt");
        // This time lies far beyond the range of the system's clock.
        let never = DateTime::from_secs(i64::MAX);
        if SystemTime::try_from(never).is_err() {
            let token = token.expires_at(never);
            assert_eq!(problem(with(token.build())), "the answer has an invalid expiresAt");
        }
        let garbled = data().authorization_token("%").expires_at(DateTime::from_secs(60));
        assert_eq!(problem(with(garbled.build())), "the token is not base64");
        assert_eq!(problem(answer(b"AWS:\xff")), "the token is not UTF-8");
        assert_eq!(problem(answer(b"AWS")), "the token has no `:` between user and password");
        assert_eq!(problem(answer(b"AWS:")), "the token has no password");
    }
}
