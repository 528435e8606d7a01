#![allow(clippy::print_stdout)] // what it prints is the example

//! The first episode of README.md: a server at 127.0.0.1:50051, or at the URL given, is asked for a task and plays it.

use std::time::Duration;

use client::{Environment, Retry, connect};
use proto::env::v1::create_episode_request::Task;
use proto::env::v1::step_request::Action;
use proto::env::v1::{CodeAction, CreateEpisodeRequest, InterpreterState, StepRequest, TaskRef};

const CODE: [&str; 3] =
    ["import json; ids = json.loads(list_items())", "print(inspect(item_id=ids[0]))", "finish()"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or("http://127.0.0.1:50051".to_owned());
    let server = Environment::new(connect(&url).await?, Retry::default());
    let task = server.tasks("", "knapsack", 1).await?.remove(0);
    let create = CreateEpisodeRequest {
        task: Some(Task::TaskRef(TaskRef { set: task.set, task_id: task.task_id })),
        interpreter_state: InterpreterState::Persistent.into(), // or Reset: there is no default
        episode_id: format!("first-{}", std::process::id()),    // ours to choose: it makes retries safe
        ..Default::default()
    };
    let episode_id = server.create(create).await?.episode_id;
    for (step_index, code) in (0..).zip(CODE) {
        let action = Some(Action::Code(CodeAction { code: code.to_owned() }));
        let step = StepRequest { episode_id: episode_id.clone(), step_index, action };
        let answer = server.step(step, Duration::from_secs(60)).await?;
        print!("{}", answer.observation.unwrap_or_default().output);
    }
    println!("{:?}", server.close(&episode_id).await?.evaluation);
    Ok(())
}
