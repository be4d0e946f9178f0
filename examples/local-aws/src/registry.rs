//! The registry endpoint, `ACCOUNT.dkr.ecr.REGION.amazonaws.com`: the Docker Registry HTTP API V2,
//! which the OCI distribution specification describes, as ECR has it.
//!
//! It is another door to what the API works on: each operation is one of the API's, with the same
//! rules, permissions and quotas, and refusals that only look different.

mod answer;
mod call;
mod operations;
mod receiving;
mod route;

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_RANGE};
use http::request::Parts;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use hyper::body::Body;

use crate::caller::Caller;
use crate::clock::Timestamp;
use crate::core::{Core, MIDDLEBOX, RESET, Reply, Service};
use crate::ecr::on_repository;
use crate::ecr::put_image::MAX_MANIFEST;
use crate::ecr::script::RefusedUploads;
use crate::ecr::store::upload::{contradiction, invalid_part};
use crate::ecr::uploads::UploadName;
use crate::error::AwsError;
use crate::faults::Fault;
use crate::link::{Line, pause};
use crate::local::LocalAws;
use crate::registry::answer::{Answer, Problem, Refusal};
use crate::registry::call::{Call, text};
use crate::registry::operations::Carrying;
use crate::registry::receiving::Receiving;
use crate::registry::route::Operation;
use crate::tokens::Standing;

pub(crate) use crate::registry::route::Registry;

/// Whether a path is one of the registry's, on a host that has others as well.
pub(crate) fn is_path(path: &str) -> bool {
    path.strip_prefix("/v2").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request to a registry. Its body is taken piece by piece, as fast as the line lets it
/// through; one that is refused is read to its end, so that its sender gets to see the refusal.
pub(crate) async fn serve<B>(
    local: &LocalAws,
    line: &Line,
    registry: Registry,
    request: Request<B>,
) -> Reply
where
    B: Body<Data = Bytes> + Unpin,
{
    let (head, mut body) = request.into_parts();
    let announced = if body.is_end_stream() { Some(0) } else { body.size_hint().exact() };
    let mut exchange = Exchange::begin(local, registry, head, announced);
    while !exchange.is_dropped() {
        // A body that stalls is cut off; what has come in whole parts stays.
        let Ok(frame) = local.piece(body.frame()).await else {
            exchange.drop_connection();
            break;
        };
        let Some(frame) = frame else { break };
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(piece)) => {
                line.receive(piece.len() as u64).await;
                exchange.take(piece);
            }
            // Trailers say nothing here.
            Ok(Err(_)) => {}
            // What has come in whole parts stays, as it does when ECR's clients break off.
            Err(_) => exchange.drop_connection(),
        }
    }
    if exchange.is_dropped() {
        pause(exchange.stall()).await;
    }
    line.round_trip().await;
    exchange.finish()
}

/// A request while its body comes.
struct Exchange<'a> {
    local: &'a LocalAws,
    call: Call,
    fault: Option<Fault>,
    /// What is to be done with the body, and by whom; or the refusal that is certain already.
    work: Result<(Caller, Work), Refusal>,
    received: u64,
    /// After how many bytes of the body the fault strikes, if it does.
    strikes_at: Option<u64>,
}

/// What becomes of a body.
enum Work {
    Ignore,
    Keep(Vec<u8>),
    Receive(Box<Receiving>),
}

impl<'a> Exchange<'a> {
    /// All that can be known before the body is here.
    fn begin(local: &'a LocalAws, registry: Registry, head: Parts, announced: Option<u64>) -> Self {
        let call = Call::new(registry, &head);
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let line = format!("{} {target}", head.method);
        local.in_core(|core, now| {
            let fault = core.faults.meet(&call.route.operation.name(), line.as_bytes(), now);
            let work = match &fault {
                Some(Fault::Reset) => Err(Refusal::Dropped),
                Some(Fault::Middlebox(middlebox)) => Err(Refusal::Middlebox(*middlebox)),
                fault => call.prepare(core, &head.headers, fault.as_ref(), announced, now),
            };
            let work = work.map_err(|refusal| call.perhaps_dropped(core, refusal));
            let strikes_at = match fault {
                Some(Fault::HalfPart | Fault::ResetMidBody | Fault::StallMidBody(_)) => {
                    announced.map(|all| all / 2)
                }
                _ => None,
            };
            Self { local, call, fault, work, received: 0, strikes_at }
        })
    }

