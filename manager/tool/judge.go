package tool

import "context"

// A Judge answers questions in the user's place. A [Turn] may be one.
type Judge interface {
	// Judge may take as long as ctx lives. It may be called concurrently.
	Judge(ctx context.Context, callID string, q Question) Judgement
}

// A Question is what the user would be asked.
type Question struct {
	Tool    string   // Bash or apply_patch
	Aliases []string // further names that rules may know the tool by
	Input   any      // of the tool, with a JSON form
}

// A Judgement is the answer; the zero value leaves it to the user.
type Judgement struct {
	Allowed, Refused bool   // not both
	Why              string // of a refusal, for the model
}

// judged asks the turn's judge, if there is one.
func judged(ctx context.Context, t Turn, callID string, q Question) Judgement {
	if j, ok := t.(Judge); ok {
		return j.Judge(ctx, callID, q)
	}
	return Judgement{}
}
