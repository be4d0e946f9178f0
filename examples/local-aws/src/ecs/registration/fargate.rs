//! Task-level CPU and memory: how they may be written, and what Fargate pairs.

/// CPU units in one vCPU, and MiB in one GB. API reference of RegisterTaskDefinition.
const PER_UNIT: f64 = 1024.0;

/// The CPU units of a task: an integer, or a number of vCPUs such as `0.5 vCPU`.
pub(super) fn cpu_units(text: &str) -> Option<u64> {
    amount(text, "vcpu")
}

/// The memory of a task in MiB: an integer, or a number of GB such as `1 GB`.
pub(super) fn memory_mib(text: &str) -> Option<u64> {
    amount(text, "gb")
}

/// Whether Fargate has tasks of this size. Developer guide, "Task CPU and memory".
pub(super) fn pairs(cpu: u64, memory: u64) -> bool {
    let (least, most, step) = match cpu {
        256 => return matches!(memory, 512 | 1024 | 2048),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16_384, 1024),
        4096 => (8192, 30_720, 1024),
        8192 => (16_384, 61_440, 4096),
        16_384 => (32_768, 122_880, 8192),
        _ => return false,
    };
    (least..=most).contains(&memory) && memory.is_multiple_of(step)
}

/// API reference of RegisterTaskDefinition: either form, the unit in any case and with or without a
/// space. Spaces around it are ignored; that is inferred.
fn amount(text: &str, unit: &str) -> Option<u64> {
    let text = text.trim();
    if let Ok(integer) = text.parse() {
        return Some(integer);
    }
    let lower = text.to_ascii_lowercase();
    let number = lower.strip_suffix(unit)?.trim_end();
    if number.is_empty() || !number.bytes().all(|it| it.is_ascii_digit() || it == b'.') {
        return None;
    }
    let amount = number.parse::<f64>().ok()? * PER_UNIT;
    (amount.fract() == 0.0 && amount < 1e9).then_some(amount as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_with_or_without_a_unit() {
        for (text, expected) in [
            ("256", Some(256)),
            ("256 ", Some(256)),
            ("0.5 vCPU", Some(512)),
            (".25vcpu", Some(256)),
            ("1 vCPU ", Some(1024)),
            ("", None),
            ("vCPU", None),
            ("-1 vCPU", None),
            ("1e3 vCPU", None),
            ("0.3 vCPU", None),
            ("1 GB", None),
            ("half", None),
        ] {
            assert_eq!(cpu_units(text), expected, "{text:?}");
        }
        assert_eq!(memory_mib("1 GB"), Some(1024));
        assert_eq!(memory_mib("0.5GB"), Some(512));
        assert_eq!(memory_mib("1 vCPU"), None);
    }

    #[test]
    fn fargate_pairs_what_the_developer_guide_lists() {
        for (cpu, memory) in [
            (256, 512),
            (256, 2048),
            (512, 4096),
            (1024, 2048),
            (2048, 16_384),
            (4096, 30_720),
            (8192, 20_480),
            (16_384, 122_880),
        ] {
            assert!(pairs(cpu, memory), "{cpu} {memory}");
        }
        for (cpu, memory) in [
            (128, 512),
            (256, 256),
            (256, 1536),
            (256, 4096),
            (512, 512),
            (1024, 1024),
            (1024, 2500),
            (4096, 31_744),
            (8192, 17_408),
            (16_384, 36_864),
            (32_768, 65_536),
        ] {
            assert!(!pairs(cpu, memory), "{cpu} {memory}");
        }
    }
}
