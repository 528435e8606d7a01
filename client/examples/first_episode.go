// An episode from Go, with the messages that protoc-gen-go and protoc-gen-go-grpc make of the protocol:
// `go run first_episode.go [ADDRESS]`.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/grpc"
	env "runtime_gym/env/v1"
)

var code = []string{"import json; ids = json.loads(list_items())", "print(inspect(item_id=ids[0]))", "finish()"}

func play(server env.EnvironmentServiceClient) error {
	ctx := context.Background()
	listed, err := server.ListTasks(ctx, &env.ListTasksRequest{Family: "knapsack", PageSize: 1})
	if err != nil {
		return err
	}
	task := &env.TaskRef{Set: listed.Tasks[0].Set, TaskId: listed.Tasks[0].TaskId}
	created, err := server.CreateEpisode(ctx, &env.CreateEpisodeRequest{
		Task:             &env.CreateEpisodeRequest_TaskRef{TaskRef: task},
		InterpreterState: env.InterpreterState_INTERPRETER_STATE_PERSISTENT, // or RESET: there is no default
	})
	if err != nil {
		return err
	}
	for index, block := range code {
		action := &env.StepRequest_Code{Code: &env.CodeAction{Code: block}}
		step := &env.StepRequest{EpisodeId: created.EpisodeId, StepIndex: uint64(index), Action: action}
		answer, err := server.Step(ctx, step)
		if err != nil {
			return err
		}
		fmt.Print(answer.Observation.Output)
	}
	closed, err := server.CloseEpisode(ctx, &env.CloseEpisodeRequest{EpisodeId: created.EpisodeId})
	if err != nil {
		return err
	}
	fmt.Printf("solved: %t\n", closed.Evaluation.IsSolved)
	return nil
}

func main() {
	address := "127.0.0.1:50051"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	connection, err := grpc.Dial(address, grpc.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	if err := play(env.NewEnvironmentServiceClient(connection)); err != nil {
		log.Fatal(err)
	}
}
