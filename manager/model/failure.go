package model

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	textContextWindow = "Codex ran out of room in the model's context window. Start a new thread or clear earlier history before retrying."
	textQuota         = "Quota exceeded. Check your plan and billing details."
	textUsageNot      = "To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus."
	textOverloaded    = "Selected model is at capacity. Please try a different model."
	textFlex          = "Flex capacity unavailable."
	textHighDemand    = "We’re currently experiencing high demand, which may cause temporary errors."
	mostErrorText     = 1000
	mostErrorBody     = 1 << 20
	unknownStatus     = "<unknown status code>"
)

// wireError is the error object of the API, in a response body or in a response.failed event.
type wireError struct {
	Type     string `json:"type"`
	Code     string `json:"code"`
	Message  string `json:"message"`
	PlanType string `json:"plan_type"`
	ResetsAt int64  `json:"resets_at"`
}

// parseWireError is tolerant: codes may be numbers, members may be missing.
func parseWireError(raw []byte) (w wireError, ok bool) {
	o, ok := openObject(raw)
	if !ok {
		return w, false
	}
	for {
		key, val, more := o.next()
		if !more {
			return w, !o.bad
		}
		switch string(key) {
		case "type":
			w.Type, _ = text(val)
		case "code":
			w.Code, _ = text(val)
		case "message":
			w.Message, _ = text(val)
		case "plan_type":
			w.PlanType, _ = text(val)
		case "resets_at":
			w.ResetsAt, _ = strconv.ParseInt(string(val), 10, 64)
		}
	}
}

// codeFailure is the failure that an error code names, nil for codes without a meaning of their own.
func codeFailure(w wireError) *Error {
	switch w.Code {
	case "context_length_exceeded":
		return &Error{Kind: FailContextWindow, Message: textContextWindow}
	case "insufficient_quota":
		return &Error{Kind: FailUsageLimit, Message: textQuota}
	case "invalid_prompt", "bio_policy":
		return &Error{Kind: FailPrompt, Message: w.Message}
	case "cyber_policy":
		return &Error{Kind: FailCyberPolicy, Message: w.Message}
	case "misalignment_policy_violation":
		return &Error{Kind: FailMisalignment, Message: w.Message}
	case "model_not_found":
		return &Error{Kind: FailModelNotFound, Message: w.Message}
	case "server_is_overloaded":
		return &Error{Kind: FailOverloaded, Message: textOverloaded}
	case "flex_unavailable":
		return &Error{Kind: FailFlex, Message: textFlex}
	case "slow_down":
		return rateLimit(w)
	}
	return nil
}

func rateLimit(w wireError) *Error {
	return &Error{Kind: FailRateLimit, Message: "rate limit exceeded: " + w.Message, Retryable: true, RetryAfter: askedDelay(w.Message)}
}

// responseFailed is the failure told by a response.failed event.
func responseFailed(response []byte) *Error {
	w, ok := parseWireError(member(response, "error"))
	if !ok {
		return disconnected("response.failed event received", nil)
	}
	if e := codeFailure(w); e != nil {
		return e
	}
	switch w.Code {
	case "usage_not_included":
		return &Error{Kind: FailUsageLimit, Message: textUsageNot}
	case "rate_limit_exceeded":
		return rateLimit(w)
	}
	return disconnected(w.Message, nil)
}

func responseIncomplete(response []byte) *Error {
	reason := memberText(member(response, "incomplete_details"), "reason")
	if reason == "" {
		reason = "unknown"
	}
	return &Error{Kind: FailIncomplete, Message: "Incomplete response returned, reason: " + reason}
}

// httpFailure is the failure told by a response that is not 200.
func httpFailure(status int, header http.Header, raw []byte, url string, now time.Time) *Error {
	w, _ := parseWireError(member(raw, "error"))
	e := codeFailure(w)
	if e == nil {
		e = statusFailure(status, w, raw, url)
	}
	e.Status, e.URL = status, url
	if e.RetryAfter == 0 {
		e.RetryAfter = retryAfter(header, now)
	}
	if e.Kind == FailTooManyRequests {
		e.Retryable = e.RetryAfter > 0
	}
	return e
}

