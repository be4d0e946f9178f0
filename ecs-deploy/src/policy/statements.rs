//! What each part of a policy allows. Service Authorization Reference, "Actions, resources, and
//! condition keys for Amazon ECS", but where another source is named.

use crate::error::PASSED_TO;
use crate::policy::{Condition, DeployPolicy, Part, Statement};

impl DeployPolicy {
    pub(super) fn statements(&self) -> Vec<Statement> {
        let mut statements = self.core();
        for part in &self.parts {
            match part {
                Part::Diagnosis => statements.extend(self.diagnosis_statements()),
                Part::Hooks => statements.push(self.hooks_statement()),
                Part::Prune => statements.extend(self.prune_statements()),
                Part::RollBack => statements.extend(self.roll_back_statements()),
                Part::RunTask => statements.extend(self.run_task_statements()),
                Part::ServiceDeployments => statements.push(self.service_deployments_statement()),
                Part::Tags => statements.extend(self.tags_statements()),
            }
        }
        if [Part::RollBack, Part::ServiceDeployments].iter().any(|it| self.parts.contains(it)) {
            statements.push(self.list_statement());
        }
        if !self.repositories.is_empty() {
            let reason = "looks up whether an image is there";
            let loss = Some("a missing image is found out by the tasks that can't start");
            let actions = vec![
                ("ecr:BatchGetImage", reason, loss),
                ("ecr:GetDownloadUrlForLayer", "looks up for which platform an image is", loss),
            ];
            let resources = self.repositories.iter().cloned().collect();
            statements.push(Statement { sid: "Images", actions, resources, condition: None });
        }
        statements
    }

    fn core(&self) -> Vec<Statement> {
        let mut statements = vec![
            Statement {
                sid: "Service",
                actions: vec![
                    (
                        "ecs:DescribeServices",
                        "looks at the service before, and until it is done",
                        None,
                    ),
                    ("ecs:UpdateService", "starts the deployment", None),
                ],
                resources: vec![self.service()],
                condition: None,
            },
            Statement {
                sid: "TaskDefinitions",
                actions: vec![
                    (
                        "ecs:DescribeTaskDefinition",
                        "copies the task definition; there is no resource to limit it to",
                        None,
                    ),
                    // The reference has the family as a resource by now, and newer reports of
                    // refusals name `task-definition/FAMILY:*`; older ones name `*`, which a
                    // policy with the family alone wouldn't cover.
                    (
                        "ecs:RegisterTaskDefinition",
                        "registers the new revision; ECS is reported to ask for it on the family \
                         or on `*`, and only `*` covers both",
                        None,
                    ),
                ],
                resources: vec!["*".to_owned()],
                condition: None,
            },
        ];
        if !self.roles.is_empty() {
            statements.push(Statement {
                sid: "Roles",
                actions: vec![("iam:PassRole", "gives the tasks their role", None)],
                resources: self.roles.iter().cloned().collect(),
                condition: Some(("StringEquals", "iam:PassedToService", PASSED_TO.to_owned())),
            });
        }
        statements
    }

    fn tags_statements(&self) -> Vec<Statement> {
        // Reported: a refusal names the family without a revision.
        let definitions = self.families().flat_map(|family| {
            [self.arn("task-definition", &family), self.arn("task-definition", &family) + ":*"]
        });
        let tag = |sid, resources, reason, by: &str| Statement {
            sid,
            actions: vec![("ecs:TagResource", reason, None)],
            resources,
            condition: Some(("StringEquals", "ecs:CreateAction", by.to_owned())),
        };
        let mut statements = vec![tag(
            "Tags",
            definitions.collect(),
            "registers the new revision with the tags of the one that it is a copy of",
            "RegisterTaskDefinition",
        )];
        if self.parts.contains(&Part::RunTask) {
            let reason = "gives a one-off task the tags that the service's tasks have";
            statements.push(tag("TaskTags", vec![self.tasks()], reason, "RunTask"));
        }
        statements
    }

    fn diagnosis_statements(&self) -> [Statement; 2] {
        let loss = Some("a failure is told without the reasons of its tasks");
        let list = "finds the tasks that stopped; ECS is reported to ask for it on `*`, so that the \
                    condition is what limits it to the cluster";
        [
            Statement {
                sid: "ListStoppedTasks",
                actions: vec![("ecs:ListTasks", list, loss)],
                resources: vec!["*".to_owned()],
                condition: Some(self.in_cluster()),
            },
            Statement {
                sid: "StoppedTasks",
                actions: vec![("ecs:DescribeTasks", "reads why tasks stopped", loss)],
                resources: vec![self.tasks()],
                condition: None,
            },
        ]
    }

