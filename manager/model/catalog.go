package model

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Info is what the host must know about a model. The JSON is that of a model_catalog_json file.
type Info struct {
	Slug        string `json:"slug"`
	DisplayName string `json:"display_name"`
	Description string `json:"description"`
	Visibility  string `json:"visibility"` // "list", "hide" or "none"
	Priority    int    `json:"priority"`   // lower comes first

	DefaultReasoningLevel      string           `json:"default_reasoning_level"`
	SupportedReasoningLevels   []ReasoningLevel `json:"supported_reasoning_levels"`
	SupportsReasoningSummaries bool             `json:"supports_reasoning_summaries"`
	SupportVerbosity           bool             `json:"support_verbosity"`
	DefaultVerbosity           string           `json:"default_verbosity"`

	ContextWindow                 int64            `json:"context_window"`                   // tokens
	EffectiveContextWindowPercent int64            `json:"effective_context_window_percent"` // of it may be used
	AutoCompactTokenLimit         int64            `json:"auto_compact_token_limit"`         // 0: 90 % of the window
	TruncationPolicy              TruncationPolicy `json:"truncation_policy"`

	ShellType                  string   `json:"shell_type"`
	ApplyPatchToolType         string   `json:"apply_patch_tool_type"` // "freeform", "function" or "": no such tool
	SupportsParallelToolCalls  bool     `json:"supports_parallel_tool_calls"`
	SupportsSearchTool         bool     `json:"supports_search_tool"`
	WebSearchToolType          string   `json:"web_search_tool_type"`
	ExperimentalSupportedTools []string `json:"experimental_supported_tools"`

	InputModalities      []string      `json:"input_modalities"`
	SupportsPersonality  bool          `json:"supports_personality"`
	ServiceTiers         []ServiceTier `json:"service_tiers"`
	AdditionalSpeedTiers []string      `json:"additional_speed_tiers"`
	Upgrade              *Upgrade      `json:"upgrade"`
	BaseInstructions     string        `json:"base_instructions"`
}

// ReasoningLevel is an effort that a model offers.
type ReasoningLevel struct {
	Effort      string `json:"effort"`
	Description string `json:"description"`
}

// TruncationPolicy bounds a tool output that the model gets to see.
type TruncationPolicy struct {
	Mode  string `json:"mode"` // "bytes" or "tokens"
	Limit int64  `json:"limit"`
}

// ServiceTier is a tier that may be asked for.
type ServiceTier struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// Upgrade names the model that replaces another.
type Upgrade struct {
	Model string `json:"model"`
}

// UnmarshalJSON takes the bare slug too.
func (u *Upgrade) UnmarshalJSON(raw []byte) error {
	if s, ok := text(raw); ok {
		u.Model = s
		return nil
	}
	u.Model = memberText(raw, "model")
	return nil
}

// Hidden reports whether the model is left out of a list for users.
func (i *Info) Hidden() bool { return i.Visibility != "list" }

// UsableWindow is the part of the context window that may be filled, in tokens.
func (i *Info) UsableWindow() int64 {
	return i.ContextWindow * i.EffectiveContextWindowPercent / 100
}

// AcceptsImages reports whether images may be sent.
func (i *Info) AcceptsImages() bool { return slices.Contains(i.InputModalities, "image") }

const (
	fallbackWindow     = 272_000
	effectivePercent   = 95
	fallbackTruncation = 10_000
)

// fallback describes a model that no catalogue knows.
func fallback(slug string) Info {
	return Info{
		Slug: slug, DisplayName: slug, Visibility: "none",
		SupportsReasoningSummaries: true, SupportsParallelToolCalls: true,
		ContextWindow: fallbackWindow, EffectiveContextWindowPercent: effectivePercent,
		TruncationPolicy: TruncationPolicy{Mode: "bytes", Limit: fallbackTruncation},
		ShellType:        "unified_exec", InputModalities: []string{"text", "image"}, BaseInstructions: baseInstructions,
	}
}

// Catalog is the list of models: built in, or read from a file that replaces it. It is safe for
// concurrent use. The file is read when first needed, and again when it has changed.
type Catalog struct {
	path string

	mu     sync.Mutex // guards the rest
	stamp  fileStamp
	models []Info // sorted; replaced, never changed
	err    error
}

type fileStamp struct {
	size int64
	at   time.Time
}

// NewCatalog makes the catalogue of a model_catalog_json file, or the built-in one if path is empty.
func NewCatalog(path string) *Catalog { return &Catalog{path: path} }

