package tool

import (
	"context"
	"encoding/json"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Plan is update_plan: the model shows the user the steps it means to take.
type Plan struct {
	PlanMode bool // the turn is in plan mode, where plans are proposed and not kept up
}

const planName = "update_plan"

const planSpec = `{"type":"function","name":"update_plan","description":"Shows the user the plan of the task: a list of short steps with at most one in progress.","strict":false,` +
	`"parameters":{"type":"object","properties":{"explanation":{"type":"string","description":"Why the plan changed, in a sentence."},` +
	`"plan":{"type":"array","description":"All steps, in order.","items":{"type":"object","properties":{"step":{"type":"string"},` +
	`"status":{"type":"string","enum":["pending","in_progress","completed"]}},"required":["step","status"],"additionalProperties":false}}},` +
	`"required":["plan"],"additionalProperties":false}}`

// Specs implements Offer.
func (p Plan) Specs() []json.RawMessage {
	if p.PlanMode {
		return nil
	}
	return []json.RawMessage{json.RawMessage(planSpec)}
}

// Find implements Offer.
func (p Plan) Find(namespace, name string) (Tool, bool) {
	return p, namespace == "" && name == planName
}

// planArgs are the arguments of update_plan, as the model gives them.
type planArgs struct {
	Explanation *string     `json:"explanation"`
	Plan        *[]planStep `json:"plan"`
}

type planStep struct {
	Step   *string `json:"step"`
	Status *string `json:"status"`
}

// Run tells the plan to the client; no item shows it and no file keeps it.
func (p Plan) Run(ctx context.Context, t Turn, c Call) Output {
	if p.PlanMode {
		return Text("update_plan is a TODO/checklist tool and is not allowed in Plan mode")
	}
	var args planArgs
	if err := json.Unmarshal([]byte(c.Arguments), &args); err != nil {
		return Errorf("failed to parse function arguments: %v", err)
	}
	if args.Plan == nil {
		return Text("failed to parse function arguments: missing field `plan`")
	}
	n := &protocol.TurnPlanUpdatedNotification{ThreadID: t.ThreadID(), TurnID: t.TurnID(), Explanation: args.Explanation}
	for _, s := range *args.Plan {
		if s.Step == nil || s.Status == nil {
			return Text("failed to parse function arguments: each step of the plan needs a `step` and a `status`")
		}
		status, ok := planStatus(*s.Status)
		if !ok {
			return Errorf("failed to parse function arguments: unknown variant `%s`, expected one of `pending`, `in_progress`, `completed`", *s.Status)
		}
		n.Plan = append(n.Plan, protocol.TurnPlanStep{Step: *s.Step, Status: status})
	}
	t.Tell(ctx, "turn/plan/updated", n)
	return Text("Plan updated")
}

func planStatus(s string) (protocol.TurnPlanStepStatus, bool) {
	switch s {
	case "pending":
		return protocol.TurnPlanStepStatusPending, true
	case "in_progress":
		return protocol.TurnPlanStepStatusInProgress, true
	case "completed":
		return protocol.TurnPlanStepStatusCompleted, true
	}
	return "", false
}
