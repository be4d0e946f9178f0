//! Task-level CPU and memory: their spellings, and the pairs that Fargate has.

/// Returns the CPU units of a task: an integer, or a number of vCPUs such as `0.5 vCPU`.
pub(crate) fn cpu_units(text: &str) -> Option<u64> {
    amount(text, "vcpu")
}

/// Returns the memory of a task in MiB: an integer, or a number of GB such as `1 GB`.
pub(crate) fn memory_mib(text: &str) -> Option<u64> {
    amount(text, "gb")
}

/// Returns the memory sizes that Fargate has for `cpu`: the least, the most and the step, in MiB.
/// Source: developer guide, "Task CPU and memory".
pub(crate) fn fargate_memory(cpu: u64) -> Option<(u64, u64, u64)> {
    Some(match cpu {
        256 => (512, 2048, 512),
        512 => (1024, 4096, 1024),
        1024 => (2048, 8192, 1024),
        2048 => (4096, 16_384, 1024),
        4096 => (8192, 30_720, 1024),
        8192 => (16_384, 61_440, 4096),
        16_384 => (32_768, 122_880, 8192),
        _ => return None,
    })
}

/// Returns whether Fargate has tasks of this size.
pub(crate) fn is_fargate_size(cpu: u64, memory: u64) -> bool {
    let Some((least, most, step)) = fargate_memory(cpu) else { return false };
    // The smallest tasks have 512, 1024 or 2048 MiB.
    (least..=most).contains(&memory) && memory.is_multiple_of(step) && (cpu, memory) != (256, 1536)
}

/// API reference of RegisterTaskDefinition: either form, the unit in any case, with or without a
/// space. That spaces around it don't count is inferred.
fn amount(text: &str, unit: &str) -> Option<u64> {
    const PER_UNIT: f64 = 1024.0;
    let lower = text.trim().to_ascii_lowercase();
    if let Ok(integer) = lower.parse() {
        return Some(integer);
    }
    let number = lower.strip_suffix(unit)?.trim_end();
    if !number.bytes().all(|it| it.is_ascii_digit() || it == b'.') {
        return None;
    }
    let amount = number.parse::<f64>().ok()? * PER_UNIT;
    (amount.fract() == 0.0 && amount < 1e9).then_some(amount as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_or_none() {
        for (text, cpu, memory) in [
            ("256", Some(256), Some(256)),
            (" 256 ", Some(256), Some(256)),
            ("0.5 vCPU", Some(512), None),
            (".25vcpu", Some(256), None),
            ("1 GB", None, Some(1024)),
            ("0.5gb", None, Some(512)),
            ("0.3 GB", None, None),
            ("512 MB", None, None),
            ("-1 vCPU", None, None),
            ("1e3 vCPU", None, None),
            ("vCPU", None, None),
            ("", None, None),
        ] {
            assert_eq!((cpu_units(text), memory_mib(text)), (cpu, memory), "{text:?}");
        }
    }

    #[test]
    fn fargate_pairs_what_the_developer_guide_lists() {
        for (cpu, memory, is_pair) in [
            (256, 512, true),
            (256, 1536, false),
            (256, 2048, true),
            (256, 3072, false),
            (512, 512, false),
            (1024, 2500, false),
            (4096, 30_720, true),
            (4096, 31_744, false),
            (8192, 17_408, false),
            (8192, 20_480, true),
            (16_384, 122_880, true),
            (128, 512, false),
        ] {
            assert_eq!(is_fargate_size(cpu, memory), is_pair, "{cpu} {memory}");
        }
    }
}
