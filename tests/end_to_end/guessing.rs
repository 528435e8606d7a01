//! What an agent can guess of a task from what it sees. The code runs in an episode, as an agent's would.

use proto::env::v1::create_episode_request::Task;
use proto::env::v1::{self, InterpreterState};
use serde_json::{Map, Value};
use tests::{EnvServer, Episode, create_request, knapsack_task};

const CONFIG: &str = r#"{"n_items_range": [9, 13], "weight_range": [5, 20], "value_range": [21, 99],
    "classes": ["A", "B", "C", "D"], "num_allowed_classes": 2, "capacity_ratio_range": [0.5, 0.7]}"#;
const SEED: u64 = 12;

/// Draws the tasks of all likely seeds, as the generator does, and compares their ids with those of the episode. Prints
/// the hidden data of the task that fits, or nothing.
const DRAW_ALL: &str = r#"
import hashlib, json

def stream(purpose, seed):
    key = hashlib.sha256(f'runtime-gym task 2/{purpose}/knapsack/{seed}/'.encode()).digest()
    key = [int.from_bytes(key[i:i + 4], 'little') for i in range(0, 32, 4)]
    counter = 0
    while True:
        start = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, *key, counter, 0, 0, 0]
        s = list(start)
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                               (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                    s[x] = (s[x] + s[y]) & 0xffffffff
                    mixed = s[z] ^ s[x]
                    s[z] = (mixed << turn | mixed >> 32 - turn) & 0xffffffff
        words = [(x + y) & 0xffffffff for x, y in zip(s, start)]
        yield from (words[i] | words[i + 1] << 32 for i in range(0, 16, 2))
        counter += 1

def between(numbers, low, high):
    return low + next(numbers) % (high - low + 1)

def sample(numbers, pool, count):
    pool = list(pool)
    for i in range(count):
        j = i + next(numbers) % (len(pool) - i)
        pool[i], pool[j] = pool[j], pool[i]
    return pool[:count]

seen = set(json.loads(list_items()))
for seed in range(SEEDS):
    public, hidden = stream('public', seed), stream('hidden', seed)
    for attempt in range(5):
        count = between(public, 9, 13)
        allowed = sample(public, 'ABCD', 2)
        ids = [f'item_{next(public) >> 16:012x}' for _ in range(count)]
        rows = []
        for i in range(count):
            weight, value = between(hidden, 5, 20), between(hidden, 21, 99)
            classes = 'ABCD' if rows else allowed
            rows.append({'class': classes[next(hidden) % len(classes)], 'value': value, 'weight': weight})
        rows = sample(hidden, rows, count)
        next(hidden)
        if set(ids) == seen:
            print(json.dumps(dict(zip(ids, rows)), sort_keys=True))
"#;

/// Looks for a likely seed whose generator stands where the interpreter's own stands.
const TRY_RANDOM: &str = r#"
import random
state = random.getstate()
print([seed for seed in range(SEEDS) if random.Random(seed).getstate() == state])
"#;

async fn episode(server: &EnvServer, salt: &str) -> Episode {
    let task = v1::TaskFromConfig {
        family: "knapsack".to_owned(),
        config_json: CONFIG.to_owned(),
        seed: SEED,
        seed_salt: salt.to_owned(),
    };
    let request = v1::CreateEpisodeRequest {
        task: Some(Task::TaskFromConfig(task)),
        interpreter_state: InterpreterState::Persistent.into(),
        ..Default::default()
    };
    Episode::create(server.client().await, request).await.unwrap()
}

fn likely(code: &str) -> String {
    code.replace("SEEDS", "20")
}

#[tokio::test]
async fn a_salted_task_is_not_found_by_drawing_all_likely_seeds() {
    let server = EnvServer::start(&[], &[]).await;
    // Without a salt it is found, as the documents say. So the attack works.
    let mut plain = episode(&server, "").await;
    let guessed = plain.observe(&likely(DRAW_ALL)).await;
    assert_eq!(guessed.error, "");
    let guessed: Map<String, Value> = serde_json::from_str(&guessed.output).unwrap();
    for (id, row) in guessed.iter().take(3) {
        let inspected = plain.observe(&format!("print(inspect({id:?}))")).await.output;
        assert_eq!(serde_json::from_str::<Value>(&inspected).unwrap(), *row, "{id}");
    }

    let mut salted = episode(&server, "a secret of the server").await;
    let guessed = salted.observe(&likely(DRAW_ALL)).await;
    assert_eq!((guessed.output.as_str(), guessed.error.as_str()), ("", ""));
}

#[tokio::test]
async fn random_numbers_do_not_tell_the_tasks_seed() {
    let server = EnvServer::start(&[], &[]).await;
    for salt in ["", "a secret of the server"] {
        let observation = episode(&server, salt).await.observe(&likely(TRY_RANDOM)).await;
        assert_eq!((observation.output.as_str(), observation.error.as_str()), ("[]\n", ""));
    }
}

/// What an episode draws at random follows from what its agent sees. So two tasks that look alike draw alike, whatever
/// is hidden in them.
#[tokio::test]
async fn an_episodes_seed_follows_from_public_data_alone() {
    let server = EnvServer::start(&[], &[]).await;
    let mut task: Value = serde_json::from_str(&knapsack_task()).unwrap();
    let mut seeds = Vec::new();
    for hidden in [1, 2] {
        task["seed"] = hidden.into();
        for item in task["private"]["items"].as_object_mut().unwrap().values_mut() {
            item["value"] = (hidden * 7).into();
        }
        let request = create_request(&task.to_string(), InterpreterState::Persistent);
        let created = server.client().await.create_episode(request).await.unwrap().into_inner();
        seeds.push(created.seed);
    }
    assert_eq!(seeds[0], seeds[1]);
}
