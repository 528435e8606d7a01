"""An episode in Python without generated code: the messages are learned from the server by gRPC reflection."""

import sys

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "runtime_gym.env.v1.EnvironmentService"

channel = grpc.insecure_channel(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
service = DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(SERVICE)


def call(name, **fields):
    """Calls a unary method; the request's fields and the answer are those of protobuf's JSON."""
    method = service.FindMethodByName(name)
    request, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))
    stub = channel.unary_unary(
        f"/{SERVICE}/{name}", request_serializer=request.SerializeToString, response_deserializer=answer.FromString
    )
    return json_format.MessageToDict(stub(json_format.ParseDict(fields, request()), timeout=60))


task = call("ListTasks", family="knapsack", pageSize=1)["tasks"][0]
reference = {"set": task["set"], "taskId": task["taskId"]}
created = call("CreateEpisode", taskRef=reference, interpreterState="INTERPRETER_STATE_PERSISTENT")
episode = created["episodeId"]
for index, code in enumerate(["import json; ids = json.loads(list_items())", "print(inspect(ids[0]))", "finish()"]):
    answer = call("Step", episodeId=episode, stepIndex=index, code={"code": code})
    print(answer["observation"].get("output", ""), end="")
try:
    call("Step", episodeId=episode, stepIndex=9, code={"code": "1"})
except grpc.RpcError as refused:
    print(refused.code().name, refused.details())
closed = call("CloseEpisode", episodeId=episode)
print(f"solved: {closed['evaluation'].get('isSolved', False)}")
