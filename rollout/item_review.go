package rollout

import "strings"

func reviewHint(f *fields) string {
	hint, target := f.take("user_facing_hint"), f.take("target")
	if isNull(hint) {
		hint = member(target, "instructions")
	}
	return orElse(decodeString(hint), "Review requested.")
}

// ReviewText renders what a reviewer found, given in the file's spelling, as the text that clients show.
// Nothing, or null, is a reviewer that found no words.
func ReviewText(output []byte) string {
	var parts []string
	if s := strings.TrimSpace(memberString(output, "overall_explanation")); s != "" {
		parts = append(parts, s)
	}
	findings, n := "", 0
	elements(member(output, "findings"), func(f []byte) bool {
		n++
		findings += "\n\n- " + memberString(f, "title")
		if loc := member(f, "code_location"); !isNull(loc) {
			lines := member(loc, "line_range")
			findings += " — " + memberString(loc, "absolute_file_path") + ":" + string(member(lines, "start")) + "-" + string(member(lines, "end"))
		}
		for _, line := range strings.Split(memberString(f, "body"), "\n") {
			findings += "\n  " + line
		}
		return true
	})
	switch {
	case n == 1:
		parts = append(parts, "Review comment:"+findings)
	case n > 1:
		parts = append(parts, "Full review comments:"+findings)
	}
	if len(parts) == 0 {
		return "Reviewer failed to output a response."
	}
	return strings.Join(parts, "\n\n")
}
