package rollout

import (
	"net/url"
	"path/filepath"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

func commandToWire(w *objectWriter, f *fields) {
	w.orNull("pluginId", f.take("plugin_id"))
	w.orNull("scriptPath", f.take("script_path"))
	var argv []string
	elements(f.take("command"), func(v []byte) bool {
		argv = append(argv, decodeString(v))
		return true
	})
	w.str("command", protocol.JoinCommand(argv))
	cwd := uriToPath(decodeString(f.take("cwd")))
	w.str("cwd", cwd)
	w.orNull("processId", f.take("process_id"))
	w.word("source", f.take("source"), camel, "agent")
	w.word("status", f.take("status"), camel, "completed")
	w.key("commandActions")
	w.b = appendMapped(w.b, f.take("parsed_cmd"), func(dst, action []byte) []byte { return actionToWire(dst, action, cwd) })
	output := f.take("aggregated_output")
	if string(output) == `""` {
		output = nil
	}
	w.orNull("aggregatedOutput", output)
	w.orNull("exitCode", f.take("exit_code"))
	w.durationMs(f.take("duration"))
	for _, gone := range []string{"stdout", "stderr", "formatted_output", "interaction_input"} {
		f.take(gone)
	}
}

func commandToFile(w *objectWriter, f *fields) {
	if v := f.take("processId"); !isNull(v) {
		w.raw("process_id", v)
	}
	w.key("command")
	w.b = appendStrings(w.b, splitCommand(decodeString(f.take("command"))))
	w.str("cwd", pathToURI(decodeString(f.take("cwd"))))
	w.key("parsed_cmd")
	w.b = appendMapped(w.b, f.take("commandActions"), actionToFile)
	w.word("source", f.take("source"), snake, "agent")
	w.word("status", f.take("status"), snake, "completed")
	w.orEmpty("aggregated_output", f.take("aggregatedOutput"), `""`)
	if v := f.take("exitCode"); !isNull(v) {
		w.raw("exit_code", v)
	}
	w.duration(f.take("durationMs"))
}

// actionToWire respells one parsed command. The file has the path of a file that is read as it was typed.
func actionToWire(dst, action []byte, cwd string) []byte {
	f := parseFields(action)
	defer f.free()
	w := objectWriter{append(dst, '{')}
	tag := camel(decodeString(f.take("type")))
	w.str("type", tag)
	w.raw("command", f.take("cmd"))
	if tag == "read" {
		path := decodeString(f.take("path"))
		if !strings.HasPrefix(path, "/") && !filepath.IsAbs(path) {
			path = filepath.Join(cwd, path)
		}
		w.str("path", path)
	}
	f.rest(&w, camel)
	return append(w.b, '}')
}

func actionToFile(dst, action []byte) []byte {
	f := parseFields(action)
	defer f.free()
	w := objectWriter{append(dst, '{')}
	w.str("type", snake(decodeString(f.take("type"))))
	w.raw("cmd", f.take("command"))
	f.rest(&w, snake)
	return append(w.b, '}')
}

// uriToPath turns a file URI into a path; a path stays one.
func uriToPath(s string) string {
	rest, ok := strings.CutPrefix(s, "file://")
	if !ok {
		return s
	}
	p, err := url.PathUnescape(rest)
	if err != nil {
		return rest
	}
	if len(p) > 2 && p[0] == '/' && p[2] == ':' { // /C:/x
		p = p[1:]
	}
	return p
}

func pathToURI(p string) string {
	if strings.HasPrefix(p, "file://") {
		return p
	}
	if len(p) > 1 && p[1] == ':' {
		p = "/" + strings.ReplaceAll(p, `\`, "/")
	}
	return (&url.URL{Scheme: "file", Path: p}).String()
}

// splitCommand is the way back from protocol.JoinCommand. A line that no shell would take is one argument.
func splitCommand(line string) []string {
	argv := []string{}
	var word []byte
	inWord := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; c {
		case ' ', '\t', '\n':
			if inWord {
				argv = append(argv, string(word))
				word, inWord = word[:0], false
			}
		case '\'', '"':
			end := closingQuote(line, i)
			if end < 0 {
				return []string{line}
			}
			word, inWord = appendUnquoted(word, line[i+1:end], c), true
			i = end
		case '\\':
			if i++; i == len(line) {
				return []string{line}
			}
			word, inWord = append(word, line[i]), true
		default:
			word, inWord = append(word, c), true
		}
	}
	if inWord {
		argv = append(argv, string(word))
	}
	return argv
}

func closingQuote(line string, open int) int {
	for i := open + 1; i < len(line); i++ {
		switch {
		case line[i] == line[open]:
			return i
		case line[i] == '\\' && line[open] == '"':
			i++
		}
	}
	return -1
}

func appendUnquoted(dst []byte, s string, quote byte) []byte {
	for i := 0; i < len(s); i++ {
		if quote == '"' && s[i] == '\\' && i+1 < len(s) && strings.IndexByte("$`\"\\\n", s[i+1]) >= 0 {
			i++
		}
		dst = append(dst, s[i])
	}
	return dst
}
