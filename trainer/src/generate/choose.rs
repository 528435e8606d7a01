//! From rows of logits to the next tokens of a batch.

use tch::{Device, Kind, Tensor};

use super::logprobs::{floats, integers};
use super::sampling::Sampling;
use super::sequence::Sequence;

/// Tokens whose weights are summed before a draw looks at them one by one.
const BLOCK: i64 = 512;

/// How the tokens of a row are chosen.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Way {
    Greedy,
    /// From all tokens.
    Whole,
    /// From the tokens that filters keep.
    Filtered,
}

impl Way {
    const ALL: [Self; 3] = [Self::Greedy, Self::Whole, Self::Filtered];

    fn of(sampling: &Sampling) -> Self {
        match sampling {
            sampling if sampling.is_greedy() => Self::Greedy,
            Sampling { top_k: 0, top_p: 1.0, .. } => Self::Whole,
            _ => Self::Filtered,
        }
    }
}

/// The next token of each sequence; `logits` is f32 `[n, vocabulary]`. From a GPU only ids and the few weights that a
/// draw needs are copied, except for rows with filters, which are copied together.
pub fn choose(sequences: &mut [Sequence], logits: &Tensor) -> Vec<i64> {
    let ways: Vec<Way> = sequences.iter().map(|sequence| Way::of(&sequence.request.sampling)).collect();
    if logits.device() == Device::Cpu && ways.iter().any(|way| *way != Way::Greedy) {
        return all(sequences.iter_mut(), logits);
    }
    let mut ids = vec![0; sequences.len()];
    for way in Way::ALL {
        let rows: Vec<usize> = (0..ways.len()).filter(|row| ways[*row] == way).collect();
        if rows.is_empty() {
            continue;
        }
        let part = part(logits, &rows);
        let members = sequences.iter_mut().zip(&ways).filter(|(_, its)| **its == way).map(|(one, _)| one);
        let chosen = match way {
            Way::Greedy => integers(&part.argmax(-1, false)),
            Way::Whole => {
                let members: Vec<_> = members.collect();
                let temperatures: Vec<f64> =
                    members.iter().map(|one| one.request.sampling.temperature).collect();
                let points: Vec<f64> = members.into_iter().map(Sequence::point).collect();
                draw(&part, &temperatures, &points)
            }
            Way::Filtered => all(members, &part),
        };
        rows.into_iter().zip(chosen).for_each(|(row, id)| ids[row] = id);
    }
    ids
}

/// Copies all logits, and lets each sequence choose from its row.
fn all<'a>(sequences: impl Iterator<Item = &'a mut Sequence>, logits: &Tensor) -> Vec<i64> {
    let values = floats(logits);
    let rows = values.chunks(logits.size()[1] as usize);
    sequences.zip(rows).map(|(sequence, row)| sequence.choose(row)).collect()
}

/// Some rows of a matrix.
fn part(logits: &Tensor, rows: &[usize]) -> Tensor {
    if rows.len() as i64 == logits.size()[0] {
        return logits.shallow_clone();
    }
    let rows: Vec<i64> = rows.iter().map(|row| *row as i64).collect();
    logits.index_select(0, &Tensor::from_slice(&rows).to_device(logits.device()))
}

/// Draws from all tokens of each row where the logits are. `points` are draws from 0 to below 1. As
/// [`Sampler::choose`](super::sampling::Sampler::choose), in f64: the first token at which the sum of the probabilities,
/// in the order of ids, exceeds the point. First the sums of blocks are copied, then the weights of one block of each row.
fn draw(logits: &Tensor, temperatures: &[f64], points: &[f64]) -> Vec<i64> {
    let (device, (n, vocabulary)) = (logits.device(), logits.size2().expect("rows of logits"));
    let divisors = Tensor::from_slice(temperatures).to_device(device).unsqueeze(1);
    let wide = logits.to_kind(Kind::Double);
    let weights = ((&wide - wide.amax([-1].as_slice(), true)) / divisors).exp();
    let blocks = weights.constant_pad_nd([0, -vocabulary & (BLOCK - 1)]).view([-1, BLOCK]); // [n * blocks, BLOCK]
    let sums = doubles(&blocks.sum_dim_intlist([-1].as_slice(), false, Kind::Double));

    let per_row = sums.len() / n as usize;
    let picked = |(row, (sums, point)): (usize, (&[f64], &f64))| {
        let (block, left) = reach(sums, point * sums.iter().sum::<f64>());
        (row * per_row + block, left)
    };
    let (picked, left): (Vec<usize>, Vec<f64>) =
        sums.chunks(per_row).zip(points).enumerate().map(picked).unzip();
    let weights = doubles(&part(&blocks, &picked));
    let id = |((weights, left), block): ((&[f64], &f64), usize)| {
        (block % per_row * BLOCK as usize + reach(weights, *left).0) as i64
    };
    weights.chunks(BLOCK as usize).zip(&left).zip(picked).map(id).collect()
}

/// The first place at which the sum of the weights exceeds `left`, and what is left of it before that place.
fn reach(weights: &[f64], mut left: f64) -> (usize, f64) {
    for (place, weight) in weights.iter().enumerate() {
        if left < *weight {
            return (place, left);
        }
        left -= weight;
    }
    // Rounding may leave a small remainder.
    let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
    (last, weights[last])
}

/// All elements of a tensor of f64, in order.
fn doubles(tensor: &Tensor) -> Vec<f64> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.contiguous().copy_data(&mut values, tensor.numel());
    values
}

#[cfg(test)]
mod tests {
    use super::super::sampling::Sampler;
    use super::*;

    #[test]
    fn a_draw_on_the_device_gives_the_token_of_a_draw_from_copied_logits() {
        tch::manual_seed(3);
        let (n, vocabulary) = (40, 1300); // the last block is not full
        let logits = Tensor::randn([n, vocabulary], (Kind::Float, Device::Cpu)) * 4;
        let _ = logits.narrow(1, 700, 300).fill_(f64::NEG_INFINITY); // never drawn
        let temperatures: Vec<f64> = (0..n).map(|row| 0.2 + row as f64 / 20.0).collect();
        let samplers = |seed| {
            let sampling = |temperature: &f64| Sampling {
                temperature: *temperature,
                seed: Some(seed),
                ..Sampling::default()
            };
            temperatures.iter().map(|one| Sampler::new(sampling(one))).collect::<Vec<_>>()
        };
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let points: Vec<f64> = samplers(seed).iter_mut().map(Sampler::point).collect();
            let drawn = draw(&logits, &temperatures, &points);
            let values = floats(&logits);
            let rows = values.chunks(vocabulary as usize);
            let expected: Vec<i64> =
                samplers(seed).iter_mut().zip(rows).map(|(sampler, row)| sampler.choose(row)).collect();
            assert_eq!(drawn, expected);
            seen.extend(drawn);
        }
        assert!(seen.len() > 200 && seen.iter().all(|id| !(700..1000).contains(id)), "{seen:?}");
    }

    #[test]
    fn a_remainder_of_rounding_goes_to_the_last_token_that_is_possible() {
        assert_eq!(reach(&[0.5, 0.0, 0.25, 0.0], 0.6), (2, 0.09999999999999998));
        assert_eq!(reach(&[0.5, 0.0, 0.25, 0.0], 0.76), (2, 0.25));
        assert_eq!(reach(&[0.0, 0.5], 0.0), (1, 0.0));
    }
}
