//! The core: a request and a moment in, a response out, over state that it owns.
//!
//! Split in two so that a part's megabytes are parsed and decoded before the state is locked:
//! [`prepare`] needs no state, [`Core::answer`] does the rest.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header::HOST};
use serde_json::Value;

use crate::caller::{Caller, Signed};
use crate::clock::Timestamp;
use crate::context::{Context, Deferred, Ids, Settings};
use crate::ecr::{self, Ecr};
use crate::ecs::Ecs;
use crate::error::AwsError;
use crate::faults::{Fault, Faults};
use crate::iam::{self, Principals};
use crate::journal::{Call, Journal};
use crate::quotas::Quotas;
use crate::tokens::Tokens;
use crate::{sts, transcript, wire};

/// All that the emulator knows. Accounts and regions are worlds of their own, as they are in AWS.
#[derive(Debug, Default)]
pub(crate) struct Core {
    places: BTreeMap<(String, String), Place>,
    pub(crate) journal: Journal,
    pub(crate) settings: Settings,
    pub(crate) faults: Faults,
    pub(crate) principals: Principals,
    pub(crate) quotas: Quotas,
    pub(crate) tokens: Tokens,
    /// What the last request has left to be done without the core.
    pub(crate) deferred: Deferred,
    ids: Ids,
}

/// One region of one account.
#[derive(Debug, Default)]
pub(crate) struct Place {
    pub(crate) ecr: Ecr,
    pub(crate) ecs: Ecs,
    /// The registry as it was before its last change, if a fault asks for stale reads.
    before: Option<Ecr>,
}

/// A request, read as far as that goes without any state.
#[derive(Debug)]
pub(crate) struct Prepared {
    service: Service,
    operation: String,
    signed: Result<Signed, AwsError>,
    input: Result<Input, AwsError>,
    body: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ecr,
    Ecs,
    Sts,
    Unknown,
}

#[derive(Debug)]
enum Input {
    Ecr(ecr::Input),
    /// ECS's operations parse their own bodies: they are small.
    Ecs(Bytes),
    Sts(sts::Input),
}

/// Names the operation, and parses its input.
pub(crate) fn prepare(request: Request<Bytes>) -> Prepared {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let (service, operation) = Service::and_operation(target, &body);
    let input = match service {
        Service::Ecr => ecr::Input::parse(&operation, &body).map(Input::Ecr),
        Service::Ecs => Ok(Input::Ecs(body.clone())),
        Service::Sts => sts::Input::parse(&operation, &body).map(Input::Sts),
        Service::Unknown => Err(AwsError::unknown_operation()),
    };
    let host = parts.uri.host().or_else(|| parts.headers.get(HOST)?.to_str().ok());
    let signed = Signed::from_headers(&parts.headers, host.unwrap_or_default());
    Prepared { service, operation, signed, input, body }
}

/// What the client gets to see.
#[derive(Debug)]
pub(crate) enum Reply {
    /// An answer, to be given after so long.
    Answer(Response<Bytes>, Duration),
    /// Nothing: the connection breaks, after so long.
    Lost(Duration),
}

/// What the journal has for a call whose connection broke.
pub(crate) const RESET: &str = "connection reset";
/// What the journal has for a call that a device on the way answered.
pub(crate) const MIDDLEBOX: &str = "middlebox";

