package config

import (
	"fmt"
	"strings"
)

// LoadError says why the configuration cannot be used. Lines and columns count from 1; they and File are empty when the
// value did not come from a file (a flag, a thread's overrides) or concerns the whole.
type LoadError struct {
	File               string
	Line, Column       int
	EndLine, EndColumn int
	Key                string // dotted key the value belongs to; empty for syntax errors
	Why                string
	// Fatal marks a mistake that the process should not start with at all, even where others fall back to defaults.
	Fatal bool
}

// Error is the text clients know: "failed to load configuration: <file>:<line>:<col>: <why>".
func (e *LoadError) Error() string { return "failed to load configuration: " + e.Details() }

// Details is the text without its first words, as configWarning carries it.
func (e *LoadError) Details() string {
	switch {
	case e.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Why)
	case e.Key != "":
		return e.Why + "\nin `" + e.Key + "`\n"
	}
	return e.Why
}

// Warning is the content of a configWarning notification. Path and the range are empty when the warning has no place.
type Warning struct {
	Summary            string
	Details            string
	Path               string
	Line, Column       int
	EndLine, EndColumn int
	Thread             bool // also told to the thread whose start met it, as a warning notification
}

// Warning turns the error into what a host says when it goes on with defaults.
func (e *LoadError) Warning() Warning {
	w := Warning{Summary: "Invalid configuration; using defaults.", Details: e.Details()}
	if e.Line > 0 {
		w.Path, w.Line, w.Column, w.EndLine, w.EndColumn = e.File, e.Line, e.Column, e.EndLine, e.EndColumn
	}
	return w
}

// WriteCode is the config_write_error_code of a refused write.
type WriteCode string

// The codes that a client may branch on.
const (
	VersionConflict WriteCode = "configVersionConflict"
	LayerReadonly   WriteCode = "configLayerReadonly"
	ValidationError WriteCode = "configValidationError"
)

// WriteError is a refused write; nothing was changed.
type WriteError struct {
	Code    WriteCode
	Message string
}

func (e *WriteError) Error() string { return e.Message }

func invalid(format string, args ...any) *WriteError {
	return &WriteError{ValidationError, fmt.Sprintf(format, args...)}
}

// ignoredSettings is one warning for all unknown settings: three by name, the rest by number.
func ignoredSettings(found []string) Warning {
	noun := "settings"
	if len(found) == 1 {
		noun = "setting"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Codex is ignoring %d unrecognized configuration %s. Check for typos or deprecated settings.", len(found), noun)
	for i, f := range found {
		if i == 3 {
			fmt.Fprintf(&b, "\n  ... and %d more ignored settings.", len(found)-3)
			break
		}
		b.WriteString("\n  " + f + " is ignored.")
	}
	return Warning{Summary: b.String()}
}
