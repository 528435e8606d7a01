import { connect } from "runtime-gym";

const client = connect(location.origin);
const [task] = await client.tasks("knapsack", { limit: 1 });
if (!task) throw new Error("the server has no such task");
const episode = await client.create(task, { interpreterState: "persistent" });
await episode.step("import json; ids = json.loads(list_items())");
const { observation } = await episode.step("print(inspect(ids[0]))");
const { evaluation } = await episode.close();
document.body.textContent = `${observation.output}solved: ${evaluation.isSolved}`;
