// An episode from Node: `npm install @grpc/grpc-js @grpc/proto-loader`, then `node first_episode.js PROTO_FOLDER [ADDRESS]`.

const { promisify } = require("node:util");

const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const CODE = ["import json; ids = json.loads(list_items())", "print(inspect(item_id=ids[0]))", "finish()"];

const [folder, address = "127.0.0.1:50051"] = process.argv.slice(2);
const definition = loader.loadSync("runtime_gym/env/v1/env.proto", { includeDirs: [folder], defaults: true, longs: Number });
const { EnvironmentService } = grpc.loadPackageDefinition(definition).runtime_gym.env.v1;
const server = new EnvironmentService(address, grpc.credentials.createInsecure());
const call = (name, request) => promisify(server[name]).call(server, request);

async function play() {
  const { tasks } = await call("ListTasks", { family: "knapsack", pageSize: 1 });
  const { episodeId } = await call("CreateEpisode", {
    taskRef: { set: tasks[0].set, taskId: tasks[0].taskId },
    interpreterState: "INTERPRETER_STATE_PERSISTENT", // or RESET: there is no default
  });
  for (const [stepIndex, code] of CODE.entries()) {
    const { observation } = await call("Step", { episodeId, stepIndex, code: { code } });
    process.stdout.write(observation.output);
  }
  const { evaluation } = await call("CloseEpisode", { episodeId });
  console.log(`solved: ${evaluation.isSolved}`);
  server.close();
}

play();