impl Core {
    /// Answers one request, and writes it into the journal.
    pub(crate) fn answer(&mut self, request: Prepared, now: Timestamp) -> Reply {
        let request_id = self.ids.uuid();
        let Prepared { service, operation, signed, input, body } = request;
        let fault = self.faults.meet(&operation, &body, now);
        let size = body.len() as u64;
        match fault {
            Some(Fault::Reset | Fault::ResetMidBody) => {
                self.record(service, operation, Some(RESET), size, now);
                return Reply::Lost(Duration::ZERO);
            }
            Some(Fault::StallMidBody(stall)) => {
                self.record(service, operation, Some(RESET), size, now);
                return Reply::Lost(stall);
            }
            Some(Fault::Middlebox(middlebox)) => {
                self.record(service, operation, Some(MIDDLEBOX), size, now);
                return Reply::Answer(middlebox.answer(), Duration::ZERO);
            }
            _ => {}
        }
        let mut result = signed.and_then(|signed| {
            service.check_scope(&signed)?;
            let caller = self.principals.identify(&signed, now)?;
            if let Some(refusal) = fault.as_ref().and_then(Fault::refusal) {
                return Err(refusal);
            }
            self.quotas.take(&caller.account, &caller.region, &operation, now)?;
            self.strike(fault.as_ref(), &caller);
            match input? {
                Input::Ecr(mut input) => {
                    fault.iter().for_each(|fault| input.meet(fault));
                    let stale = fault == Some(Fault::StaleRead);
                    self.ecr(&operation, input, &caller, now, stale).map(Output::Json)
                }
                Input::Ecs(body) => self.ecs(&operation, &body, &caller, now).map(Output::Json),
                Input::Sts(input) => self.sts(input, &caller, now).map(Output::Xml),
            }
        });
        if let (Ok(Output::Json(output)), Some(Fault::ExpiredToken)) = (&mut result, &fault) {
            self.tokens.expire(output, now);
        }
        let error = result.as_ref().err().map(|error| error.code);
        self.record(service, operation.clone(), error, size, now);
        if matches!(fault, Some(Fault::HalfPart | Fault::LoseResponse)) {
            return Reply::Lost(Duration::ZERO);
        }
        let response = match result {
            Ok(Output::Xml(inner)) => wire::xml_response(&operation, Ok(inner), &request_id),
            Ok(Output::Json(output)) => wire::json_response(Ok(output), &request_id),
            Err(error) if service == Service::Sts => {
                wire::xml_response(&operation, Err(&error), &request_id)
            }
            Err(error) => wire::json_response(Err(&error), &request_id),
        };
        transcript::record(service.name(), &operation, &response);
        Reply::Answer(response, self.delay(&operation, fault.as_ref()))
    }

    /// How long the answer of an operation is held back.
    pub(crate) fn delay(&self, operation: &str, fault: Option<&Fault>) -> Duration {
        let scripted = match fault {
            Some(Fault::Delay(delay)) => *delay,
            _ => Duration::ZERO,
        };
        scripted + self.settings.service_time(operation)
    }

    /// Whether the script breaks this call's connection in the middle of its body, and how long the
    /// body stalls before.
    pub(crate) fn break_mid_body(
        &mut self,
        target: &str,
        announced: u64,
        now: Timestamp,
    ) -> Option<Duration> {
        let (service, operation) = Service::and_operation(Some(target), &[]);
        let stall = self.faults.break_mid_body(&operation, now);
        if stall.is_some() {
            self.record(service, operation, Some(RESET), announced, now);
        }
        stall
    }

    /// Writes a call into the journal whose body stalled for too long.
    pub(crate) fn record_stalled(&mut self, target: Option<&str>, received: u64, now: Timestamp) {
        let (service, operation) = Service::and_operation(target, &[]);
        self.record(service, operation, Some(RESET), received, now);
    }

    pub(crate) fn record(
        &mut self,
        service: Service,
        operation: String,
        error: Option<&str>,
        request_bytes: u64,
        now: Timestamp,
    ) {
        self.journal.record(Call {
            at: now,
            service: service.name().to_owned(),
            operation,
            error: error.map(str::to_owned),
            request_bytes,
        });
    }

    /// What a fault does to the registry before a call is carried out.
    pub(crate) fn strike(&mut self, fault: Option<&Fault>, caller: &Caller) {
        let (account, region) = (&caller.account, &caller.region);
        match fault {
            Some(Fault::CollectLayers) => self.place(account, region).ecr.collect_layers(),
            Some(Fault::ExpireUploads) => self.place(account, region).ecr.expire_uploads(),
            _ => {}
        }
    }

