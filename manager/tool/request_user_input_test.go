package tool_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/manager/tool"
)

const oneQuestion = `{"questions":[{"id":"colour","header":"Colour","question":"Which?","options":[{"label":"Red","description":"warm"}]}]}`

func TestRequestUserInput(t *testing.T) {
	tests := []struct {
		name      string
		arguments string
		answer    string
		refuse    error
		want      string // output
		asked     int
	}{
		{"answered", oneQuestion, `{"answers":{"colour":{"answers":["Red","user_note: dark"]}}}`, nil, `"{\"answers\":{\"colour\":{\"answers\":[\"Red\",\"user_note: dark\"]}}}"`, 1},
		{"nothing said", oneQuestion, `{"answers":{"colour":{"answers":[]}}}`, nil, `"{\"answers\":{\"colour\":{\"answers\":[]}}}"`, 1},
		{"refused", oneQuestion, "", errors.New("no"), `"{\"answers\":{}}"`, 1},
		{"not to be read", oneQuestion, `{"colour":"Red"}`, nil, `"{\"answers\":{}}"`, 1},
		{"no options", `{"questions":[{"id":"a","header":"A","question":"A?","options":[]}]}`, "", nil, `"request_user_input requires non-empty options for every question"`, 0},
		{"no id", `{"questions":[{"header":"A","question":"A?","options":[{"label":"R","description":"d"}]}]}`, "", nil, "\"failed to parse function arguments: missing field `id`\"", 0},
		{"no questions", `{}`, "", nil, "\"failed to parse function arguments: missing field `questions`\"", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			turn := &turn{answer: test.answer, refuse: test.refuse}
			out := tool.UserInput{Plan: true}.Run(context.Background(), turn, tool.Call{ID: "c1", Arguments: test.arguments})
			if string(out.Body) != test.want {
				t.Errorf("the model reads %s, not %s", out.Body, test.want)
			}
			if len(turn.log) != test.asked {
				t.Errorf("the client heard %q", turn.log)
			}
		})
	}
}

// The client is asked as the reference asks it, and the thread shows that it waits.
func TestRequestUserInputAsks(t *testing.T) {
	turn := &turn{answer: `{"answers":{}}`}
	tool.UserInput{Plan: true}.Run(context.Background(), turn, tool.Call{ID: "c1", Arguments: oneQuestion})
	want := `asked 2 item/tool/requestUserInput {"isBlocking":true,"itemId":"c1","questions":[{"header":"Colour","id":"colour","question":"Which?","isOther":true,"isSecret":false,` +
		`"options":[{"description":"warm","label":"Red"}]}],"threadId":"thread","turnId":"turn","autoResolutionMs":null}`
	if len(turn.log) != 1 || turn.log[0] != want {
		t.Errorf("the client heard\n%s\nnot\n%s", strings.Join(turn.log, "\n"), want)
	}
}

func TestRequestUserInputEndsWithTheTurn(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	turn := &turn{cancel: cancel}
	out := tool.UserInput{Plan: true}.Run(ctx, turn, tool.Call{ID: "c1", Arguments: oneQuestion})
	if string(out.Body) != `"aborted by user after 0.0s"` {
		t.Errorf("the model reads %s", out.Body)
	}
}

// In plan mode a plan is proposed; a list of steps under way is refused.
func TestUpdatePlanIsNotForPlanMode(t *testing.T) {
	turn := &turn{}
	p := tool.Plan{PlanMode: true}
	out := p.Run(context.Background(), turn, tool.Call{ID: "c1", Arguments: `{"plan":[]}`})
	if string(out.Body) != `"update_plan is a TODO/checklist tool and is not allowed in Plan mode"` || len(turn.log) != 0 || len(p.Specs()) != 0 {
		t.Errorf("the model reads %s, the client heard %q", out.Body, turn.log)
	}
}

func TestRequestUserInputIsForPlans(t *testing.T) {
	turn := &turn{}
	u := tool.UserInput{}
	found, ok := u.Find("", "request_user_input")
	if !ok {
		t.Fatal("the tool is not found, so the model is not told why it may not use it")
	}
	out := found.Run(context.Background(), turn, tool.Call{ID: "c1", Arguments: oneQuestion})
	if string(out.Body) != `"request_user_input is unavailable in Default mode"` || len(turn.log) != 0 {
		t.Errorf("the model reads %s, the client heard %q", out.Body, turn.log)
	}
	if len(u.Specs()) != 0 || len((tool.UserInput{Plan: true}).Specs()) != 1 {
		t.Error("the tool is shown to the model outside of plan mode, or is not in it")
	}
}
