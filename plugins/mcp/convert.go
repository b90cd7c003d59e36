package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	mcpv1 "github.com/codexhost/codexhost/plugins/proto/mcp/v1"
)

func infoFrom(r *mcpv1.Ready) Info {
	info := Info{
		ProtocolVersion: r.ProtocolVersion,
		ServerInfo:      r.ServerInfoJson,
		Capabilities:    r.CapabilitiesJson,
		Instructions:    r.Instructions,
		Tools:           make([]json.RawMessage, len(r.ToolsJson)),
		ToolsMeta:       r.ToolsMetaJson,
	}
	for i, t := range r.ToolsJson {
		info.Tools[i] = t
	}
	return info
}

func readyFrom(id uint64, info Info) *mcpv1.Ready {
	r := &mcpv1.Ready{
		Id:               id,
		ProtocolVersion:  utf8(info.ProtocolVersion),
		ServerInfoJson:   info.ServerInfo,
		CapabilitiesJson: info.Capabilities,
		Instructions:     utf8(info.Instructions),
		ToolsJson:        make([][]byte, len(info.Tools)),
		ToolsMetaJson:    info.ToolsMeta,
	}
	for i, t := range info.Tools {
		r.ToolsJson[i] = t
	}
	return r
}

func remainsFrom(r *mcpv1.Remains) Remains {
	if r == nil {
		return Remains{}
	}
	out := Remains{Signal: r.Signal, Stderr: r.Stderr, Noise: r.Noise, NoiseLines: r.NoiseLines}
	if r.ExitCode != nil {
		code := int(*r.ExitCode)
		out.ExitCode = &code
	}
	return out
}

func remainsTo(r Remains) *mcpv1.Remains {
	out := &mcpv1.Remains{Signal: r.Signal, Stderr: make([]string, len(r.Stderr)), Noise: utf8(r.Noise), NoiseLines: r.NoiseLines}
	for i, line := range r.Stderr {
		out.Stderr[i] = utf8(line)
	}
	if r.ExitCode != nil {
		code := int32(*r.ExitCode)
		out.ExitCode = &code
	}
	return out
}

func startErrorFrom(f *mcpv1.Failed) *StartError {
	return &StartError{Stage: Stage(f.Stage), Reason: f.Reason, Remains: remainsFrom(f.Remains)}
}

// startErrorOf makes a *StartError of any error of a Start.
func startErrorOf(err error) *StartError {
	if e, ok := errors.AsType[*StartError](err); ok {
		return e
	}
	stage := StageUnknown
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		stage = StageTimeout
	case errors.Is(err, context.Canceled):
		stage = StageCancelled
	}
	return &StartError{Stage: stage, Reason: err.Error()}
}

func callErrorFrom(e *mcpv1.CallError) *CallError {
	return &CallError{Cause: Cause(e.Kind), Code: e.Code, Message: e.Message, Data: e.DataJson}
}

// callErrorOf makes a *CallError of any error of a call.
func callErrorOf(err error) *CallError {
	if e, ok := errors.AsType[*CallError](err); ok {
		return e
	}
	cause := CauseUnknown
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		cause = CauseTimeout
	case errors.Is(err, context.Canceled):
		cause = CauseCancelled
	}
	return &CallError{Cause: cause, Message: err.Error()}
}

// utf8 makes s fit for a protobuf string. One bad byte of a server's stderr
// would otherwise fail the message, and with it the stream.
func utf8(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
