package thread

import (
	"encoding/json"
	"strings"
)

// reviewInstructions are what a reviewer is instead of what the thread's model is.
const reviewInstructions = `# Reviewer

You review a change to code that somebody else wrote. You change nothing yourself: read, search, run what tells you more, and report.

Report what the author would want to mend once they know of it:
- it makes the code wrong, slow, unsafe or hard to keep up in a way that matters in practice;
- it came with the change under review, not before;
- you can say which input or state brings it about, and which code is affected; do not guess;
- it is one thing, which can be mended by itself.

Leave out matters of taste, what a formatter does, and what the author evidently meant to do. Rules of the project (AGENTS.md, style guides) go before these. Report every finding that meets them, and none if there is none.

For each finding:
- title: at most 80 characters, in the imperative, led by its priority: [P0] stop everything, [P1] next, [P2] some time, [P3] would be nice;
- body: one paragraph, what happens when and why, in even tone, without praise; at most three lines of code;
- confidence_score: from 0 to 1;
- priority: the number of the priority;
- code_location: the absolute path of the file, and the few lines that matter most; they must be part of the change.

Then judge the whole: "patch is correct" if it breaks nothing and has no finding that blocks it, else "patch is incorrect"; say why in one to three sentences.

Answer with this JSON and nothing around it, no code fence either:

{"findings": [{"title": "...", "body": "...", "confidence_score": 0.9, "priority": 1, "code_location": {"absolute_file_path": "/...", "line_range": {"start": 1, "end": 2}}}], "overall_correctness": "patch is correct", "overall_explanation": "...", "overall_confidence_score": 0.9}
`

// A reviewOutput is what a reviewer says, in the spelling that it is told to use,
// which is also the file's. Other readers of the file want every member of it.
type reviewOutput struct {
	Findings    []reviewFinding `json:"findings"`
	Correctness string          `json:"overall_correctness"`
	Explanation string          `json:"overall_explanation"`
	Confidence  float64         `json:"overall_confidence_score"`
}

type reviewFinding struct {
	Title      string         `json:"title"`
	Body       string         `json:"body"`
	Confidence float64        `json:"confidence_score"`
	Priority   int32          `json:"priority"` // 0 comes first
	Location   reviewLocation `json:"code_location"`
}

// leastPriority is that of a finding that names none.
const leastPriority = 3

// UnmarshalJSON takes a finding without a priority for one that can wait.
func (f *reviewFinding) UnmarshalJSON(raw []byte) error {
	type plain reviewFinding
	p := plain{Priority: leastPriority}
	err := json.Unmarshal(raw, &p)
	*f = reviewFinding(p)
	return err
}

type reviewLocation struct {
	Path  string      `json:"absolute_file_path"`
	Lines reviewLines `json:"line_range"`
}

type reviewLines struct {
	Start uint32 `json:"start"`
	End   uint32 `json:"end"`
}

// parseReview reads what a reviewer said: JSON, JSON with something around it,
// or words, which then are the explanation. It is nil if nothing was said.
func parseReview(text string) json.RawMessage {
	out, ok := decodeReview(text)
	if !ok {
		if from, to := strings.IndexByte(text, '{'), strings.LastIndexByte(text, '}'); from >= 0 && from < to {
			out, ok = decodeReview(text[from : to+1])
		}
	}
	if !ok {
		if strings.TrimSpace(text) == "" {
			return nil
		}
		out = reviewOutput{Explanation: text}
	}
	if out.Findings == nil {
		out.Findings = []reviewFinding{}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return raw
}

// decodeReview reads a reviewer's JSON. Other JSON is none.
func decodeReview(text string) (reviewOutput, bool) {
	var has struct {
		Findings    json.RawMessage `json:"findings"`
		Explanation json.RawMessage `json:"overall_explanation"`
	}
	var out reviewOutput
	if json.Unmarshal([]byte(text), &has) != nil || has.Findings == nil && has.Explanation == nil {
		return out, false
	}
	return out, json.Unmarshal([]byte(text), &out) == nil
}
