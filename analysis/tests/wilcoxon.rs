//! The signed-rank test against scipy's recorded answers (see wilcoxon_golden.py).

use analysis::stats::wilcoxon::{Method, SignedRank};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    scipy: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    differences: Vec<f64>,
    statistic: f64,
    p_value: f64,
}

#[test]
fn agrees_with_scipy() {
    let golden: Golden = serde_json::from_str(include_str!("wilcoxon_golden.json")).unwrap();
    let mut approximated = 0;
    for case in &golden.cases {
        let test = SignedRank::of(&case.differences).unwrap();
        let what = format!("scipy {}: {} of {}", golden.scipy, case.kind, case.differences.len());
        assert_eq!(test.statistic(), case.statistic, "{what}");
        let error = (test.p_value - case.p_value).abs() / case.p_value;
        assert!(error < 1e-9, "{what}: p {} instead of {}", test.p_value, case.p_value);
        approximated += usize::from(test.method == Method::NormalApproximation);
    }
    // Both ways are exercised, and not by a handful of cases.
    assert!(approximated > 30 && golden.cases.len() - approximated > 30);
}
