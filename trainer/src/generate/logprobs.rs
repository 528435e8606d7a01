//! Log-probabilities of tokens under the model, before temperature and filters.

use tch::{Kind, Tensor};

use super::TokenLogprob;

/// For each row of logits, `[n, vocabulary]`: the log-probability of the chosen token, and those of the
/// `alternatives` most likely tokens.
pub fn of_rows(logits: &Tensor, chosen: &[i64], alternatives: usize) -> Vec<TokenLogprob> {
    let all = logits.log_softmax(-1, Kind::Float);
    let ids = Tensor::from_slice(chosen).to_device(all.device()).unsqueeze(1);
    let of_chosen = floats(&all.gather(1, &ids, false));
    let count = alternatives.min(all.size()[1] as usize);
    let (values, ids) = all.topk(count as i64, -1, true, true);
    let most_likely: Vec<(i64, f32)> = integers(&ids).into_iter().zip(floats(&values)).collect();
    let alternatives = |row: usize| most_likely[row * count..(row + 1) * count].to_vec();
    chosen
        .iter()
        .zip(of_chosen)
        .enumerate()
        .map(|(row, (id, logprob))| TokenLogprob { id: *id, logprob, alternatives: alternatives(row) })
        .collect()
}

/// All elements as f32, in order.
pub fn floats(tensor: &Tensor) -> Vec<f32> {
    let mut values = vec![0.0; tensor.numel()];
    tensor.to_kind(Kind::Float).contiguous().copy_data(&mut values, tensor.numel());
    values
}

/// All elements of an integer tensor, in order.
pub fn integers(tensor: &Tensor) -> Vec<i64> {
    let mut values = vec![0; tensor.numel()];
    tensor.contiguous().copy_data(&mut values, tensor.numel());
    values
}
