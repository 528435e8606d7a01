//! The protocol's error kind of a failed step.

use proto::env::v1;
use sandbox::Failure;

/// The kind of a failure in the protocol, and the class name of an exception (otherwise empty).
pub fn error_kind(failure: &Failure) -> (v1::ErrorKind, &str) {
    let kind = match failure {
        Failure::Exception { type_name } => return (v1::ErrorKind::Exception, type_name),
        Failure::Syntax => v1::ErrorKind::Syntax,
        Failure::ToolCallLimit => v1::ErrorKind::ToolCallLimit,
        Failure::OutOfFuel => v1::ErrorKind::Fuel,
        Failure::WallClock => v1::ErrorKind::WallClock,
        Failure::OutOfMemory => v1::ErrorKind::Memory,
        Failure::CodeTooLarge => v1::ErrorKind::CodeSize,
        Failure::Crashed => v1::ErrorKind::Crash,
    };
    (kind, "")
}
