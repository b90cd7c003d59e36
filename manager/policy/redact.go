package policy

import (
	"regexp"
	"strings"
	"sync"
)

// Redacted stands where a secret was.
const Redacted = "[REDACTED_SECRET]"

// secrets are compiled on first need: most command lines hold nothing that could be one.
var secrets = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`()\bsk-[A-Za-z0-9_-]{20,}()`),
		regexp.MustCompile(`()\bAKIA[0-9A-Z]{16}\b()`),
		regexp.MustCompile(`()\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{20,})()`),
		regexp.MustCompile(`(?i)(\bbearer\s+)[A-Za-z0-9._~+/-]{16,}=*()`),
		regexp.MustCompile(`(?i)(\b(?:api[_-]?key|token|secret|password)\b\s*[:=]\s*["']?)[^\s"']{8,}()`),
	}
})

// hints are what a text must hold for any of the secrets to be in it, in lower case.
var hints = [...]string{"sk-", "akia", "gh", "glpat", "xox", "bearer", "key", "token", "secret", "password"}

// Redact replaces what looks like a secret in a text that people are shown.
func Redact(text string) string {
	lower := strings.ToLower(text)
	found := false
	for _, h := range hints {
		found = found || strings.Contains(lower, h)
	}
	if !found {
		return text
	}
	for _, re := range secrets() {
		text = re.ReplaceAllString(text, "${1}"+Redacted+"${2}")
	}
	return text
}
