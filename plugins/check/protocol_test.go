package check_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/codexhost/codexhost/plugins/check"
	"github.com/codexhost/codexhost/plugins/serve"
)

// The page that authors of other languages work from names every rule, no rule
// that there is not, and the cookie as it is.
func TestProtocolPage(t *testing.T) {
	b, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, m := range regexp.MustCompile(`\[([a-z, -]+)\][^(]`).FindAllStringSubmatch(string(b), -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			named[name] = true
		}
	}
	for _, r := range check.Rules() {
		if !named[r.Rule] {
			t.Errorf("the page does not name the rule %s", r.Rule)
		}
		delete(named, r.Rule)
	}
	for name := range named {
		t.Errorf("the page names the rule %s, which there is not", name)
	}
	cookie := serve.Handshake()
	for _, s := range []string{cookie.MagicCookieKey, cookie.MagicCookieValue} {
		if !strings.Contains(string(b), "`"+s+"`") {
			t.Errorf("the page does not have %s", s)
		}
	}
}
