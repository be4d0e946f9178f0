//! Faults by script: which call meets what.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, PROXY_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Deserializer, de};

use crate::clock::Timestamp;
use crate::error::AwsError;

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum Fault {
    /// Layers that no image refers to are collected first.
    CollectLayers,
    /// A bit of a part's content is another one when it arrives, or of the body of a `V2.…`
    /// operation.
    CorruptPart,
    /// The answer comes so much later.
    Delay(#[serde(deserialize_with = "seconds")] Duration),
    /// Every upload in progress expires first.
    ExpireUploads,
    /// GetAuthorizationToken answers with a token whose time is over, and a `V2.…` operation refuses
    /// the one that it gets.
    ExpiredToken,
    /// Half of a part's content is taken, or of the body of a `V2.…` operation, and the connection
    /// breaks before an answer gets through.
    /// Users report cursors within what had been sent as one part.
    HalfPart,
    /// HTTP 400 `LimitExceededException`, a quota of the account, and nothing is carried out.
    LimitExceeded,
    /// The call is carried out, and the connection breaks before the answer gets through.
    LoseResponse,
    /// A device between the client and AWS answers with HTML, and the call never arrives.
    Middlebox(Middlebox),
    /// The connection breaks before the call is carried out.
    Reset,
    /// The connection breaks when half of the body has arrived, of which a `V2.…` operation keeps
    /// the whole parts; in process, the API's operations meet it as [`Reset`].
    ///
    /// [`Reset`]: Self::Reset
    ResetMidBody,
    /// HTTP 500 `ServerException`, and nothing is carried out.
    ServerError,
    /// Half of the body arrives and the rest doesn't, so that the connection is cut after so long; a
    /// `V2.…` operation keeps the whole parts. In process, the API's operations take all of the body
    /// before they wait.
    StallMidBody(#[serde(deserialize_with = "seconds")] Duration),
    /// A read of ECR is answered from before the last change since the fault was injected: reads
    /// are eventually consistent. A call that changes something isn't affected.
    StaleRead,
    /// HTTP 400 `ThrottlingException`, or 429 by the registry, and nothing is carried out.
    Throttle,
    /// HTTP 503, and nothing is carried out.
    Unavailable,
}

/// What a proxy, a firewall or a portal answers in place of AWS. Users report each of these answers,
/// always with HTML that no AWS client can parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[non_exhaustive]
pub enum Middlebox {
    /// HTTP 403: a firewall blocks the request.
    Forbidden,
    /// HTTP 504: a proxy waited for AWS for too long.
    GatewayTimeout,
    /// HTTP 200: a portal shows its login page.
    Portal,
    /// HTTP 407: a proxy wants credentials of its own.
    ProxyAuthentication,
    /// HTTP 302: a portal redirects to its login page.
    Redirect,
    /// HTTP 413: a proxy limits the size of bodies.
    TooLarge,
}

impl Middlebox {
    pub(crate) fn answer(self) -> Response<Bytes> {
        let (status, title) = match self {
            Middlebox::Forbidden => (StatusCode::FORBIDDEN, "Access Denied"),
            Middlebox::GatewayTimeout => (StatusCode::GATEWAY_TIMEOUT, "504 Gateway Time-out"),
            Middlebox::Portal => (StatusCode::OK, "Sign in to the network"),
            Middlebox::ProxyAuthentication => {
                (StatusCode::PROXY_AUTHENTICATION_REQUIRED, "Proxy Authentication Required")
            }
            Middlebox::Redirect => (StatusCode::FOUND, "302 Found"),
            Middlebox::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "413 Request Entity Too Large"),
        };
        let html = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1>\r\n\
             </body>\r\n</html>\r\n"
        );
        let mut response = Response::new(Bytes::from(html));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        match self {
            Middlebox::ProxyAuthentication => {
                let challenge = HeaderValue::from_static("Basic realm=\"proxy\"");
                headers.insert(PROXY_AUTHENTICATE, challenge);
            }
            Middlebox::Redirect => {
                headers.insert(LOCATION, HeaderValue::from_static("http://portal.example/login"));
            }
            _ => {}
        }
        response
    }
}

impl Fault {
    /// How long a body that breaks off stalls before that.
    pub(crate) fn stall(&self) -> Option<Duration> {
        match self {
            Fault::ResetMidBody => Some(Duration::ZERO),
            Fault::StallMidBody(duration) => Some(*duration),
            _ => None,
        }
    }

    /// The refusal that takes the place of the operation, if any.
    pub(crate) fn refusal(&self) -> Option<AwsError> {
        match self {
            Fault::ServerError => Some(
                AwsError::new("ServerException", "Service encountered an internal error.")
                    .status(StatusCode::INTERNAL_SERVER_ERROR),
            ),
            Fault::LimitExceeded => Some(AwsError::new(
                "LimitExceededException",
                "The operation did not succeed because it would have exceeded a service limit for \
                 your account.",
            )),
            Fault::Throttle => Some(AwsError::new("ThrottlingException", "Rate exceeded")),
            Fault::Unavailable => Some(
                AwsError::new("ServiceUnavailable", "Service is unable to handle request.")
                    .status(StatusCode::SERVICE_UNAVAILABLE),
            ),
            _ => None,
        }
    }
}

