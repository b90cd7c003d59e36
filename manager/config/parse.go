package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// byteOrderMark begins files of some Windows editors; TOML knows none.
const byteOrderMark = "\ufeff"

func index(i int) string { return strconv.Itoa(i) }

// parse decodes a file's text. Tables are map[string]any, arrays []any, integers int64, floats float64, dates strings.
func parse(file, src string) (map[string]any, *LoadError) {
	if at := invalidUTF8(src); at >= 0 {
		return nil, &LoadError{Why: fmt.Sprintf("Failed to read config file %s: invalid utf-8 sequence of 1 bytes from index %d", file, at)}
	}
	tree := map[string]any{}
	if err := toml.Unmarshal([]byte(strings.TrimPrefix(src, byteOrderMark)), &tree); err != nil {
		return nil, syntaxError(file, src, err)
	}
	return normalize(tree).(map[string]any), nil
}

func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return -1
}

// syntaxError says in the words that editors know what is wrong and where. The scanner knows the common mistakes; for
// the rest (duplicates, odd numbers) go-toml's own position and text do.
func syntaxError(file, src string, err error) *LoadError {
	if _, scanned := scan(src); scanned != nil {
		line, col := position(src, scanned.at)
		return &LoadError{File: file, Line: line, Column: col, EndLine: line, EndColumn: col, Why: scanned.why}
	}
	e := &LoadError{File: file, Line: 1, Column: 1, Why: err.Error()}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		e.Line, e.Column = decode.Position()
		e.Why = strings.TrimPrefix(decode.Error(), "toml: ")
		if isDuplicate(e.Why) {
			e.Why = "duplicate key"
			e.Column = duplicateColumn(src, e.Line, e.Column)
		}
	}
	e.EndLine, e.EndColumn = e.Line, e.Column
	return e
}

// duplicateColumn moves from a header's first key to its last: that is the one which is there twice.
func duplicateColumn(src string, line, col int) int {
	exprs, _ := scan(src)
	for _, e := range exprs {
		if e.kind == exprKeyValue {
			continue
		}
		last := e.keys[len(e.keys)-1].at.start
		if l, c := position(src, last); l == line {
			return c
		}
	}
	return col
}

func isDuplicate(why string) bool {
	return strings.Contains(why, "already") || strings.Contains(why, "duplicate") || strings.Contains(why, "redefin")
}

// normalize brings values that come from TOML, JSON or Go into the one set of types that the package works with.
func normalize(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			if e != nil {
				out[k] = normalize(e)
			}
		}
		return out
	case []any:
		out := make([]any, 0, len(x))
		for _, e := range x {
			if e != nil {
				out = append(out, normalize(e))
			}
		}
		return out
	case string, bool, int64:
		return v
	case float64:
		return x
	}
	return normalizeRare(v)
}

func normalizeRare(v any) any {
	switch x := v.(type) {
	case int:
		return int64(x)
	case float32:
		return float64(x)
	case jsonNumber:
		if n, err := strconv.ParseInt(x.String(), 10, 64); err == nil {
			return n
		}
		f, _ := strconv.ParseFloat(x.String(), 64)
		return f
	case time.Time:
		return x.Format(time.RFC3339Nano)
	case []map[string]any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = normalize(e)
		}
		return out
	case []string:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = e
		}
		return out
	case fmt.Stringer:
		return x.String()
	}
	return fmt.Sprint(v)
}

// jsonNumber is encoding/json's Number without importing its package here.
type jsonNumber interface {
	fmt.Stringer
	Int64() (int64, error)
	Float64() (float64, error)
}

// unquote reads one quoted key or string that is known to be valid.
func unquote(lit string) string {
	var out struct{ V string }
	if toml.Unmarshal([]byte("V = "+lit), &out) != nil {
		return strings.Trim(lit, `"'`)
	}
	return out.V
}
