//! Errors as gRPC statuses, with the details that a client can act on.

use std::collections::HashMap;
use std::time::Duration;

use proto::env::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::error::Error;

/// The domain of this service's error reasons (`google.rpc.ErrorInfo`).
const DOMAIN: &str = "runtime-gym";
/// How long a client should wait at least when it can't be told when there will be room.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The trailer from which gRPC clients with a retry policy read how long to wait, in milliseconds.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = cut(error.to_string());
        let reason = error.reason();
        let mut details = ErrorDetails::new();
        let mut retry = None;
        let mut facts = HashMap::new();
        let code = match error {
            Error::Invalid(violation) => {
                details.add_bad_request_violation(violation.field, cut(violation.description));
                Code::InvalidArgument
            }
            Error::UnknownEpisode { .. } | Error::UnknownTask(_) => Code::NotFound,
            Error::EpisodeExists { .. } => Code::AlreadyExists,
            Error::StepConflict { .. }
            | Error::StepForgotten { .. }
            | Error::StepGap { .. }
            | Error::TaskChanged { .. }
            | Error::Restarted { .. } => Code::FailedPrecondition,
            Error::Ended { reason } => {
                let reason = v1::EndReason::from(reason).as_str_name();
                facts.insert("end_reason".to_owned(), reason.to_owned());
                Code::FailedPrecondition
            }
            Error::WrongServer { server, this_server } => {
                facts.insert("server".to_owned(), server);
                facts.insert("this_server".to_owned(), this_server);
                Code::FailedPrecondition
            }
            Error::Stopped => Code::DeadlineExceeded,
            Error::AnswerLeftOut => Code::ResourceExhausted,
            Error::Forbidden(_) => Code::PermissionDenied,
            Error::Full { .. } | Error::NoMemory(_) | Error::StorageFull => {
                retry = Some(RETRY_AFTER);
                Code::ResourceExhausted
            }
            Error::OverQuota { wait, .. } => {
                retry = Some(if wait.is_zero() { RETRY_AFTER } else { wait });
                Code::ResourceExhausted
            }
            Error::ShuttingDown | Error::NoHost { .. } => {
                retry = Some(RETRY_AFTER);
                Code::Unavailable
            }
            Error::FamilyFault { .. } => {
                tracing::warn!("{message}");
                Code::Internal
            }
            Error::Internal(_) => {
                tracing::error!("{message}");
                Code::Internal
            }
        };
        details.set_error_info(reason, DOMAIN, facts);
        let retry = retry.map(jittered);
        if retry.is_some() {
            details.set_retry_info(retry);
        }
        let mut status = Status::with_error_details(code, message, details);
        if let Some(wait) = retry {
            // Rounded up: a client that comes too early is refused again.
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
            status.metadata_mut().insert(PUSHBACK, millis.into());
        }
        status
    }
}

/// Up to twice as long, or a second longer: clients that were refused together do not come back together.
fn jittered(wait: Duration) -> Duration {
    let share = getrandom::u32().unwrap_or_default();
    wait + wait.min(Duration::from_secs(1)).mul_f64(f64::from(share) / f64::from(u32::MAX))
}

/// A failed call among several.
pub fn call_error(status: &Status) -> v1::CallError {
    let violation = status.get_details_bad_request().and_then(|bad| bad.field_violations.into_iter().next());
    let retry = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
    v1::CallError {
        code: status.code().into(),
        message: status.message().to_owned(),
        field: violation.map(|violation| violation.field).unwrap_or_default(),
        reason: status.get_details_error_info().map(|info| info.reason).unwrap_or_default(),
        retry_delay: retry.and_then(|wait| wait.try_into().ok()),
    }
}

/// The longest text of a status, in bytes. It is sent in a header, and clients refuse large headers.
const MAX_TEXT_BYTES: usize = 1000;

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
        text.push_str(" ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Violation;

    #[test]
    fn a_violation_names_its_field() {
        let status = Status::from(Error::from(Violation::new("lease", "is too long")));
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "lease");
        assert_eq!(status.get_details_error_info().unwrap().reason, "INVALID_FIELD");
        assert!(status.get_details_retry_info().is_none(), "it would be wrong again");
    }

    #[test]
    fn a_wrong_server_names_the_right_one() {
        let (server, this_server) = ("two".to_owned(), "one".to_owned());
        let status = Status::from(Error::WrongServer { server, this_server });
        assert_eq!(status.code(), Code::FailedPrecondition);
        let info = status.get_details_error_info().unwrap();
        assert_eq!(info.reason, "WRONG_SERVER");
        assert_eq!((&*info.metadata["server"], &*info.metadata["this_server"]), ("two", "one"));
    }

    #[test]
    fn a_full_server_says_when_to_retry() {
        let status = Status::from(Error::Full { limit: 3 });
        assert_eq!(status.code(), Code::ResourceExhausted);
        let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert!((RETRY_AFTER..=2 * RETRY_AFTER).contains(&wait), "{wait:?}");
        let pushback: u128 = status.metadata().get(PUSHBACK).unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(pushback, wait.as_millis() + 1);
    }

    #[test]
    fn a_failed_call_among_several_says_the_same() {
        let status = Status::from(Error::Full { limit: 3 });
        let told = call_error(&status);
        let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert_eq!(Duration::try_from(told.retry_delay.unwrap()).unwrap(), wait);
        assert_eq!((told.code, told.reason), (i32::from(Code::ResourceExhausted), "SERVER_FULL".to_owned()));
        assert_eq!(call_error(&Error::Stopped.into()).retry_delay, None);
    }

    #[test]
    fn clients_are_not_told_to_come_back_together() {
        let wait = |_| {
            let status = Status::from(Error::Full { limit: 3 });
            status.metadata().get(PUSHBACK).unwrap().to_str().unwrap().to_owned()
        };
        assert!((0..50).map(wait).collect::<std::collections::HashSet<_>>().len() > 5);
    }

    #[test]
    fn a_quota_says_how_long_it_is_used_up() {
        let wait = Duration::from_secs(9);
        let status = Status::from(Error::OverQuota { quota: "steps_per_second", limit: 3, wait });
        assert_eq!(status.code(), Code::ResourceExhausted);
        let told = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert!((wait..=2 * wait).contains(&told), "{told:?}");
        assert!(status.message().contains("steps_per_second=3"), "{status}");
    }
}
