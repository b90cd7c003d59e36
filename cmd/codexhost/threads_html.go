package main

import (
	_ "embed"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"
	"time"
)

//go:embed threads_export.css
var exportCSS string

// exportHTML writes one page that needs nothing else: no script, no font, no
// network. It is written by hand: all that is not ours goes through escape.
func exportHTML(w io.Writer, t *transcript) {
	fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>%s</title>\n<style>\n%s</style>\n</head>\n<body>\n", escape(t.Title), exportCSS)
	htmlOverview(w, t)
	fmt.Fprint(w, "<main>\n")
	for n, turn := range t.Turns {
		htmlTurn(w, n+1, &turn)
	}
	if len(t.Turns) == 0 {
		fmt.Fprint(w, "<p class=\"empty\">This thread has no turns.</p>\n")
	}
	for _, warning := range t.Warnings {
		fmt.Fprintf(w, "<p class=\"error\"><b>Damaged</b> %s</p>\n", escape(warning))
	}
	fmt.Fprint(w, "</main>\n</body>\n</html>\n")
}

func escape(s string) string { return html.EscapeString(s) }

// htmlOverview is the head of the page, and the way to each turn, with how long it
// took against the longest.
func htmlOverview(w io.Writer, t *transcript) {
	var longest, total time.Duration
	commands, edits := 0, 0
	for _, turn := range t.Turns {
		longest, total = max(longest, turn.Duration), total+turn.Duration
		for _, e := range turn.Entries {
			switch e.Kind {
			case "command":
				commands++
			case "patch":
				edits++
			}
		}
	}
	fmt.Fprintf(w, "<header>\n<h1>%s</h1>\n<p class=\"where\">%s</p>\n<dl>\n", escape(t.Title), escape(t.Cwd))
	fact := func(name, value string) {
		if value != "" && value != "0" {
			fmt.Fprintf(w, "<div><dt>%s</dt><dd>%s</dd></div>\n", name, escape(value))
		}
	}
	fact("Turns", fmt.Sprint(len(t.Turns)))
	fact("Commands", fmt.Sprint(commands))
	fact("Edits", fmt.Sprint(edits))
	fact("Worked", took(total))
	if t.Tokens != nil {
		fact("Tokens", grouped(t.Tokens.Total.Total))
	}
	fact("Model", t.Model)
	fact("Started", t.Created.Local().Format("2 Jan 2006, 15:04"))
	fmt.Fprint(w, "</dl>\n")
	fmt.Fprintf(w, "<p class=\"id\">%s", escape(t.ID))
	if t.ForkOf != "" {
		fmt.Fprintf(w, " · fork of %s", escape(t.ForkOf))
	}
	fmt.Fprint(w, "</p>\n</header>\n<nav aria-label=\"Turns\">\n<ol>\n")
	for n, turn := range t.Turns {
		width := 0
		if longest > 0 {
			width = int(100 * turn.Duration / longest)
		}
		fmt.Fprintf(w, "<li class=\"%s\"><a href=\"#turn-%d\"><span class=\"ask\">%s</span><span class=\"bar\"><i style=\"width:%d%%\"></i></span><span class=\"took\">%s</span></a></li>\n",
			escape(turn.Status), n+1, escape(firstAsk(&turn)), width, took(turn.Duration))
	}
	fmt.Fprint(w, "</ol>\n</nav>\n")
}

// firstAsk is what the user wanted of a turn, in a line.
func firstAsk(t *turnText) string {
	for _, e := range t.Entries {
		if e.Kind == "user" {
			return clip(e.Text)
		}
	}
	return "(nothing was said)"
}

func htmlTurn(w io.Writer, n int, t *turnText) {
	fmt.Fprintf(w, "<section id=\"turn-%d\" class=\"turn %s\">\n<h2><a href=\"#turn-%d\">%d</a><span>%s</span></h2>\n", n, escape(t.Status), n, n, escape(turnLine(t)))
	for _, e := range t.Entries {
		htmlEntry(w, e)
	}
	if t.Error != "" {
		fmt.Fprintf(w, "<p class=\"error\"><b>Failed</b> %s</p>\n", escape(t.Error))
	}
	fmt.Fprint(w, "</section>\n")
}

