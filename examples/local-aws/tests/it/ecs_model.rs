//! The table of ECS's service model, held against the schemas of the SDK; and what it decides.

use std::collections::BTreeMap;
use std::path::Path;

use aws_sdk_ecs::operation::continue_service_deployment::ContinueServiceDeploymentInput;
use aws_sdk_ecs::operation::create_cluster::CreateClusterInput;
use aws_sdk_ecs::operation::create_service::CreateServiceInput;
use aws_sdk_ecs::operation::delete_service::DeleteServiceInput;
use aws_sdk_ecs::operation::deregister_task_definition::DeregisterTaskDefinitionInput;
use aws_sdk_ecs::operation::describe_clusters::DescribeClustersInput;
use aws_sdk_ecs::operation::describe_service_deployments::DescribeServiceDeploymentsInput;
use aws_sdk_ecs::operation::describe_service_revisions::DescribeServiceRevisionsInput;
use aws_sdk_ecs::operation::describe_services::DescribeServicesInput;
use aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionInput;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksInput;
use aws_sdk_ecs::operation::get_task_protection::GetTaskProtectionInput;
use aws_sdk_ecs::operation::list_clusters::ListClustersInput;
use aws_sdk_ecs::operation::list_service_deployments::ListServiceDeploymentsInput;
use aws_sdk_ecs::operation::list_services::ListServicesInput;
use aws_sdk_ecs::operation::list_tags_for_resource::ListTagsForResourceInput;
use aws_sdk_ecs::operation::list_task_definitions::ListTaskDefinitionsInput;
use aws_sdk_ecs::operation::list_tasks::ListTasksInput;
use aws_sdk_ecs::operation::register_task_definition::RegisterTaskDefinitionInput;
use aws_sdk_ecs::operation::run_task::RunTaskInput;
use aws_sdk_ecs::operation::stop_service_deployment::StopServiceDeploymentInput;
use aws_sdk_ecs::operation::stop_task::StopTaskInput;
use aws_sdk_ecs::operation::tag_resource::TagResourceInput;
use aws_sdk_ecs::operation::untag_resource::UntagResourceInput;
use aws_sdk_ecs::operation::update_service::UpdateServiceInput;
use aws_sdk_ecs::operation::update_task_protection::UpdateTaskProtectionInput;
use aws_smithy_schema::Schema;
use aws_smithy_schema::serde::{SerdeError, ShapeDeserializer};
use aws_smithy_types::{BigDecimal, BigInteger, Blob, DateTime, Document};
use local_aws::{LocalAws, UnknownMembers};
use serde_json::{Value, json};

use crate::ecs_raw::Raw;

