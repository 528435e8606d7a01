//! The console's page, as `console/dist` has it: a few files, and how servers answer browsers with them.
//!
//! The feature `page`, which is on by default, embeds the files. `scripts/console.sh` builds them.
//!
//! | module  | what it holds                                         |
//! |---------|-------------------------------------------------------|
//! | `guard` | whose requests are answered, and with which headers   |
//! | `page`  | a file of the page as an answer                       |

mod guard;
mod page;

pub use guard::{Names, guard};
pub use page::page;

/// The names of the page's files and their content.
const FILES: &[(&str, &[u8])] = &include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// What a browser may do with the page, and with data from the same server: run the page's own scripts and fetch from the
/// same server, nothing else.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types svelte-trusted-html console-worker";

/// The headers of every answer: of the page's files, and of what the page fetches.
pub const HEADERS: [(&str, &str); 5] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

impl File {
    /// The value of the header `etag`: the same for the same content.
    pub fn etag(&self) -> String {
        // FNV-1a: it tells builds of the page apart, nothing more.
        let hash = self.bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        format!("\"{hash:016x}\"")
    }
}

/// The file at a path below the page's address, such as `index.js`; the empty path is the page itself. Always none without
/// the feature `page`.
pub fn file(path: &str) -> Option<File> {
    let name = if path.is_empty() { "index.html" } else { path };
    let (name, bytes) = FILES.iter().find(|(known, _)| *known == name)?;
    Some(File { content_type: content_type(name), bytes })
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(all(test, feature = "page"))]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_only_files_that_are_here() {
        let page = file("").unwrap();
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert_eq!(page.etag(), file("index.html").unwrap().etag());
        let text = str::from_utf8(page.bytes).unwrap();
        let named: Vec<&str> = text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(named.contains(&"index.js"), "{text}");
        for name in named {
            assert!(file(name).is_some(), "{name}");
        }
    }

    #[test]
    fn other_paths_have_no_file() {
        for path in ["/", "../Cargo.toml", "index.js/", "none.js"] {
            assert!(file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn the_page_has_no_script_or_style_that_its_policy_forbids() {
        let text = str::from_utf8(file("").unwrap().bytes).unwrap();
        for forbidden in ["style=", "<style", "onclick", "javascript:"] {
            assert!(!text.contains(forbidden), "{forbidden} in {text}");
        }
        assert!(text.matches("<script").all(|_| text.contains("<script type=\"module\"")), "{text}");
    }
}
