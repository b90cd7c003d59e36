package config

import "strings"

// ParseKeyPath splits the keyPath of a config write: dots separate, double quotes keep a dot, a backslash inside quotes
// takes the next character as it is. Blanks belong to the segment.
func ParseKeyPath(s string) ([]string, error) {
	if strings.TrimSpace(s) == "" {
		return nil, invalid("keyPath must not be empty")
	}
	var out []string
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '.' && !quoted:
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return nil, invalid("unterminated quoted keyPath segment")
	}
	out = append(out, b.String())
	for _, seg := range out {
		if seg == "" {
			return nil, invalid("keyPath segments must not be empty")
		}
	}
	return out, nil
}

// JoinKeyPath is the inverse of ParseKeyPath.
func JoinKeyPath(path []string) string {
	out := make([]string, len(path))
	for i, seg := range path {
		if strings.ContainsAny(seg, `."\`) {
			seg = `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(seg) + `"`
		}
		out[i] = seg
	}
	return strings.Join(out, ".")
}

// flagPath splits the key of -c and of a thread's config map. Quoted segments are understood, and what ParseKeyPath
// would refuse is taken as plain text between dots: a client's odd key is ignored later, never an error here.
func flagPath(key string) []string {
	if strings.Contains(key, `"`) {
		if path, err := ParseKeyPath(key); err == nil {
			return path
		}
	}
	return strings.Split(key, ".")
}
