//! `agent rollouts`, by its standard input and output: rounds, seeds, groups that begin at a fork.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use proto::rollout::{
    Answer, Ask, Branch, FromAgent, Group, Offer, Played, Rollout, SCHEMA_VERSION, Said, ToAgent,
};
use tempfile::TempDir;
use tests::{program, tiny_tasks};

/// A running `agent rollouts`, with an environment server of its own.
struct Agent {
    child: Child,
    says: ChildStdin,
    hears: BufReader<ChildStdout>,
    offer: Offer,
    _folders: [TempDir; 2],
}

fn command(folder: &Path, tasks: &Path, llm: &str) -> Command {
    let config = folder.join("agent.yaml");
    let text = format!(
        "{{output_dir: {}, run_name: r, task_families: [knapsack], agents: [{{name: a, agent_type: codeact, persistent_state: \
         true, max_turns: 4, timeout_s: 0.2, max_tool_calls: 20, prompt: {{hide_names: true, observation: compact}}, llm: {{{llm}}}}}]}}",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = Command::new(program("agent"));
    command.arg("rollouts").arg("--config").arg(config).arg("--tasks-root").arg(tasks);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

impl Agent {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tasks = tiny_tasks();
        let mut child =
            command(folder.path(), tasks.path(), "backend: inference, model: policy, timeout_s: 0.2")
                .spawn()
                .unwrap();
        let (says, hears) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut agent = Self { child, says, hears, offer: Offer::default(), _folders: [folder, tasks] };
        let FromAgent::Offer(offer) = agent.hear() else { panic!("the first line is the offer") };
        agent.offer = offer;
        agent
    }

    fn hear(&mut self) -> FromAgent {
        let mut line = String::new();
        self.hears.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn say(&mut self, message: &ToAgent) {
        let line = serde_json::to_string(message).unwrap() + "\n";
        self.says.write_all(line.as_bytes()).unwrap();
    }

    /// Plays groups with a model that answers as `answer` says. Returns what was asked in each round, too.
    fn play(&mut self, groups: &[Group], answer: impl Fn(&Ask) -> &'static str) -> (Played, Vec<Vec<Ask>>) {
        self.say(&ToAgent::Play(groups.to_vec()));
        let mut rounds = vec![];
        loop {
            match self.hear() {
                FromAgent::Ask(asks) => {
                    let answers = asks.iter().map(|ask| said(ask, answer(ask))).collect();
                    rounds.push(asks);
                    self.say(&ToAgent::Answers(answers));
                }
                FromAgent::Played(played) => return (played, rounds),
                FromAgent::Offer(_) => panic!("one offer only"),
            }
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer, whose tokens are characters; 3 ends a message.
fn said(ask: &Ask, text: &str) -> Answer {
    let message = |role: &str, content: &str| format!("\u{1}{role}\u{2}{content}");
    let before: String = (ask.messages.iter())
        .map(|one| message(one.role.name(), &one.content) + "\u{3}")
        .chain([message("assistant", "")])
        .collect();
    let ids = |text: &str| text.chars().map(u32::from).collect::<Vec<_>>();
    let answer = ids(&format!("{text}\u{3}"));
    let logprobs = answer.iter().map(|id| -1.0 / *id as f32).collect();
    Answer::Said(Said { text: text.to_owned(), is_cut: false, prompt: ids(&before), answer, logprobs })
}

/// The number of answers that a conversation holds.
fn turn(ask: &Ask) -> usize {
    ask.messages.iter().filter(|message| message.role.name() == "assistant").count()
}

/// The tasks by what the model is told of them, in the order in which they are asked about first.
#[derive(Default)]
struct Goals(RefCell<Vec<String>>);

impl Goals {
    fn number(&self, ask: &Ask) -> usize {
        let (mut known, goal) = (self.0.borrow_mut(), &ask.messages[1].content);
        known.iter().position(|one| one == goal).unwrap_or_else(|| {
            known.push(goal.clone());
            known.len() - 1
        })
    }
}

/// What the model wrote in the turns that count, from its tokens.
fn written(rollout: &Rollout) -> Vec<String> {
    let parts = rollout.sequences.iter().flat_map(|sequence| {
        sequence.check().unwrap();
        sequence.written.iter().map(|part| {
            let ids = &sequence.tokens[part.start..part.start + part.logprobs.len()];
            ids.iter().zip(&part.logprobs).for_each(|(id, logprob)| assert_eq!(*logprob, -1.0 / *id as f32));
            ids.iter().map(|id| char::from_u32(*id).unwrap()).collect()
        })
    });
    parts.collect()
}

const FINISH: &str = "```python\nfinish()\n```";
const TAKE: &str = "```python\nimport json\nfor item in json.loads(list_items()):\n    try:\n        take_item(item)\n    \
                    except Exception:\n        pass\nfinish()\n```";
const REMEMBER: &str = "```python\nx = 41\nx = 41\n```";
const GO_ON: &str = "```python\nprint(x + 1)\nx += 1\n```";
const RECALL: &str = "```python\nx = 41\nprint(x + 1, y)\n```";

#[test]
fn episodes_ask_in_rounds_and_the_same_groups_are_played_alike() {
    let mut agent = Agent::start();
    assert_eq!((agent.offer.schema_version.as_str(), agent.offer.tasks.len()), (SCHEMA_VERSION, 1000));
    assert_eq!(agent.offer.agent["persistent_state"], true);
    let groups = [
        Group { task: 5, seeds: vec![1, 2], branch: None },
        Group { task: 0, seeds: vec![3, 4], branch: None },
    ];
    // The episodes of the second task end in their first turn; the others recall what they did not define.
    let goals = Goals::default();
    let answer = |ask: &Ask| match (goals.number(ask), turn(ask)) {
        (0, 0) => REMEMBER,
        (0, 1) => RECALL,
        (0, _) => FINISH,
        _ => TAKE,
    };
    // The first answers come later than the config's time limits allow.
    let late = |ask: &Ask| {
        if turn(ask) == 0 {
            std::thread::sleep(Duration::from_millis(100));
        }
        answer(ask)
    };
    let (played, rounds) = agent.play(&groups, late);
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2, 2]);
    let mut seeds: Vec<u64> = rounds.iter().flatten().map(|ask| ask.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 8, "every call has a seed of its own");

    let ends: Vec<(usize, &str)> = played.rollouts.iter().map(|one| (one.group, one.end.as_str())).collect();
    assert_eq!(ends, [0, 0, 1, 1].map(|group| (group, "finish_tool")));
    assert_eq!(played.rollouts[0].task_id, agent.offer.tasks[5].task_id);
    for rollout in &played.rollouts[..2] {
        let habits = rollout.habits;
        assert_eq!(
            (habits.turns, habits.steps, habits.missing_variables, habits.names_redefined),
            (3, 3, 1, 1)
        );
        assert_eq!((rollout.reward, rollout.is_solved, rollout.sequences.len()), (0.0, false, 1));
        assert_eq!(written(rollout), [REMEMBER, RECALL, FINISH].map(|text| format!("{text}\u{3}")));
    }
    for rollout in &played.rollouts[2..] {
        assert!(rollout.reward > 0.2, "what it took has a value: {}", rollout.reward);
        assert_eq!(written(rollout), [format!("{TAKE}\u{3}")]);
    }
    assert_eq!(played.steps, 2 * 3 + 2);

    let (again, asked) = agent.play(&groups, answer);
    assert_eq!((again, asked), (played, rounds));
}

#[test]
fn a_group_goes_on_from_one_state_of_one_episode() {
    let mut agent = Agent::start();
    let branch = Some(Branch { turns: 1, seed: 9 });
    let groups = [
        Group { task: 3, seeds: vec![1, 2, 3], branch },
        Group { task: 4, seeds: vec![4, 5], branch: Some(Branch { turns: 2, seed: 10 }) },
    ];
    let goals = Goals::default();
    let answer = |ask: &Ask| match (goals.number(ask), turn(ask)) {
        (0, 0) => REMEMBER,
        (0, 1) => GO_ON,
        // The second group's episode ends before its branch.
        _ => FINISH,
    };
    let (played, rounds) = agent.play(&groups, answer);
    assert_eq!(rounds.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3, 3]);
    let last = |ask: &Ask| ask.messages.last().unwrap().content.clone();
    assert!(
        rounds[2].iter().all(|ask| last(ask).contains("42")),
        "each has the variable, and its own copy: {rounds:?}"
    );
    assert!(rounds[1].iter().all(|ask| ask.messages == rounds[1][0].messages));

    assert_eq!(played.rollouts.len(), 3);
    for rollout in &played.rollouts {
        assert_eq!((rollout.group, rollout.habits.turns, rollout.habits.steps), (0, 2, 2));
        let own = [GO_ON, FINISH].map(|text| format!("{text}\u{3}"));
        assert_eq!(written(rollout), own, "the shared turn is not its own");
        assert!(
            rollout.sequences[0].tokens.len() > written(rollout).concat().chars().count() + REMEMBER.len()
        );
    }
    assert_eq!(played.steps, 1 + 3 * 2 + 1, "the shared step once, and the one of the episode that ended");
}

#[test]
fn the_agent_ends_with_its_input_and_says_what_it_cannot_play() {
    let mut agent = Agent::start();
    agent.say(&ToAgent::Play(vec![Group { task: 1000, seeds: vec![1, 2], branch: None }]));
    assert!(!agent.child.wait().unwrap().success(), "there is no such task");

    let mut agent = Agent::start();
    drop(std::mem::replace(
        &mut agent.says,
        Command::new("true").stdin(Stdio::piped()).spawn().unwrap().stdin.unwrap(),
    ));
    assert!(agent.child.wait().unwrap().success());

    let (folder, tasks) = (tempfile::tempdir().unwrap(), tiny_tasks());
    let mut refused = command(folder.path(), tasks.path(), "backend: scripted, model: reset-habit");
    let mut child = refused.stderr(Stdio::piped()).spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert!(errors.contains("`agents[0].llm.backend`"), "{errors}");
}
