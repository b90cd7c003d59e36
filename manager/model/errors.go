package model

import (
	"strings"
	"time"
)

// ErrorKind is the closed set of ways in which a stream fails.
type ErrorKind uint8

const (
	// FailOther: the server's own words, nothing more is known.
	FailOther ErrorKind = iota
	// FailDisconnected: the connection or the stream broke off.
	FailDisconnected
	// FailIdle: nothing came for the provider's idle timeout.
	FailIdle
	// FailConnect: no connection could be made: refused, unreachable, name not found.
	FailConnect
	// FailTLS: the server's certificate is not acceptable.
	FailTLS
	// FailStatus: an HTTP status that none of the following covers.
	FailStatus
	// FailRequest: 400, the request itself was refused.
	FailRequest
	// FailTooManyRequests: 429.
	FailTooManyRequests
	// FailServer: 500.
	FailServer
	// FailContextWindow: the input does not fit the model.
	FailContextWindow
	// FailUsageLimit: quota or plan exhausted.
	FailUsageLimit
	// FailRateLimit: a limit that passes with time, reported inside the stream.
	FailRateLimit
	// FailOverloaded: the model is at capacity.
	FailOverloaded
	// FailFlex: no flex capacity.
	FailFlex
	// FailModelNotFound: the server does not serve this model.
	FailModelNotFound
	// FailCyberPolicy: refused by policy.
	FailCyberPolicy
	// FailMisalignment: refused by policy.
	FailMisalignment
	// FailPrompt: the prompt was refused.
	FailPrompt
	// FailIncomplete: the response ended short of its end (length, content filter).
	FailIncomplete
	// FailMissingKey: the provider's environment variable is not set, or no token could be had.
	FailMissingKey
	// FailTooLarge: one event exceeds the cap.
	FailTooLarge
	// FailSetup: the provider cannot be used as configured.
	FailSetup
)

// Error is why a stream failed. Message is written for the user, word for word what codex says
// where codex says something.
type Error struct {
	Kind       ErrorKind
	Status     int    // HTTP status, 0 when there was none
	Message    string // what failed and why
	Details    string // what else is known, often empty: the transport's own words, a body that was no event stream
	Retryable  bool   // sending the same history again may help
	RetryAfter time.Duration
	URL        string // without the query, which may hold keys
	Err        error  // the cause, when there is a Go error
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// CodexInfo is the error's name in the wire's CodexErrorInfo. withStatus means the object form,
// {name: {"httpStatusCode": Status or null}}.
func (e *Error) CodexInfo() (name string, withStatus bool) {
	switch e.Kind {
	case FailStatus, FailConnect, FailTLS:
		return "httpConnectionFailed", true
	case FailTooManyRequests:
		return "responseTooManyFailedAttempts", true
	case FailServer:
		return "internalServerError", false
	case FailContextWindow:
		return "contextWindowExceeded", false
	case FailUsageLimit:
		return "usageLimitExceeded", false
	case FailRateLimit:
		return "rateLimitExceeded", false
	case FailOverloaded:
		return "serverOverloaded", false
	case FailFlex:
		return "flexUnavailable", false
	case FailModelNotFound:
		return "modelNotFound", false
	case FailCyberPolicy:
		return "cyberPolicy", false
	case FailMisalignment:
		return "misalignmentPolicyViolation", false
	}
	return "other", false
}

// RetryStatus is the status to show while the turn is being retried; 0 stands for null.
func (e *Error) RetryStatus() int {
	if e.Kind == FailStatus || e.Kind == FailTooManyRequests {
		return e.Status
	}
	return 0
}

const (
	textClosed   = "stream closed before response.completed"
	textIdle     = "idle timeout waiting for SSE"
	textSending  = "error sending request"
	textDecoding = "Transport error: network error: error decoding response body"
)

func disconnected(why string, cause error) *Error {
	e := &Error{Kind: FailDisconnected, Message: "stream disconnected before completion: " + why, Retryable: true, Err: cause}
	if cause != nil {
		e.Details = cause.Error()
	}
	return e
}

func idleTimeout() *Error {
	return &Error{Kind: FailIdle, Message: "stream disconnected before completion: " + textIdle, Retryable: true}
}

func missingKey(name, instructions string) *Error {
	m := "Missing environment variable: `" + name + "`."
	if s := strings.TrimSpace(instructions); s != "" {
		m += " " + s
	}
	return &Error{Kind: FailMissingKey, Message: m}
}