    /// One region of one account, for the methods that script it.
    pub(crate) fn place(&mut self, account: &str, region: &str) -> &mut Place {
        self.places.entry((account.to_owned(), region.to_owned())).or_default()
    }

    /// An operation of ECR by one who is known: what is allowed, then what is right.
    pub(crate) fn ecr(
        &mut self,
        operation: &str,
        input: ecr::Input,
        caller: &Caller,
        now: Timestamp,
        stale: bool,
    ) -> Result<Value, AwsError> {
        self.principals.authorize(caller, &input.access(operation, caller))?;
        let is_read = ["BatchCheck", "BatchGet", "Describe", "Get", "List"]
            .iter()
            .any(|verb| operation.starts_with(verb));
        let keeps_before = self.faults.have(&Fault::StaleRead);
        let (place, mut context) = self.at(caller, now);
        match &mut place.before {
            Some(before) if is_read && stale => before.call(input, &mut context),
            _ => {
                if keeps_before && !is_read {
                    place.before = Some(place.ecr.clone());
                }
                place.ecr.call(input, &mut context)
            }
        }
    }

    fn ecs(
        &mut self,
        operation: &str,
        body: &[u8],
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Value, AwsError> {
        // A body that isn't JSON is refused before any permission is checked.
        if let Ok(input) = serde_json::from_slice(body) {
            self.principals.authorize(caller, &iam::of_ecs(operation, &input, caller))?;
            let (place, context) = self.at(caller, now);
            let passed = place.ecs.passed_roles(operation, &input, &context);
            self.principals.authorize(caller, &passed)?;
        }
        let (place, mut context) = self.at(caller, now);
        place.ecs.call(operation, body, &mut context)
    }

    fn sts(
        &mut self,
        input: sts::Input,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<String, AwsError> {
        self.principals.authorize(caller, &input.access())?;
        Ok(sts::call(input, caller, &mut self.principals, &mut self.ids, now))
    }

    pub(crate) fn at<'a>(
        &'a mut self,
        caller: &'a Caller,
        now: Timestamp,
    ) -> (&'a mut Place, Context<'a>) {
        let place = self.places.entry((caller.account.clone(), caller.region.clone())).or_default();
        let Self { ids, settings, tokens, deferred, .. } = self;
        (place, Context { caller, now, ids, settings, tokens, deferred })
    }
}

enum Output {
    Json(Value),
    Xml(String),
}

impl Service {
    /// Reads the `X-Amz-Target` header, or the body of the query protocol.
    fn and_operation(target: Option<&str>, body: &[u8]) -> (Self, String) {
        match target.and_then(|target| target.split_once('.')) {
            Some(("AmazonEC2ContainerRegistry_V20150921", operation)) => {
                (Service::Ecr, operation.to_owned())
            }
            Some(("AmazonEC2ContainerServiceV20141113", operation)) => {
                (Service::Ecs, operation.to_owned())
            }
            Some((_, operation)) => (Service::Unknown, operation.to_owned()),
            None => match sts::operation(body) {
                Some(operation) => (Service::Sts, operation),
                None => (Service::Unknown, String::new()),
            },
        }
    }

    fn name(self) -> &'static str {
        match self {
            Service::Ecr => "ecr",
            Service::Ecs => "ecs",
            Service::Sts => "sts",
            Service::Unknown => "",
        }
    }

    /// Refuses a request that was signed for another service, as AWS does.
    fn check_scope(self, signed: &Signed) -> Result<(), AwsError> {
        if self == Service::Unknown || self.name() == signed.service {
            return Ok(());
        }
        let message = format!("Credential should be scoped to correct service: '{}'.", self.name());
        Err(AwsError::new("InvalidSignatureException", message).status(StatusCode::FORBIDDEN))
    }
}