    /// How long the body stalls before the connection breaks.
    fn stall(&self) -> Duration {
        self.fault.as_ref().and_then(Fault::stall).unwrap_or_default()
    }

    fn is_dropped(&self) -> bool {
        matches!(self.work, Err(Refusal::Dropped))
    }

    fn drop_connection(&mut self) {
        self.work = Err(Refusal::Dropped);
    }

    fn take(&mut self, mut piece: Bytes) {
        let struck = self.strikes_at.is_some_and(|at| self.received + piece.len() as u64 > at);
        if let Some(at) = self.strikes_at.filter(|_| struck) {
            piece.truncate((at - self.received) as usize);
        }
        if self.received == 0 && self.fault == Some(Fault::CorruptPart) {
            piece = corrupt(&piece);
        }
        self.received += piece.len() as u64;
        let taken = match &mut self.work {
            // One byte more than allowed is enough to be refused.
            Ok((_, Work::Keep(kept))) => {
                let room = (MAX_MANIFEST + 1).saturating_sub(kept.len());
                kept.extend_from_slice(&piece[..piece.len().min(room)]);
                Ok(())
            }
            Ok((_, Work::Receive(receiving))) => {
                let taken = receiving.take(self.local, piece);
                match self.fault {
                    Some(Fault::HalfPart) if struck => {
                        taken.and_then(|()| receiving.add(self.local))
                    }
                    _ => taken,
                }
            }
            Ok((_, Work::Ignore)) | Err(_) => Ok(()),
        };
        if let Err(error) = taken {
            self.work = Err(error.into());
        }
        if struck {
            self.drop_connection();
        }
    }

    /// Carries out what there is to be carried out, and writes it into the journal.
    fn finish(self) -> Reply {
        let Self { local, call, fault, work, received, .. } = self;
        let ended = work.and_then(|(caller, work)| match work {
            Work::Ignore => Ok((caller, Vec::new())),
            Work::Keep(body) => Ok((caller, body)),
            Work::Receive(mut receiving) => {
                receiving.end(local)?;
                Ok((caller, Vec::new()))
            }
        });
        local.in_core(|core, now| {
            let stale = fault == Some(Fault::StaleRead);
            let result = ended.and_then(|(caller, body)| {
                Carrying { core: &mut *core, call: &call, caller: &caller, now, stale }.out(body)
            });
            let result = result.map_err(|refusal| call.perhaps_dropped(core, refusal));
            let error = match &result {
                Ok(_) => None,
                Err(Refusal::Dropped) => Some(RESET),
                Err(Refusal::Middlebox(_)) => Some(MIDDLEBOX),
                Err(Refusal::Problem(problem)) => Some(problem.code),
            };
            let operation = call.route.operation.name();
            let delay = core.delay(&operation, fault.as_ref());
            core.record(Service::Ecr, operation, error, received, now);
            let breaks = matches!(fault, Some(Fault::HalfPart | Fault::LoseResponse));
            if breaks || fault.as_ref().and_then(Fault::stall).is_some() {
                return Reply::Lost(Duration::ZERO);
            }
            let answer = match result {
                Ok(answer) => answer,
                Err(Refusal::Dropped) => return Reply::Lost(Duration::ZERO),
                Err(Refusal::Middlebox(middlebox)) => Answer::from(middlebox.answer()),
                Err(Refusal::Problem(problem)) => problem.into_answer(),
            };
            let answer = if call.is_head { answer.without_body() } else { answer };
            answer.after(delay)
        })
    }
}

