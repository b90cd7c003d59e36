package tool

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/codexhost/codexhost/manager/sandbox"
)

const bytesPerToken = 4

// defaultOutputTokens is what a model reads of a command unless it asks for less.
const defaultOutputTokens = 10_000

// shownText is output as text: bytes that are none are replaced, and a gap says
// how much it hides.
func shownText(o sandbox.Output) string {
	text := func(b []byte) string { return string(bytes.ToValidUTF8(b, []byte("\uFFFD"))) }
	if o.Omitted == 0 {
		return text(o.Bytes())
	}
	return fmt.Sprintf("%s\n[... %d bytes omitted ...]\n%s", text(o.Head), o.Omitted, text(o.Tail))
}

// execResult is what the model reads of a command that it started or polled.
type execResult struct {
	took      time.Duration
	exited    bool
	code      int
	sessionID int // of one that still runs
	output    sandbox.Output
	maxTokens int // the model's wish; 0 for the default
	limit     int // of the model, in bytes; 0 for none
}

func (r execResult) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Chunk ID: %06x\nWall time: %.4f seconds\n", rand.IntN(1<<24), r.took.Seconds())
	if r.exited {
		fmt.Fprintf(&b, "Process exited with code %d\n", r.code)
	} else {
		fmt.Fprintf(&b, "Process running with session ID %d\n", r.sessionID)
	}
	fmt.Fprintf(&b, "Original token count: %d\nOutput:\n", tokens(int(r.output.Total)))
	b.WriteString(truncated(r.output, r.budget()))
	return b.String()
}

// budget is how many bytes of output the model reads.
func (r execResult) budget() int {
	wish := r.maxTokens
	if wish <= 0 {
		wish = defaultOutputTokens
	}
	budget := wish * bytesPerToken
	if r.limit > 0 {
		budget = min(budget, r.limit)
	}
	return budget
}

func tokens(bytes int) int { return (bytes + bytesPerToken - 1) / bytesPerToken }

// truncated is output within a budget: its beginning and its end, and how much
// is missing between them.
func truncated(o sandbox.Output, budget int) string {
	text := shownText(o)
	if len(text) <= budget && o.Omitted == 0 {
		return text
	}
	lines := strings.Count(text, "\n")
	head := fmt.Sprintf("Warning: truncated output (original token count: %d)\nTotal output lines: %d\n\n", tokens(int(o.Total)), lines)
	return head + cutMiddle(text, budget)
}

// cutMiddle keeps half of a budget at each end of a text, on character bounds.
func cutMiddle(text string, budget int) string {
	if len(text) <= budget {
		return text
	}
	left, right := budget/2, len(text)-(budget-budget/2)
	for left > 0 && !utf8.RuneStart(text[left]) {
		left--
	}
	for right < len(text) && !utf8.RuneStart(text[right]) {
		right++
	}
	return fmt.Sprintf("%s…%d tokens truncated…%s", text[:left], tokens(right-left), text[right:])
}
