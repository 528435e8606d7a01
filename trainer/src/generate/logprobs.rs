//! How likely tokens were to the model, whatever the sampling made of it.

use tch::{Kind, Tensor};

use super::TokenLogprob;

/// Of rows of logits `[n, vocabulary]`: the chosen token's log-probability, and those of the `alternatives` likeliest.
pub fn of_rows(logits: &Tensor, chosen: &[i64], alternatives: usize) -> Vec<TokenLogprob> {
    let all = logits.log_softmax(-1, Kind::Float);
    let ids = Tensor::from_slice(chosen).to_device(all.device()).unsqueeze(1);
    let told = floats(&all.gather(1, &ids, false));
    let count = alternatives.min(all.size()[1] as usize);
    let (values, ids) = all.topk(count as i64, -1, true, true);
    let likeliest: Vec<(i64, f32)> = integers(&ids).into_iter().zip(floats(&values)).collect();
    let alternatives = |row: usize| likeliest[row * count..(row + 1) * count].to_vec();
    chosen
        .iter()
        .zip(told)
        .enumerate()
        .map(|(row, (id, logprob))| TokenLogprob { id: *id, logprob, alternatives: alternatives(row) })
        .collect()
}

/// All elements, in order.
pub fn floats(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.to_kind(Kind::Float).contiguous().copy_data(&mut values, tensor.numel());
    values
}

/// All elements, in order.
pub fn integers(tensor: &Tensor) -> Vec<i64> {
    let mut values = vec![0; tensor.numel()];
    tensor.contiguous().copy_data(&mut values, tensor.numel());
    values
}
