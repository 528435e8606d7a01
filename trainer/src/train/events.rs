//! TensorBoard's event files: framed records, each a protobuf message.
//!
//! Framing: <https://www.tensorflow.org/tutorials/load_data/tfrecord>; messages: the fields of
//! `tensorboard/compat/proto/{event,summary}.proto` that scalars need.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use prost::Message;

use crate::{Error, Result};

/// The prefix of event files' names, by which TensorBoard finds them.
pub const PREFIX: &str = "events.out.tfevents.";

#[derive(Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, tag = "2")]
    simple_value: f32,
}

/// An event file that is being written.
pub struct Events {
    path: PathBuf,
    file: File,
}

impl Events {
    /// Creates a file in a folder; `time` is in seconds since 1970.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(folder: &Path, time: f64) -> Result<Self> {
        let path = folder.join(format!("{PREFIX}{}.trainer.{}", time as u64, std::process::id()));
        let file = File::create(&path).map_err(Error::file(&path))?;
        let mut events = Self { path, file };
        let file_version = Some("brain.Event:2".to_owned());
        events.write(&Event { wall_time: time, step: 0, file_version, summary: None })?;
        Ok(events)
    }

    /// Appends the values of a step.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn add(&mut self, time: f64, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let value = values
            .iter()
            .map(|(tag, value)| Value { tag: (*tag).to_owned(), simple_value: *value as f32 })
            .collect();
        let summary = Some(Summary { value });
        self.write(&Event { wall_time: time, step: step as i64, file_version: None, summary })
    }

    fn write(&mut self, event: &Event) -> Result<()> {
        let data = event.encode_to_vec();
        let length = (data.len() as u64).to_le_bytes();
        let record =
            [length.as_slice(), &masked_crc(&length).to_le_bytes(), &data, &masked_crc(&data).to_le_bytes()]
                .concat();
        self.file.write_all(&record).map_err(Error::file(&self.path))
    }
}

/// The checksum of the format: a rotated CRC-32C plus a constant, because records may contain CRCs
/// themselves.
fn masked_crc(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}
