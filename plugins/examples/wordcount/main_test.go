package main

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The test binary is the server too: a real process on real pipes, no build step.
func TestMain(m *testing.M) {
	if os.Getenv("WORDCOUNT_SERVE") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		text string
		want counts
	}{
		{"", counts{}},
		{"  \n", counts{0, 3, 1}},
		{"one", counts{1, 3, 1}},
		{"one two\nthree\n", counts{3, 14, 2}},
		{"über  straße", counts{2, 12, 1}},
	} {
		if got := count(c.text); got != c.want {
			t.Errorf("count(%q) = %+v, want %+v", c.text, got, c.want)
		}
	}
}

// A host must find the tool marked as read-only, get its answer as text, and be
// rid of the process when it closes the pipes.
func TestServesOnStdio(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "WORDCOUNT_SERVE=1")
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.CommandTransport{Command: cmd, TerminateDuration: 5 * time.Second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(tools.Tools) != 1 || tools.Tools[0].Name != "count_words" || !tools.Tools[0].Annotations.ReadOnlyHint {
		t.Fatalf("tools: %+v", tools.Tools)
	}
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "count_words", Arguments: map[string]any{"text": "three small words"}})
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := result.Content[0].(*mcp.TextContent); result.IsError || !ok || text.Text != "3 words, 17 characters, 1 line" {
		t.Fatalf("result: %+v", result)
	}
	if bad, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "count_words", Arguments: map[string]any{"txt": 1}}); err == nil && !bad.IsError {
		t.Error("arguments that do not fit the schema were accepted")
	}
	if err := session.Close(); err != nil {
		t.Fatal(err)
	}
	if s := cmd.ProcessState; s == nil || !s.Success() {
		t.Errorf("the server ended with %v after its input was closed", s)
	}
}
