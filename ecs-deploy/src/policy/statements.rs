//! The statements of each part of a policy. Source: Service Authorization Reference, "Actions,
//! resources, and condition keys for Amazon ECS", unless a comment names another one.

use crate::error::missing_statement::PASSED_TO;
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
            let reason = "checks that an image exists";
            let loss = Some("a missing image shows only when the tasks fail to start");
            let actions = vec![
                ("ecr:BatchGetImage", reason, loss),
                ("ecr:GetDownloadUrlForLayer", "reads the platform of an image", loss),
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
                        "reads the service before and during the deployment",
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
                        "copies the task definition; IAM can't limit the action to a resource",
                        None,
                    ),
                    // The reference lists the family as a resource by now, and newer reports of
                    // refusals name `task-definition/FAMILY:*`. Older reports name `*`, which a
                    // policy with only the family wouldn't cover.
                    (
                        "ecs:RegisterTaskDefinition",
                        "registers the new revision; ECS is reported to check it on the family \
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
                actions: vec![("iam:PassRole", "passes the tasks' roles to ECS", None)],
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
            "registers the new revision with the tags of the copied revision",
            "RegisterTaskDefinition",
        )];
        if self.parts.contains(&Part::RunTask) {
            let reason = "gives a one-off task the tags of the service's tasks";
            statements.push(tag("TaskTags", vec![self.tasks()], reason, "RunTask"));
        }
        statements
    }

    fn diagnosis_statements(&self) -> [Statement; 2] {
        let loss = Some("a failure is reported without the reasons of its tasks");
        let list = "finds the stopped tasks; ECS is reported to check it on `*`, so only the condition \
                    limits it to the cluster";
        [
            Statement {
                sid: "ListStoppedTasks",
                actions: vec![("ecs:ListTasks", list, loss)],
                resources: vec!["*".to_owned()],
                condition: Some(self.in_cluster()),
            },
            Statement {
                sid: "StoppedTasks",
                actions: vec![("ecs:DescribeTasks", "reads the reasons of stopped tasks", loss)],
                resources: vec![self.tasks()],
                condition: None,
            },
        ]
    }

    /// Allows the list of deployments. A rollback also finds the previous revision in it.
    fn list_statement(&self) -> Statement {
        Statement {
            sid: "ListServiceDeployments",
            actions: vec![(
                "ecs:ListServiceDeployments",
                "distinguishes a rollback from another caller's deployment if DescribeServices \
                 doesn't, and finds the previous revision",
                Some("a rollback that ECS doesn't mark is reported as superseded"),
            )],
            resources: vec![self.service()],
            condition: None,
        }
    }

    /// Allows reading a service deployment. For actions on one, the reference requires two
    /// resources.
    fn service_deployments_statement(&self) -> Statement {
        Statement {
            sid: "ServiceDeployments",
            actions: vec![(
                "ecs:DescribeServiceDeployments",
                "reads the progress of a deployment, and the reason of its rollback",
                Some("only DescribeServices describes the deployment"),
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
                    "asks ECS for a rollback",
                    Some("a rollback is an UpdateService with the previous revision"),
                )],
                resources: vec![self.service(), self.of_service("service-deployment")],
                condition: None,
            },
            Statement {
                sid: "ServiceRevisions",
                actions: vec![(
                    "ecs:DescribeServiceRevisions",
                    "finds the revision of the last successful deployment",
                    Some("a rollback targets the revision that ran before the deployment"),
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
                "continues a deployment that waits at a lifecycle hook",
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
                        "stops the task after its timeout",
                        Some("a task continues after its timeout"),
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
                        "deregisters a revision; IAM can't limit the action to a resource",
                        None,
                    ),
                    (
                        "ecs:ListClusters",
                        "finds all clusters; IAM can't limit the action to a resource",
                        None,
                    ),
                    ("ecs:ListServices", "finds the services of every cluster", None),
                    (
                        "ecs:ListTaskDefinitions",
                        "finds the family's revisions; IAM can't limit the action to a resource",
                        None,
                    ),
                    ("ecs:ListTasks", "finds the family's tasks in every cluster", None),
                ],
                vec!["*".to_owned()],
            ),
            on(
                "PruneServices",
                vec![
                    ("ecs:DescribeServices", "reads the revisions of every service", None),
                    (
                        "ecs:ListServiceDeployments",
                        "finds the deployments that a service could roll back to",
                        None,
                    ),
                ],
                vec![all("service")],
            ),
            on(
                "PruneServiceRevisions",
                vec![(
                    "ecs:DescribeServiceRevisions",
                    "reads the revisions that a service could roll back to",
                    None,
                )],
                vec![all("service"), all("service-revision")],
            ),
            on(
                "PruneTasks",
                vec![("ecs:DescribeTasks", "reads the revision of every task", None)],
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

    /// Returns a pattern for all tasks of the cluster, because their ids aren't known in advance.
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
