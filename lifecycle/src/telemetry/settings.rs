//! What OpenTelemetry's standard variables say of spans:
//! <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.
//!
//! Those that only the exporter and its queue need are read by these; here they are checked.

use opentelemetry_sdk::trace::Sampler;
use tonic::transport::Endpoint;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const ENDPOINT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const COMPRESSION: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE: &str = "OTEL_RESOURCE_ATTRIBUTES";

/// Variables that hold a number greater than 0.
const NUMBERS: [&str; 6] = [
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
];

/// Where spans are sent, and which.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The collector's URL.
    pub endpoint: String,
    /// Which traces are kept.
    pub sampler: Sampler,
    /// The program's name in the spans, if it has one of its own.
    pub service_name: Option<String>,
}

impl Settings {
    /// What the variables say; `None` if no spans are to be sent. An empty variable counts as unset. `ratio` is the share of
    /// the traces that begin in this program and are kept, unless a variable says otherwise.
    ///
    /// # Errors
    /// A sentence that names the variable and what it must be.
    pub fn read(variable: impl Fn(&str) -> Option<String>, ratio: f64) -> Result<Option<Self>, String> {
        let set = |name: &str| {
            let value = variable(name)?.trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        // The first one that is set.
        let first = |names: [&'static str; 2]| names.into_iter().find_map(|name| Some((name, set(name)?)));
        let wrong = |name: &str, value: &str, rule: &str| Err(format!("{name} is `{value}`: {rule}"));

        let Some((name, endpoint)) = first(ENDPOINT) else { return Ok(None) };
        match set(DISABLED).unwrap_or_default().to_lowercase().as_str() {
            "" | "false" => {}
            "true" => return Ok(None),
            other => return wrong(DISABLED, other, "must be true or false"),
        }
        match set(EXPORTER).unwrap_or_default().as_str() {
            "" | "otlp" => {}
            "none" => return Ok(None),
            other => return wrong(EXPORTER, other, "must be otlp or none"),
        }
        let is_url = ["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme))
            && Endpoint::from_shared(endpoint.clone()).is_ok_and(|endpoint| endpoint.uri().host().is_some());
        if !is_url {
            return wrong(name, &endpoint, "must be a URL such as http://127.0.0.1:4317");
        }
        if let Some((name, protocol)) = first(PROTOCOL).filter(|(_, protocol)| protocol != "grpc") {
            return wrong(name, &protocol, "must be grpc, the only protocol by which spans are sent");
        }
        if let Some((name, kind)) = first(COMPRESSION).filter(|(_, kind)| kind != "gzip" && kind != "none") {
            return wrong(name, &kind, "must be gzip or none");
        }
        for name in NUMBERS {
            if let Some(value) = set(name).filter(|value| !value.parse::<u32>().is_ok_and(|value| value > 0))
            {
                return wrong(name, &value, "must be a number greater than 0");
            }
        }
        if let Some(pairs) = set(RESOURCE).filter(|pairs| !pairs.split(',').all(|pair| pair.contains('='))) {
            return wrong(RESOURCE, &pairs, "must be NAME=VALUE, and further ones after commas");
        }
        if let Some((name, _)) =
            first(HEADERS).filter(|(_, pairs)| !pairs.split(',').all(|pair| pair.contains('=')))
        {
            return Err(format!("{name} must be NAME=VALUE, and further ones after commas")); // it may hold a secret
        }
        let sampler = sampler(set(SAMPLER).as_deref(), set(SAMPLER_ARG).as_deref(), ratio)?;
        Ok(Some(Self { endpoint, sampler, service_name: set(SERVICE_NAME) }))
    }
}

/// The sampler of this name. Without a name, a trace that begins elsewhere is kept if it is kept there, and a share of the
/// others, `argument` or else `ratio`.
fn sampler(name: Option<&str>, argument: Option<&str>, ratio: f64) -> Result<Sampler, String> {
    let share = match argument {
        // With a name, the standard's default.
        None => name.map_or(ratio, |_| 1.0),
        Some(text) => text
            .parse()
            .ok()
            .filter(|share| (0.0..=1.0).contains(share))
            .ok_or_else(|| format!("{SAMPLER_ARG} is `{text}`: must be a number from 0 to 1"))?,
    };
    let within = |sampler| Sampler::ParentBased(Box::new(sampler));
    Ok(match name.unwrap_or("parentbased_traceidratio") {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatioBased(share),
        "parentbased_always_on" => within(Sampler::AlwaysOn),
        "parentbased_always_off" => within(Sampler::AlwaysOff),
        "parentbased_traceidratio" => within(Sampler::TraceIdRatioBased(share)),
        other => {
            return Err(format!(
                "{SAMPLER} is `{other}`: must be always_on, always_off, traceidratio, parentbased_always_on, \
                 parentbased_always_off or parentbased_traceidratio"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317");

    fn read(variables: &[(&str, &str)]) -> Result<Option<Settings>, String> {
        let value = |name: &str| {
            variables.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::read(value, 0.01)
    }

    #[test]
    fn spans_are_sent_where_a_collector_is_named() {
        for none in [
            &[][..],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")],
            &[("OTEL_SERVICE_NAME", "mine"), ("OTEL_TRACES_SAMPLER", "always_on")],
            &[URL, ("OTEL_SDK_DISABLED", "True")],
            &[URL, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert!(read(none).unwrap().is_none(), "{none:?}");
        }
        let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.example");
        for (variables, endpoint) in [(&[URL][..], URL.1), (&[traces, URL], traces.1)] {
            assert_eq!(read(variables).unwrap().unwrap().endpoint, endpoint);
        }
    }

    #[test]
    fn the_sampler_is_the_standard_s() {
        let sampler = |variables: &[(&str, &str)]| {
            let sampler = read(&[&[URL], variables].concat()).unwrap().unwrap().sampler;
            format!("{sampler:?}")
        };
        let (name, arg) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
        assert_eq!(sampler(&[]), "ParentBased(TraceIdRatioBased(0.01))");
        assert_eq!(sampler(&[(arg, "0.5")]), "ParentBased(TraceIdRatioBased(0.5))");
        assert_eq!(sampler(&[(name, "traceidratio"), (arg, "0.5")]), "TraceIdRatioBased(0.5)");
        assert_eq!(sampler(&[(name, "traceidratio")]), "TraceIdRatioBased(1.0)");
        assert_eq!(sampler(&[(name, "parentbased_always_off")]), "ParentBased(AlwaysOff)");
    }

    #[test]
    fn a_wrong_value_is_named() {
        for (name, value) in [
            ("OTEL_SDK_DISABLED", "perhaps"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
            ("OTEL_RESOURCE_ATTRIBUTES", "a=b,c"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ] {
            let error = read(&[URL, (name, value)]).unwrap_err();
            assert!(error.starts_with(name) && error.contains(value), "{error}");
        }
        let error = read(&[URL, ("OTEL_EXPORTER_OTLP_HEADERS", "secret")]).unwrap_err();
        assert!(error.starts_with("OTEL_EXPORTER_OTLP_HEADERS") && !error.contains("secret"), "{error}");
    }
}
