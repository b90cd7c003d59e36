package policy

import (
	"slices"
	"strconv"
	"strings"
)

// dangerText tells a model why a dangerous command is refused.
const dangerText = "rm -f style commands are not permitted. Use a safer approach"

// deepest bounds how many shells and wrappers inside one another are looked through.
const deepest = 8

// Dangerous tells whether a command line removes files without asking (rm -f), also behind sudo and env, in the scripts of
// shells, and anywhere in a script that is not plain.
func Dangerous(argv []string) bool { return dangerous(argv, 0) }

// dangerousIn is Dangerous for a line that Split has taken apart.
func dangerousIn(argv []string, commands [][]string, plain bool) bool {
	if !plain {
		return Dangerous(argv)
	}
	return slices.ContainsFunc(commands, func(w []string) bool { return dangerous(w, 1) })
}

func dangerous(words []string, depth int) bool {
	if len(words) == 0 || depth > deepest {
		return false
	}
	if script, ok := shellScript(words); ok {
		return slices.ContainsFunc(calls(script), func(w []string) bool { return dangerous(w, depth+1) })
	}
	switch program(words[0]) {
	case "rm":
		return forced(words[1:])
	case "sudo", "doas":
		return dangerous(unwrap(words[1:], "ugpCDhRTrt"), depth+1)
	case "env":
		rest := unwrap(words[1:], "uCS")
		for len(rest) > 0 && strings.Contains(rest[0], "=") {
			rest = rest[1:]
		}
		return dangerous(rest, depth+1)
	case "trap":
		return len(words) > 1 && dangerous([]string{"sh", "-c", words[1]}, depth+1)
	}
	return false
}

// shellScript is Script for a shell whose options stand in any way before the script.
func shellScript(words []string) (string, bool) {
	switch program(words[0]) {
	case "bash", "zsh", "sh", "dash", "ksh":
	default:
		return "", false
	}
	for i, w := range words[1:] {
		if !strings.HasPrefix(w, "-") && !strings.HasPrefix(w, "+") {
			return "", false
		}
		if !strings.HasPrefix(w, "--") && strings.Contains(w, "c") && i+2 < len(words) {
			return words[i+2], true
		}
	}
	return "", false
}

// unwrap drops the options before a wrapped command; those in valued take the next word along.
func unwrap(words []string, valued string) []string {
	for len(words) > 0 && strings.HasPrefix(words[0], "-") {
		w := words[0]
		words = words[1:]
		if w == "--" {
			break
		}
		if !strings.HasPrefix(w, "--") && len(words) > 0 && strings.Contains(valued, w[len(w)-1:]) {
			words = words[1:]
		}
	}
	return words
}

// forced tells whether rm is told not to ask.
func forced(args []string) bool {
	for _, a := range args {
		switch {
		case a == "--":
			return false
		case len(a) > 3 && strings.HasPrefix("--force", a): // options may be cut short
			return true
		case strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.Contains(a, "f"):
			return true
		}
	}
	return false
}

// KnownSafe tells whether a command line only looks: its commands are plain and each is known to change nothing, whatever
// the files say.
func KnownSafe(argv []string) bool {
	commands, plain := Split(argv)
	if !plain {
		return false
	}
	for _, words := range commands {
		if !safe(words) {
			return false
		}
	}
	return true
}

func safe(words []string) bool {
	args := words[1:]
	switch words[0] {
	case "cat", "cd", "cut", "echo", "expr", "false", "grep", "head", "id", "ls", "nl", "paste", "pwd", "rev", "seq", "stat",
		"tail", "tr", "true", "uname", "uniq", "wc", "which", "whoami", "numfmt", "tac":
		return words[0] != "uniq" || operands(args) < 2 // its second file is written
	case "base64":
		return !anyOption(args, "-o", "--output")
	case "find":
		return !anyOption(args, "-exec", "-execdir", "-ok", "-okdir", "-delete", "-fls", "-fprint", "-fprint0", "-fprintf")
	case "rg":
		return !anyOption(args, "--pre", "--hostname-bin", "--search-zip", "-z") && !shortOption(args, 'z')
	case "git":
		return safeGit(args)
	case "sed":
		return (len(args) == 2 || len(args) == 3) && args[0] == "-n" && isRange(args[1])
	}
	return false
}

// anyOption tells whether one of the options is given, alone or with a value.
func anyOption(args []string, options ...string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return slices.ContainsFunc(options, func(o string) bool {
			return a == o || strings.HasPrefix(a, o+"=") || len(o) == 2 && o[0] == '-' && o[1] != '-' && strings.HasPrefix(a, o)
		})
	})
}

// shortOption tells whether a letter is among clustered options.
func shortOption(args []string, letter byte) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		return len(a) > 1 && a[0] == '-' && a[1] != '-' && strings.IndexByte(a, letter) > 0
	})
}

func operands(args []string) int {
	n := 0
	for _, a := range args {
		if !strings.HasPrefix(a, "-") {
			n++
		}
	}
	return n
}

// safeGit knows the subcommands that read. Options before the subcommand can make git run programs, and so can some after.
func safeGit(args []string) bool {
	if len(args) == 0 {
		return false
	}
	rest := args[1:]
	if anyOption(rest, "--output", "--ext-diff", "--textconv", "--exec", "--paginate", "--open-files-in-pager") {
		return false
	}
	switch args[0] {
	case "status", "log", "diff", "show":
		return !slices.ContainsFunc(rest, func(a string) bool {
			return strings.HasPrefix(a, "--out") || strings.HasPrefix(a, "--ext") || strings.HasPrefix(a, "--textc")
		})
	case "branch":
		listing := false
		for _, a := range rest {
			switch a {
			case "-a", "--all", "-r", "--remotes", "-v", "-vv", "--verbose", "--show-current", "-l", "--list":
				listing = listing || a == "-l" || a == "--list"
			default:
				if strings.HasPrefix(a, "-") || !listing { // a name alone makes a branch
					return false
				}
			}
		}
		return true
	}
	return false
}

// isRange tells a sed script that prints lines by number: 5p, 2,9p.
func isRange(s string) bool {
	s, ok := strings.CutSuffix(s, "p")
	if !ok {
		return false
	}
	from, to, two := strings.Cut(s, ",")
	return isNumber(from) && (!two || isNumber(to))
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil && s[0] != '+'
}
