//! NF4, compared with bitsandbytes.

use tch::{Device, Kind, Tensor};
use trainer::nf4::{Library, Quantised, library};

use crate::{device, difference, oracle};

const WEIGHTS: [&str; 6] = ["even", "part", "more", "half", "zero", "outlier"];

fn theirs(weight: &str, part: &str) -> Tensor {
    oracle::tensor("nf4.safetensors", &format!("{weight}.{part}"))
}

#[test]
fn codes_are_equal_and_weights_within_a_step() {
    for name in WEIGHTS {
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

/// On a CPU its library for CPUs, which the trainer does not use by itself; on a GPU the one that the trainer found.
#[test]
fn kernels_of_bitsandbytes_give_the_same_weights_and_products() {
    let opened;
    let kernels = match device() {
        Device::Cpu => {
            opened = Library::open(&oracle::package("bitsandbytes").join("libbitsandbytes_cpu.so")).unwrap();
            &opened
        }
        _ => library().unwrap().expect("bitsandbytes beside the libtorch of LD_LIBRARY_PATH"),
    };
    for name in WEIGHTS {
        let weight = theirs(name, "weight");
        let kind = weight.kind();
        // On a GPU sums may differ, so that a block's largest value is a step of its code apart.
        let allowed = match device() {
            Device::Cpu => 0.0,
            _ => 0.02 * weight.to_kind(Kind::Float).abs().max().double_value(&[]),
        };
        let expected = Quantised::new(name, &weight).unwrap().dequantise();
        let there = Quantised::new(name, &weight.to_device(device())).unwrap();
        let (codes, absmax, size) = (there.codes(), there.absmax(), there.size());
        let found = kernels.dequantise(codes, &absmax.dequantise(), size, kind).unwrap();
        assert_eq!(found.kind(), kind);
        let differs = difference(&found, &expected);
        println!("{name}: dequantised by bitsandbytes' kernel, differs by {differs:.1e}");
        assert!(differs <= allowed, "{name}: {differs}");
        assert!(kernels.dequantise(codes, &absmax.dequantise(), size, Kind::Half).is_none());

        let of_rows = |rows: i64| Tensor::randn([rows, size[1]], (Kind::Float, device())).to_kind(kind);
        let bias = Tensor::randn([size[0]], (Kind::Float, device())).to_kind(kind);
        for rows in 1..=4 {
            let x = of_rows(rows);
            let multiplied = kernels.multiply(&x, codes, absmax, size, Some(&bias));
            assert_eq!(multiplied.is_some(), device() != Device::Cpu, "{name}");
            let Some(multiplied) = multiplied else { continue };
            let expected = x.linear(&found, Some(&bias));
            let largest = expected.to_kind(Kind::Float).abs().max().double_value(&[]);
            let differs = difference(&multiplied, &expected) / largest;
            println!("{name}: the product of {rows} rows differs by {differs:.1e} of the largest value");
            assert!(differs < if kind == Kind::Float { 1e-5 } else { 2e-2 }, "{name}: {differs}");
        }
        for x in [of_rows(5), of_rows(1).set_requires_grad(true)] {
            assert!(kernels.multiply(&x, codes, absmax, size, None).is_none());
        }
    }
}

#[test]
fn a_library_that_is_none_is_refused_by_its_path() {
    let file = tempfile::NamedTempFile::with_suffix(".so").unwrap();
    let error = Library::open(file.path()).err().expect("an empty file is no library").to_string();
    assert!(error.starts_with(&file.path().display().to_string()), "{error}");
}
