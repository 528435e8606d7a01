//! Hidden data never enters the guest: code that searches everything it can
//! reach finds nothing of it.

#![allow(clippy::unwrap_used)] // clippy.toml exempts test functions, not their helpers

use proto::env::v1::InterpreterState;
use serde_json::{Value, json};
use tests::{EnvServer, Episode, create_request, knapsack_task};

/// Searches every object the garbage collector knows, every module, frame,
/// builtin, environment variable and argument for the markers.
const SEARCH: &str = r#"
import builtins, gc, os, sys

needles = [a + b for a, b in NEEDLES]
found, seen, todo = set(), set(), []
todo += gc.get_objects() + list(sys.modules.values()) + [vars(builtins), dict(os.environ), sys.argv, globals()]
frame = sys._getframe()
while frame:
    todo += [frame.f_globals, frame.f_locals, frame.f_builtins]
    frame = frame.f_back
while todo:
    thing = todo.pop()
    if id(thing) in seen or thing is needles:
        continue
    seen.add(id(thing))
    if isinstance(thing, (str, bytes, bytearray)):
        text = thing if isinstance(thing, str) else bytes(thing).decode('latin-1')
        found.update(n for n in needles if n in text and text not in needles)
    elif isinstance(thing, int) and not isinstance(thing, bool):
        found.update(n for n in needles if n == str(thing))
    elif isinstance(thing, dict):
        todo += list(thing.keys()) + list(thing.values())
    elif isinstance(thing, (list, tuple, set, frozenset)):
        todo += list(thing)
    else:
        try:
            todo.append(vars(thing))
        except TypeError:
            pass
print(len(seen) > 1000, sorted(found))
"#;

#[tokio::test]
async fn a_search_of_the_whole_guest_finds_nothing_hidden() {
    let server = EnvServer::start(&[], &[]);
    // Values that cannot be there by chance.
    let mut task: Value = serde_json::from_str(&knapsack_task()).unwrap();
    task["private"]["items"]["item_00272927c9b6"]["class"] = json!("HIDDENCLASS");
    task["private"]["items"]["item_04dc81957612"]["value"] = json!(918273645);
    task["reference"]["optimal_value"] = json!(564738291);
    task["reference"]["note"] = json!("HIDDENREFERENCE");
    let split = |text: &str| format!("({:?}, {:?})", &text[..4], &text[4..]);
    let needles = ["HIDDENCLASS", "918273645", "564738291", "HIDDENREFERENCE"].map(split).join(", ");
    let code = SEARCH.replace("NEEDLES", &format!("[{needles}]"));

    for state in [InterpreterState::Persistent, InterpreterState::Reset] {
        let request = create_request(&task.to_string(), state);
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        episode.run("rows = [inspect(i) for i in json.loads(list_items())[3:6]]").await;
        let observation = episode.observe(&code).await;
        assert_eq!(observation.output, "True []\n", "{}", observation.error);
    }
    // The search does find what is there to be found.
    let request = create_request(&task.to_string(), InterpreterState::Persistent);
    let mut episode = Episode::create(server.client().await, request).await.unwrap();
    episode.run("row = inspect('item_00272927c9b6')").await;
    let observation = episode.observe(&code).await;
    assert_eq!(observation.output, "True ['HIDDENCLASS']\n", "{}", observation.error);
}
