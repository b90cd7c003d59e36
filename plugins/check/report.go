package check

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Line is a result for people: one line, and more below it when it failed.
func (r Result) Line() string {
	mark := map[Verdict]string{Passed: "ok  ", Failed: "FAIL", Skipped: "skip"}[r.Verdict]
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %-15s %6s  %s\n", mark, r.Rule, r.Took.Round(time.Millisecond), r.Promise)
	if r.Detail != "" {
		fmt.Fprintf(&b, "      %s\n", r.Detail)
	}
	for _, line := range r.Stderr {
		fmt.Fprintf(&b, "      stderr: %s\n", line)
	}
	return b.String()
}

// Summary writes a report's last words for people.
func (r Report) Summary(w io.Writer) {
	var counts [3]int
	var failed []string
	for _, x := range r.Results {
		switch x.Verdict {
		case Passed:
			counts[0]++
		case Failed:
			counts[1]++
			failed = append(failed, x.Rule)
		case Skipped:
			counts[2]++
		}
	}
	fmt.Fprintf(w, "\n%d passed, %d failed, %d skipped: ", counts[0], counts[1], counts[2])
	if r.Passed {
		fmt.Fprintf(w, "a plugin of kind %s, version %d of the contract\n", r.Kind, r.Version)
		return
	}
	fmt.Fprintf(w, "it breaks %s\n", strings.Join(failed, ", "))
}
