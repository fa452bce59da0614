//! Log and metrics, set up once at the start of the process.

use std::{io::IsTerminal, time::Duration};

use metrics_exporter_prometheus::{
    BuildError, Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use thiserror::Error;
use tracing_subscriber::{EnvFilter, filter::ParseError, util::TryInitError};

use crate::config::{Config, LogFormat};

/// Interval between two clean-ups of the histograms, which grow between two scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// From a cached read (a tenth of a millisecond) to the longest request.
const SECONDS_BUCKETS: [f64; 16] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// For counts, such as operations in a batch.
const COUNT_BUCKETS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 2_048.0, 4_096.0];

/// Telemetry could not be set up.
#[derive(Debug, Error)]
pub enum TelemetryError {
    #[error("log filter: {0}")]
    Filter(#[from] ParseError),
    #[error("log: {0}")]
    Log(#[from] TryInitError),
    #[error("metrics: {0}")]
    Metrics(#[from] BuildError),
    #[error("metrics: a recorder is installed already")]
    Recorder,
}

/// The process's metrics.
#[derive(Clone)]
pub struct Telemetry {
    metrics: PrometheusHandle,
}

impl Telemetry {
    /// Every metric, in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.metrics.render()
    }

    /// Cleans the histograms up, in a loop that never ends.
    pub async fn run_upkeep(self) {
        let mut tick = tokio::time::interval(UPKEEP_INTERVAL);
        loop {
            tick.tick().await;
            self.metrics.run_upkeep();
        }
    }
}

/// Starts to log to stderr and to collect metrics. A second call in one process is an error.
pub fn init(config: &Config) -> Result<Telemetry, TelemetryError> {
    let filter = EnvFilter::builder().parse(&config.log_filter)?;
    init_log(config.log_format, filter)?;
    let recorder = recorder()?;
    let telemetry = Telemetry { metrics: recorder.handle() };
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Recorder)?;
    Ok(telemetry)
}

/// Logs to stderr as text, from `info` on, for a command that needs no setting.
pub fn log_to_stderr() -> Result<(), TelemetryError> {
    Ok(init_log(LogFormat::Text, EnvFilter::new("info,poem=warn"))?)
}

fn init_log(format: LogFormat, filter: EnvFilter) -> Result<(), TryInitError> {
    use tracing_subscriber::util::SubscriberInitExt;

    // A line that cannot be written is lost: reporting that on stderr would panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    }
}

/// Metrics named `…_seconds` have buckets of time, all other histograms buckets of counts. Without buckets they would
/// be summaries, which cannot be added up over processes.
fn recorder() -> Result<PrometheusRecorder, BuildError> {
    Ok(PrometheusBuilder::new()
        .set_buckets(&COUNT_BUCKETS)?
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)?
        .build_recorder())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_have_buckets_of_seconds_or_of_counts() {
        let recorder = recorder().unwrap();
        let telemetry = Telemetry { metrics: recorder.handle() };
        metrics::with_local_recorder(&recorder, || {
            metrics::histogram!("commit_seconds").record(0.003);
            metrics::histogram!("batch_operations").record(100.0);
            metrics::counter!("postings_total", "kind" => "deposit").increment(2);
        });
        let text = telemetry.render();
        for line in [
            "# TYPE commit_seconds histogram",
            "commit_seconds_bucket{le=\"0.0025\"} 0",
            "commit_seconds_bucket{le=\"0.005\"} 1",
            "# TYPE batch_operations histogram",
            "batch_operations_bucket{le=\"64\"} 0",
            "batch_operations_bucket{le=\"128\"} 1",
            "postings_total{kind=\"deposit\"} 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
        }
    }
}
