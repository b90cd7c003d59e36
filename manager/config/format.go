package config

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// formatValue writes a value on one line (texts with newlines on several).
func formatValue(b *strings.Builder, v any) {
	switch x := v.(type) {
	case string:
		if strings.Contains(x, "\n") && !strings.ContainsAny(x, "\r\x7f") {
			formatText(b, x)
			return
		}
		formatString(b, x)
	case bool:
		b.WriteString(strconv.FormatBool(x))
	case int64:
		b.WriteString(strconv.FormatInt(x, 10))
	case float64:
		formatFloat(b, x)
	case []any:
		b.WriteByte('[')
		for i, e := range x {
			if i > 0 {
				b.WriteString(", ")
			}
			formatInline(b, e)
		}
		b.WriteByte(']')
	case map[string]any:
		formatInlineTable(b, x)
	default:
		formatString(b, fmt.Sprint(x))
	}
}

// formatInline is formatValue for places where a value must stay on its line.
func formatInline(b *strings.Builder, v any) {
	if s, ok := v.(string); ok {
		formatString(b, s)
		return
	}
	formatValue(b, v)
}

func formatInlineTable(b *strings.Builder, t map[string]any) {
	if len(t) == 0 {
		b.WriteString("{}")
		return
	}
	b.WriteString("{ ")
	for i, k := range sortedKeys(t) {
		if i > 0 {
			b.WriteString(", ")
		}
		formatKey(b, k)
		b.WriteString(" = ")
		formatInline(b, t[k])
	}
	b.WriteString(" }")
}

func sortedKeys(t map[string]any) []string {
	out := make([]string, 0, len(t))
	for k := range t {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func formatFloat(b *strings.Builder, f float64) {
	switch {
	case math.IsNaN(f):
		b.WriteString("nan")
	case math.IsInf(f, 0):
		b.WriteString(map[bool]string{true: "inf", false: "-inf"}[f > 0])
	default:
		s := strconv.FormatFloat(f, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		b.WriteString(s)
	}
}

func formatString(b *strings.Builder, s string) {
	b.WriteByte('"')
	for _, r := range s {
		formatRune(b, r)
	}
	b.WriteByte('"')
}

func formatRune(b *strings.Builder, r rune) {
	switch r {
	case '"', '\\':
		b.WriteByte('\\')
		b.WriteRune(r)
	case '\n':
		b.WriteString(`\n`)
	case '\t':
		b.WriteString(`\t`)
	case '\r':
		b.WriteString(`\r`)
	default:
		if r < 0x20 || r == 0x7f {
			fmt.Fprintf(b, `\u%04X`, r)
			return
		}
		b.WriteRune(r)
	}
}

// formatText writes a multi-line string: readable, with only those quotes escaped that could end it.
func formatText(b *strings.Builder, s string) {
	b.WriteString("\"\"\"\n")
	for i, r := range s {
		next := s[i+utf8.RuneLen(max(r, 0)):]
		switch {
		case r == '\n':
			b.WriteByte('\n')
		case r == '"' && next != "" && next[0] != '"':
			b.WriteByte('"')
		default:
			formatRune(b, r)
		}
	}
	b.WriteString(`"""`)
}

func formatKey(b *strings.Builder, k string) {
	for i := range len(k) {
		if !isBare(k[i]) {
			formatString(b, k)
			return
		}
	}
	if k == "" {
		b.WriteString(`""`)
		return
	}
	b.WriteString(k)
}

func formatPath(path []string) string {
	var b strings.Builder
	for i, k := range path {
		if i > 0 {
			b.WriteByte('.')
		}
		formatKey(&b, k)
	}
	return b.String()
}

func formatPair(path []string, v any) string {
	var b strings.Builder
	b.WriteString(formatPath(path))
	b.WriteString(" = ")
	formatValue(&b, v)
	return b.String()
}