func htmlEntry(w io.Writer, e entry) {
	class := e.Kind
	if e.Failed {
		class += " failed"
	}
	facts := took(e.Took)
	switch e.Kind {
	case "user", "agent":
		fmt.Fprintf(w, "<div class=\"%s\">%s</div>\n", class, htmlProse(e.Text))
	case "reasoning":
		fmt.Fprintf(w, "<details class=\"%s\"><summary>Thought</summary><div>%s</div></details>\n", class, htmlProse(e.Text))
	case "command":
		htmlFold(w, class, "<code class=\"cmd\">"+escape(e.Title)+"</code>", joined(e.Text, facts), escapeOutput(e), e.Failed)
	case "patch":
		htmlFold(w, class, "<code>"+escape(e.Title)+"</code>", e.Text, htmlDiff(e.Output), true)
	default:
		body := escape(e.Text)
		if e.Output != "" {
			body += "\n" + escape(e.Output)
		}
		htmlFold(w, class, escape(e.Title), facts, strings.TrimSpace(body), e.Failed || e.Kind == "note")
	}
}

// htmlFold is an entry that opens; one without a body is a line.
func htmlFold(w io.Writer, class, title, facts, body string, open bool) {
	if body == "" {
		fmt.Fprintf(w, "<p class=\"%s line\">%s<span class=\"facts\">%s</span></p>\n", class, title, escape(facts))
		return
	}
	attr := ""
	if open {
		attr = " open"
	}
	fmt.Fprintf(w, "<details class=\"%s\"%s><summary>%s<span class=\"facts\">%s</span></summary><pre>%s</pre></details>\n", class, attr, title, escape(facts), body)
}

// joined are facts in one line, those that there are.
func joined(facts ...string) string {
	return strings.Join(slices.DeleteFunc(facts, func(s string) bool { return s == "" }), " · ")
}

func escapeOutput(e entry) string { return escape(strings.TrimRight(e.Output, "\n")) }

// htmlDiff colours the lines of a diff.
func htmlDiff(diff string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		class := ""
		switch {
		case strings.HasPrefix(line, "--- "), strings.HasPrefix(line, "+++ "):
			class = "f"
		case strings.HasPrefix(line, "@@"):
			class = "h"
		case strings.HasPrefix(line, "+"):
			class = "a"
		case strings.HasPrefix(line, "-"):
			class = "d"
		}
		text := escape(strings.TrimSuffix(line, "\n"))
		if class == "" {
			b.WriteString("<span>" + text + "\n</span>")
		} else {
			b.WriteString("<span class=\"" + class + "\">" + text + "\n</span>")
		}
	}
	return b.String()
}

// htmlProse shows the little of Markdown that answers are made of: paragraphs,
// blocks and spans of code. All else stays as it was written.
func htmlProse(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "```") {
		if i%2 == 1 {
			language, code, found := strings.Cut(part, "\n")
			if !found {
				language, code = "", language
			}
			fmt.Fprintf(&b, "<pre class=\"code\" data-lang=\"%s\">%s</pre>", escape(strings.TrimSpace(language)), escape(strings.TrimRight(code, "\n")))
			continue
		}
		for _, paragraph := range strings.Split(strings.Trim(part, "\n"), "\n\n") {
			if strings.TrimSpace(paragraph) != "" {
				b.WriteString("<p>" + htmlSpans(paragraph) + "</p>")
			}
		}
	}
	return b.String()
}

// htmlSpans marks code between backticks and bold between pairs of stars.
func htmlSpans(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "`") {
		if i%2 == 1 && strings.Count(text, "`") > i {
			b.WriteString("<code>" + escape(part) + "</code>")
			continue
		}
		for j, bold := range strings.Split(part, "**") {
			if j%2 == 1 && strings.Count(part, "**") > j {
				b.WriteString("<b>" + escape(bold) + "</b>")
			} else {
				b.WriteString(escape(bold))
			}
		}
	}
	return b.String()
}

// grouped is a number with its thousands apart.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
