package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCommittedIsGenerated compares the Go beside this folder with what the schema gives now. An unused exception and a
// schema of a shape that the generator does not know fail here too.
func TestCommittedIsGenerated(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "schema")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("the schema is not here")
	}
	files, err := Generate(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the schema gives (%v): run make generate", name, err)
		}
	}
	committed, err := filepath.Glob(filepath.Join("..", "*_gen.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range committed {
		if files[filepath.Base(path)] == nil {
			t.Errorf("%s is generated no longer", path)
		}
	}
}

func TestUnusedException(t *testing.T) {
	table := table{"presence": {"No.such": "omit"}}
	if err := table.unused(); err == nil || !strings.Contains(err.Error(), "No.such") {
		t.Errorf("got %v", err)
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"threadId": "ThreadID", "text_elements": "TextElements", "_meta": "Meta", "$schema": "Schema", "url": "URL",
		"avatarUrls": "AvatarURLs", "itemIds": "ItemIDs", "idle": "Idle", "mcpServer": "McpServer", "codexHome": "CodexHome",
	} {
		if got := fieldName(in); got != want {
			t.Errorf("the field of %s is %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"agentMessage": "AgentMessage", "on-request": "OnRequest", "INSTALLED_BY_DEFAULT": "InstalledByDefault",
		"openai/form": "OpenaiForm", "project_roots": "ProjectRoots", "thread/start": "ThreadStart",
	} {
		if got := camel(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}
