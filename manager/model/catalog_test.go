package model

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// labCatalog has the shape of the catalogue files that codex reads.
const labCatalog = `{"models":[
 {"slug":"mock-second","display_name":"Mock Second","description":"scripted","visibility":"list","priority":1,"supported_reasoning_levels":[],"upgrade":"mock-model"},
 {"slug":"mock-model","display_name":"Mock","description":"scripted","default_reasoning_level":"medium",
  "supported_reasoning_levels":[{"effort":"low","description":"less"},{"effort":"medium","description":"more"}],
  "shell_type":"unified_exec","visibility":"list","supported_in_api":true,"priority":0,"additional_speed_tiers":[],"availability_nux":null,"upgrade":null,
  "base_instructions":"You are a scripted test agent.","supports_reasoning_summaries":true,"support_verbosity":false,"default_verbosity":null,
  "apply_patch_tool_type":"freeform","truncation_policy":{"mode":"tokens","limit":777},"supports_parallel_tool_calls":true,"context_window":1000,
  "experimental_supported_tools":[],"input_modalities":["text"],"unknown":{"x":1}},
 {"slug":"mock-hidden","visibility":"hide","priority":2,"effective_context_window_percent":null}]}`

func writeCatalog(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "models.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func slugs(models []Info) (out []string) {
	for _, m := range models {
		out = append(out, m.Slug)
	}
	return out
}

func TestCatalogFile(t *testing.T) {
	c := NewCatalog(writeCatalog(t, labCatalog))
	m, known := c.Lookup("mock-model")
	if !known || m.BaseInstructions != "You are a scripted test agent." || m.TruncationPolicy != (TruncationPolicy{"tokens", 777}) || m.UsableWindow() != 950 ||
		m.AcceptsImages() || !m.SupportsParallelToolCalls || m.DefaultReasoningLevel != "medium" || len(m.SupportedReasoningLevels) != 2 || m.Upgrade != nil {
		t.Errorf("%v %+v", known, m)
	}
	m, _ = c.Lookup("mock-second")
	if m.Upgrade == nil || m.Upgrade.Model != "mock-model" || m.ContextWindow != 272000 || m.SupportsReasoningSummaries || m.ApplyPatchToolType != "" {
		t.Errorf("%+v", m)
	}
	if c.Default() != "mock-model" {
		t.Error(c.Default())
	}
	p, err := c.List(true, nil, -1)
	if err != nil || !slices.Equal(slugs(p.Models), []string{"mock-model", "mock-second", "mock-hidden"}) || p.Models[2].DisplayName != "mock-hidden" {
		t.Errorf("%v %+v", err, p)
	}
}

func TestLookup(t *testing.T) {
	c := NewCatalog("")
	for name, want := range map[string]string{"gpt-5.5": "GPT-5.5", "gpt-5.5x": "GPT-5.5", "gpt-6-sol-2026": "GPT-6-Sol", "vendor/gpt-6-luna": "GPT-6-Luna", "offline": "Offline",
		"a/b/gpt-5.5": "", "/gpt-5.5": "", "gpt-4": "", "": ""} {
		m, known := c.Lookup(name)
		if known != (want != "") || known && m.DisplayName != want || m.Slug != name {
			t.Errorf("%s: %v %s %s", name, known, m.DisplayName, m.Slug)
		}
	}
	m, _ := c.Lookup("unheard-of")
	if m.ContextWindow != 272000 || m.UsableWindow() != 258400 || m.TruncationPolicy != (TruncationPolicy{"bytes", 10000}) || m.ApplyPatchToolType != "" || !m.SupportsReasoningSummaries || !m.SupportsParallelToolCalls {
		t.Errorf("%+v", m)
	}
}

