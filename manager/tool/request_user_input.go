package tool

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// UserInput is request_user_input: the model asks the user a few questions with
// answers to choose from, while a plan is worked out.
type UserInput struct {
	Plan bool // the turn is in plan mode; the tool refuses in every other
}

const userInputName = "request_user_input"

const userInputSpec = `{"type":"function","name":"request_user_input","description":"Asks the user one to three short questions and waits for the answers. Only in plan mode.","strict":false,` +
	`"parameters":{"type":"object","properties":{"questions":{"type":"array","description":"One question if that will do, three at most.","items":{"type":"object","properties":{` +
	`"id":{"type":"string","description":"Names the question among the answers, in snake_case."},` +
	`"header":{"type":"string","description":"A label of at most 12 characters."},` +
	`"question":{"type":"string","description":"The question, in one sentence."},` +
	`"options":{"type":"array","description":"Two or three answers that exclude each other, the one you would take first and marked \"(Recommended)\". The user can always answer in words of their own; do not offer that.",` +
	`"items":{"type":"object","properties":{"label":{"type":"string","description":"One to five words."},"description":{"type":"string","description":"What follows from it, in a sentence."}},` +
	`"required":["label","description"],"additionalProperties":false}}},` +
	`"required":["id","header","question","options"],"additionalProperties":false}}},"required":["questions"],"additionalProperties":false}}`

// Specs implements Offer. A model that may not use the tool is not shown it.
func (u UserInput) Specs() []json.RawMessage {
	if !u.Plan {
		return nil
	}
	return []json.RawMessage{json.RawMessage(userInputSpec)}
}

// Find implements Offer: a model that knows the tool of old reads why it may not
// use it.
func (u UserInput) Find(namespace, name string) (Tool, bool) {
	return u, namespace == "" && name == userInputName
}

// question is what the model asks, as it gives it. Pointers tell what is missing.
type question struct {
	ID       *string
	Header   *string
	Question *string
	IsSecret bool
	Options  []struct{ Label, Description string }
}

// Run asks the client and gives the model the answers as JSON. A client that
// refuses, or says what cannot be read, has answered nothing.
func (u UserInput) Run(ctx context.Context, t Turn, c Call) Output {
	if !u.Plan {
		return Text("request_user_input is unavailable in Default mode")
	}
	questions, err := userQuestions(c.Arguments)
	if err != nil {
		return Text(err.Error())
	}
	since := t.Now()
	raw, err := t.Ask(ctx, WaitingOnUserInput, "item/tool/requestUserInput", &protocol.ToolRequestUserInputParams{
		ThreadID: t.ThreadID(), TurnID: t.TurnID(), ItemID: c.ID, Questions: questions, IsBlocking: true})
	if ctx.Err() != nil {
		return Errorf("aborted by user after %.1fs", t.Now().Sub(since).Seconds())
	}
	var answer protocol.ToolRequestUserInputResponse
	if err != nil || protocol.DecodeParams(raw, &answer) != nil {
		answer.Answers = nil
	}
	return userAnswers(answer.Answers)
}

// userQuestions reads what the model asks. The error is for the model.
func userQuestions(arguments string) ([]protocol.ToolRequestUserInputQuestion, error) {
	var args struct{ Questions *[]question }
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return nil, fmt.Errorf("failed to parse function arguments: %v", err)
	}
	if args.Questions == nil {
		return nil, fmt.Errorf("failed to parse function arguments: missing field `questions`")
	}
	out := make([]protocol.ToolRequestUserInputQuestion, 0, len(*args.Questions))
	for _, q := range *args.Questions {
		for _, f := range []struct {
			name  string
			value *string
		}{{"id", q.ID}, {"header", q.Header}, {"question", q.Question}} {
			if f.value == nil {
				return nil, fmt.Errorf("failed to parse function arguments: missing field `%s`", f.name)
			}
		}
		if len(q.Options) == 0 {
			return nil, fmt.Errorf("request_user_input requires non-empty options for every question")
		}
		asked := protocol.ToolRequestUserInputQuestion{ID: *q.ID, Header: *q.Header, Question: *q.Question, IsOther: true, IsSecret: q.IsSecret}
		for _, o := range q.Options {
			asked.Options = append(asked.Options, protocol.ToolRequestUserInputOption{Label: o.Label, Description: o.Description})
		}
		out = append(out, asked)
	}
	return out, nil
}

// userAnswers are the answers as the model reads them.
func userAnswers(answers map[string]protocol.ToolRequestUserInputAnswer) Output {
	type answer struct {
		Answers []string `json:"answers"`
	}
	said := make(map[string]answer, len(answers))
	for id, a := range answers {
		said[id] = answer{append([]string{}, a.Answers...)}
	}
	body, err := json.Marshal(map[string]any{"answers": said})
	if err != nil {
		return Errorf("the answers cannot be read: %v", err)
	}
	return Text(string(body))
}