/// The table that src/ecs/model.txt has to be: with `LOCAL_AWS_UPDATE_MODEL=1` it is written anew.
#[test]
fn the_table_is_what_the_sdk_knows() {
    let mut recorder = Recorder::default();
    recorder.operation("ContinueServiceDeployment", |it| {
        ContinueServiceDeploymentInput::deserialize(it).map(drop)
    });
    recorder.operation("CreateCluster", |it| CreateClusterInput::deserialize(it).map(drop));
    recorder.operation("CreateService", |it| CreateServiceInput::deserialize(it).map(drop));
    recorder.operation("DeleteService", |it| DeleteServiceInput::deserialize(it).map(drop));
    recorder.operation("DeregisterTaskDefinition", |it| {
        DeregisterTaskDefinitionInput::deserialize(it).map(drop)
    });
    recorder.operation("DescribeClusters", |it| DescribeClustersInput::deserialize(it).map(drop));
    recorder.operation("DescribeServiceDeployments", |it| {
        DescribeServiceDeploymentsInput::deserialize(it).map(drop)
    });
    recorder.operation("DescribeServiceRevisions", |it| {
        DescribeServiceRevisionsInput::deserialize(it).map(drop)
    });
    recorder.operation("DescribeServices", |it| DescribeServicesInput::deserialize(it).map(drop));
    recorder.operation("DescribeTaskDefinition", |it| {
        DescribeTaskDefinitionInput::deserialize(it).map(drop)
    });
    recorder.operation("DescribeTasks", |it| DescribeTasksInput::deserialize(it).map(drop));
    recorder.operation("GetTaskProtection", |it| GetTaskProtectionInput::deserialize(it).map(drop));
    recorder.operation("ListClusters", |it| ListClustersInput::deserialize(it).map(drop));
    recorder.operation("ListServiceDeployments", |it| {
        ListServiceDeploymentsInput::deserialize(it).map(drop)
    });
    recorder.operation("ListServices", |it| ListServicesInput::deserialize(it).map(drop));
    recorder
        .operation("ListTagsForResource", |it| ListTagsForResourceInput::deserialize(it).map(drop));
    recorder
        .operation("ListTaskDefinitions", |it| ListTaskDefinitionsInput::deserialize(it).map(drop));
    recorder.operation("ListTasks", |it| ListTasksInput::deserialize(it).map(drop));
    recorder.operation("RegisterTaskDefinition", |it| {
        RegisterTaskDefinitionInput::deserialize(it).map(drop)
    });
    recorder.operation("RunTask", |it| RunTaskInput::deserialize(it).map(drop));
    recorder.operation("StopServiceDeployment", |it| {
        StopServiceDeploymentInput::deserialize(it).map(drop)
    });
    recorder.operation("StopTask", |it| StopTaskInput::deserialize(it).map(drop));
    recorder.operation("TagResource", |it| TagResourceInput::deserialize(it).map(drop));
    recorder.operation("UntagResource", |it| UntagResourceInput::deserialize(it).map(drop));
    recorder.operation("UpdateService", |it| UpdateServiceInput::deserialize(it).map(drop));
    recorder.operation("UpdateTaskProtection", |it| {
        UpdateTaskProtectionInput::deserialize(it).map(drop)
    });
    let mut table = String::new();
    for (name, members) in &recorder.structures {
        table.push_str(&format!("{name}\n"));
        for (member, of) in members {
            table.push_str(&format!("  {member}: {of}\n"));
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ecs/model.txt");
    if std::env::var_os("LOCAL_AWS_UPDATE_MODEL").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        table,
        "LOCAL_AWS_UPDATE_MODEL=1 writes it"
    );
}

/// Lets the SDK read every member of an input, and writes down of which type each is.
#[derive(Default)]
struct Recorder {
    structures: BTreeMap<String, BTreeMap<String, String>>,
    /// The type that was read last.
    read: String,
}

impl Recorder {
    fn operation(
        &mut self,
        name: &str,
        deserialize: impl FnOnce(&mut Self) -> Result<(), SerdeError>,
    ) {
        deserialize(self).unwrap();
        // The SDK calls the structure by the name of its shape, the wire by that of the operation.
        let shape = std::mem::take(&mut self.read);
        let members = self.structures.remove(&shape).unwrap();
        self.structures.insert(name.to_owned(), members);
    }

    fn scalar<T: Default>(&mut self, name: &str) -> Result<T, SerdeError> {
        name.clone_into(&mut self.read);
        Ok(T::default())
    }

    fn absent<T>(&self, what: &str) -> Result<T, SerdeError> {
        Err(SerdeError::unsupported(format!("{what}: ECS has had none so far")))
    }
}

impl ShapeDeserializer for Recorder {
    fn read_struct(
        &mut self,
        schema: &Schema<'_>,
        state: &mut dyn FnMut(&Schema<'_>, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        let mut members = BTreeMap::new();
        for member in schema.members() {
            self.read.clear();
            state(member, self)?;
            assert_ne!(self.read, "", "{:?} is not read", member.member_name());
            members.insert(member.member_name().unwrap().to_owned(), self.read.clone());
        }
        let name = schema.shape_id().shape_name().to_owned();
        self.structures.insert(name.clone(), members);
        self.read = name;
        Ok(())
    }

    fn read_list(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(&mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        state(self)?;
        self.read = format!("[{}]", self.read);
        Ok(())
    }

    fn read_map(
        &mut self,
        _: &Schema<'_>,
        state: &mut dyn FnMut(String, &mut dyn ShapeDeserializer) -> Result<(), SerdeError>,
    ) -> Result<(), SerdeError> {
        state("key".to_owned(), self)?;
        self.read = format!("{{{}}}", self.read);
        Ok(())
    }

    fn read_boolean(&mut self, _: &Schema<'_>) -> Result<bool, SerdeError> {
        self.scalar("boolean")
    }

    fn read_byte(&mut self, _: &Schema<'_>) -> Result<i8, SerdeError> {
        self.absent("a byte")
    }

    fn read_short(&mut self, _: &Schema<'_>) -> Result<i16, SerdeError> {
        self.absent("a short")
    }

    fn read_integer(&mut self, _: &Schema<'_>) -> Result<i32, SerdeError> {
        self.scalar("integer")
    }

    fn read_long(&mut self, _: &Schema<'_>) -> Result<i64, SerdeError> {
        self.scalar("long")
    }

    fn read_float(&mut self, _: &Schema<'_>) -> Result<f32, SerdeError> {
        self.scalar("float")
    }

    fn read_double(&mut self, _: &Schema<'_>) -> Result<f64, SerdeError> {
        self.scalar("double")
    }

    fn read_big_integer(&mut self, _: &Schema<'_>) -> Result<BigInteger, SerdeError> {
        self.absent("a big integer")
    }

    fn read_big_decimal(&mut self, _: &Schema<'_>) -> Result<BigDecimal, SerdeError> {
        self.absent("a big decimal")
    }

    fn read_string(&mut self, _: &Schema<'_>) -> Result<String, SerdeError> {
        self.scalar("string")
    }

    fn read_blob(&mut self, _: &Schema<'_>) -> Result<Blob, SerdeError> {
        self.absent("a blob")
    }

    fn read_timestamp(&mut self, _: &Schema<'_>) -> Result<DateTime, SerdeError> {
        "timestamp".clone_into(&mut self.read);
        Ok(DateTime::from_secs(0))
    }

    fn read_document(&mut self, _: &Schema<'_>) -> Result<Document, SerdeError> {
        "document".clone_into(&mut self.read);
        Ok(Document::Null)
    }

    fn is_null(&self) -> bool {
        false
    }

    fn container_size(&self) -> Option<usize> {
        None
    }
}

/// A task definition that ECS takes, with a member of each type.
fn definition() -> Value {
    json!({
        "family": "web",
        "enableFaultInjection": false,
        "containerDefinitions": [{
            "name": "web",
            "image": "nginx:1",
            "memory": 512,
            "command": ["serve"],
            "dockerLabels": { "team": "a" },
            "environment": [{ "name": "PORT", "value": "8080" }],
            "portMappings": [{ "containerPort": 8080 }],
            "ulimits": [{ "name": "nofile", "softLimit": 1, "hardLimit": 2 }],
        }],
    })
}

#[tokio::test(start_paused = true)]
async fn a_wrong_type_does_not_serialize_and_nothing_says_where() {
    let raw = Raw::new(&LocalAws::new()).await;
    raw.call("RegisterTaskDefinition", &definition()).await.unwrap();
    let container = "/containerDefinitions/0";
    for (pointer, member, value, message) in [
        (container, "memory", json!("512"), "STRING_VALUE cannot be converted to Integer"),
        (container, "memory", json!(1.5), "NUMBER_VALUE cannot be converted to Integer"),
        (container, "memory", json!(1_u64 << 31), "NUMBER_VALUE cannot be converted to Integer"),
        (container, "memory", json!([512]), "Start of list found where not expected"),
        (container, "essential", json!("true"), "STRING_VALUE cannot be converted to Boolean"),
        (container, "image", json!(1), "NUMBER_VALUE cannot be converted to String"),
        (container, "image", json!({}), "Start of structure or map found where not expected."),
        (container, "command", json!("serve"), "Expected list or null"),
        (container, "command", json!([true]), "TRUE_VALUE cannot be converted to String"),
        (container, "command", json!([null]), "NULL_VALUE cannot be converted to String"),
        (container, "dockerLabels", json!([]), "Expected structure or map or null"),
        (
            container,
            "dockerLabels",
            json!({ "a": 1 }),
            "NUMBER_VALUE cannot be converted to String",
        ),
        (
            "/containerDefinitions/0/environment/0",
            "value",
            json!(8080),
            "NUMBER_VALUE cannot be converted to String",
        ),
        ("", "cpu", json!(256), "NUMBER_VALUE cannot be converted to String"),
        ("", "volumes", json!({}), "Expected list or null"),
        ("", "containerDefinitions", json!(["web"]), "Expected structure or map or null"),
        ("", "runtimePlatform", json!("linux"), "Expected structure or map or null"),
        ("", "enableFaultInjection", json!(0), "NUMBER_VALUE cannot be converted to Boolean"),
    ] {
        let mut wrong = definition();
        wrong.pointer_mut(pointer).unwrap()[member] = value;
        let refused = raw.call("RegisterTaskDefinition", &wrong).await.unwrap_err();
        let expected = ("SerializationException".to_owned(), message.to_owned());
        assert_eq!(refused, expected, "{wrong}");
    }
    // The other operations' inputs are held against the model, too.
    let update = json!({ "cluster": "demo", "service": "web", "desiredCount": "2" });
    assert_eq!(
        raw.call("UpdateService", &update).await.unwrap_err().1,
        "STRING_VALUE cannot be converted to Integer"
    );
}

#[tokio::test(start_paused = true)]
async fn unknown_members_are_dropped_unless_ecs_is_newer() {
    let local = LocalAws::new();
    let raw = Raw::new(&local).await;
    let mut typo = definition();
    typo["comment"] = json!("mine");
    typo["containerDefinitions"][0]["enviroment"] = json!([{ "name": "A", "value": "b" }]);
    typo["containerDefinitions"][0]["portMappings"][0]["protokoll"] = json!("tcp");
    let known = raw.registered(&definition()).await;
    let mut described = raw.registered(&typo).await;
    for name in ["revision", "taskDefinitionArn"] {
        described[name] = known[name].clone();
    }
    assert_eq!(described, known);

    local.set_unknown_members(UnknownMembers::Kept);
    let described = raw.registered(&typo).await;
    assert_eq!(described["comment"], "mine");
    let container = &described["containerDefinitions"][0];
    assert_eq!(container["enviroment"], json!([{ "name": "A", "value": "b" }]));
    assert_eq!(container["portMappings"][0]["protokoll"], "tcp");
}

#[tokio::test(start_paused = true)]
async fn null_is_absent_and_a_whole_float_is_an_integer() {
    let raw = Raw::new(&LocalAws::new()).await;
    let mut spelled = definition();
    spelled["containerDefinitions"][0]["memory"] = json!(512.0);
    spelled["containerDefinitions"][0]["user"] = json!(null);
    spelled["taskRoleArn"] = json!(null);
    let described = raw.registered(&spelled).await;
    assert_eq!(described["containerDefinitions"][0]["memory"].to_string(), "512");
    assert_eq!(described["containerDefinitions"][0].get("user"), None);
    assert_eq!(described.get("taskRoleArn"), None);
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_keeps_every_member_of_a_newer_model_as_it_came() {
    let local = LocalAws::new();
    local.set_unknown_members(UnknownMembers::Kept);
    let raw = Raw::new(&local).await;
    let invented = json!({ "null": null, "": [], "float": 1.5, "big": u64::MAX, "object": {} });
    let registered = json!({
        "family": "web",
        "volumes": [],
        "invented": invented,
        "containerDefinitions": [{
            "name": "web",
            "image": "nginx:1",
            "memory": 128,
            "command": [],
            "healthCheck": { "command": ["CMD"], "invented": invented },
            "invented": invented,
        }],
    });
    let mut described = raw.registered(&registered).await;
    let described = described.as_object_mut().unwrap();
    described.retain(|name, _| registered.get(name).is_some());
    // All but what ECS adds.
    let container = described["containerDefinitions"][0].as_object_mut().unwrap();
    container["healthCheck"]
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !["interval", "retries", "timeout"].contains(&name.as_str()));
    container.retain(|name, _| registered["containerDefinitions"][0].get(name).is_some());
    assert_eq!(Value::from(described.clone()), registered);
}