// Load reads the catalogue. The error names the file and what is wrong with it; the other methods
// serve the built-in list then.
func (c *Catalog) Load() error {
	_, err := c.list()
	return err
}

// list gives all models by priority. The slice is shared.
func (c *Catalog) list() ([]Info, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.path == "" {
		if c.models == nil {
			c.models = builtinModels()
		}
		return c.models, nil
	}
	fi, err := os.Stat(c.path)
	if err != nil {
		c.models, c.err, c.stamp = builtinModels(), fmt.Errorf("reading model catalogue: %w", err), fileStamp{}
		return c.models, c.err
	}
	if s := (fileStamp{fi.Size(), fi.ModTime()}); c.models == nil || c.stamp != s {
		c.models, c.err = readCatalog(c.path)
		c.stamp = s
		if c.err != nil {
			c.models = builtinModels()
		}
	}
	return c.models, c.err
}

func readCatalog(path string) ([]Info, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading model catalogue: %w", err)
	}
	var file struct {
		Models []json.RawMessage `json:"models"`
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("reading model catalogue %s: %w", path, err)
	}
	if len(file.Models) == 0 {
		return nil, fmt.Errorf("reading model catalogue %s: it lists no models", path)
	}
	models := make([]Info, len(file.Models))
	for i, raw := range file.Models {
		m := fallback("")
		m.Visibility, m.SupportsReasoningSummaries, m.SupportsParallelToolCalls = "list", false, false
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, fmt.Errorf("reading model catalogue %s: model %d: %w", path, i+1, err)
		}
		if m.Slug == "" {
			return nil, fmt.Errorf("reading model catalogue %s: model %d has no slug", path, i+1)
		}
		if m.DisplayName == "" {
			m.DisplayName = m.Slug
		}
		models[i] = m
	}
	sortModels(models)
	return models, nil
}

func sortModels(models []Info) {
	slices.SortStableFunc(models, func(a, b Info) int { return a.Priority - b.Priority })
}

// Lookup describes a model: that with the longest slug which begins the name, then the same for
// what follows one "namespace/", else a cautious guess with known false. Slug is the name asked for.
func (c *Catalog) Lookup(name string) (info Info, known bool) {
	models, _ := c.list()
	if m := longest(models, name); m != nil {
		info = *m
		info.Slug = name
		return info, true
	}
	if ns, rest, ok := strings.Cut(name, "/"); ok && ns != "" && !strings.Contains(rest, "/") {
		if m := longest(models, rest); m != nil {
			info = *m
			info.Slug = name
			return info, true
		}
	}
	return fallback(name), false
}

func longest(models []Info, name string) (best *Info) {
	for i := range models {
		if m := &models[i]; strings.HasPrefix(name, m.Slug) && (best == nil || len(m.Slug) > len(best.Slug)) {
			best = m
		}
	}
	return best
}

// Default is the slug of the first model that users see.
func (c *Catalog) Default() string {
	models, _ := c.list()
	for i := range models {
		if !models[i].Hidden() {
			return models[i].Slug
		}
	}
	return models[0].Slug
}

// Page is a piece of the list.
type Page struct {
	Models     []Info
	NextCursor string // "" at the end
}

// CursorError is a cursor that List did not give out.
type CursorError struct{ text string }

func (e *CursorError) Error() string { return e.text }

// List gives the models by priority, limit at a time (0 acts as 1, less than 0 is no limit),
// beginning at cursor. A nil cursor is the start; a bad one a *CursorError.
func (c *Catalog) List(includeHidden bool, cursor *string, limit int) (Page, error) {
	models, _ := c.list()
	if !includeHidden {
		models = slices.DeleteFunc(slices.Clone(models), func(m Info) bool { return m.Hidden() })
	}
	from := 0
	if cursor != nil {
		n, err := strconv.ParseUint(*cursor, 10, 31)
		if err != nil {
			return Page{}, &CursorError{"invalid cursor: " + *cursor}
		}
		if from = int(n); from > len(models) {
			return Page{}, &CursorError{fmt.Sprintf("cursor %d exceeds total models %d", from, len(models))}
		}
	}
	to := len(models)
	if limit >= 0 {
		to = min(from+max(limit, 1), to)
	}
	p := Page{Models: slices.Clone(models[from:to])}
	if to < len(models) {
		p.NextCursor = strconv.Itoa(to)
	}
	return p, nil
}
