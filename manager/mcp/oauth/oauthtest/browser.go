package oauthtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// Accept and Refuse are what the user answers.
const (
	Accept = "accept"
	Refuse = "refuse"
)

// Browse opens the URL of a login, answers what is asked, and returns the page at
// the end, and its address.
func Browse(t testing.TB, url, answer string) (status int, page, address string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second}
	for range 5 {
		r, err := browser.Get(url)
		if err != nil {
			t.Fatalf("the browser at %s: %v", url, err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		url = r.Request.URL.String()
		if !strings.Contains(r.Request.URL.Path, "/interaction/") {
			return r.StatusCode, string(body), url
		}
		url += "/" + answer
	}
	t.Fatalf("the authorization server asks without end, last at %s", url)
	return 0, "", ""
}
