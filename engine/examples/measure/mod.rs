//! Time and memory of a piece of work, as the examples report them.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The kernel counts CPU time in hundredths of a second (`man proc`, USER_HZ).
const TICKS: f64 = 100.0;

fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, in parentheses, may contain blanks.
    let fields: Vec<&str> = stat[stat.rfind(')').unwrap()..].split(' ').collect();
    let ticks = |n: usize| fields[n].parse::<f64>().unwrap();
    (ticks(12) + ticks(13)) / TICKS
}

/// Megabytes that the process takes now (`VmRSS`), or took at most (`VmHWM`).
fn megabytes(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with(field)).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1024.0
}

/// The median of at least three runs and of a second; one that takes ten seconds is run once.
pub fn measure<T>(mut run: impl FnMut() -> T) -> (Value, T) {
    let (start, cpu, before) = (Instant::now(), cpu_seconds(), megabytes("VmRSS"));
    let mut runs = Vec::new();
    let result = loop {
        let one = Instant::now();
        let result = run();
        runs.push(one.elapsed().as_secs_f64());
        let spent = start.elapsed();
        if spent > Duration::from_secs(10) || (runs.len() >= 3 && spent > Duration::from_secs(1)) {
            break result;
        }
    };
    let cpu = (cpu_seconds() - cpu) / runs.len() as f64;
    let peak = megabytes("VmHWM");
    runs.sort_by(f64::total_cmp);
    let seconds = runs[runs.len() / 2];
    let figures =
        json!({"seconds": seconds, "cpu": cpu, "peak_mb": peak, "grown_mb": peak - before});
    (figures, result)
}
