package rpc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// A schema is the bundle that the protocol is published in: draft 7, of which it
// uses a small part. It is not in the repository, so a checkout alone tests
// without it.
type schema struct{ definitions map[string]any }

// published is the schema, or nil where it is not at hand.
var published = sync.OnceValue(func() *schema {
	raw, err := os.ReadFile(filepath.Join("..", "..", "shared", "schema", "experimental.json"))
	if err != nil {
		return nil
	}
	bundle, ok := number(raw).(map[string]any)
	if !ok {
		return nil
	}
	return &schema{bundle["definitions"].(map[string]any)}
})

// number decodes JSON and keeps numbers as they are written.
func number(raw []byte) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil
	}
	return v
}

// check says what is wrong with a message of the host; method is what an answer
// answers. Empty means nothing.
func (s *schema) check(line []byte, method string) string {
	m, ok := number(line).(map[string]any)
	if !ok {
		return "no object"
	}
	switch {
	case m["error"] != nil:
		return s.against("JSONRPCError", m)
	case m["method"] == nil:
		result, ok := m["result"]
		if !ok {
			return "has neither method, result nor error"
		}
		if own, ok := protocol.Extension(method); ok {
			return decodes(own.Result(), result)
		}
		row, ok := protocol.ClientRequest(method)
		if !ok {
			return "answers " + method + ", which is no method"
		}
		return s.against(reflect.TypeOf(row.Result()).Elem().Name(), result)
	case m["id"] != nil:
		return s.against("ServerRequest", m)
	default:
		for _, own := range protocol.ExtensionNotifications() {
			if own.Name == m["method"] {
				return decodes(own.Params(), m["params"])
			}
		}
		return s.against("ServerNotification", m)
	}
}

// decodes says what keeps a value of an extension, which is in no schema, from being what its type says.
func decodes(into, v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if err := protocol.DecodeParams(raw, into); err != nil {
		return err.Error()
	}
	if fields := reflect.ValueOf(into).Elem().FieldByName("Unknown"); fields.IsValid() && !fields.IsZero() {
		return "has members that its type does not know"
	}
	return ""
}

// alternative is what a union says of one method.
func (s *schema) alternative(union string, method any) any {
	def, _ := s.definitions[union].(map[string]any)
	for _, alt := range listOf(def["oneOf"]) {
		if jsonOf(listOf(s.at(alt, "properties", "method", "enum"))) == jsonOf([]any{method}) {
			return alt
		}
	}
	return nil
}

