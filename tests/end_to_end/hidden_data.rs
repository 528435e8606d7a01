//! Hidden data never enters the guest: code that searches everything it can reach does not find it.

use proto::env::v1::InterpreterState;
use serde_json::{Value, json};
use tests::{EnvServer, Episode, create_request, fixtures, knapsack_task};

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
    else:
        todo += gc.get_referents(thing)
print(len(seen) > 1000, sorted(found))
"#;

#[tokio::test]
async fn a_search_of_the_whole_guest_finds_nothing_hidden() {
    let server = EnvServer::start(&[], &[]).await;
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
    // The search does find what is there to be found, wherever it is kept.
    let places = [
        "kept = inspect('item_00272927c9b6')",
        "def keep(row):\n    return lambda: row\nkept = keep(inspect('item_00272927c9b6'))",
        "import collections\nkept = collections.deque([inspect('item_00272927c9b6')])",
        "class Slot:\n    __slots__ = 'row'\nkept = Slot()\nkept.row = inspect('item_00272927c9b6')",
    ];
    for place in places {
        let request = create_request(&task.to_string(), InterpreterState::Persistent);
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        episode.run(place).await;
        let observation = episode.observe(&code).await;
        assert_eq!(observation.output, "True ['HIDDENCLASS']\n", "{place}: {}", observation.error);
    }
}

#[tokio::test]
async fn no_family_brings_its_hidden_data_along() {
    let server = EnvServer::start(&[], &[]).await;
    let cases = [
        ("easy-navigation-0000000097", "private.one_shortest_path", "node_24b2f6fa3a3d", "scan()"),
        ("easy-rule_diagnosis-0000000097", "private.params", "HIDDENFAMILY", "test_input(1)"),
    ];
    for (name, what, needle, call) in cases {
        let text = std::fs::read_to_string(fixtures("tasks").join(format!("{name}.json"))).unwrap();
        let mut task: Value = serde_json::from_str(&text).unwrap();
        if let Some(parameters) = task["private"]["params"].as_object_mut() {
            parameters.insert("note".to_owned(), json!(needle));
        }
        assert!(task.to_string().contains(needle), "{what} holds the needle");
        let code = SEARCH.replace("NEEDLES", &format!("[({:?}, {:?})]", &needle[..4], &needle[4..]));
        let request = create_request(&task.to_string(), InterpreterState::Persistent);
        let mut episode = Episode::create(server.client().await, request).await.unwrap();
        assert!(episode.observe(call).await.success);
        let observation = episode.observe(&code).await;
        assert_eq!(observation.output, "True []\n", "{name}: {}", observation.error);
    }
}
