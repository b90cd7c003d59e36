package model

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for an auth command.
func TestMain(m *testing.M) {
	switch os.Getenv("MODEL_TEST_COMMAND") {
	case "token":
		_, _ = os.Stdout.WriteString("tok-" + os.Args[len(os.Args)-1] + "\n")
	case "fail":
		_, _ = os.Stderr.WriteString("not logged in\n")
		os.Exit(3)
	case "hang":
		time.Sleep(time.Minute)
	case "silent":
	default:
		os.Exit(m.Run())
	}
}

func TestTokenCommand(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := func(what string, timeout time.Duration) *TokenCommand {
		t.Setenv("MODEL_TEST_COMMAND", what)
		return NewTokenCommand([]string{self, "1"}, t.TempDir(), timeout, 0)
	}
	c := command("token", 0)
	if tok, err := c.Token(t.Context(), false); tok != "tok-1" || err != nil {
		t.Fatal(tok, err)
	}
	c.argv[1] = "2"
	if tok, _ := c.Token(t.Context(), false); tok != "tok-1" {
		t.Errorf("not kept: %s", tok)
	}
	if tok, _ := c.Token(t.Context(), true); tok != "tok-2" {
		t.Errorf("not refreshed: %s", tok)
	}
	c.at = c.at.Add(-time.Hour)
	c.argv[1] = "3"
	if tok, _ := c.Token(t.Context(), false); tok != "tok-3" {
		t.Errorf("not renewed: %s", tok)
	}
	for what, want := range map[string]string{"fail": "not logged in", "silent": "printed no token"} {
		if _, err := command(what, 0).Token(t.Context(), false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := command("hang", 50*time.Millisecond).Token(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no answer within") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := command("hang", 0).Token(ctx, false); err != context.Canceled && !strings.Contains(err.Error(), "canceled") {
		t.Error(err)
	}
}
