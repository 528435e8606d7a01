//! Metrics that are read when `/metrics` is.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// Metrics that are read when the page is.
pub struct Reading<F>(pub F);

impl<F> fmt::Debug for Reading<F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Reading")
    }
}

impl<F: Fn(&mut Page<'_>) -> fmt::Result + Send + Sync + 'static> Collector for Reading<F> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        (self.0)(&mut Page(encoder))
    }
}

/// Where metrics are written that are read now.
pub struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    /// Writes a gauge. Its name ends with its unit.
    ///
    /// # Errors
    /// The page's.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.metric(name, help, &ConstGauge::new(value))
    }

    /// Writes a counter. `_total` is added to its name.
    ///
    /// # Errors
    /// The page's.
    pub fn counter(
        &mut self,
        name: &str,
        help: &str,
        value: impl EncodeCounterValue + fmt::Debug,
    ) -> fmt::Result {
        self.metric(name, help, &ConstCounter::new(value))
    }

    /// Writes a gauge with one label, for each of its values.
    ///
    /// # Errors
    /// The page's.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: [(&str, u64); N],
    ) -> fmt::Result {
        let kind = ConstGauge::new(0_u64).metric_type();
        let mut metric = self.0.encode_descriptor(name, &format!("{help}."), None, kind)?;
        for (value, gauge) in values {
            let labels = [(label, value)];
            ConstGauge::new(gauge).encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric(&mut self, name: &str, help: &str, metric: &impl EncodeMetric) -> fmt::Result {
        // A full stop, as the library adds to the others.
        let help = format!("{help}.");
        metric.encode(self.0.encode_descriptor(name, &help, None, metric.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::prometheus_text;
    use prometheus_client::registry::Registry;

    use super::*;

    #[test]
    fn what_is_read_now_is_written() {
        let mut registry = Registry::default();
        let write = |page: &mut Page<'_>| {
            page.gauge("open", "Some", 7_u64)?;
            page.counter("seen", "More", 8_u64)?;
            page.gauges("episodes", "Episodes", "state", [("running", 1), ("ended", 2)])
        };
        registry.sub_registry_with_prefix("runtime_gym").register_collector(Box::new(Reading(write)));
        let mut page = String::new();
        prometheus_text::encode(&mut page, &registry).unwrap();
        for line in [
            "# HELP runtime_gym_open Some.",
            "# TYPE runtime_gym_open gauge",
            "runtime_gym_open 7",
            "runtime_gym_seen_total 8",
            "runtime_gym_episodes{state=\"running\"} 1",
            "runtime_gym_episodes{state=\"ended\"} 2",
        ] {
            assert!(page.lines().any(|written| written == line), "{line} is not in:\n{page}");
        }
    }
}
