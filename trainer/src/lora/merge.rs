//! Merging adapters into the weights that they change.

use crate::model::{Linear, Model};
use crate::{Error, Result};

/// Adds the adapters to the weights and removes them.
///
/// # Errors
/// [`Error::Linear`] if a matrix with an adapter is quantised.
pub fn merge(model: &mut Model) -> Result<()> {
    model.linears_mut().try_for_each(merge_matrix)
}

fn merge_matrix(linear: &mut Linear) -> Result<()> {
    let Some(change) = linear.adapter().map(|lora| tch::no_grad(|| lora.delta())) else { return Ok(()) };
    if !linear.add_to_weight(&change) {
        let problem = "is quantised: load the base in full precision to merge";
        return Err(Error::Linear { name: linear.name().to_owned(), problem });
    }
    linear.set_adapter(None);
    Ok(())
}