func statusFailure(status int, w wireError, raw []byte, url string) *Error {
	switch status {
	case http.StatusBadRequest:
		return &Error{Kind: FailRequest, Message: validText(raw)}
	case http.StatusInternalServerError:
		return &Error{Kind: FailServer, Message: textHighDemand, Details: clip(errorBody(w, raw)), Retryable: true}
	case http.StatusTooManyRequests:
		switch w.Type {
		case "usage_limit_reached":
			return &Error{Kind: FailUsageLimit, Message: usageLimitText(w)}
		case "usage_not_included":
			return &Error{Kind: FailUsageLimit, Message: textUsageNot}
		case "insufficient_quota":
			return &Error{Kind: FailUsageLimit, Message: textQuota}
		}
		return &Error{Kind: FailTooManyRequests, Message: "exceeded retry limit, last status: " + statusText(status), Details: clip(errorBody(w, raw))}
	}
	return &Error{
		Kind:      FailStatus,
		Message:   "unexpected status " + statusText(status) + ": " + clip(errorBody(w, raw)) + ", url: " + url,
		Retryable: status >= 500 || status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooEarly,
	}
}

func usageLimitText(w wireError) string {
	m := "You’ve hit your usage limit."
	if w.PlanType == "plus" {
		m += " Upgrade to Pro (https://chatgpt.com/explore/pro), visit https://chatgpt.com/settings/usage to purchase more credits or try again"
	} else {
		m += " Try again"
	}
	if w.ResetsAt == 0 {
		return m + " later."
	}
	at := time.Unix(w.ResetsAt, 0)
	day := strconv.Itoa(at.Day())
	switch {
	case at.Day()%10 == 1 && at.Day() != 11:
		day += "st"
	case at.Day()%10 == 2 && at.Day() != 12:
		day += "nd"
	case at.Day()%10 == 3 && at.Day() != 13:
		day += "rd"
	default:
		day += "th"
	}
	return m + " at " + at.Format("Jan ") + day + at.Format(", 2006 3:04 PM.")
}

// errorBody is the server's message, or its whole body where that is no error object.
func errorBody(w wireError, raw []byte) string {
	if w.Message != "" {
		return w.Message
	}
	if s := strings.TrimSpace(validText(raw)); s != "" {
		return s
	}
	return "Unknown error"
}

// clip cuts a text after mostErrorText bytes, between characters.
func clip(s string) string {
	if len(s) <= mostErrorText {
		return s
	}
	n := mostErrorText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "..."
}

// statusText names a status as codex does, which differs from net/http in a few.
func statusText(status int) string {
	t := http.StatusText(status)
	switch status {
	case http.StatusRequestEntityTooLarge:
		t = "Payload Too Large"
	case http.StatusRequestURITooLong:
		t = "URI Too Long"
	case http.StatusRequestedRangeNotSatisfiable:
		t = "Range Not Satisfiable"
	}
	if t == "" {
		t = unknownStatus
	}
	return strconv.Itoa(status) + " " + t
}

// retryAfter reads the Retry-After header: seconds or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		return seconds(s)
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

func seconds(s float64) time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(s, 3600) * float64(time.Second))
}

// askedDelay finds "try again in N s" or "N ms" in a message.
func askedDelay(message string) time.Duration {
	const marker = "try again in "
	i := strings.Index(strings.ToLower(message), marker)
	if i < 0 {
		return 0
	}
	rest := message[min(i+len(marker), len(message)):]
	n := strings.IndexFunc(rest, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if n <= 0 {
		return 0
	}
	v, err := strconv.ParseFloat(rest[:n], 64)
	if err != nil {
		return 0
	}
	unit := strings.ToLower(strings.TrimSpace(rest[n:]))
	switch {
	case strings.HasPrefix(unit, "ms"), strings.HasPrefix(unit, "millisecond"):
		return seconds(v / 1000)
	case strings.HasPrefix(unit, "s"):
		return seconds(v)
	case strings.HasPrefix(unit, "m"):
		return seconds(v * 60)
	}
	return 0
}

// rateLimits reads the limits from response headers; nil when there are none.
func rateLimits(h http.Header) *RateLimits {
	l := RateLimits{rateWindow(h, "Primary"), rateWindow(h, "Secondary")}
	if l.Primary == nil && l.Secondary == nil {
		return nil
	}
	return &l
}

func rateWindow(h http.Header, name string) *RateWindow {
	used, err := strconv.ParseFloat(h.Get("X-Codex-"+name+"-Used-Percent"), 64)
	if err != nil || !(used >= 0) {
		return nil
	}
	w := &RateWindow{UsedPercent: used}
	w.WindowMinutes, _ = strconv.ParseInt(h.Get("X-Codex-"+name+"-Window-Minutes"), 10, 64)
	w.ResetsAt, _ = strconv.ParseInt(h.Get("X-Codex-"+name+"-Reset-At"), 10, 64)
	return w
}
