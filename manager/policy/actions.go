package policy

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/codexhost/codexhost/rpc/protocol"
)

// Actions says for people what a command line does: the files it reads, lists and searches, where that is all that it
// does. Anything else is one unknown action. Secrets are left out. dir is the folder it runs in, absolute.
func Actions(argv []string, dir string) []protocol.CommandAction {
	script, shell := Script(argv)
	if !shell {
		if a := describe(argv, dir); a != nil {
			return []protocol.CommandAction{a}
		}
		return unknown(protocol.JoinCommand(argv))
	}
	commands, plain := Split(argv)
	if !plain {
		return unknown(script)
	}
	if a := slice(commands, dir); a != nil {
		a.Command = Redact(script)
		return []protocol.CommandAction{a}
	}
	out := make([]protocol.CommandAction, 0, len(commands))
	told := significant(commands)
	for _, words := range told {
		if words[0] == "cd" {
			dir = follow(words, dir)
			continue
		}
		a := describe(words, dir)
		if a == nil {
			return unknown(script)
		}
		out = append(out, a)
	}
	if len(told) == 0 {
		return unknown(script)
	}
	return out
}

func unknown(text string) []protocol.CommandAction {
	return []protocol.CommandAction{&protocol.CommandActionUnknown{Command: Redact(text)}}
}

// follow is the folder that a cd leads to. One that only the shell knows changes nothing.
func follow(words []string, dir string) string {
	if len(words) != 2 || words[1] == "-" {
		return dir
	}
	return resolvePath(dir, words[1])
}

func resolvePath(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// slice is a file shown in part: cat FILE | sed -n 1,20p.
func slice(commands [][]string, dir string) *protocol.CommandActionRead {
	if len(commands) != 2 || commands[0][0] != "cat" && commands[0][0] != "nl" {
		return nil
	}
	sed := commands[1]
	if len(sed) != 3 || sed[0] != "sed" || sed[1] != "-n" || !isRange(sed[2]) {
		return nil
	}
	read, _ := describe(commands[0], dir).(*protocol.CommandActionRead)
	return read
}

// significant drops the commands that only dress up what others show.
func significant(commands [][]string) [][]string {
	if len(commands) < 2 {
		return commands
	}
	out := slices.DeleteFunc(slices.Clone(commands), dressing)
	for len(out) > 1 && (out[0][0] == "echo" || out[0][0] == "true") {
		out = out[1:]
	}
	for len(out) > 1 && out[len(out)-1][0] == "true" {
		out = out[:len(out)-1]
	}
	return out
}

// dressing tells commands that work on what another one prints.
func dressing(words []string) bool {
	args := words[1:]
	switch words[0] {
	case "wc", "tr", "cut", "sort", "uniq", "xargs", "tee", "column", "yes", "printf":
		return true
	case "head", "tail":
		return len(operandsOf(args, "-n", "-c", "--lines", "--bytes")) == 0
	case "sed":
		return len(args) == 2 && args[0] == "-n" && isRange(args[1])
	case "awk":
		return len(operandsOf(args, "-F", "-v")) < 2 && !slices.Contains(args, "-f")
	}
	return false
}

// operandsOf are the arguments that are no options; those in valued take the next argument along.
func operandsOf(args []string, valued ...string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return append(out, args[i+1:]...)
		case slices.Contains(valued, a):
			i++
		case strings.HasPrefix(a, "-") && a != "-":
		default:
			out = append(out, a)
		}
	}
	return out
}

// describe is what one command does; nil for what is not known.
func describe(words []string, dir string) protocol.CommandAction {
	if len(words) == 0 {
		return nil
	}
	text, args := Redact(protocol.JoinCommand(words)), words[1:]
	switch words[0] {
	case "ls", "eza", "exa":
		return list(text, operandsOf(args, "-I", "-w", "-T", "-L", "--block-size", "--color", "--format", "--sort", "--time", "--time-style", "--width"))
	case "tree":
		return list(text, operandsOf(args, "-L", "-P", "-I", "--charset", "--filelimit", "--sort"))
	case "du":
		return list(text, operandsOf(args, "-d", "-B", "-t", "--max-depth", "--exclude", "--time-style"))
	case "find":
		return findFiles(text, args)
	case "fd":
		return fd(text, args)
	case "rg", "rga":
		return ripgrep(text, args)
	case "grep", "egrep", "fgrep", "ag", "ack", "pt":
		return grep(text, args)
	case "git":
		return git(text, args)
	case "python", "python3":
		return python(text, args)
	}
	if file, ok := readsOne(words); ok {
		full := resolvePath(dir, file)
		return &protocol.CommandActionRead{Command: text, Name: nameOf(file), Path: full}
	}
	return nil
}

