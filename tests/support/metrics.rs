//! What a server's `/metrics` shows.

/// The text of `/metrics`.
pub struct Metrics(pub String);

impl Metrics {
    /// The value of a series, written as on the page; 0 if it is not there. Labels that are left out are summed over: of
    /// `name{a="1"}`, all series that have this label.
    ///
    /// # Panics
    /// If its value is no number.
    pub fn value(&self, series: &str) -> f64 {
        let (name, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
        let wanted: Vec<&str> = labels.split(',').filter(|label| !label.is_empty()).collect();
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, labels) = series.trim_end_matches('}').split_once('{').unwrap_or((series, ""));
            let has = |label: &&str| labels.split(',').any(|found| found == *label);
            (found == name && wanted.iter().all(has)).then(|| value.parse::<f64>().expect("a number"))
        };
        self.0.lines().filter_map(value).sum()
    }
}