// at walks into decoded JSON.
func (s *schema) at(v any, path ...string) any {
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

func (s *schema) against(name string, v any) string {
	if strings.HasPrefix(name, "Server") { // a union whose tag is the method
		alt := s.alternative(name, s.at(v, "method"))
		if alt == nil {
			return "the schema knows no method " + jsonOf(s.at(v, "method"))
		}
		return s.wrong(v, alt, name)
	}
	v2, _ := s.definitions["v2"].(map[string]any)
	def, ok := v2[name]
	if !ok {
		def, ok = s.definitions[name]
	}
	if !ok {
		return "the schema knows no " + name
	}
	return s.wrong(v, def, name)
}

// wrong is the first thing wrong with v at a path; empty if nothing is.
func (s *schema) wrong(v, def any, at string) string {
	d, ok := def.(map[string]any)
	if !ok {
		if def == false {
			return at + ": not allowed"
		}
		return ""
	}
	if ref, ok := d["$ref"].(string); ok {
		return s.wrong(v, s.lookup(ref), at)
	}
	if types := listOf(d["type"]); len(types) > 0 && !slices.ContainsFunc(types, func(t any) bool { return isType(v, t) }) {
		return fmt.Sprintf("%s: is %s, wants %v", at, jsonOf(v), types)
	}
	if of, ok := d["enum"].([]any); ok && !slices.Contains(texts(of), jsonOf(v)) {
		return fmt.Sprintf("%s: %s is none of %s", at, jsonOf(v), jsonOf(of))
	}
	if c, ok := d["const"]; ok && jsonOf(c) != jsonOf(v) {
		return at + ": is not " + jsonOf(c)
	}
	for _, sub := range listOf(d["allOf"]) {
		if e := s.wrong(v, sub, at); e != "" {
			return e
		}
	}
	for _, key := range []string{"anyOf", "oneOf"} {
		if e := s.noneOf(v, listOf(d[key]), at); e != "" {
			return e
		}
	}
	switch v := v.(type) {
	case map[string]any:
		return s.wrongObject(v, d, at)
	case []any:
		for i, x := range v {
			if e := s.wrong(x, d["items"], fmt.Sprintf("%s[%d]", at, i)); e != "" {
				return e
			}
		}
	case json.Number:
		return outside(v, d, at)
	}
	return ""
}

// noneOf explains itself by the alternative that came furthest.
func (s *schema) noneOf(v any, alternatives []any, at string) string {
	best := ""
	for _, sub := range alternatives {
		e := s.wrong(v, sub, at)
		if e == "" {
			return ""
		}
		if depth(e) >= depth(best) {
			best = e
		}
	}
	return best
}

func depth(e string) int {
	path, _, _ := strings.Cut(e, ":")
	return strings.Count(path, ".") + strings.Count(path, "[")
}

func (s *schema) wrongObject(v, d map[string]any, at string) string {
	for _, name := range listOf(d["required"]) {
		if _, ok := v[name.(string)]; !ok {
			return fmt.Sprintf("%s.%s: missing", at, name)
		}
	}
	properties, _ := d["properties"].(map[string]any)
	for name, x := range v {
		def, ok := properties[name]
		if !ok {
			def, ok = d["additionalProperties"]
		}
		if !ok {
			continue
		}
		if e := s.wrong(x, def, at+"."+name); e != "" {
			return e
		}
	}
	return ""
}

// lookup follows "#/definitions/...".
func (s *schema) lookup(ref string) any {
	return s.at(map[string]any{"definitions": s.definitions}, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

func isType(v, t any) bool {
	switch v := v.(type) {
	case nil:
		return t == "null"
	case bool:
		return t == "boolean"
	case string:
		return t == "string"
	case json.Number:
		f, err := v.Float64()
		return t == "number" || t == "integer" && err == nil && f == math.Trunc(f)
	case []any:
		return t == "array"
	default:
		return t == "object"
	}
}

// outside checks a number's range, which its format names.
func outside(v json.Number, d map[string]any, at string) string {
	f, err := v.Float64()
	if err != nil {
		return at + ": " + err.Error()
	}
	low, high := math.Inf(-1), math.Inf(1)
	switch d["format"] {
	case "int32":
		low, high = math.MinInt32, math.MaxInt32
	case "uint8":
		low, high = 0, math.MaxUint8
	case "uint16":
		low, high = 0, math.MaxUint16
	case "uint32":
		low, high = 0, math.MaxUint32
	case "uint", "uint64":
		low = 0
	}
	if m, ok := d["minimum"].(json.Number); ok {
		x, _ := m.Float64()
		low = max(low, x)
	}
	if f < low || f > high {
		return fmt.Sprintf("%s: %s is outside of %v..%v", at, v, low, high)
	}
	return ""
}

func listOf(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func texts(of []any) []string {
	out := make([]string, len(of))
	for i, v := range of {
		out[i] = jsonOf(v)
	}
	return out
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	if len(b) > 200 {
		return string(b[:200]) + "..."
	}
	return string(b)
}

// The check is only as good as what it refuses.
func TestSchemaRefuses(t *testing.T) {
	s := published()
	if s == nil {
		t.Skip("no ../shared/schema: messages are not checked against it")
	}
	const turn = `{"id":"t","items":[],"itemsView":"notLoaded","status":"inProgress","error":null,"startedAt":null,"completedAt":null,"durationMs":null}`
	for _, c := range []struct{ line, method, want string }{
		{`{"id":1,"result":{"turn":` + turn + `}}`, "turn/start", ""},
		{`{"id":1,"result":{}}`, "turn/start", "TurnStartResponse.turn: missing"},
		{`{"id":1,"result":{"turn":` + strings.Replace(turn, `"inProgress"`, `"busy"`, 1) + `}}`, "turn/start", "is none of"},
		{`{"id":1,"result":{"turn":` + strings.Replace(turn, `[]`, `[{"type":"mystery","id":"x"}]`, 1) + `}}`, "turn/start", "turn.items[0]"},
		{`{"id":1,"result":{"turn":` + strings.Replace(turn, `"startedAt":null`, `"startedAt":1.5`, 1) + `}}`, "turn/start", "startedAt: is 1.5"},
		{`{"id":1,"result":null}`, "turn/start", "wants [object]"},
		{`{"id":1}`, "turn/start", "neither"},
		{`{"id":1,"error":{"code":-1,"message":"m","data":{"any":1}}}`, "", ""},
		{`{"id":1,"error":{"message":"m"}}`, "", "code: missing"},
		{`{"method":"turn/completed","params":{"threadId":"x","turn":` + turn + `},"emittedAtMs":1}`, "", ""},
		{`{"method":"turn/completed","params":{"turn":` + turn + `}}`, "", "threadId: missing"},
		{`{"method":"turn/exploded","params":{}}`, "", "no method"},
	} {
		got := s.check([]byte(c.line), c.method)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s\ngot %q, want %q", c.line, got, c.want)
		}
	}
}
