//! CPU time and memory of processes, from `/proc`.

use std::{collections::HashMap, fs, net::SocketAddr};

use serde::Serialize;

/// Linux reports CPU time in hundredths of a second (USER_HZ) on every supported machine.
const TICKS_PER_SECOND: f64 = 100.0;

/// The processes whose CPU time is split; 0 where one is not on this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes {
    pub server: u32,
    pub postmaster: u32,
    pub kafka: u32,
    pub redis: u32,
}

/// CPU seconds, since a process began or between two moments.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Cpu {
    pub server: f64,
    pub postgres: f64,
    pub kafka: f64,
    pub redis: f64,
    /// This program, and pgbench.
    pub generator: f64,
    /// All other use of the machine: other programs, interrupts, and time stolen by a hypervisor.
    pub others: f64,
}

impl Processes {
    pub fn cpu(&self) -> Cpu {
        let parents = parents();
        let back_ends = parents.iter().filter(|(_, parent)| **parent == self.postmaster).map(|(pid, _)| *pid);
        let mut cpu = Cpu {
            server: seconds(self.server, false),
            // Back ends that have ended count as the postmaster's children that it has waited for.
            postgres: seconds(self.postmaster, true) + back_ends.map(|pid| seconds(pid, false)).sum::<f64>(),
            kafka: seconds(self.kafka, false),
            redis: seconds(self.redis, false),
            generator: seconds(std::process::id(), true),
            others: 0.0,
        };
        cpu.others = busy_seconds() - (cpu.server + cpu.postgres + cpu.kafka + cpu.redis + cpu.generator);
        cpu
    }
}

impl Cpu {
    /// The CPU time since `before`.
    pub fn since(&self, before: &Self) -> Self {
        Self {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            kafka: self.kafka - before.kafka,
            redis: self.redis - before.redis,
            generator: self.generator - before.generator,
            others: self.others - before.others,
        }
    }

    /// CPUs in use on average.
    pub fn per(&self, seconds: f64) -> Self {
        Self {
            server: self.server / seconds,
            postgres: self.postgres / seconds,
            kafka: self.kafka / seconds,
            redis: self.redis / seconds,
            generator: self.generator / seconds,
            others: self.others / seconds,
        }
    }
}

/// Resident memory in MiB: now, and the maximum so far.
pub fn memory_mib(pid: u32) -> (f64, f64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1_024.0
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// The process that started this one.
pub fn parent(pid: u32) -> Option<u32> {
    stat(pid)?.get(1)?.parse().ok()
}

/// The process that listens on this port of this machine; 0 if it is not seen.
pub fn listener(port: u16) -> u32 {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let inode = tables.iter().flat_map(|table| table.lines()).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_ours = fields.get(1)?.ends_with(&format!(":{port:04X}")) && *fields.get(3)? == "0A";
        is_ours.then(|| format!("socket:[{}]", fields.get(9).unwrap_or(&"")))
    });
    let Some(inode) = inode else { return 0 };
    let holds = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy() == inode))
    };
    pids().into_iter().find(holds).unwrap_or(0)
}

/// A free port.
pub fn free_address() -> std::io::Result<SocketAddr> {
    std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn parents() -> HashMap<u32, u32> {
    pids().into_iter().filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// CPU seconds of the whole machine since its start, whatever they were spent on.
fn busy_seconds() -> f64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal; what comes after is within user.
    let busy = [0, 1, 2, 5, 6, 7].map(|field| ticks.get(field).copied().unwrap_or(0.0));
    busy.iter().sum::<f64>() / TICKS_PER_SECOND
}

/// CPU seconds of a process, if asked for with those of its children that have ended.
fn seconds(pid: u32, with_ended_children: bool) -> f64 {
    let Some(fields) = stat(pid) else { return 0.0 };
    let range = if with_ended_children { 11..15 } else { 11..13 };
    let ticks = fields.get(range).unwrap_or_default().iter().filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}

/// The fields of `/proc/PID/stat` behind the name, which may hold spaces: the state is the first.
fn stat(pid: u32) -> Option<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = line.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}
