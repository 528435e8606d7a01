//! NF4, compared with bitsandbytes.

use tch::{Kind, Tensor};
use trainer::nf4::Quantised;

use crate::{difference, oracle};

fn theirs(weight: &str, part: &str) -> Tensor {
    oracle::tensor("nf4.safetensors", &format!("{weight}.{part}"))
}

#[test]
fn codes_are_equal_and_weights_within_a_step() {
    for name in ["even", "part", "more", "half", "zero", "outlier"] {
        let weight = theirs(name, "weight");
        let ours = Quantised::new(name, &weight).unwrap();
        assert!(ours.codes().equal(&theirs(name, "codes")), "{name}: codes differ");

        // Codes of block scales may differ by one; if none does, the scales are equal.
        let (codes, their_codes) = (ours.absmax().codes(), theirs(name, "absmax"));
        let apart = (codes.to_kind(Kind::Int) - their_codes.to_kind(Kind::Int)).abs();
        assert!(apart.max().int64_value(&[]) <= 1, "{name}: magnitudes differ by more than a step");
        let same = apart.eq(0).to_kind(Kind::Float);
        println!(
            "{name}: {} of {} magnitudes a step apart",
            apart.sum(Kind::Int64).int64_value(&[]),
            codes.numel()
        );
        let magnitudes = ours.absmax().dequantise();
        assert!(difference(&(&magnitudes * &same), &(theirs(name, "magnitudes") * &same)) < 1e-6, "{name}");

        // Weights differ at most by as much as the scales of their blocks.
        let dequantised = ours.dequantise();
        assert_eq!((dequantised.size(), dequantised.kind()), (weight.size(), weight.kind()));
        let wide = |tensor: Tensor| tensor.to_kind(Kind::Float).reshape([-1, 64]);
        let step = (magnitudes - theirs(name, "magnitudes")).abs().unsqueeze(-1);
        let theirs = wide(theirs(name, "dequantised"));
        let rounding = if weight.kind() == Kind::BFloat16 { 1.0 / 128.0 } else { 1e-6 };
        let allowed = step + theirs.abs() * rounding + 1e-7;
        let over = (wide(dequantised) - theirs).abs() - allowed;
        assert!(over.max().double_value(&[]) <= 0.0, "{name}: weights differ by more than a step");
    }
}