/// Which calls of an operation meet a fault.
///
/// ```
/// # use std::time::Duration;
/// # use local_aws::{Fault, LocalAws, When};
/// let local = LocalAws::new();
/// local.inject(When::nth("UploadLayerPart", 2), Fault::LoseResponse);
/// local.inject(When::for_the_next("DescribeServices", Duration::from_secs(60)), Fault::Throttle);
/// local.inject(When::one_in("CompleteLayerUpload", 5).seed(17), Fault::ServerError);
/// ```
pub struct When {
    operation: String,
    calls: Calls,
}

type Predicate = Box<dyn Fn(&[u8]) -> bool + Send>;

enum Calls {
    Every,
    For(Duration),
    Matching(Predicate),
    Nth(usize),
    OneIn { calls: u32, seed: u64 },
}

impl When {
    /// Every call of the operation.
    pub fn every(operation: &str) -> Self {
        Self::new(operation, Calls::Every)
    }

    /// Every call for so long, on the emulator's clock, from when the fault is injected.
    pub fn for_the_next(operation: &str, duration: Duration) -> Self {
        Self::new(operation, Calls::For(duration))
    }

    /// Every call whose body `predicate` accepts. Of a `V2.…` operation, whose body may be larger
    /// than the memory, it gets the method and the target: `PUT /v2/app/manifests/1.0`.
    pub fn matching(operation: &str, predicate: impl Fn(&[u8]) -> bool + Send + 'static) -> Self {
        Self::new(operation, Calls::Matching(Box::new(predicate)))
    }

    /// The `nth` call, counted from 1 over the emulator's whole life.
    pub fn nth(operation: &str, nth: usize) -> Self {
        Self::new(operation, Calls::Nth(nth))
    }

    /// About one call of so many, by chance; the same ones in every run.
    pub fn one_in(operation: &str, calls: u32) -> Self {
        Self::new(operation, Calls::OneIn { calls, seed: 0 })
    }

    /// Another chance for [`one_in`](Self::one_in).
    pub fn seed(mut self, seed: u64) -> Self {
        if let Calls::OneIn { seed: of_chance, .. } = &mut self.calls {
            *of_chance = seed;
        }
        self
    }

    fn new(operation: &str, calls: Calls) -> Self {
        Self { operation: operation.to_owned(), calls }
    }
}

impl fmt::Debug for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = &self.operation;
        match &self.calls {
            Calls::Every => write!(f, "every {operation}"),
            Calls::For(duration) => write!(f, "{operation} for {duration:?}"),
            Calls::Matching(_) => write!(f, "{operation} that matches"),
            Calls::Nth(nth) => write!(f, "{operation} number {nth}"),
            Calls::OneIn { calls, seed } => write!(f, "one {operation} in {calls}, seed {seed}"),
        }
    }
}

/// The script, and how far it has been played.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    script: Vec<Entry>,
    calls: HashMap<String, usize>,
}

#[derive(Debug)]
struct Entry {
    when: When,
    fault: Fault,
    injected: Timestamp,
}

impl Faults {
    pub(crate) fn add(&mut self, when: When, fault: Fault, now: Timestamp) {
        self.script.push(Entry { when, fault, injected: now });
    }

    /// Forgets the script, and keeps the counts.
    pub(crate) fn clear(&mut self) {
        self.script.clear();
    }

    /// Counts a call of `operation`, and says which fault it meets: the first one of the script.
    pub(crate) fn meet(&mut self, operation: &str, body: &[u8], now: Timestamp) -> Option<Fault> {
        let nth = self.next(operation);
        // Names of operations are counted up to a limit: a fuzzer makes up many that no script can
        // mean.
        if nth > 1 || self.calls.len() < 1000 {
            self.calls.insert(operation.to_owned(), nth);
        }
        self.met_by(operation, nth, Some(body), now).cloned()
    }

    /// Counts the next call of `operation` if it is one whose connection is to break in the middle
    /// of the body, and says how long the body stalls before. For when the body has yet to arrive.
    pub(crate) fn break_mid_body(&mut self, operation: &str, now: Timestamp) -> Option<Duration> {
        let nth = self.next(operation);
        let stall = self.met_by(operation, nth, None, now).and_then(Fault::stall);
        if stall.is_some() {
            self.calls.insert(operation.to_owned(), nth);
        }
        stall
    }

    /// Whether `fault` is anywhere in the script.
    pub(crate) fn have(&self, fault: &Fault) -> bool {
        self.script.iter().any(|entry| entry.fault == *fault)
    }

    /// The number that the next call of `operation` has.
    fn next(&self, operation: &str) -> usize {
        self.calls.get(operation).map_or(1, |calls| calls + 1)
    }

    fn met_by(
        &self,
        operation: &str,
        nth: usize,
        body: Option<&[u8]>,
        now: Timestamp,
    ) -> Option<&Fault> {
        let meets = |entry: &&Entry| match &entry.when.calls {
            Calls::Every => true,
            Calls::For(duration) => now.since(entry.injected) < *duration,
            Calls::Matching(predicate) => body.is_some_and(predicate),
            Calls::Nth(wanted) => *wanted == nth,
            Calls::OneIn { calls, seed } => {
                chance(*seed, nth as u64).is_multiple_of(u64::from((*calls).max(1)))
            }
        };
        let mut entries = self.script.iter().filter(|entry| entry.when.operation == operation);
        entries.find(meets).map(|entry| &entry.fault)
    }
}

/// Reads a duration, which is a number of seconds in the emulator's orders.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(seconds).map_err(de::Error::custom)
}

/// A number that looks random, for each call of each seed the same: SplitMix64.
fn chance(seed: u64, nth: u64) -> u64 {
    let mut z = seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
