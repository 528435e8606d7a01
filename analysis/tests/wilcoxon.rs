//! The signed-rank test against recorded results of scipy (see wilcoxon_golden.py).

use analysis::stats::wilcoxon::{Method, SignedRank, Zeros};
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
    wilcox: Answer,
    pratt: Answer,
    zsplit: Answer,
}

#[derive(Deserialize)]
struct Answer {
    statistic: f64,
    p_value: f64,
}

#[test]
fn agrees_with_scipy() {
    let golden: Golden = serde_json::from_str(include_str!("wilcoxon_golden.json")).unwrap();
    for zeros in [Zeros::Drop, Zeros::Pratt, Zeros::Split] {
        let mut approximated = 0;
        for case in &golden.cases {
            let expected = match zeros {
                Zeros::Drop => &case.wilcox,
                Zeros::Pratt => &case.pratt,
                Zeros::Split => &case.zsplit,
            };
            let test = SignedRank::with_zeros(&case.differences, zeros).unwrap();
            let size = case.differences.len();
            let what = format!("scipy {}: {} of {size}, {zeros:?}", golden.scipy, case.kind);
            assert_eq!(test.statistic(), expected.statistic, "{what}");
            let error = (test.p_value - expected.p_value).abs() / expected.p_value;
            assert!(error < 1e-9, "{what}: p {} instead of {}", test.p_value, expected.p_value);
            approximated += usize::from(test.method == Method::NormalApproximation);
        }
        // Both methods are tested, each with many cases.
        assert!(approximated > 30 && golden.cases.len() - approximated > 30);
    }
}
