package model

import (
	"encoding/json"
	"strings"
)

// call is a tool call to be made.
type call struct {
	name, namespace string
	input           string // arguments as JSON text, or the input of a custom tool
	custom          bool
}

// offered describes the tools of a request by name.
type offered struct {
	types map[string]string // plain tools: name to type
	raw   []json.RawMessage
}

func offeredTools(tools []json.RawMessage) offered {
	o := offered{types: make(map[string]string, len(tools)), raw: tools}
	for _, raw := range tools {
		head := parseHead(raw)
		if head.Type != "namespace" {
			o.types[head.Name] = head.Type
		}
	}
	return o
}

func (o offered) has(name string) bool { _, ok := o.types[name]; return ok }

// named is a call by name; JSON arguments go to a custom tool as its plain input.
func (o offered) named(name, args string) call {
	if o.types[name] == "custom" {
		return call{name: name, input: args, custom: true}
	}
	if ns, tool, ok := strings.Cut(name, "/"); ok && !o.has(name) {
		return call{name: tool, namespace: ns, input: orEmptyObject(args)}
	}
	return call{name: name, input: orEmptyObject(args)}
}

func orEmptyObject(args string) string {
	if strings.TrimSpace(args) == "" {
		return "{}"
	}
	return args
}

// shell is a call of whichever shell tool is offered.
func (o offered) shell(cmd string) call {
	q := string(quoted(cmd))
	switch {
	case o.has("exec_command"):
		return call{name: "exec_command", input: `{"cmd":` + q + `,"yield_time_ms":5000}`}
	case o.has("shell_command"):
		return call{name: "shell_command", input: `{"command":` + q + `,"timeout_ms":10000}`}
	case o.has("shell"):
		return call{name: "shell", input: `{"command":["bash","-lc",` + q + `],"timeout_ms":10000}`}
	}
	return call{name: "exec_command", input: `{"cmd":` + q + `}`}
}

// patch is a call of apply_patch, through the shell if there is no such tool.
func (o offered) patch(patch string) call {
	switch {
	case o.types["apply_patch"] == "custom":
		return call{name: "apply_patch", input: patch, custom: true}
	case o.has("apply_patch"):
		return call{name: "apply_patch", input: `{"input":` + string(quoted(patch)) + `}`}
	}
	return o.shell("apply_patch <<'EOF'\n" + strings.TrimRight(patch, "\n") + "\nEOF\n")
}

// mcp is a call of tool of an MCP server, however the host spells the two: as a namespace with
// tools or as one flat name, sanitised or not.
func (o offered) mcp(server, tool, args string) call {
	args = orEmptyObject(args)
	wantServer, wantTool := plainName(server), plainName(tool)
	for _, exact := range []bool{true, false} {
		for _, raw := range o.raw {
			head := parseHead(raw)
			if head.Type == "namespace" {
				if name := findIn(raw, head.Name, wantServer, wantTool, exact); name != "" {
					return call{name: name, namespace: head.Name, input: args}
				}
				continue
			}
			n := plainName(head.Name)
			if n == "mcp__"+wantServer+"__"+wantTool || !exact && strings.Contains(n, wantServer) && strings.HasSuffix(n, "_"+wantTool) {
				return call{name: head.Name, input: args}
			}
		}
	}
	return call{name: tool, namespace: "mcp__" + server, input: args}
}

// findIn looks for a tool in a namespace.
func findIn(raw json.RawMessage, namespace, server, tool string, exact bool) (found string) {
	ns := strings.Trim(strings.TrimPrefix(plainName(namespace), "mcp__"), "_")
	if exact && ns != server || !strings.Contains(ns, server) {
		return ""
	}
	elements(member(raw, "tools"), func(t []byte) {
		name := memberText(t, "name")
		n := plainName(name)
		if found == "" && (n == tool || strings.HasSuffix(n, "__"+tool)) {
			found = name
		}
	})
	return found
}

// plainName levels the spellings of a name: lower case, other characters as underscores.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, s)
}
