import sys

import grpc
from runtime_gym.env.v1 import env_pb2 as env
from runtime_gym.env.v1.env_pb2_grpc import EnvironmentServiceStub

CODE = ["import json; ids = json.loads(list_items())", "print(inspect(item_id=ids[0]))", "finish()"]

address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051"
server = EnvironmentServiceStub(grpc.insecure_channel(address))
task = server.ListTasks(env.ListTasksRequest(family="knapsack", page_size=1)).tasks[0]
created = server.CreateEpisode(
    env.CreateEpisodeRequest(
        task_ref=env.TaskRef(set=task.set, task_id=task.task_id),
        interpreter_state=env.INTERPRETER_STATE_PERSISTENT,  # or RESET: there is no default
    )
)
for step_index, code in enumerate(CODE):
    action = env.CodeAction(code=code)
    step = env.StepRequest(episode_id=created.episode_id, step_index=step_index, code=action)
    print(server.Step(step, timeout=60).observation.output, end="")
closed = server.CloseEpisode(env.CloseEpisodeRequest(episode_id=created.episode_id))
print(f"solved: {closed.evaluation.is_solved}")
