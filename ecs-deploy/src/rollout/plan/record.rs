//! The saved form of a plan.

use serde::de::value::Error as UnknownName;
use serde::de::{Error as _, IntoDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ecs::update::Update;
use crate::model::finding::{Finding, FindingKind};
use crate::model::saved::{self, Saved};
use crate::names::service::Service;
use crate::revision::Revision;
use crate::revision::record::RevisionRecord;
use crate::rollout::plan::Plan;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanRecord {
    service: Service,
    running: Option<String>,
    revision: RevisionRecord,
    update: Update,
    findings: Vec<FindingRecord>,
    refused: Vec<String>,
    is_unchanged: bool,
}

/// A finding with the name of its kind, which this build may not know.
#[derive(Serialize, Deserialize)]
struct FindingRecord {
    kind: String,
    text: String,
}

impl Saved for PlanRecord {
    const NAME: &'static str = "plan";
}

/// Writes the member `version` and the whole task definition, with the values of its environment
/// variables.
impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding =
            |it: &Finding| FindingRecord { kind: it.kind().to_string(), text: it.to_string() };
        let record = PlanRecord {
            service: self.service.clone(),
            running: self.running.clone(),
            revision: RevisionRecord::from(&self.revision),
            update: self.update.clone(),
            findings: self.findings.iter().map(finding).collect(),
            refused: self.refused.kinds().map(|it| it.to_string()).collect(),
            is_unchanged: self.is_unchanged,
        };
        saved::serialize(&record, serializer)
    }
}

/// Reads a saved plan; another version is an error.
impl<'de> Deserialize<'de> for Plan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let record: PlanRecord = saved::deserialize(deserializer)?;
        let invalid = |problem| D::Error::custom(format!("invalid plan: {problem}"));
        // A later build may know more kinds. Applying the plan looks for all findings again.
        let finding = |it: FindingRecord| Some(Finding::new(kind(&it.kind)?, it.text));
        Ok(Self {
            service: record.service,
            running: record.running,
            revision: Revision::try_from(record.revision).map_err(invalid)?,
            update: record.update,
            findings: record.findings.into_iter().filter_map(finding).collect(),
            refused: record.refused.iter().filter_map(|it| kind(it)).collect(),
            is_unchanged: record.is_unchanged,
        })
    }
}

fn kind(name: &str) -> Option<FindingKind> {
    let name: serde::de::value::StrDeserializer<'_, UnknownName> = name.into_deserializer();
    FindingKind::deserialize(name).ok()
}