func nameOf(path string) string {
	trimmed := strings.TrimRight(path, `/\`)
	if trimmed == "" {
		return path
	}
	return trimmed[strings.LastIndexAny(trimmed, `/\`)+1:]
}

// shortPath is a path as people tell it apart: its last part that is not a name which every project has.
func shortPath(path string) string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '\\' })
	for _, p := range slices.Backward(parts) {
		switch p {
		case "build", "dist", "node_modules", "src":
		default:
			return p
		}
	}
	if path == "" || len(parts) == 0 {
		return path
	}
	return strings.TrimRight(path, "/")
}

func nth(operands []string, i int) *string {
	if i >= len(operands) {
		return nil
	}
	return &operands[i]
}

func short(path *string) *string {
	if path == nil {
		return nil
	}
	s := shortPath(*path)
	return &s
}

func list(text string, operands []string) protocol.CommandAction {
	return &protocol.CommandActionListFiles{Command: text, Path: short(nth(operands, 0))}
}

func search(text string, query, path *string) protocol.CommandAction {
	return &protocol.CommandActionSearch{Command: text, Query: query, Path: short(path)}
}

func findFiles(text string, args []string) protocol.CommandAction {
	var path, query *string
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") && args[0] != "(" && args[0] != "!" {
		path = &args[0]
	}
	for i, a := range args[:max(len(args)-1, 0)] {
		switch a {
		case "-name", "-iname", "-path", "-ipath", "-regex", "-iregex":
			if query == nil {
				query = &args[i+1]
			}
		}
	}
	if query != nil {
		return search(text, query, path)
	}
	return &protocol.CommandActionListFiles{Command: text, Path: short(path)}
}

func fd(text string, args []string) protocol.CommandAction {
	o := operandsOf(args, "-t", "--type", "-e", "--extension", "-E", "--exclude", "-d", "--max-depth", "--search-path")
	if len(o) == 0 {
		return list(text, nil)
	}
	return search(text, nth(o, 0), nth(o, 1))
}

func ripgrep(text string, args []string) protocol.CommandAction {
	o := operandsOf(args, "-g", "--glob", "--iglob", "-t", "--type", "-T", "--type-not", "-A", "-B", "-C", "--context", "--after-context",
		"--before-context", "-m", "--max-count", "-d", "--max-depth", "--sort", "-f", "--file", "-e", "--regexp", "-j", "--threads", "-r", "--replace")
	if slices.Contains(args, "--files") {
		return list(text, o)
	}
	return searchWith(text, args, o)
}

func grep(text string, args []string) protocol.CommandAction {
	return searchWith(text, args, operandsOf(args, "-e", "--regexp", "-f", "--file", "-A", "-B", "-C", "--context", "--after-context",
		"--before-context", "-m", "--max-count", "--include", "--exclude", "--exclude-dir"))
}

// searchWith finds the query, which an option may hold, and the path after it.
func searchWith(text string, args, operands []string) protocol.CommandAction {
	for i, a := range args[:max(len(args)-1, 0)] {
		if a == "-e" || a == "--regexp" {
			return search(text, &args[i+1], nth(operands, 0))
		}
	}
	return search(text, nth(operands, 0), nth(operands, 1))
}

func git(text string, args []string) protocol.CommandAction {
	if len(args) == 0 {
		return nil
	}
	switch args[0] {
	case "grep":
		return grep(text, args[1:])
	case "ls-files":
		return list(text, operandsOf(args[1:], "-x", "--exclude", "-X", "--exclude-from", "--exclude-per-directory"))
	}
	return nil
}

func python(text string, args []string) protocol.CommandAction {
	if len(args) < 2 || args[0] != "-c" {
		return nil
	}
	for _, walk := range [...]string{"os.walk", "os.listdir", "os.scandir", "glob.glob", "glob.iglob", "pathlib.Path", ".rglob("} {
		if strings.Contains(args[1], walk) {
			return list(text, nil)
		}
	}
	return nil
}

// readsOne is the one file that a command shows.
func readsOne(words []string) (file string, ok bool) {
	args := words[1:]
	var o []string
	switch words[0] {
	case "cat":
		o = operandsOf(args)
	case "bat", "batcat":
		o = operandsOf(args, "--theme", "--language", "-l", "--style", "--terminal-width", "--tabs", "--line-range", "-r", "--map-syntax", "-H")
	case "less":
		o = operandsOf(args, "-p", "-P", "-x", "-y", "-z", "-j", "--pattern", "--prompt", "--tabs", "--window", "--jump-target")
	case "more":
		o = operandsOf(args)
	case "nl":
		o = operandsOf(args, "-s", "-w", "-v", "-i", "-b")
	case "head", "tail":
		return part(args)
	case "sed":
		return sedFile(args)
	case "awk":
		return awkFile(args)
	}
	if len(o) != 1 {
		return "", false
	}
	return o[0], true
}

// part is the file of head and tail with a number of lines.
func part(args []string) (string, bool) {
	o := operandsOf(args, "-n", "--lines")
	if len(o) != 1 {
		return "", false
	}
	if len(args) == 1 {
		return o[0], true
	}
	count, attached := strings.CutPrefix(args[0], "-n")
	switch {
	case !attached:
		return "", false
	case count == "":
		count = args[1]
	}
	return o[0], isNumber(strings.TrimPrefix(count, "+"))
}

func sedFile(args []string) (string, bool) {
	if len(args) < 3 || args[0] != "-n" {
		return "", false
	}
	args = args[1:]
	if args[0] == "-e" {
		args = args[1:]
	}
	return args[len(args)-1], len(args) == 2 && isRange(args[0])
}

func awkFile(args []string) (string, bool) {
	o := operandsOf(args, "-F", "-v", "-f")
	if !slices.Contains(args, "-f") && len(o) > 0 {
		o = o[1:]
	}
	if len(o) != 1 {
		return "", false
	}
	return o[0], true
}
