//! The comparison of a task definition with what ECS registered of it.

use std::collections::BTreeSet;

use crate::json::value::Json;
use crate::model::finding::{Finding, FindingKind};
use crate::names::nearest::nearest;
use crate::revision::Revision;
use crate::revision::check::schema;
use crate::revision::diff::{CONTAINERS, MASK, is_masked};

impl Revision {
    /// Returns the differences between this content and `kept`, the response to its registration,
    /// in canonical form: the rules of ECS that are known make no difference.
    pub(crate) fn deviations(&self, kept: &Revision) -> Vec<Finding> {
        // A response without containers says nothing about what ECS kept.
        if kept.containers().next().is_none() {
            return Vec::new();
        }
        let mut sent = self.clone();
        if !kept.has_tags() {
            sent.members.remove("tags");
        }
        let (sent, kept) = (sent.canonical().to_json(), kept.canonical().to_json());
        let mut comparison = Comparison { revision: self, path: Vec::new(), found: Vec::new() };
        comparison.values(&sent, &kept);
        comparison.found
    }
}

struct Comparison<'a> {
    revision: &'a Revision,
    path: Vec<String>,
    found: Vec<Finding>,
}

impl Comparison<'_> {
    fn values(&mut self, sent: &Json, kept: &Json) {
        match (sent, kept) {
            (sent, kept) if sent == kept => {}
            (Json::Object(old), Json::Object(new)) => {
                let names: BTreeSet<&str> =
                    old.iter().chain(new.iter()).map(|(name, _)| name).collect();
                for name in names {
                    let is_first = self.path.is_empty() && name == "containerDefinitions";
                    self.path.push(if is_first { CONTAINERS } else { name }.to_owned());
                    match (old.get(name), new.get(name)) {
                        (Some(old), Some(new)) => self.values(old, new),
                        (Some(_), None) => self.dropped(name),
                        (None, Some(new)) => self.added(new),
                        (None, None) => {}
                    }
                    self.path.pop();
                }
            }
            (Json::Array(old), Json::Array(new)) if old.len() == new.len() => {
                for (at, (old, new)) in old.iter().zip(new).enumerate() {
                    self.path.push(at.to_string());
                    self.values(old, new);
                    self.path.pop();
                }
            }
            (old, new) => {
                let (old, new) = (self.shown(old), self.shown(new));
                let text = format!(
                    "ECS registered `{}` as {new} instead of {old}: write it so, or each rollout \
                     of this task definition registers it again",
                    self.path.join(".")
                );
                self.found.push(Finding::new(FindingKind::ValueChanged, text));
            }
        }
    }

    fn dropped(&mut self, name: &str) {
        let known = schema::siblings(&self.revision.members, name);
        let hint = nearest(name, &known).map(|near| format!(" (did you mean `{near}`?)"));
        let path = self.path.join(".");
        let text = format!("ECS dropped `{path}`{}", hint.unwrap_or_default());
        self.found.push(Finding::new(FindingKind::MemberDropped, text));
    }

    fn added(&mut self, value: &Json) {
        let text = format!(
            "ECS added `{}` with the value {}: write it so, or each rollout of this task \
             definition registers it again",
            self.path.join("."),
            self.shown(value)
        );
        self.found.push(Finding::new(FindingKind::ValueChanged, text));
    }

    fn shown(&self, value: &Json) -> String {
        if is_masked(&self.path) { MASK.to_owned() } else { value.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(sent: &str, kept: &str) -> Vec<String> {
        let sent: Revision = sent.parse().unwrap();
        let kept: Revision = kept.parse().unwrap();
        sent.deviations(&kept).iter().map(|it| format!("{}: {it}", it.kind())).collect()
    }

    fn web(members: &str) -> String {
        format!(
            r#"{{"family":"web","networkMode":"awsvpc","containerDefinitions":[{{"name":"web"{members}}}]}}"#
        )
    }

    #[test]
    fn a_member_that_ecs_dropped_is_named_once() {
        for (member, text) in [
            (
                r#","enviroment":[{"name":"A","value":"b"}]"#,
                "containers.web.enviroment` (did you mean `environment`?)",
            ),
            (
                r#","logConfigration":{"logDriver":"x","options":{"a":"b"}}"#,
                "containers.web.logConfigration` (did you mean `logConfiguration`?)",
            ),
            (r#","brandNew":{"a":1}"#, "containers.web.brandNew`"),
            (
                r#","healthCheck":{"command":["CMD"],"intervall":5}"#,
                "containers.web.healthCheck.intervall` (did you mean `interval`?)",
            ),
            (
                r#","environmentFiles":[{"value":"a","typ":"s3"}]"#,
                "containers.web.environmentFiles.0.typ` (did you mean `type`?)",
            ),
            (
                r#","portMappings":[{"containerPort":80,"nam":"http"}]"#,
                "containers.web.portMappings.80/tcp.nam` (did you mean `name`?)",
            ),
        ] {
            let name = text.split(['`']).next().and_then(|it| it.rsplit('.').next()).unwrap();
            let kept = match member {
                _ if name == "intervall" => r#","healthCheck":{"command":["CMD"]}"#,
                _ if name == "typ" => r#","environmentFiles":[{"value":"a"}]"#,
                _ if name == "nam" => r#","portMappings":[{"containerPort":80}]"#,
                _ => "",
            };
            assert_eq!(
                said(&web(member), &web(kept)),
                [format!("memberDropped: ECS dropped `{text}")]
            );
        }
    }

    #[test]
    fn a_value_that_ecs_changed_is_shown_with_both_values_unless_it_may_be_secret() {
        let variable =
            |value: &str| web(&format!(r#","environment":[{{"name":"A","value":"{value}"}}]"#));
        assert_eq!(
            said(&variable("secret"), &variable("terces")),
            ["valueChanged: ECS registered `containers.web.environment.A` as *** instead of ***: \
              write it so, or each rollout of this task definition registers it again"]
        );
        assert_eq!(
            said(
                &web(r#","stopTimeout":30,"user":"root""#),
                &web(r#","stopTimeout":31,"user":"root","new":{"a":1}"#)
            ),
            [
                "valueChanged: ECS added `containers.web.new` with the value {\"a\":1}: write it \
                 so, or each rollout of this task definition registers it again",
                "valueChanged: ECS registered `containers.web.stopTimeout` as 31 instead of 30: \
                 write it so, or each rollout of this task definition registers it again",
            ]
        );
    }

    #[test]
    fn what_ecs_is_known_to_do_is_no_difference() {
        let sent = web(
            r#","environment":[{"name":"A","value":"1"},{"name":"B"},{"name":"A","value":"2"}],
               "portMappings":[{"containerPort":80,"hostPort":0}]"#,
        );
        let kept = web(r#","cpu":0,"essential":true,"environment":[{"name":"A","value":"2"}],
               "portMappings":[{"containerPort":80,"hostPort":80,"protocol":"tcp"}]"#);
        assert_eq!(said(&sent, &kept), [""; 0]);
        // A response without containers or tags says nothing about them.
        let tagged = web("").replacen('{', r#"{"tags":[{"key":"a","value":"b"}],"#, 1);
        assert_eq!(said(&tagged, &web("")), [""; 0]);
    }
}