// TestList follows the pages and refusals of codex 0.169, recorded with three models, one hidden.
func TestList(t *testing.T) {
	c := NewCatalog(writeCatalog(t, labCatalog))
	for _, x := range []struct {
		hidden bool
		cursor string // "nil" for none
		limit  int
		want   []string
		next   string
		err    string
	}{
		{false, "nil", -1, []string{"mock-model", "mock-second"}, "", ""},
		{false, "0", -1, []string{"mock-model", "mock-second"}, "", ""},
		{false, "nil", 1, []string{"mock-model"}, "1", ""},
		{false, "nil", 0, []string{"mock-model"}, "1", ""},
		{false, "1", 1, []string{"mock-second"}, "", ""},
		{false, "2", 1, nil, "", ""},
		{true, "3", -1, nil, "", ""},
		{false, "3", -1, nil, "", "cursor 3 exceeds total models 2"},
		{true, "99", -1, nil, "", "cursor 99 exceeds total models 3"},
		{true, "-1", -1, nil, "", "invalid cursor: -1"},
		{true, "", -1, nil, "", "invalid cursor: "},
		{true, "nonsense", -1, nil, "", "invalid cursor: nonsense"},
		{true, "99999999999999999999", -1, nil, "", "invalid cursor: 99999999999999999999"},
	} {
		var cursor *string
		if x.cursor != "nil" {
			cursor = &x.cursor
		}
		p, err := c.List(x.hidden, cursor, x.limit)
		var ce *CursorError
		if x.err != "" {
			if !errors.As(err, &ce) || ce.Error() != x.err {
				t.Errorf("%+v: %v", x, err)
			}
			continue
		}
		if err != nil || !slices.Equal(slugs(p.Models), x.want) || p.NextCursor != x.next {
			t.Errorf("%+v: %v %v %q", x, err, slugs(p.Models), p.NextCursor)
		}
	}
}

func TestCatalogFollowsItsFile(t *testing.T) {
	path := writeCatalog(t, `{"models":[{"slug":"one"}]}`)
	c := NewCatalog(path)
	if c.Default() != "one" {
		t.Fatal(c.Default())
	}
	if err := os.WriteFile(path, []byte(`{"models":[{"slug":"two"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if c.Default() != "two" {
		t.Error(c.Default())
	}
}

func TestBrokenCatalogIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{`:               "unexpected end",
		`{"models":[]}`:   "lists no models",
		`[]`:              "cannot unmarshal",
		`{"models":[{}]}`: "model 1 has no slug",
		`{"models":[{"slug":"a"},{"slug":"b","priority":"x"}]}`: "model 2",
	} {
		path := writeCatalog(t, text)
		c := NewCatalog(path)
		if err := c.Load(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", text, err)
		}
		if _, known := c.Lookup(OfflineModel); !known {
			t.Errorf("%s: nothing to fall back to", text)
		}
	}
	if err := NewCatalog(filepath.Join(t.TempDir(), "none.json")).Load(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if err := NewCatalog("").Load(); err != nil {
		t.Error(err)
	}
}

func TestBuiltinCatalog(t *testing.T) {
	models := builtinModels()
	if !slices.IsSortedFunc(models, func(a, b Info) int { return a.Priority - b.Priority }) {
		t.Error("not sorted by priority")
	}
	for i, m := range models {
		if slices.Contains(slugs(models[:i]), m.Slug) || m.DisplayName == "" || m.Description == "" || m.BaseInstructions == "" || len(m.SupportedReasoningLevels) == 0 ||
			!slices.ContainsFunc(m.SupportedReasoningLevels, func(l ReasoningLevel) bool { return l.Effort == m.DefaultReasoningLevel }) ||
			slices.ContainsFunc(m.SupportedReasoningLevels, func(l ReasoningLevel) bool { return l.Description == "" }) {
			t.Errorf("%+v", m)
		}
		if m.Upgrade != nil && !slices.Contains(slugs(models), m.Upgrade.Model) {
			t.Errorf("%s: upgrade to unknown %s", m.Slug, m.Upgrade.Model)
		}
	}
	if off := models[len(models)-1]; !strings.Contains(off.Description, "offline") {
		t.Error(off.Description)
	}
	// What is built in survives the form of a catalogue file.
	raw, err := json.Marshal(map[string]any{"models": models})
	if err != nil {
		t.Fatal(err)
	}
	c := NewCatalog(writeCatalog(t, string(raw)))
	if p, err := c.List(true, nil, -1); err != nil || c.Load() != nil || !reflect.DeepEqual(p.Models, models) {
		t.Errorf("%v %v", err, c.Load())
	}
}
