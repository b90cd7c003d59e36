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

// Browse opens the URL of a login, answers what is asked, and returns the page
// that it ends at, and its address.
func Browse(t testing.TB, url, answer string) (status int, page, address string) {
	t.Helper()
	address = Decide(t, url, answer)
	browser := &http.Client{Timeout: 30 * time.Second}
	r, err := browser.Get(address)
	if err != nil {
		t.Fatalf("the browser at %s: %v", address, err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(body), address
}

// Decide does the same in a browser that does not reach the address at the end.
func Decide(t testing.TB, url, answer string) (address string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 30 * time.Second, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != via[0].URL.Host {
			return http.ErrUseLastResponse
		}
		return nil
	}}
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
		if to := r.Header.Get("Location"); to != "" {
			return to
		}
		url = r.Request.URL.String()
		if !strings.Contains(r.Request.URL.Path, "/interaction/") {
			t.Fatalf("the authorization server ends at %s: %s %s", url, r.Status, body)
		}
		url += "/" + answer
	}
	t.Fatalf("the authorization server asks without end, last at %s", url)
	return ""
}
