package model

import "fmt"

var kindNames = [...]string{Opened: "opened", LimitsReported: "limits_reported", Created: "created", ItemAdded: "item_added", TextDelta: "text_delta",
	ToolInputDelta: "tool_input_delta", ReasoningPartAdded: "reasoning_part_added", ReasoningSummaryDelta: "reasoning_summary_delta",
	ReasoningTextDelta: "reasoning_text_delta", ItemDone: "item_done", Completed: "completed"}

func (k Kind) String() string { return nameOf(kindNames[:], int(k)) }

// MarshalText writes the name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name.
func (k *Kind) UnmarshalText(b []byte) error {
	n, err := indexOf(kindNames[:], string(b))
	*k = Kind(n)
	return err
}

var errorNames = [...]string{FailOther: "other", FailDisconnected: "disconnected", FailIdle: "idle_timeout", FailConnect: "connection_failed", FailTLS: "certificate",
	FailStatus: "http_status", FailRequest: "bad_request", FailTooManyRequests: "too_many_requests", FailServer: "server_error", FailContextWindow: "context_window",
	FailUsageLimit: "usage_limit", FailRateLimit: "rate_limit", FailOverloaded: "overloaded", FailFlex: "flex_unavailable", FailModelNotFound: "model_not_found",
	FailCyberPolicy: "cyber_policy", FailMisalignment: "misalignment_policy", FailPrompt: "invalid_prompt", FailIncomplete: "incomplete", FailMissingKey: "missing_key",
	FailTooLarge: "too_large", FailSetup: "setup"}

// String is a stable name, fit for error data and logs.
func (k ErrorKind) String() string { return nameOf(errorNames[:], int(k)) }

// MarshalText writes the name.
func (k ErrorKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name.
func (k *ErrorKind) UnmarshalText(b []byte) error {
	n, err := indexOf(errorNames[:], string(b))
	*k = ErrorKind(n)
	return err
}

func nameOf(names []string, i int) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return fmt.Sprintf("kind %d", i)
}

func indexOf(names []string, name string) (int, error) {
	for i, n := range names {
		if n == name && n != "" {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown kind %q", name)
}