impl Call {
    /// Who calls, and whether there is any use in the body.
    fn prepare(
        &self,
        core: &mut Core,
        headers: &HeaderMap,
        fault: Option<&Fault>,
        announced: Option<u64>,
        now: Timestamp,
    ) -> Result<(Caller, Work), Refusal> {
        let caller = self.authenticate(core, headers, now)?;
        if fault == Some(&Fault::ExpiredToken) {
            return Err(Problem::expired().into());
        }
        if let Some(refusal) = fault.and_then(Fault::refusal) {
            return Err(refusal.into());
        }
        let operation = &self.route.operation;
        if let Some(api) = operation.in_api() {
            core.quotas.take(&caller.account, &caller.region, api, now)?;
        }
        core.strike(fault, &caller);
        let work = match operation {
            Operation::PutManifest { .. } => Work::Keep(Vec::new()),
            Operation::PatchUpload { id } => {
                Work::Receive(Box::new(self.receive(core, &caller, id, headers, announced, now)?))
            }
            // It has the last chunk, or all of the blob.
            Operation::PutUpload { id, .. } if announced != Some(0) => {
                Work::Receive(Box::new(self.receive(core, &caller, id, headers, announced, now)?))
            }
            _ => Work::Ignore,
        };
        Ok((caller, work))
    }

    fn receive(
        &self,
        core: &mut Core,
        caller: &Caller,
        id: &str,
        headers: &HeaderMap,
        announced: Option<u64>,
        now: Timestamp,
    ) -> Result<Receiving, Refusal> {
        let on = self.on();
        core.principals.authorize(caller, &[on_repository("UploadLayerPart", on, caller)])?;
        let range = text(headers, &CONTENT_RANGE).map(content_range).transpose()?;
        let upload = UploadName::new(on, id);
        let receiving = Receiving::begin(core, upload, caller.clone(), range, now)?;
        match (range, announced) {
            // Before any of it is taken.
            (Some((first, last)), Some(length)) if length.checked_sub(1) != Some(last - first) => {
                Err(contradiction(length, first, last).into())
            }
            _ => Ok(receiving),
        }
    }

    /// ECR's user guide: HTTP Basic, with the token as it is.
    fn authenticate(
        &self,
        core: &Core,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Caller, Problem> {
        let header = text(headers, &AUTHORIZATION).and_then(|it| it.split_once(' '));
        let Some((_, token)) = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        else {
            return Err(Problem::unauthorized(&self.host));
        };
        match core.tokens.standing(token.trim(), now) {
            Standing::Good(caller) if caller.region == self.registry.region => Ok(caller),
            Standing::Expired => Err(Problem::expired()),
            Standing::Good(_) | Standing::Unknown => Err(Problem::invalid_token()),
        }
    }

    /// Users report of a push without a repository, or without its permissions, that the
    /// connection breaks at the uploads; others that they got to see why. What isn't an upload is
    /// always told.
    fn perhaps_dropped(&self, core: &mut Core, refusal: Refusal) -> Refusal {
        let Registry { account, region } = &self.registry;
        let Refusal::Problem(problem) = &refusal else { return refusal };
        let concerned =
            matches!(problem.source, Some("AccessDeniedException" | "RepositoryNotFoundException"));
        let drops = concerned
            && self.route.operation.uploads()
            && core.place(account, region).ecr.refused_uploads() == RefusedUploads::Dropped;
        if drops { Refusal::Dropped } else { refusal }
    }
}

/// `0-1023`: the first and the last byte. The refusal of anything else, like bytes out of order, is
/// inferred from the specification.
fn content_range(text: &str) -> Result<(u64, u64), AwsError> {
    let numbers = text
        .split_once('-')
        .and_then(|(first, last)| Some((first.trim().parse().ok()?, last.trim().parse().ok()?)));
    numbers
        .filter(|(first, last)| first <= last)
        .ok_or_else(|| invalid_part(format!("Content-Range '{text}' is not the range of a part")))
}

fn corrupt(piece: &Bytes) -> Bytes {
    let mut corrupt = piece.to_vec();
    if let Some(byte) = corrupt.first_mut() {
        *byte ^= 1;
    }
    corrupt.into()
}
