//! What the system says of this process, under the names that Prometheus' own libraries use. Linux tells it in
//! `/proc/self`; elsewhere, and where it cannot be read, the metric is left out.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// What the kernel shows processor time in, whatever it counts in itself: a hundred ticks a second.
const TICKS: f64 = 100.0;

/// Reads the process when it is asked.
#[derive(Debug)]
pub struct Process {
    folder: PathBuf,
}

impl Default for Process {
    fn default() -> Self {
        Self {
            folder: PathBuf::from("/proc/self"),
        }
    }
}

/// What was read.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    cpu_seconds: Option<f64>,
    threads: Option<u64>,
    open_descriptors: Option<u64>,
    most_descriptors: Option<u64>,
}

impl Process {
    fn look(&self) -> Seen {
        let text = |name: &str| fs::read_to_string(self.folder.join(name)).ok();
        let stat = text("stat").unwrap_or_default();
        // The name of the program stands in brackets and may hold anything; numbers follow the last one.
        let fields: Vec<&str> = stat
            .rsplit_once(')')
            .map(|(_, rest)| rest.split_whitespace().collect())
            .unwrap_or_default();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        let ticks = field(14).zip(field(15)).map(|(user, system)| user + system);
        let status = text("status").unwrap_or_default();
        let line = |name: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(name))?;
            rest.split_whitespace().next()?.parse::<u64>().ok()
        };
        let limits = text("limits").unwrap_or_default();
        Seen {
            resident_bytes: line("VmRSS:").map(|kilobytes| kilobytes * 1024),
            virtual_bytes: line("VmSize:").map(|kilobytes| kilobytes * 1024),
            #[expect(clippy::cast_precision_loss, reason = "ticks of one process")]
            cpu_seconds: ticks.map(|ticks| ticks as f64 / TICKS),
            threads: line("Threads:"),
            // The folder is open while it is counted.
            open_descriptors: fs::read_dir(self.folder.join("fd"))
                .ok()
                .map(|open| (open.count() as u64).saturating_sub(1)),
            most_descriptors: limits
                .lines()
                .find_map(|line| line.strip_prefix("Max open files"))
                .and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Seen {
            resident_bytes,
            virtual_bytes,
            cpu_seconds,
            threads,
            open_descriptors,
            most_descriptors,
        } = self.look();
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory of this process that is in RAM",
                resident_bytes,
            ),
            (
                "process_virtual_memory_bytes",
                "Addresses this process has asked for",
                virtual_bytes,
            ),
            ("process_threads", "Threads of this process", threads),
            (
                "process_open_fds",
                "Files and connections this process has open",
                open_descriptors,
            ),
            (
                "process_max_fds",
                "How many files and connections this process may have open",
                most_descriptors,
            ),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        if let Some(seconds) = cpu_seconds {
            let counter = ConstCounter::new(seconds);
            let name = "process_cpu_seconds";
            counter.encode(encoder.encode_descriptor(
                name,
                "Processor time this process has used",
                None,
                counter.metric_type(),
            )?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_brackets_and_blanks_in_its_name_is_read_right() {
        let folder = tempfile::tempdir().expect("a folder");
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 12 0 99 8192000 300 0 0";
        fs::write(folder.path().join("stat"), stat).expect("written");
        let status = "Name:\ta\nVmSize:\t    8000 kB\nVmRSS:\t     300 kB\nThreads:\t12\n";
        fs::write(folder.path().join("status"), status).expect("written");
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 524288               files\n";
        fs::write(folder.path().join("limits"), limits).expect("written");
        let seen = Process {
            folder: folder.path().to_owned(),
        }
        .look();
        let wanted = Seen {
            resident_bytes: Some(300 * 1024),
            virtual_bytes: Some(8000 * 1024),
            cpu_seconds: Some(3.0),
            threads: Some(12),
            open_descriptors: None,
            most_descriptors: Some(1024),
        };
        assert_eq!(seen, wanted);
    }

    #[test]
    fn where_the_system_tells_nothing_the_metrics_are_left_out() {
        let nowhere = Process {
            folder: PathBuf::from("/nowhere"),
        };
        assert_eq!(nowhere.look(), Seen::default());
    }
}