    /// What ran before is looked for in it, too.
    fn list_statement(&self) -> Statement {
        Statement {
            sid: "ListServiceDeployments",
            actions: vec![(
                "ecs:ListServiceDeployments",
                "tells a rollback from somebody else's deployment where DescribeServices doesn't, \
                 and what ran before",
                Some("a rollback that doesn't show as one is told as superseded"),
            )],
            resources: vec![self.service()],
            condition: None,
        }
    }

    /// The reference has two resources, each required, for the actions on one service deployment.
    fn service_deployments_statement(&self) -> Statement {
        Statement {
            sid: "ServiceDeployments",
            actions: vec![(
                "ecs:DescribeServiceDeployments",
                "shows how far a deployment is, and why it was rolled back",
                Some("what DescribeServices says of the deployment has to do"),
            )],
            resources: vec![self.service(), self.of_service("service-deployment")],
            condition: None,
        }
    }

    fn roll_back_statements(&self) -> [Statement; 2] {
        [
            Statement {
                sid: "RollBack",
                actions: vec![(
                    "ecs:StopServiceDeployment",
                    "tells ECS to go back",
                    Some("a rollback is an UpdateService with the revision before"),
                )],
                resources: vec![self.service(), self.of_service("service-deployment")],
                condition: None,
            },
            Statement {
                sid: "ServiceRevisions",
                actions: vec![(
                    "ecs:DescribeServiceRevisions",
                    "finds the revision of the last deployment that was successful",
                    Some("what the service ran before the deployment is what it goes back to"),
                )],
                resources: vec![self.service(), self.of_service("service-revision")],
                condition: None,
            },
        ]
    }

    fn hooks_statement(&self) -> Statement {
        Statement {
            sid: "Hooks",
            actions: vec![(
                "ecs:ContinueServiceDeployment",
                "lets a deployment go on that waits at a lifecycle hook",
                None,
            )],
            resources: vec![self.service(), self.of_service("service-deployment")],
            condition: None,
        }
    }

    fn run_task_statements(&self) -> [Statement; 2] {
        let definitions = self.families().map(|family| self.arn("task-definition", &family) + ":*");
        [
            Statement {
                sid: "RunTask",
                actions: vec![("ecs:RunTask", "starts the one-off task", None)],
                resources: definitions.collect(),
                condition: Some(self.in_cluster()),
            },
            Statement {
                sid: "OneOffTasks",
                actions: vec![
                    ("ecs:DescribeTasks", "waits for the task's exit code", None),
                    (
                        "ecs:StopTask",
                        "stops the task when its time is up",
                        Some("a task whose time is up runs on"),
                    ),
                ],
                resources: vec![self.tasks()],
                condition: None,
            },
        ]
    }

    fn prune_statements(&self) -> [Statement; 4] {
        let all = |kind| self.arn(kind, "*");
        let on = |sid, actions, resources| Statement { sid, actions, resources, condition: None };
        [
            on(
                "Prune",
                vec![
                    (
                        "ecs:DeregisterTaskDefinition",
                        "deregisters; there is no resource to limit it to",
                        None,
                    ),
                    (
                        "ecs:ListClusters",
                        "finds all clusters; there is no resource to limit it to",
                        None,
                    ),
                    ("ecs:ListServices", "finds the services of every cluster", None),
                    (
                        "ecs:ListTaskDefinitions",
                        "finds the family's revisions; there is no resource to limit it to",
                        None,
                    ),
                    ("ecs:ListTasks", "finds the family's tasks in every cluster", None),
                ],
                vec!["*".to_owned()],
            ),
            on(
                "PruneServices",
                vec![
                    ("ecs:DescribeServices", "reads what every service runs", None),
                    ("ecs:ListServiceDeployments", "finds what a service would go back to", None),
                ],
                vec![all("service")],
            ),
            on(
                "PruneServiceRevisions",
                vec![(
                    "ecs:DescribeServiceRevisions",
                    "reads what a service would go back to",
                    None,
                )],
                vec![all("service"), all("service-revision")],
            ),
            on(
                "PruneTasks",
                vec![("ecs:DescribeTasks", "reads what every task runs", None)],
                vec![all("task")],
            ),
        ]
    }

    fn families(&self) -> impl Iterator<Item = String> {
        let any = self.families.is_empty().then(|| "*".to_owned());
        self.families.iter().cloned().chain(any)
    }

    fn in_cluster(&self) -> Condition {
        ("ArnEquals", "ecs:cluster", self.arn("cluster", self.service.cluster()))
    }

    fn service(&self) -> String {
        self.service.to_string()
    }

    /// All tasks of the cluster: their ids aren't known before.
    fn tasks(&self) -> String {
        self.arn("task", &format!("{}/*", self.service.cluster()))
    }

    fn of_service(&self, kind: &str) -> String {
        self.arn(kind, &format!("{}/{}/*", self.service.cluster(), self.service.name()))
    }

    fn arn(&self, kind: &str, resource: &str) -> String {
        format!("{}{kind}/{resource}", self.prefix)
    }
}
