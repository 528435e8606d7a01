import { connect } from "runtime-gym";

const CODE = ["import json; ids = json.loads(list_items())", "print(inspect(item_id=ids[0]))", "finish()"];

using client = connect(process.argv[2]); // http://127.0.0.1:50051, unless another URL is given
const [task] = await client.tasks("knapsack", { limit: 1 });
if (!task) throw new Error("the server has no such task");
await using episode = await client.create(task, { interpreterState: "persistent" });
for (const code of CODE) {
  const { observation } = await episode.step(code);
  process.stdout.write(observation.output);
}
console.log(`solved: ${episode.evaluation?.isSolved}`);
