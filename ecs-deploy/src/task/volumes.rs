//! The volumes that a service configures at launch, for a task beside it.

use aws_sdk_ecs::types::{
    Service as Description, ServiceVolumeConfiguration, TaskManagedEbsVolumeConfiguration,
    TaskVolumeConfiguration,
};

use crate::model::description::primary;
use crate::revision::Revision;

/// Returns the configurations of the volumes that `revision` configures at launch; `None` without
/// one. The PRIMARY deployment has those of the service (service model).
pub(super) fn volumes(
    description: &Description,
    revision: &Revision,
) -> Option<Vec<TaskVolumeConfiguration>> {
    let names: Vec<&str> = revision.volumes_at_launch().collect();
    let of_service = primary(description)?.volume_configurations().iter();
    let volumes: Vec<TaskVolumeConfiguration> =
        of_service.filter(|it| names.contains(&it.name())).filter_map(of_task).collect();
    (!volumes.is_empty()).then_some(volumes)
}

/// Converts a service's configuration. A task deletes its volume when it stops, unless RunTask says
/// otherwise (API reference of TaskManagedEBSVolumeTerminationPolicy).
fn of_task(volume: &ServiceVolumeConfiguration) -> Option<TaskVolumeConfiguration> {
    let mut of_task = TaskVolumeConfiguration::builder().name(volume.name());
    if let Some(ebs) = volume.managed_ebs_volume() {
        let tags = ebs.tag_specifications();
        let ebs = TaskManagedEbsVolumeConfiguration::builder()
            .set_encrypted(ebs.encrypted())
            .set_kms_key_id(ebs.kms_key_id().map(str::to_owned))
            .set_volume_type(ebs.volume_type().map(str::to_owned))
            .set_size_in_gib(ebs.size_in_gib())
            .set_snapshot_id(ebs.snapshot_id().map(str::to_owned))
            .set_volume_initialization_rate(ebs.volume_initialization_rate())
            .set_iops(ebs.iops())
            .set_throughput(ebs.throughput())
            .set_tag_specifications((!tags.is_empty()).then(|| tags.to_vec()))
            .role_arn(ebs.role_arn())
            .set_filesystem_type(ebs.filesystem_type().cloned())
            .build();
        of_task = of_task.managed_ebs_volume(ebs.ok()?);
    }
    of_task.build().ok()
}
