package rollout

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// camel respells snake_case; a leading underscore and what is camelCase already stay.
func camel(s string) string {
	if strings.IndexByte(s, '_') < 1 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '_' && i > 0 && i+1 < len(s) {
			i++
			if c := s[i]; c >= 'a' && c <= 'z' {
				b = append(b, c-'a'+'A')
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// snake respells camelCase.
func snake(s string) string {
	b := make([]byte, 0, len(s)+4)
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			if i > 0 {
				b = append(b, '_')
			}
			b = append(b, c-'A'+'a')
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

func lowerFirst(s string) string {
	if s == "" || s[0] >= utf8.RuneSelf {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func upperFirst(s string) string {
	if s == "" || s[0] >= utf8.RuneSelf {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// respell appends a raw value with every key in it respelled; null where it is absent.
func respell(dst, raw []byte, spell func(string) string) []byte {
	if len(raw) == 0 {
		return append(dst, "null"...)
	}
	switch raw[0] {
	case '{':
		w := objectWriter{append(dst, '{')}
		members(raw, func(key, value []byte) bool {
			w.key(spell(string(key)))
			w.b = respell(w.b, value, spell)
			return true
		})
		return append(w.b, '}')
	case '[':
		return appendMapped(dst, raw, func(dst, v []byte) []byte { return respell(dst, v, spell) })
	}
	return append(dst, raw...)
}

// appendMapped appends an array with each element appended by f; an absent array is an empty one.
func appendMapped(dst, array []byte, f func(dst, v []byte) []byte) []byte {
	dst = append(dst, '[')
	first := true
	elements(array, func(v []byte) bool {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = f(dst, v)
		return true
	})
	return append(dst, ']')
}

func (w *objectWriter) respelled(name string, raw []byte, spell func(string) string) {
	w.key(name)
	w.b = respell(w.b, raw, spell)
}

// word writes a member whose value is one of a closed set of words, respelled.
func (w *objectWriter) word(name string, raw []byte, spell func(string) string, other string) {
	w.str(name, orElse(spell(decodeString(raw)), other))
}

// tagged writes an object whose tag is respelled like its keys.
func (w *objectWriter) tagged(name string, raw []byte, spell func(string) string) {
	if isNull(raw) {
		w.orNull(name, nil)
		return
	}
	w.key(name)
	in := objectWriter{append(w.b, '{')}
	members(raw, func(key, value []byte) bool {
		if string(key) == "type" {
			in.word("type", value, spell, "")
		} else {
			in.respelled(spell(string(key)), value, spell)
		}
		return true
	})
	w.b = append(in.b, '}')
}

// durationMs writes {"secs","nanos"} as whole milliseconds; null where it is absent.
func (w *objectWriter) durationMs(raw []byte) {
	secs, ok := decodeUint(member(raw, "secs"))
	nanos, _ := decodeUint(member(raw, "nanos"))
	if !ok {
		w.orNull("durationMs", nil)
		return
	}
	w.int("durationMs", int64(secs)*1000+int64(nanos)/1e6)
}

// duration writes milliseconds as {"secs","nanos"}; nothing where they are absent.
func (w *objectWriter) duration(raw []byte) {
	ms, ok := decodeUint(raw)
	if !ok {
		return
	}
	w.key("duration")
	w.b = strconv.AppendUint(append(w.b, `{"secs":`...), ms/1000, 10)
	w.b = strconv.AppendUint(append(w.b, `,"nanos":`...), ms%1000*1e6, 10)
	w.b = append(w.b, '}')
}

// errorToFile respells a turn error of the wire: {message, codexErrorInfo} and what else is not null.
func errorToFile(wire []byte) []byte { return errorSpelling(wire, snake) }

// errorToWire is the way back, with all the members of the wire.
func errorToWire(file []byte) []byte {
	f := parseFields(file)
	defer f.free()
	w := objectWriter{[]byte{'{'}}
	w.orEmpty("message", f.take("message"), `""`)
	w.key("codexErrorInfo")
	w.b = appendErrorInfo(w.b, f.take("codex_error_info"), camel)
	w.orNull("additionalDetails", f.take("additional_details"))
	w.orNull("misalignment", f.take("misalignment"))
	f.rest(&w, camel)
	return append(w.b, '}')
}

func errorSpelling(raw []byte, spell func(string) string) []byte {
	w := objectWriter{[]byte{'{'}}
	members(raw, func(key, value []byte) bool {
		switch name := spell(string(key)); {
		case name == "codex_error_info":
			w.key(name)
			w.b = appendErrorInfo(w.b, value, spell)
		case !isNull(value):
			w.raw(name, value)
		}
		return true
	})
	return append(w.b, '}')
}

// appendErrorInfo respells an error kind: a word, or an object whose keys are words.
func appendErrorInfo(dst, raw []byte, spell func(string) string) []byte {
	if len(raw) > 0 && raw[0] == '"' {
		return appendString(dst, spell(decodeString(raw)))
	}
	return respell(dst, raw, spell)
}

// SandboxToFile respells a sandbox policy of the wire as turn_context has it.
func SandboxToFile(wire json.RawMessage) json.RawMessage {
	return respellSandbox(wire, snake, func(tag string) string { return strings.ReplaceAll(snake(tag), "_", "-") })
}

// SandboxToWire is the way back.
func SandboxToWire(file json.RawMessage) json.RawMessage {
	return respellSandbox(file, camel, func(tag string) string { return camel(strings.ReplaceAll(tag, "-", "_")) })
}

func respellSandbox(raw []byte, key, tag func(string) string) json.RawMessage {
	w := objectWriter{[]byte{'{'}}
	members(raw, func(k, value []byte) bool {
		if string(k) == "type" {
			w.str("type", tag(decodeString(value)))
		} else {
			w.raw(key(string(k)), value)
		}
		return true
	})
	return append(w.b, '}')
}
