//! Means of the service's own histograms in `/metrics`.

use std::collections::BTreeMap;

/// The mean of every histogram between two texts of `/metrics`, by name and labels.
pub fn histogram_means(before: &str, after: &str) -> BTreeMap<String, f64> {
    let read = |text: &str| -> BTreeMap<String, f64> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .filter_map(|line| line.rsplit_once(' '))
            .filter_map(|(k, v)| Some((k.to_owned(), v.parse().ok()?)))
            .collect()
    };
    let (before, after) = (read(before), read(after));
    let grown = |key: &str| Some(after.get(key)? - before.get(key).copied().unwrap_or(0.0));
    after
        .keys()
        .filter_map(|key| {
            let (name, labels) = key.split_at(key.find('{').unwrap_or(key.len()));
            let name = name.strip_suffix("_count")?;
            let (count, sum) = (grown(key)?, grown(&format!("{name}_sum{labels}"))?);
            (count > 0.0).then(|| (format!("{name}{labels}"), sum / count))
        })
        .collect()
}
