//! Whose requests a server of the page answers, and the headers of every answer.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::HEADERS;

/// Names of this machine.
const HERE: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// What is in the paths of data, which only the page itself may ask for.
const DATA: &str = "/api/";

/// The names under which a server answers. Another name in `Host` may be that of a page elsewhere, which its owner has pointed
/// here (DNS rebinding): the browser then takes both for one site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// This machine's.
    Here,
    /// This machine's, and addresses, which are no names that somebody could point here.
    HereAndAddresses,
    /// All: data is given only to those who have a token, which a page elsewhere has not.
    All,
}

impl Names {
    /// Why a request to this host (the header `host`, with its port) is refused.
    fn refusal(self, host: &str) -> Option<&'static str> {
        let port = host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let name = port.map_or(host, |(name, _)| name);
        let is_here = HERE.contains(&name);
        let is_address = || name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok();
        match self {
            Self::Here if !is_here => Some("this server answers only to the names of this machine\n"),
            Self::HereAndAddresses if !is_here && !is_address() => Some(
                "without tokens this server answers only to the names of this machine, and to addresses\n",
            ),
            _ => None,
        }
    }
}

/// Refuses what is asked under another name, and data that is asked for by another page; adds the headers of every answer.
pub async fn guard(State(names): State<Names>, request: Request, next: Next) -> Response {
    let host = host(&request);
    let refusal = names.refusal(&host).or_else(|| {
        let is_data = request.uri().path().contains(DATA);
        (is_data && is_of_another_page(&request, &host))
            .then_some("this server does not answer other pages\n")
    });
    let mut answer = match refusal {
        None => next.run(request).await,
        Some(words) => (StatusCode::FORBIDDEN, words).into_response(),
    };
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// The host that was asked: HTTP/2 has it in the address.
fn host(request: &Request) -> String {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = || request.uri().authority().map(|authority| authority.as_str());
    header.or_else(authority).unwrap_or_default().to_owned()
}

/// Whether a browser says that another page than this server's makes the request.
fn is_of_another_page(request: &Request, host: &str) -> bool {
    let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let is_foreign_origin =
        text(header::ORIGIN).is_some_and(|origin| origin.split_once("://").is_none_or(|(_, of)| of != host));
    let site = text(HeaderName::from_static("sec-fetch-site"));
    is_foreign_origin || site.is_some_and(|site| !["same-origin", "none"].contains(&site))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_name_that_somebody_may_have_pointed_here_is_refused() {
        for (host, here, addresses) in [
            ("localhost", true, true),
            ("127.0.0.1:8080", true, true),
            ("[::1]:8080", true, true),
            ("10.0.0.7:50051", false, true),
            ("[fd00::7]:50051", false, true),
            ("example.org", false, false),
            ("localhost.example.org:80", false, false),
            ("", false, false),
        ] {
            let answers = |names: Names| names.refusal(host).is_none();
            assert_eq!((answers(Names::Here), answers(Names::HereAndAddresses)), (here, addresses), "{host}");
            assert!(answers(Names::All), "{host}");
        }
    }

    #[test]
    fn another_page_is_known_by_its_origin_or_by_the_browser_s_word() {
        for (name, value, is_foreign) in [
            ("accept", "*/*", false),
            ("origin", "http://localhost:7", false),
            ("origin", "https://localhost:7", false),
            ("origin", "http://localhost:8", true),
            ("origin", "null", true),
            ("sec-fetch-site", "same-origin", false),
            ("sec-fetch-site", "none", false),
            ("sec-fetch-site", "same-site", true),
            ("sec-fetch-site", "cross-site", true),
        ] {
            let request = Request::builder().header(name, value).body(Body::empty()).unwrap();
            assert_eq!(is_of_another_page(&request, "localhost:7"), is_foreign, "{name}: {value}");
        }
    }
}
